"""The Python code in docs/your-data.md does what its text says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import polars as pl

from tests.conftest import ROOT
from tests.stages.raw_web_text.sources import made

DOCUMENT = (ROOT / "docs" / "your-data.md").read_text(encoding="utf-8")


def printed(code: str, folder: Path) -> str:
    """What the code prints when it runs in the folder."""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_converted_csv_and_text_files_can_be_read(tmp_path: Path) -> None:
    pl.DataFrame({"text": ["Talvi oli pitkä.", "Kesä oli\nlyhyt."]}).write_csv(tmp_path / "texts.csv")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("Syksy oli märkä.", encoding="utf-8")
    code = re.search(r"```python\n(.*?write_ndjson.*?)```", DOCUMENT, re.S)
    assert code
    printed(code[1], tmp_path)
    rows = made(tmp_path, {"path": "texts.jsonl"}, {"path": "notes.jsonl"})
    assert set(rows.kept["text"]) == {"Talvi oli pitkä.", "Kesä oli\nlyhyt.", "Syksy oli märkä."}


def test_dropped_rows_are_listed(tmp_path: Path) -> None:
    drops = tmp_path / "data" / "filtered_text" / "fi" / "__drops__"
    drops.mkdir(parents=True)
    pl.DataFrame({"id": ["0123abcd"], "reason": ["too_short"]}).write_parquet(drops / "part-00000.parquet")
    code = re.search(r'python -c "(.*__drops__.*)"', DOCUMENT)
    assert code
    assert {"0123abcd", "too_short"} <= set(printed(code[1], tmp_path).split())
