"""python -m tests.benchmarks.ours.near_duplicates TEXTS: prints seconds, and pairs of dropped and kept line numbers."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from stages.filtered_text.duplicates.minhash import signatures
from stages.filtered_text.duplicates.near_duplicates import duplicates
from stages.params import load_settings
from tests.benchmarks.table import ROOT
from x_instruction.language.settings import load_language
from x_instruction.runner.shards import write_shard


def main() -> None:
    settings, language = load_settings(ROOT / "params.yaml").filtered_text, load_language("fi", ROOT / "languages")
    texts = pl.Series("text", Path(sys.argv[1]).read_text(encoding="utf-8").splitlines())
    number = pl.int_range(pl.len())
    rows = texts.to_frame().select(
        "text",
        # The id of a text is the number of its line, so the decisions name lines.
        id=number.map_elements(lambda line: f"{line:016x}", return_dtype=pl.String),
        document_id=number.map_elements(lambda line: f"{line:016x}", return_dtype=pl.String),
        words=pl.lit(200),
        language_score=pl.lit(1.0),
    )
    signatures(texts.head(1), settings, language)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.monotonic()
        write_shard(rows.with_columns(signatures(texts, settings, language)), folder / "part-00000.parquet")
        (folder / "scratch").mkdir()
        decisions = duplicates([folder / "part-00000.parquet"], folder / "scratch", settings, language)(0)
        seconds = time.monotonic() - started
    gone = [(row, int(value[-16:], 16)) for row, value in decisions.select("row", "value").iter_rows()]
    print(json.dumps({"seconds": seconds, "gone": gone}))


main()
