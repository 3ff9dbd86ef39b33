"""Warns about dropped seeds. A user can correct a seed file, so each of the first dropped rows is named."""

from __future__ import annotations

import sys

import polars as pl

from x_instruction.runner.job import Job
from x_instruction.runner.shards import DROPS

SHOWN = 5  # rows; the dropped rows on disk have all of them
CHARACTERS = 200  # of a value, because the value of a refused translation is the whole answer of the model


def warn_of_drops(job: Job, rows_in: int, max_bad_share: float) -> None:
    """Prints the number of dropped seeds, and where and why the first of them were dropped."""
    drops = pl.read_parquet(job.staging / DROPS / "part-*.parquet", columns=["reason", "value"])
    if drops.is_empty():
        return
    lines = [f"warning: seed_pairs {job.language}: {drops.height} of {rows_in} seeds are dropped:"]
    for reason, value in drops.head(SHOWN).iter_rows():
        lines.append(f"  {' '.join(value.split())[:CHARACTERS]} ({reason})")
    more = drops.height - SHOWN
    if more > 0:
        # If more seeds are dropped than the gate allows, the drops are kept with the report of the refused run.
        published = drops.height / rows_in <= max_bad_share
        folder = job.target / DROPS if published else job.refused_drops
        lines.append(f"  and {more} more; see {folder.relative_to(job.root)}")
    print("\n".join(lines), file=sys.stderr)
