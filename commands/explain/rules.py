"""Judges one text again by every rule of filtered_text, to show the values and limits."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from commands.explain.limits import nothing_found, with_limits
from commands.explain.rows import Row
from commands.explain.section import Section, Table, one_line
from stages.filtered_text.rules.all_rules import PROSE_RULES, last_rules, whole_rules
from stages.filtered_text.rules.blocked_sites import Sites, read_sites
from stages.filtered_text.rules.rule import Rule, values_shown
from stages.filtered_text.settings import FilteredText
from x_instruction.cleaning.code_blocks import prose
from x_instruction.language.settings import LanguageSettings
from x_instruction.runner.content_ids import content_ids
from x_instruction.words.shared_ngrams import evaluation_ngrams

VALUE = 600  # the longest value shown, in characters; the six parts of duplicate_ngrams take about 430
HEADER = ["rule", "outcome", "value and limit"]
SETTING = "filtered_text.decontaminate_against"  # diversified_set has a setting of the same name
DUPLICATES = ("exact_duplicate", "near_duplicate")
TOO_SHORT = "not judged, because the text has too few lines or words"
KEPT, BROKEN, NOT_COMPARED = "kept", "broken", "not compared"


def rules_section(
    segment: pl.DataFrame, row: Row | None, settings: FilteredText, language: LanguageSettings, root: Path
) -> Section:
    """Every rule, with its value and limit, and whether the text broke the rule.

    `row` is the row of filtered_text that was made of the segment. It says whether the text is a duplicate, since this
    depends on all texts of the language.
    """
    sites = read_sites(root / settings.blocked_sites) if settings.blocked_sites else Sites({}, {})
    evaluations = [root / path for path in settings.decontaminate_against]
    ngrams = evaluation_ngrams(evaluations, settings.decontamination_ngram, language, SETTING)
    whole = segment.with_columns(content_ids(segment, "language", "text"))
    prose_only = whole.with_columns(prose(pl.col("text")), whole="text")
    rows = [
        *_judged(whole, whole_rules(sites), settings, language),
        *_judged(prose_only, PROSE_RULES, settings, language),
        *_judged(whole, last_rules(ngrams), settings, language),
        *_compared(row, settings),
    ]
    broken = [name for name, outcome, _ in rows if outcome == BROKEN]
    verdict = f"broken: {', '.join(broken)}" if broken else f"none of {len(rows)} is broken"
    return Section("filtered_text, rules", verdict, table=Table(HEADER, rows))


def _judged(
    frame: pl.DataFrame, rules: dict[str, Rule], settings: FilteredText, language: LanguageSettings
) -> list[list[str]]:
    rows, nothing = [], nothing_found(settings, SETTING)
    for name, rule in rules.items():
        judged = rule(frame, settings, language)
        with values_shown():
            value = rule(frame, settings, language)["value"].item()
        if "language_score" in judged.columns and "language_score" not in frame.columns:
            score, least = judged["language_score"].item(), language.min_language_score
            value = f"{value}; language score {score:.2f} < {least}"
        if name == "placeholder" and value:
            value = f"{value} (dropped if in less than {settings.max_placeholder_characters} characters)"
        broken = judged["value"].item()
        shown = with_limits(name, broken or value or nothing.get(name, TOO_SHORT), settings, language)
        rows.append([name, KEPT if broken is None else BROKEN, one_line(shown, VALUE)])
        frame = judged.drop("value")
    return rows


def _compared(row: Row | None, settings: FilteredText) -> list[list[str]]:
    """The comparison with the other texts. Only texts that break no other rule are compared."""
    if row is None or (row.dropped and row.values["reason"] not in DUPLICATES):
        return [[name, NOT_COMPARED, "only texts that break no other rule are compared"] for name in DUPLICATES]
    least, words = settings.near_duplicate_jaccard, settings.shingle_words
    found = {
        "exact_duplicate": "no better text has the same words",
        "near_duplicate": f"no better text has a Jaccard similarity >= {least} in runs of {words} words",
    }
    if not row.dropped:
        return [[name, KEPT, value] for name, value in found.items()]
    why, value = str(row.values["reason"]), one_line(row.values["value"], VALUE)
    limit = f"{value} (dropped if at least {least})" if why == "near_duplicate" else value
    return [[name, BROKEN, limit] if name == why else [name, KEPT, found[name]] for name in DUPLICATES]
