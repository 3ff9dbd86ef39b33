"""Texts that share a run of words with an evaluation set: `filtered_text.decontaminate_against`.

`diversified_set` looks at the released pairs; here a text is left out before anything learns from it.
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rules.rule import broken
from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings
from x_instruction.language.shared_ngrams import Ngrams, overlap


def evaluation_overlap(
    frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings, *, ngrams: Ngrams
) -> pl.DataFrame:
    if not ngrams:
        return frame.with_columns(value=pl.lit(None, pl.String))
    met = [overlap(text, ngrams, settings.decontamination_ngram) for text in frame["text"]]
    shared = pl.lit(pl.Series(met, dtype=pl.String))
    return frame.with_columns(broken(shared.is_not_null(), "says '{}'", shared))
