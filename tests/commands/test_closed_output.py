"""A command ends quietly when nobody reads its output any more, as in `explain ID --markdown | head`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from stages.params import Settings
from tests.conftest import ROOT

COMMANDS = {
    "explain": ["explain", "ID"],
    "explain as a table": ["explain", "ID", "--markdown"],
    "an error of explain": ["explain", "no-id"],
    "release": ["release", "--to", "folder", "TARGET"],
    "help of explain": ["explain", "--help"],
    "help of release": ["release", "--help"],
    "help of judging": ["judging", "--help"],
    "help": ["--help"],
}


# With PYTHONUNBUFFERED, printing the first line fails; without it, only the flush at the end fails.
CASES = [*((name, "") for name in COMMANDS), ("explain as a table", "1")]


@pytest.mark.parametrize(("name", "unbuffered"), CASES)
def test_a_command_whose_output_is_closed_prints_nothing_else(
    run: tuple[Path, Settings], name: str, unbuffered: str, tmp_path: Path
) -> None:
    command = COMMANDS[name]
    row = pl.read_parquet(run[0] / "data/released_set/dataset/fi")["id"][0]
    given = [{"ID": row, "TARGET": str(tmp_path / "set")}.get(part, part) for part in command]
    reader, writer = os.pipe()
    os.close(reader)
    with (tmp_path / "errors").open("w+") as errors:
        # The error of an unknown id also goes to the closed pipe, as with `2>&1 | head`.
        done = subprocess.run(
            [sys.executable, "-m", "x_instruction", *given],
            cwd=run[0],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
            stdout=writer,
            stderr=writer if "no-id" in given else errors,
        )
        os.close(writer)
        errors.seek(0)
        said = [line for line in errors if not line.startswith("warning: ")]
    assert said == []
    assert done.returncode == 141
    assert name != "release" or (tmp_path / "set" / "README.md").exists()
