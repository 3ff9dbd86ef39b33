"""Another project fetches the newest version of the released set by its name, with `dvc artifacts get`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import polars as pl
import yaml

from tests.conftest import ROOT
from tests.miniature import dvc, set_up_dvc


def test_a_version_of_the_released_set_is_fetched_from_another_checkout(tmp_path: Path) -> None:
    here, there = tmp_path / "project", tmp_path / "elsewhere"
    here.mkdir()
    there.mkdir()
    pl.DataFrame({"instruction": ["Say yes."], "response": ["Kyllä."]}).write_parquet(here / "pairs.parquet")
    artifacts = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["artifacts"]
    folder = "data/released_set/dataset/fi"
    stage = {"cmd": f"mkdir -p {folder} && cp pairs.parquet {folder}", "outs": [artifacts["released_set"]["path"]]}
    (here / "dvc.yaml").write_text(yaml.safe_dump({"artifacts": artifacts, "stages": {"released_set": stage}}))
    set_up_dvc(here)
    dvc(here, "repro")
    for command in (["add", "-A"], ["commit", "-qm", "Release"], ["tag", "-am", "Release", "released_set@v1.0.0"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *command], cwd=here, check=True)
    shutil.rmtree(here / "data")  # the file must come from the cache
    dvc(there, "artifacts", "get", str(here), "released_set")
    assert pl.read_parquet(there / "released_set/dataset/fi")["response"].to_list() == ["Kyllä."]
