"""All rules in the order in which they run. A text is dropped by the first rule that it breaks.

About half of the rules (PUBLISHED_RULES) are FineWeb-2's (arXiv 2506.20920): Gopher's and FineWeb's rules, most of them
with thresholds for each language. A language's published thresholds and stop words are in languages/<code>.yaml (from
huggingface/fineweb-2, configs/, code Apache-2.0, data ODC-By); the thresholds that all languages share are in
params.yaml.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from stages.filtered_text.rules.blocked_sites import Sites, blocked_site
from stages.filtered_text.rules.content import boilerplate, fragment, mostly_code, placeholder
from stages.filtered_text.rules.evaluation_overlap import evaluation_overlap
from stages.filtered_text.rules.language import wrong_language
from stages.filtered_text.rules.lines import (
    bullet_lines,
    duplicate_line_characters,
    duplicate_lines,
    ellipsis_lines,
    many_newlines,
    short_lines,
    teasers,
    titles,
    unclosed_lines,
)
from stages.filtered_text.rules.listed_words import listed_words
from stages.filtered_text.rules.ngrams import duplicate_ngrams, repetition, top_ngram
from stages.filtered_text.rules.private_data import private_data
from stages.filtered_text.rules.rule import Rule
from stages.filtered_text.rules.words import (
    bad_word_lengths,
    few_alphabetic_words,
    few_stop_words,
    many_symbols,
    too_long,
    too_short,
)
from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings
from x_instruction.words.shared_ngrams import Ngrams

# FineWeb-2's rules. Rules that need only lines come first, because lines are counted three times as fast as words.
# Rules on n-grams come last, because they need the words split once more.
PUBLISHED_RULES: dict[str, Rule] = {
    "bullet_lines": bullet_lines,
    "ellipsis_lines": ellipsis_lines,
    "duplicate_lines": duplicate_lines,
    "duplicate_line_characters": duplicate_line_characters,
    "unclosed_lines": unclosed_lines,
    "short_lines": short_lines,
    "bad_word_lengths": bad_word_lengths,
    "few_alphabetic_words": few_alphabetic_words,
    "many_symbols": many_symbols,
    "many_newlines": many_newlines,
    "few_stop_words": few_stop_words,
    "top_ngram": top_ngram,
    "duplicate_ngrams": duplicate_ngrams,
}
WHOLE_RULES: dict[str, Rule] = {"too_short": too_short, "too_long": too_long}
# These rules see a text without its program code, because lines of code are often short, alike, unpunctuated
# and English. But `fragment` reads a column that was made from the whole text, and `listed_words` and `teasers` compare
# their finds with the number of words of the whole text.
PROSE_RULES: dict[str, Rule] = {
    "repetition": repetition,
    "boilerplate": boilerplate,
    "wrong_language": wrong_language,
    "mostly_code": mostly_code,
    "placeholder": placeholder,
    "listed_words": listed_words,
    "teasers": teasers,
    **PUBLISHED_RULES,
    "fragment": fragment,
    "titles": titles,
}
REASONS = ["blocked_site", *WHOLE_RULES, *PROSE_RULES, "private_data", "evaluation_overlap"]


def whole_rules(sites: Sites) -> dict[str, Rule]:
    """The rules that run first, on the text with its program code."""
    return {"blocked_site": partial(blocked_site, sites=sites), **WHOLE_RULES}


def last_rules(ngrams: Ngrams) -> dict[str, Rule]:
    """The rules that run last, on the text with its program code."""
    return {"private_data": private_data, "evaluation_overlap": partial(evaluation_overlap, ngrams=ngrams)}


def judge(
    frame: pl.DataFrame, rules: dict[str, Rule], settings: FilteredText, language: LanguageSettings
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the rows that break no rule, and the other rows with `reason` and `value` of the first broken rule."""
    dropped = []
    for reason, rule in rules.items():
        judged = rule(frame, settings, language)
        dropped.append(judged.filter(pl.col("value").is_not_null()).with_columns(reason=pl.lit(reason)))
        frame = judged.filter(pl.col("value").is_null()).drop("value")
    columns = ["id", "reason", "value", "origin", "text", *(["whole"] if "whole" in frame.columns else [])]
    return frame, pl.concat([rows.select(columns) for rows in dropped])
