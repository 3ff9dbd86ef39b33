"""Whether the stages after the ratings kept a pair, and why: refined_pairs, diversified_set and released_set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from commands.explain.rows import Row
from commands.explain.section import Section
from commands.explain.trail import Trail
from stages.params import Settings
from stages.released_set.card_origins import NOT_LISTED, NOT_NAMED
from x_instruction.runner.files import read_json
from x_instruction.runner.published import read_manifest
from x_instruction.runner.shards import DROPS

NOT_REACHED = "not reached"
ARTIFACTS = ("refined_pairs", "diversified_set", "released_set")
Facts = list[tuple[str, str]]


def selection_sections(root: Path, settings: Settings, code: str, trail: Trail) -> list[Section]:
    found: list[Section] = []
    for artifact in ARTIFACTS if trail.pair else ():
        row = next((row for row in trail.pair if row.artifact == artifact), None)
        if row is None:
            return [*found, Section(artifact, NOT_REACHED)]
        facts = reason(row) if row.dropped else _kept(root, settings, code, row)
        if artifact == "diversified_set":
            facts += _draw(root, settings, code, row)
        found.append(Section(artifact, verdict(row), facts))
    return found


def verdict(row: Row) -> str:
    return "dropped" if row.dropped else "kept"


def reason(row: Row) -> Facts:
    values = row.values
    facts = [("reason", values["reason"]), ("value", values["value"]), ("origin", values["origin"])]
    return [(name, str(value)) for name, value in facts if value]


def _kept(root: Path, settings: Settings, code: str, row: Row) -> Facts:
    values = row.values
    if row.artifact == "refined_pairs":
        return [*_conditions(settings, row), ("by ratings of", values["iteration"]), *_iteration_chosen(root, code)]
    if row.artifact == "diversified_set":
        return []
    place = f"{row.place.file}, row {row.place.row}"
    return [("file", place), ("licence", _licence(values)), ("instruction", values["instruction"])]


def _licence(values: dict[str, Any]) -> str:
    """The licence of the page, in the words of the data card."""
    return values["spdx"] or (NOT_LISTED if values["license"] else NOT_NAMED)


def _conditions(settings: Settings, row: Row) -> Facts:
    """The conditions that every kept pair fulfils, in the order in which stages/refined_pairs checks them."""
    refined, values = settings.refined_pairs, row.values
    of_document, of_site = _limit(refined.max_of_document), _limit(refined.max_of_domain)
    band = f"among the best {refined.top_share:.0%} (top_share) of its band, one of {refined.length_bands} length_bands"
    facts = [
        ("rating", f"{values['rating']:.4f} (min_rating {refined.min_rating})"),
        ("rank in the language", str(values["rank"])),
        ("best of its text", "yes; only the best pair of each text is kept"),
        ("of its document", f"among the best pairs (max_of_document: {of_document})"),
        ("of its site", f"among the best pairs (max_of_domain: {of_site})"),
        ("of its length", f"{len(values['response'])} characters; {band}"),
        ("of the language", f"within max_pairs {refined.max_pairs:,}, counted evenly over the bands"),
    ]
    if values["rating"] < refined.min_rating:
        facts.insert(2, ("below min_rating", f"kept as one of the best {refined.always_kept} (always_kept)"))
    return facts


def _limit(value: int | None) -> str:
    return "no limit" if value is None else f"{value:,}"


def _iteration_chosen(root: Path, code: str) -> Facts:
    report = root / "data" / "quality" / "refined_pairs" / f"{code}.json"
    why = read_json(report, ours=True)["metrics"].get("accepted_because") if report.exists() else None
    return [("iteration chosen", why)] if why else []


def _draw(root: Path, settings: Settings, code: str, row: Row) -> Facts:
    """How the set was drawn, and the row's cluster."""
    chosen, folder = settings.diversified_set, root / "data" / "diversified_set" / code
    manifest = read_manifest(folder)
    numbers = f"{manifest['rows']:,} drawn of {chosen.wanted(code):,} wanted, from {manifest['rows_in']:,} pairs"
    facts = [("draw", f"{chosen.draw}: {numbers}")]
    if row.dropped:
        return facts
    number = row.values["cluster"]
    drawn = _height(pl.scan_parquet(folder / "*.parquet").filter(pl.col("cluster") == number))
    if chosen.draw != "clusters":  # otherwise, the dropped rows have their cluster as the value
        return [*facts, ("cluster", f"{number}, with {drawn:,} drawn pairs")]
    drops = pl.scan_parquet(folder / DROPS / "*.parquet")
    full = _height(drops.filter(pl.col("reason") == "cluster_full", pl.col("value") == f"cluster {number}"))
    return [*facts, ("cluster", f"{number}, of which {drawn:,} of {drawn + full:,} pairs were drawn")]


def _height(frame: pl.LazyFrame) -> int:
    return int(frame.select(pl.len()).collect().item())
