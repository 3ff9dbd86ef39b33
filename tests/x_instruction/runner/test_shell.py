"""`python -m stages` publishes all files of an artifact or none, and reports an error in one clear sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from tests.conftest import ROOT

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="session")
def _project_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("master")
    for name in ("stages", "x_instruction", "languages"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "params.yaml", folder)
    shutil.copytree(ROOT / "data/sample/seeds", folder / "data/sample/seeds")
    pages = sorted((ROOT / "data/sample/web/fi").glob("*.html"))[:12]
    (folder / "data/sample/web/fi").mkdir(parents=True)
    for page in pages:
        shutil.copy(page, folder / "data/sample/web/fi")
    return folder


@pytest.fixture
def project(_project_master: Path, tmp_path: Path) -> Path:
    """A project with the sample's seeds and a few Finnish pages."""
    return Path(shutil.copytree(_project_master, tmp_path / "project"))


@pytest.fixture(scope="session")
def _published_master(_project_master: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(_project_master, tmp_path_factory.mktemp("published") / "project"))
    (folder / "messages").write_text(made(folder, "seed_pairs", "fi"), encoding="utf-8")
    return folder


@pytest.fixture
def published(_published_master: Path, tmp_path: Path) -> Path:
    """A project whose Finnish seeds are published; the file `messages` has the output of that run."""
    return Path(shutil.copytree(_published_master, tmp_path / "published"))


def command(*names: str) -> list[str]:
    return [sys.executable, "-m", "stages", *names]


