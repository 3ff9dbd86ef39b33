"""Rules on the lines of a text.

[lines] Headings, menus, verse: too few lines end as a sentence does (FineWeb, arXiv 2406.17557; FineWeb-2's thresholds).

Text that lost its punctuation too, on however few lines it stands (ours).


[bullet_lines] A list rather than a text: lines that begin with a bullet or a hyphen (Gopher, arXiv 2112.11446, A.1.1).

[short_lines] Too many lines of 30 characters or fewer (FineWeb, arXiv 2406.17557, with 0.67; FineWeb-2 switches it off: 1).

[ellipsis_lines] Teasers rather than a text: lines that end with an ellipsis (Gopher, arXiv 2112.11446, A.1.1), texts with […].

[duplicate_lines] Lines said before: their share of the lines (Gopher, arXiv 2112.11446, table A1) and of the characters (FineWeb).

[newlines] Lists and tables: too many line ends for so few words (FineWeb, arXiv 2406.17557; FineWeb-2's thresholds).

[titles] A table of links or a list of titles: nearly all that is written stands in short lines without a full stop.

Ours; FineWeb's rule on closed lines counts lines, and of Thai, which has no full stops, asks for none.

"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rules.rule import broken, percent, tolerated
from stages.filtered_text.settings import FilteredText
from x_instruction.language.sentences import ONLY_STOPS
from x_instruction.language.settings import LanguageSettings
from x_instruction.words.line_counts import line_fact, share_of_lines, with_line_facts
from x_instruction.words.word_counts import with_word_facts, word_fact

# Where a sentence ends, with the marks of Markdown behind it.
SENTENCE_END = rf"[.!?…:][\p{{Pf}}\p{{Pe}}\x22'*_]*(?:\s|$)|[{ONLY_STOPS}]"


def unclosed_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share, least = share_of_lines("closed_lines", settings.min_judged_lines), language.min_closed_lines_share
    if settings.quotes_close_lines:
        share += share_of_lines("quoted_lines", settings.min_judged_lines)
    value = broken(share < least, f"{{}} % of lines end as a sentence < {least:.1%}", percent(share))
    if settings.max_words_a_sentence and language.spaces_between_words:
        value = pl.coalesce(value, _unpunctuated(settings.max_words_a_sentence))
    return with_line_facts(frame, settings.lone_signs_count).with_columns(value.alias("value"))


def _unpunctuated(most: int) -> pl.Expr:
    """Too many words for the ends of sentences there are; half as many where there is none."""
    words, ends = pl.col("text").str.count_matches(r"\S+"), pl.col("text").str.count_matches(SENTENCE_END)
    allowed = pl.when(ends == 0).then(most / 2).otherwise(ends * most)
    return broken(words > allowed, f"{{}} words in {{}} sentences > {most} each", words, ends)


def bullet_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share, most = share_of_lines("bullet_lines", settings.min_judged_lines), settings.max_bullet_lines_share
    return with_line_facts(frame, settings.lone_signs_count).with_columns(
        broken(share > most, f"{{}} % of lines bulleted > {most:.0%}", percent(share))
    )


def short_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share, most = share_of_lines("short_lines", settings.min_judged_lines), settings.max_short_lines_share
    return with_line_facts(frame, settings.lone_signs_count).with_columns(
        broken(share > most, f"{{}} % of lines short > {most:.0%}", percent(share))
    )


# `render(...)` is a call: a lesson went for five of them, in Bengali and in Indonesian.
CUT_OFF = r"(?:\[|^\(|[^\p{L}\p{N}_]\() ?(?:\.\.\.|…|more ?…|more ?\.\.\.) ?[\])]"
# One or two may be omissions from a quotation.
MIN_TEASERS = 3


def ellipsis_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share, most = share_of_lines("ellipsis_lines", settings.min_judged_lines), settings.max_ellipsis_lines_share
    return with_line_facts(frame, settings.lone_signs_count).with_columns(
        broken(share > most, f"{{}} % of lines end with an ellipsis > {most:.0%}", percent(share))
    )


def teasers(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Beginnings of other pages, each cut off with an ellipsis in brackets. Ours."""
    met, words = pl.col("text").str.count_matches(CUT_OFF), settings.min_words_per_teaser
    many = (met >= MIN_TEASERS) & (met * words > pl.col("words"))
    return frame.with_columns(broken(many, f"{{}} times […], more than once in {words} words", met))


def duplicate_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share = share_of_lines("duplicate_lines", settings.min_judged_lines)
    most = tolerated(language.max_duplicate_lines_share, settings)
    return with_line_facts(frame, settings.lone_signs_count).with_columns(
        broken(share > most, f"{{}} % of lines repeated > {most:.1%}", percent(share))
    )


def duplicate_line_characters(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    written = line_fact("characters") - line_fact("newlines")
    share, most = line_fact("duplicate_line_characters") / written, settings.max_duplicate_line_characters_share
    return with_line_facts(frame, settings.lone_signs_count).with_columns(
        broken(share > most, f"{{}} % of characters in repeated lines > {most:.0%}", percent(share))
    )


def many_newlines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    # A line of lone signs ("##" between the pages of a picture book) is none, as for the other rules.
    ends = line_fact("newlines") if settings.lone_signs_count else line_fact("lines") - 1
    share, most = ends / word_fact("all"), language.max_newlines_per_word
    return with_word_facts(with_line_facts(frame, settings.lone_signs_count), language).with_columns(
        broken(share > most, f"{{}} line ends a word > {most}", share.round(2))
    )


def titles(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    written = line_fact("characters") - line_fact("newlines")
    many = line_fact("lines") >= settings.min_title_lines
    share, most = line_fact("title_characters") / written, settings.max_titles_share
    return with_line_facts(frame, settings.lone_signs_count).with_columns(
        broken(many & (share > most), f"{{}} % of characters in titles > {most:.0%}", percent(share))
    )
