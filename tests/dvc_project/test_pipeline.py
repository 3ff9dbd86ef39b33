"""DVC makes the artifacts upstream of the first model, re-runs only changed stages, and restores deleted data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dvc_project.prefork import preloaded
from tests.miniature import ROOT, edit, set_param, set_up_dvc

LANGUAGES = ["fi", "sw"]
MADE = ("raw_web_text", "filtered_text", "seed_pairs")
pytestmark = pytest.mark.slow


def dvc(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `dvc`; its stages use the Python of the tests."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=project, env=environment, capture_output=True, text=True
    )


def repro(project: Path) -> subprocess.CompletedProcess[str]:
    return dvc(project, "repro", "--keep-going", *MADE)


def changed(project: Path) -> set[str]:
    """The stages of the artifacts in MADE that `dvc status` calls changed."""
    status = json.loads(dvc(project, "status", "--json", *MADE).stdout or "{}")
    return {name for name in status if name.split("@")[0] in MADE}


def hashes(project: Path) -> dict[str, str]:
    """Maps each stage to the hash of its data in dvc.lock."""
    stages = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {name: stage["outs"][0]["md5"] for name, stage in stages.items()}


@pytest.fixture(scope="module", autouse=True)
def libraries() -> Iterator[None]:
    """Loads the libraries once for all stages, as `make run` does; this saves 4 to 8 s per stage."""
    with preloaded(ROOT, threads=1):
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with two languages, in which DVC has made the artifacts of MADE."""
    project = tmp_path_factory.mktemp("project")
    for name in ("stages", "x_instruction", "languages", "data/sample"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", "params.yaml", ".gitignore"):
        shutil.copy(ROOT / name, project / name)
    set_param(project, "languages", LANGUAGES)
    set_up_dvc(project)
    ended = repro(project)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return project


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A copy of `made` with its cache and outputs. A test may change this copy."""
    copied = tmp_path / "project"
    shutil.copytree(made, copied, symlinks=True)
    return copied


def test_an_unchanged_artifact_is_not_made_again(made: Path) -> None:
    assert changed(made) == set()
    again = repro(made)
    assert "Running stage" not in again.stdout
    assert set(hashes(made)) == {f"{artifact}@{language}" for artifact in MADE for language in LANGUAGES}


def test_two_folders_give_equal_hashes(made: Path, project: Path) -> None:
    shutil.rmtree(project / ".dvc" / "cache")
    for name in (*MADE, ".work"):
        shutil.rmtree(project / "data" / name)
    (project / "dvc.lock").unlink()
    assert repro(project).returncode == 0
    assert hashes(project) == hashes(made)


def test_a_threshold_of_one_language_changes_only_that_language(project: Path) -> None:
    edit(project / "languages/fi.yaml", "min_mean_word_length: 3", "min_mean_word_length: 2")
    assert changed(project) == {"filtered_text@fi", "seed_pairs@fi"}


def test_the_code_of_one_stage_changes_only_that_stage(project: Path) -> None:
    with (project / "stages/seed_pairs/stage.py").open("a", encoding="utf-8") as file:
        file.write("# a remark\n")
    assert changed(project) == {"seed_pairs@fi", "seed_pairs@sw"}


def test_a_reverted_setting_restores_the_earlier_result_without_a_run(project: Path) -> None:
    before = hashes(project)
    set_param(project, "filtered_text.min_words", 45)
    assert repro(project).returncode == 0
    assert hashes(project) != before
    set_param(project, "filtered_text.min_words", 40)
    assert "Running stage" not in repro(project).stdout
    assert hashes(project) == before


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("raw_web_text.sources", [{"path": "data/sample/web/{language}"}, {"path": "more"}], "more"),
        ("iterations.iteration_3", {"learns_from": "rated_pairs/iteration_2"}, "data/rated_pairs/iteration_3/${item}"),
    ],
)
def test_an_input_that_the_graph_does_not_list_is_refused(project: Path, key: str, value: object, line: str) -> None:
    (project / "more").mkdir()
    set_param(project, key, value)
    edit(project / "languages/fi.yaml", "min_mean_word_length: 3", "min_mean_word_length: 2")
    ended = dvc(project, "repro", "filtered_text@fi")
    output = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert f"error: dvc.yaml does not list {line}, which params.yaml makes an input of" in output
    assert "Traceback" not in output


def test_files_are_links_into_the_cache_and_a_rerun_replaces_them(project: Path) -> None:
    shutil.rmtree(project / "data/filtered_text/fi")
    assert dvc(project, "checkout", "data/filtered_text/fi").returncode == 0
    shard, before = project / "data/filtered_text/fi/part-00000.parquet", hashes(project)
    assert shard.stat().st_nlink > 1
    assert not shard.stat().st_mode & 0o222  # DVC makes outputs read-only
    set_param(project, "filtered_text.min_words", 45)
    assert dvc(project, "repro", "filtered_text@fi").returncode == 0
    assert hashes(project) != before
    assert shard.stat().st_nlink > 1
    set_param(project, "filtered_text.min_words", 40)
    assert dvc(project, "repro", "filtered_text@fi").returncode == 0
    assert hashes(project) == before


def test_a_failed_gate_stops_one_language_and_loses_nothing(project: Path) -> None:
    before = hashes(project)
    for page in sorted((project / "data" / "sample" / "web" / "fi").glob("*.html"))[:12]:
        page.write_bytes(b"")
    (project / "data" / "sample" / "web" / "sw" / "empty.html").unlink()
    ended = repro(project)
    assert ended.returncode != 0
    output = ended.stdout + ended.stderr
    assert "the gate of raw_web_text fi failed and nothing was published" in output
    assert "expected bad_share at most 0.2" in output
    assert "Traceback" not in output
    after = hashes(project)
    assert after["raw_web_text@fi"] == before["raw_web_text@fi"]
    assert after["filtered_text@fi"] == before["filtered_text@fi"]
    assert after["raw_web_text@sw"] != before["raw_web_text@sw"]  # the stage of the other language still ran
    assert not (project / "data" / "raw_web_text" / "fi" / "manifest.json").exists()
    brought_back = dvc(project, "checkout", "data/raw_web_text/fi", "data/quality/raw_web_text/fi.json")
    assert brought_back.returncode == 0, brought_back.stderr
    assert (project / "data" / "raw_web_text" / "fi" / "manifest.json").exists()


def test_all_data_can_be_restored_from_a_remote(project: Path, tmp_path: Path) -> None:
    assert dvc(project, "remote", "add", "-d", "shelf", str(tmp_path / "shelf")).returncode == 0
    assert dvc(project, "push").returncode == 0
    shutil.rmtree(project / ".dvc" / "cache")
    for name in (*MADE, "quality"):
        shutil.rmtree(project / "data" / name)
    pulled = dvc(project, "pull", *MADE)
    assert pulled.returncode == 0, pulled.stderr
    assert changed(project) == set()
