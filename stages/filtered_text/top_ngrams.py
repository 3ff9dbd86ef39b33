"""One n-gram all over the text: the characters of the commonest 2-, 3- and 4-gram (Gopher, table A1)."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.ngrams import ngram_share, with_ngram_facts
from stages.filtered_text.rule import broken, percent, tolerated
from stages.languages import LanguageSettings
from stages.settings import FilteredText


def top_ngram(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    shares = {n: (ngram_share("top", n), tolerated(most, settings)) for n, most in language.max_top_ngram_share.items()}
    values = [
        broken(share > most, f"{{}} % one {n}-gram > {most:.1%}", percent(share)) for n, (share, most) in shares.items()
    ]
    return with_ngram_facts(frame, settings, language).with_columns(pl.coalesce(values).alias("value"))
