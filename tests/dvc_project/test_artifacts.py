"""Another project fetches a version of the released set by its name, with `dvc artifacts get`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from dvc_project.dvc_command import environment
from tests.conftest import ROOT
from tests.miniature import dvc, set_up_dvc

TAG = "released_set@v1.0.0"
CARD = """\
---
configs:
- config_name: fi
  data_files:
  - split: train
    path: fi/train-*.parquet
---
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a released set in the real project's layout, without a tag."""
    here = tmp_path / "project"
    here.mkdir()
    pl.DataFrame({"instruction": ["Say yes."], "response": ["Kyllä."]}).write_parquet(here / "pairs.parquet")
    (here / "card.md").write_text(CARD, encoding="utf-8")
    folder = "data/released_set/dataset"
    command = (
        f"mkdir -p {folder}/fi data/released_set/__drops__ && cp card.md {folder}/README.md && "
        f"cp pairs.parquet {folder}/fi/train-00000.parquet && cp pairs.parquet data/released_set/__drops__"
    )
    artifacts = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["artifacts"]
    stages = {"released_set": {"cmd": command, "outs": ["data/released_set"]}}
    (here / "dvc.yaml").write_text(yaml.safe_dump({"artifacts": artifacts, "stages": stages}))
    set_up_dvc(here)
    dvc(here, "repro")
    git(here, "add", "-A")
    git(here, "commit", "-qm", "Release")
    return here


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments], cwd=folder, check=True)


def test_a_version_of_the_released_set_is_fetched_from_another_checkout(project: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    git(project, "tag", "-am", "Release", TAG)
    (tmp_path / "elsewhere").mkdir()
    dvc(tmp_path / "elsewhere", "artifacts", "get", str(project), "released_set", "--rev", "v1.0.0", "-o", "breads")
    folder = tmp_path / "elsewhere/breads"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {"README.md", "fi/train-00000.parquet"}
    rows = load_dataset(str(folder), "fi", split="train", cache_dir=str(tmp_path / "cache"))
    assert rows["response"] == ["Kyllä."]


def test_a_set_without_a_tag_has_no_version_that_can_be_fetched(project: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dvc", "artifacts", "get", str(project), "released_set"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.returncode != 0 and "released_set" in done.stderr
