"""Dagster's error for a truncated report or manifest is one sentence that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.checks import read_refusal, read_report
from dagster_project.metadata import published_metadata
from dvc_project.graph import Stage
from x_instruction.runner.errors import UnreadableError

REPORT = "data/quality/texts/all.json"
STAGE = Stage("texts", "texts", None, None, "", "data/texts", REPORT, (), ())


@pytest.mark.parametrize("name", [REPORT, "data/refused/texts/all.json", "data/texts/manifest.json"])
@pytest.mark.parametrize("content", ['{"content": "', "[" * 200_000])
def test_a_file_that_is_cut_off_is_named(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(content)
    with pytest.raises(UnreadableError, match=rf"{name} is not JSON that can be read"):
        read_report(tmp_path, STAGE), read_refusal(tmp_path, STAGE), published_metadata(tmp_path, STAGE, None)
