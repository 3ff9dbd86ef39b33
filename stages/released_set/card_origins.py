"""The parts of the data card on the origin of the pairs: sources, licences, row counts of each step, dropped rows."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from stages.released_set.card_parts import escaped, folded, manifests
from x_instruction.runner.job import Job
from x_instruction.runner.markdown import table

FUNNEL = ("raw_web_text", "filtered_text", "candidate_pairs", "refined_pairs", "diversified_set")
SHOWN_LINES = 40
LONGEST = 80  # characters that are shown of a licence without SPDX identifier
NOT_NAMED, NOT_LISTED, NO_ADDRESS = "not named", "named, but without SPDX identifier", "no address"

FUNNEL_MEANS = "Each line is a step of the pipeline, with the number of rows that it kept of each language.\n\n"
# The folder of a pair's source file; the source itself if it has no folder.
FOLDER = pl.col("source").str.extract(r"^(.*/)[^/]*$", 1).fill_null(pl.col("source"))
SITE = pl.col("url").str.extract(r"^\w+://(?:[^/?#@]*@)?(\[[^\]]+\]|[^/:?#]+)", 1).str.to_lowercase().fill_null("")
LICENSE = (
    pl.when(pl.col("spdx") != "").then("spdx").when(pl.col("license") == "").then(pl.lit(NOT_NAMED)).otherwise(
        pl.lit(NOT_LISTED)
    )
)  # fmt: skip

DropCounts = Mapping[str, Mapping[str, int]]
"""Counts of dropped rows by language and reason."""


def sources(released: pl.DataFrame) -> str:
    """The pairs by source and licence, and the most frequent sites. Files of one folder are one source."""
    only_file = pl.col("source").n_unique().over("folder") == 1
    named = released.select("source", folder=FOLDER, licence=LICENSE)
    named = named.with_columns(folder=pl.when(only_file).then("source").otherwise("folder"))
    counted = (
        named.group_by("folder", "licence")
        .agg(pl.col("source").n_unique().alias("files"), pl.len())
        .select("folder", "files", "licence", "len")
        .sort("folder", "len", "licence", descending=[False, True, False])
    )
    rows = [[escaped(folder), str(files), licence, str(count)] for folder, files, licence, count in counted.iter_rows()]
    by_site = _counted(released.select(site=SITE), "site", NO_ADDRESS)
    return _lines(["source", "files", "licence", "pairs"], rows) + "\n" + folded("Pairs by site", by_site)


def licences(released: pl.DataFrame) -> str:
    """The pairs by licence, with the text of licences that have no SPDX identifier."""
    text = pl.when(LICENSE == NOT_LISTED).then("license").otherwise(pl.lit(""))
    counted = released.select(LICENSE.alias("licence"), text.alias("text")).group_by("licence", "text").len()
    ordered = counted.sort(["len", "licence", "text"], descending=[True, False, False])
    rows = [
        [f"{licence}: {escaped(text[:LONGEST])}" if text else licence, str(count)]
        for licence, text, count in ordered.iter_rows()
    ]
    return _lines(["licence", "pairs"], rows)


def funnel(job: Job, released: pl.DataFrame) -> str:
    codes = job.settings.languages
    rows = [[f"`{name}`", *(str(found["rows"]) for found in manifests(job, name).values())] for name in FUNNEL]
    counts = dict(released.group_by("language").len().iter_rows())
    rows.append(["`released_set`", *(str(counts.get(code, 0)) for code in codes)])
    return FUNNEL_MEANS + table(["rows kept by", *codes], rows)


def drops(job: Job, of_release: DropCounts) -> str:
    """All reasons for dropped rows. `of_release` has the rows that the release itself dropped."""
    rows = []
    for name in FUNNEL:
        rows += _drops(name, {code: found["drop_reasons"] for code, found in manifests(job, name).items()})
    rows += _drops("released_set", of_release)
    if not rows:
        return "No row was dropped.\n"
    return folded("Dropped rows by step and reason", table(["step", "reason", *job.settings.languages], rows))


def _drops(name: str, counts: DropCounts) -> list[list[str]]:
    totals = {reason: sum(of.get(reason, 0) for of in counts.values()) for of in counts.values() for reason in of}
    ordered = sorted(totals, key=lambda reason: (-totals[reason], reason))
    return [[f"`{name}`", reason, *(str(of.get(reason, 0)) for of in counts.values())] for reason in ordered]


def _counted(frame: pl.DataFrame, column: str, without: str) -> str:
    counted = frame.group_by(column).len().sort(["len", column], descending=[True, False])
    return _lines([column, "pairs"], [[escaped(value) or without, str(count)] for value, count in counted.iter_rows()])


def _lines(columns: list[str], rows: list[list[str]]) -> str:
    """A table of SHOWN_LINES lines, whose last cells are counts. The pairs of the other lines are summed below it."""
    rest = rows[SHOWN_LINES:]
    more = f"\n{len(rest)} more lines, with {sum(int(row[-1]) for row in rest)} pairs, are not shown.\n" if rest else ""
    return table(columns, rows[:SHOWN_LINES]) + more
