"""Running text holds some of its language's commonest words (Gopher, arXiv 2112.11446, A.1.1: two of them)."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rule import broken
from stages.filtered_text.word_facts import with_word_facts, word_fact
from stages.languages import LanguageSettings
from stages.settings import FilteredText


def few_stop_words(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    met, least = word_fact("stop_words"), language.min_stop_words
    return with_word_facts(frame, language).with_columns(broken(met < least, f"{{}} stop words < {least}", met))
