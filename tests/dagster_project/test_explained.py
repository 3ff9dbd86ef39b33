"""Dagster's metadata of a language's row index contain a table of the stages that one sampled row went through."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from dagster_project.explained import explained_metadata
from dvc_project.graph import Stage
from stages.params import Settings
from tests.commands.finished_run import finished_run
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    folder = tmp_path_factory.mktemp("run")
    finished_run(folder, settings, languages=("ur",))
    shutil.copy(ROOT / "dvc.yaml", folder)
    return folder


def stage(artifact: str) -> Stage:
    return Stage(f"{artifact}@ur", artifact, None, "ur", "", f"data/{artifact}/ur", None, (), ())


def test_the_row_index_shows_the_path_of_a_released_row(root: Path) -> None:
    released = pl.read_parquet(root / "data/released_set/dataset/ur/*.parquet")
    metadata = explained_metadata(root, stage("row_index"))
    row = released.filter(pl.col("id") == released["id"].min()).row(0, named=True)
    assert row["id"] in metadata["explain_command"].text
    table = metadata["explained_row"].md_str
    assert (
        f"| \u2068file and offset\u2069 | \u2068{row['source']}#{row['record']}".replace("_", "&#95;").replace(
            "#0", "&#35;0"
        )
        in table
    )
    assert "too&#95;short" in table and "released&#95;set" in table


def test_other_artifacts_do_not_show_the_table(root: Path) -> None:
    assert explained_metadata(root, stage("rated_pairs")) == {}


def test_an_index_of_other_data_is_reported_in_one_sentence(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy", symlinks=True))
    (copy / "data/refined_pairs/ur/manifest.json").unlink()
    assert (
        "was made before data/refined_pairs/ur changed"
        in explained_metadata(copy, stage("row_index"))["explained_row"].text
    )
