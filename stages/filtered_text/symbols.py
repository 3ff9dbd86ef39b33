"""Hash signs and ellipses for words (Gopher, arXiv 2112.11446, A.1.1: 0.1 of either)."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.line_facts import line_fact, with_line_facts
from stages.filtered_text.rule import broken
from stages.filtered_text.word_facts import with_word_facts, word_fact
from stages.languages import LanguageSettings
from stages.settings import FilteredText


def many_symbols(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share = pl.max_horizontal(line_fact("hashes"), line_fact("ellipses")) / word_fact("all")
    most = settings.max_symbols_per_word
    return with_word_facts(with_line_facts(frame, settings), language).with_columns(
        broken(share > most, f"{{}} hash signs or ellipses a word > {most}", share.round(2))
    )
