"""The rule on texts that share words with an evaluation set (`filtered_text.decontaminate_against`).

This rule drops a text before any model learns from it. `diversified_set` checks the released pairs against its list of
evaluation prompts.
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rules.rule import broken
from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings
from x_instruction.words.shared_ngrams import Ngrams, overlaps


def evaluation_overlap(
    frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings, *, ngrams: Ngrams
) -> pl.DataFrame:
    """Drops texts that overlap with an evaluation prompt.

    The rule is ours. An overlap is a run of `decontamination_ngram` words, or all words of a shorter prompt of at least
    four words.
    """
    shared = pl.lit(overlaps(frame["text"], ngrams, language))
    return frame.with_columns(broken(shared.is_not_null(), "contains '{}'", shared))