def stage(project: Path, *names: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(command(*names), cwd=project, env=environment, capture_output=True, text=True, timeout=120)


def made(project: Path, *names: str) -> str:
    done = stage(project, *names)
    assert done.returncode == 0, done.stderr
    return done.stderr


def refused(project: Path, *names: str) -> str:
    """Runs a stage that must fail with exit code 1 and without a traceback. Returns the message after `error:`."""
    done = stage(project, *names)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1
    return done.stderr[done.stderr.index("error: ") :].strip()


def change(project: Path, by: Change) -> None:
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    by(values)
    (project / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")


def with_checkpoint(name: str) -> Change:
    def by(values: dict[str, Any]) -> None:
        values["base_model"]["checkpoint"] = name
        values["refined_pairs"]["always_kept"] = 0

    return by


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def seeds(project: Path) -> list[dict[str, Any]]:
    path = project / "data/sample/seeds/fi.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_seeds(project: Path, rows: list[dict[str, Any]]) -> None:
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (project / "data/sample/seeds/fi.jsonl").write_text(text, encoding="utf-8")


def test_a_stage_publishes_shards_manifest_report_and_log(published: Path) -> None:
    project, rows = published, len(seeds(published))
    assert f"seed_pairs fi: published, {rows} rows, 0 dropped" in (project / "messages").read_text(encoding="utf-8")
    assert set(files(project / "data/seed_pairs/fi")) == {
        "manifest.json", "part-00000.parquet", "__drops__/part-00000.parquet"
    }  # fmt: skip
    manifest = json.loads((project / "data/seed_pairs/fi/manifest.json").read_text())
    assert (manifest["rows"], manifest["rows_in"], manifest["artifact"]) == (rows, rows, "seed_pairs")
    assert json.loads((project / "data/quality/seed_pairs/fi.json").read_text())["passed"] is True
    assert json.loads((project / "data/runs/seed_pairs/fi.json").read_text())["content"] == manifest["content"]
    assert not (project / "data/.staging/seed_pairs/fi").exists()


def test_equal_runs_publish_equal_bytes(project: Path, published: Path) -> None:
    made(project, "seed_pairs", "fi")
    for name in ("seed_pairs", "quality"):
        assert files(project / "data" / name) == files(published / "data" / name)


def test_a_seed_without_response_is_dropped_and_counted(project: Path) -> None:
    rows = seeds(project)
    rows[3]["response"] = None
    write_seeds(project, rows)
    made(project, "seed_pairs", "fi")
    manifest = json.loads((project / "data/seed_pairs/fi/manifest.json").read_text())
    assert manifest["drop_reasons"] == {"no_response": 1}
    drop = pl.read_parquet(project / "data/seed_pairs/fi/__drops__/part-00000.parquet").row(0, named=True)
    assert (drop["reason"], drop["origin"]) == ("no_response", "data/sample/seeds/fi.jsonl#4")


def test_a_failed_gate_keeps_what_was_published_before(published: Path) -> None:
    project = published
    before = files(project / "data/seed_pairs")
    rows = seeds(project)
    for row in rows[: len(rows) // 2]:
        row["response"] = ""
    write_seeds(project, rows)
    message = refused(project, "seed_pairs", "fi")
    assert files(project / "data/seed_pairs") == before
    assert (
        "the gate of seed_pairs fi failed and nothing was published; report: data/refused/seed_pairs/fi.json" in message
    )
    because = "if so many seeds are bad, a file or a column is probably wrong"
    assert f"expected bad_share at most 0.2, found 0.5 ({because})" in message
    assert "the most frequent reason for dropped rows is no_response (" in message
    assert "data/sample/seeds/fi.jsonl, line 1: 0 words; all dropped rows: data/refused/seed_pairs/fi.drops" in message
    assert (
        pl.read_parquet(project / "data/refused/seed_pairs/fi.drops/*.parquet")["reason"].unique().item()
        == "no_response"
    )
    report = json.loads((project / "data/refused/seed_pairs/fi.json").read_text())
    assert report["passed"] is False
    assert json.loads((project / "data/quality/seed_pairs/fi.json").read_text())["passed"] is True


def test_a_warning_is_printed_and_blocks_nothing(project: Path) -> None:
    write_seeds(project, seeds(project)[:12])
    messages = made(project, "seed_pairs", "fi")
    assert "warning: expected held_out at least 8, found " in messages


def test_seeds_without_the_column_are_named(project: Path) -> None:
    write_seeds(project, [{"instruction": "Say.", "answer": "jotain"}])
    assert "fi.jsonl has no column `response`; it has instruction, answer" in refused(project, "seed_pairs", "fi")
    assert not (project / "data/seed_pairs").exists()


def test_a_missing_seed_file_is_named(project: Path) -> None:
    (project / "data/sample/seeds/fi.jsonl").unlink()
    message = refused(project, "seed_pairs", "fi")
    assert "fi.jsonl does not exist; add the file, or remove its source or its language" in message


def test_an_unknown_setting_is_named(project: Path) -> None:
    change(project, lambda values: values["seed_pairs"].update(min_words=3))
    message = refused(project, "seed_pairs", "fi")
    assert message == "error: params.yaml: `seed_pairs.min_words` is not a setting; did you mean `min_response_words`?"


def test_an_unknown_language_in_the_settings_is_named(project: Path) -> None:
    change(project, lambda values: values["languages"].append("xx"))
    assert "`languages.3`: 'xx' is not one of the languages" in refused(project, "seed_pairs", "fi")


def test_a_language_that_the_settings_do_not_list_is_named(project: Path) -> None:
    message = refused(project, "seed_pairs", "th")
    assert message.startswith("error: 'th' is neither a language nor an iteration of params.yaml (fi, ")


@pytest.mark.parametrize(
    "names", [("seed_pairs",), ("rated_pairs", "fi"), ("seed_pairs", "fi", "sw"), ("seed_pairs", "iteration_1", "fi")]
)
def test_names_that_are_not_a_partition_of_the_artifact_are_refused(project: Path, names: tuple[str, ...]) -> None:
    message = refused(project, *names)
    assert names[0] in message and ("language" in message or "iteration" in message)
    assert not (project / "data" / names[0]).exists()


def test_invalid_yaml_is_named(project: Path) -> None:
    (project / "params.yaml").write_text("languages: [fi\nseed: 1\n")
    message = refused(project, "seed_pairs", "fi")
    assert message.startswith("error: params.yaml is not readable YAML: ") and "\n" not in message


def test_a_folder_without_settings_is_named(project: Path) -> None:
    (project / "params.yaml").unlink()
    assert refused(project, "seed_pairs", "fi") == "error: params.yaml does not exist: run from the project's folder"


def test_a_missing_source_folder_is_named(project: Path) -> None:
    change(project, lambda values: values["raw_web_text"]["sources"][0].update(path="data/nowhere/{language}"))
    assert "source data/nowhere/fi does not exist" in refused(project, "raw_web_text", "fi")
    assert not (project / "data/raw_web_text").exists()


def test_a_missing_input_artifact_is_named(project: Path) -> None:
    message = refused(project, "filtered_text", "fi")
    assert "data/raw_web_text/fi is missing or unfinished: run its stage first" in message


def test_a_checkpoint_that_is_not_a_model_is_named(project: Path) -> None:
    (project / "models/empty").mkdir(parents=True)
    change(project, with_checkpoint("models/empty"))
    message = refused(project, "base_model")
    assert "models/empty" in message and "\n" not in message
    assert not (project / "data/base_model").exists()


def test_a_checkpoint_that_is_neither_a_folder_nor_pinned_is_named(project: Path) -> None:
    change(project, with_checkpoint("some/model"))
    assert "some/model is not a folder here; if it is a hub id, set base_model.revision" in refused(
        project, "base_model"
    )


def test_a_killed_stage_resumes_with_its_finished_shards(project: Path) -> None:
    change(project, lambda values: values["raw_web_text"].update(rows_per_shard=1, max_bad_share=1.0))
    web = project / "data/sample/web/fi"
    for copy in range(8):
        for page in list(web.glob("[a-z]*.html")):
            text = page.read_text(encoding="utf-8", errors="replace")
            (web / f"Copy{copy}-{page.name}").write_text(text.replace("</p>", f" Kopio {copy}.</p>"), encoding="utf-8")
    store = project / "data/.work/raw_web_text/fi"
    process = subprocess.Popen(command("raw_web_text", "fi"), cwd=project, stderr=subprocess.DEVNULL)
    while len(list(store.glob("*/sealed.json"))) < 3:
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (project / "data/raw_web_text").exists()
    finished = {path: path.stat().st_mtime_ns for path in store.glob("*/sealed.json")}
    assert len(finished) < len(list(web.iterdir()))
    made(project, "raw_web_text", "fi")
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    manifest = json.loads((project / "data/raw_web_text/fi/manifest.json").read_text())
    assert manifest["rows_in"] == len(list(web.iterdir()))


def test_entries_that_the_published_run_did_not_use_are_removed_from_the_work_store(published: Path) -> None:
    project = published
    first = {path.name for path in (project / "data/.work/seed_pairs/fi").iterdir() if path.is_dir()}
    write_seeds(project, seeds(project)[:-1])
    made(project, "seed_pairs", "fi")
    second = {path.name for path in (project / "data/.work/seed_pairs/fi").iterdir() if path.is_dir()}
    assert len(first) == len(second) == 1 and first != second
