"""Runs of words said before: the characters of repeated 5- to 10-grams (Gopher, table A1)."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.ngrams import ngram_share, with_ngram_facts
from stages.filtered_text.rule import broken, percent, tolerated
from stages.languages import LanguageSettings
from stages.settings import FilteredText


def duplicate_ngrams(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    shares = {
        n: (ngram_share("duplicate", n), tolerated(most, settings))
        for n, most in language.max_duplicate_ngrams_share.items()
    }
    values = [
        broken(share > most, f"{{}} % repeated {n}-grams > {most:.1%}", percent(share))
        for n, (share, most) in shares.items()
    ]
    return with_ngram_facts(frame, settings, language).with_columns(pl.coalesce(values).alias("value"))
