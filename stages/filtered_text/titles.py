"""A table of links or a list of titles: nearly all that is written stands in short lines without a full stop.

Ours; FineWeb's rule on closed lines counts lines, and of Thai, which has no full stops, asks for none.
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.line_facts import line_fact, with_line_facts
from stages.filtered_text.rule import broken, percent
from stages.languages import LanguageSettings
from stages.settings import FilteredText


def titles(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    written = line_fact("characters") - line_fact("newlines")
    many = line_fact("lines") >= settings.min_title_lines
    share, most = line_fact("title_characters") / written, settings.max_titles_share
    return with_line_facts(frame, settings).with_columns(
        broken(many & (share > most), f"{{}} % of characters in titles > {most:.0%}", percent(share))
    )
