"""Cleans and judges the text of one document again, to show each step and the value of each rule.

Cleaning is a pure function of the document and the settings, so its result must be the published text. If the result
differs, the settings or the code have changed since the run, and the explanation says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import polars as pl

from commands.explain.section import Section, one_line
from stages.filtered_text.cleaning.clean import STEPS
from stages.filtered_text.cleaning.fragments import trimmed
from stages.filtered_text.segments import cut
from stages.filtered_text.settings import FilteredText
from x_instruction.cleaning.private_data.mask import KINDS, mask, masked
from x_instruction.language.length import word_count
from x_instruction.language.settings import LanguageSettings
from x_instruction.runner.second_pass import ORIGIN
from x_instruction.runner.shards import DROP_TEXT_CHARACTERS

# In characters: the text compared before the first change, the longest change shown, and the longest value shown.
AROUND, SHOWN, VALUE = 20, 60, 300
# SequenceMatcher takes quadratic time, so it looks for the first change only in this many characters.
COMPARED = 2_000


@dataclass(frozen=True)
class Filtered:
    """A cleaned document: the steps that changed its text, and its segments with the columns that rules read."""

    steps: list[tuple[str, str]]
    segments: pl.DataFrame


def filtered(document: dict[str, Any], settings: FilteredText, language: LanguageSettings) -> Filtered:
    """Cleans a row of raw_web_text step by step and cuts it into segments."""
    frame, steps = pl.DataFrame([document]), list[tuple[str, str]]()
    for name, step in STEPS.items():
        after = frame.with_columns(step(frame["text"], language).alias("text"))
        frame = _noted(steps, name, frame, after, language)
    frame = _noted(steps, "fragments", frame, trimmed(frame, settings, language), language)
    hidden = mask(frame, language)
    # Only the number of masked strings of each kind is shown, because others may read an explanation.
    if found := [f"{hidden[kind].item()} {kind}" for kind in KINDS if hidden[kind].item()]:
        steps.append(("private_data", f"masked {', '.join(found)}"))
    counted = hidden.with_columns(word_count(language).alias("words"), ORIGIN.alias("origin"))
    return Filtered(steps, cut(counted, settings, language).texts)


def _noted(
    steps: list[tuple[str, str]], name: str, before: pl.DataFrame, after: pl.DataFrame, language: LanguageSettings
) -> pl.DataFrame:
    """Adds the step to `steps` if it changed the text. Private data in the change are masked."""
    texts = pl.concat([before["text"], after["text"]])
    old, new = texts
    if old != new:
        shown = masked(texts, language.countries)[0]
        steps.append((name, f"{len(old)} to {len(new)} characters, first {_first_change(*shown)}"))
    return after


def _first_change(old: str, new: str) -> str:
    start = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    begin = max(0, start - AROUND)
    left, right = old[begin : begin + COMPARED], new[begin : begin + COMPARED]
    for kind, first, end, other, other_end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind != "equal":
            return f"{one_line(repr(left[first:end]), SHOWN)} to {one_line(repr(right[other:other_end]), SHOWN)}"
    return "beyond its beginning, or inside private data"


def cleaning_section(found: Filtered, published: str | None) -> Section:
    """The steps that changed the text. `published` is the text in filtered_text; None if the text was dropped."""
    facts = list(found.steps)
    if published is not None and published not in found.segments["text"].to_list():
        facts.append(("not as published", "the settings or the code of filtered_text have changed: run `dvc repro`"))
    changed = f"{len(found.steps)} of {len(STEPS) + 2} steps changed the text"
    return Section("filtered_text, cleaning", changed, facts)


def segment_of(found: Filtered, text: str) -> pl.DataFrame:
    """The segment that begins like `text`, else the first segment. A dropped row has only the start of its text."""
    same = found.segments.filter(pl.col("text").str.slice(0, DROP_TEXT_CHARACTERS) == text[:DROP_TEXT_CHARACTERS])
    return (same if same.height else found.segments).head(1)
