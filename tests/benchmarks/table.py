"""The result of a benchmark: one row per case, with our figure, the figure it is compared with, and their ratio."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "data" / "bench"


class SkippedError(Exception):
    """Something that the benchmark needs is missing on this machine; the message names it."""


@dataclass(frozen=True)
class Row:
    """One case of a benchmark. `ours` is compared with `peer`, and `note` says what `peer` is.

    `peer` is a peer's figure from the same run, a bound, or a reference such as another model's figure. `ratio` is
    `ours` / `peer`, or infinite if `peer` is 0. If less is better, as for seconds and bytes, a small ratio is good.
    """

    case: str
    unit: str
    ours: float
    peer: float
    note: str

    @property
    def ratio(self) -> float:
        return self.ours / self.peer if self.peer else float("inf")


def real_text(*parts: str) -> Path:
    """Path of a file in the real-text collection, which is not part of the project.

    XI_SHARED_DATA names the folder of the collection; the default is shared/data beside the project. Raises
    SkippedError if the file is missing.
    """
    path = Path(os.environ.get("XI_SHARED_DATA", ROOT.parent / "shared" / "data")).joinpath(*parts)
    if not path.exists():
        raise SkippedError(f"{'/'.join(parts)} is missing; set XI_SHARED_DATA to the folder of real text")
    return path


def records(rows: list[Row]) -> list[dict[str, object]]:
    return [{**asdict(row), "ratio": row.ratio} for row in rows]


def show(name: str, rows: list[Row]) -> None:
    print(f"\n{name}")
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, fmt_str_lengths=90, tbl_width_chars=170):
        print(pl.DataFrame(records(rows)).select("case", "unit", "ours", "peer", "ratio", "note"))


def save(name: str, rows: list[Row]) -> None:
    """Write data/bench/<name>.json, with figures rounded to four significant digits."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    rounded = [{key: _four_digits(value) for key, value in record.items()} for record in records(rows)]
    text = json.dumps(rounded, ensure_ascii=False, indent=1) + "\n"
    temporary = FIGURES / f".{name}.json"
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(FIGURES / f"{name}.json")


def _four_digits(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value
