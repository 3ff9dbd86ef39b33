"""Rules on repeated words, sentences and n-grams.

[ngrams] Runs of words said before: the characters of repeated 5- to 10-grams (Gopher, table A1).

[top_ngrams] One n-gram all over the text: the characters of the commonest 2-, 3- and 4-gram (Gopher, table A1).

[repetition] Text that says itself again: repeated lines and sentences.
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rules.rule import broken, percent, tolerated
from stages.filtered_text.settings import FilteredText
from x_instruction.language.sentences import sentences_or_lines, share_of_rows
from x_instruction.language.settings import LanguageSettings
from x_instruction.words.ngram_counts import ngram_share, with_ngram_facts


def duplicate_ngrams(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    shares = {
        n: (ngram_share("duplicate", n), tolerated(most, settings))
        for n, most in language.max_duplicate_ngrams_share.items()
    }
    values = [
        broken(share > most, f"{{}} % repeated {n}-grams > {most:.1%}", percent(share))
        for n, (share, most) in shares.items()
    ]
    return with_ngram_facts(frame, settings.lone_signs_count, language).with_columns(pl.coalesce(values).alias("value"))


def top_ngram(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    shares = {n: (ngram_share("top", n), tolerated(most, settings)) for n, most in language.max_top_ngram_share.items()}
    values = [
        broken(share > most, f"{{}} % one {n}-gram > {most:.1%}", percent(share)) for n, (share, most) in shares.items()
    ]
    return with_ngram_facts(frame, settings.lone_signs_count, language).with_columns(pl.coalesce(values).alias("value"))


def repeated_share(frame: pl.DataFrame, language: LanguageSettings) -> pl.Series:
    """Share of each text, by characters, in sentences it said before (Gopher's duplicate lines, by sentence)."""
    hit = pl.int_range(pl.len()).over("row", "sentence") > 0
    return share_of_rows(frame, sentences_or_lines(frame, language).with_columns(hit=hit))


def repetition(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share, most = pl.lit(repeated_share(frame, language)), settings.max_repeated_paragraph_share
    return frame.with_columns(broken(share > most, f"{{}} % repeated > {most:.0%}", percent(share)))
