"""Rules on the lines of a text: their ends and beginnings, their length, and their repetition.

A line is a paragraph, because raw_web_text writes each paragraph on one line. Rules on the share of lines do not judge
a text of fewer than `min_judged_lines` lines.
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rules.rule import broken, first_broken, percent, tolerated
from stages.filtered_text.settings import FilteredText
from x_instruction.language.sentences import marks, sentence_end
from x_instruction.language.settings import LanguageSettings
from x_instruction.words.line_counts import lines_counted, share_of_lines, with_line_counts
from x_instruction.words.word_counts import with_word_counts, words_counted

# An ellipsis in brackets, with which a site cuts off a teaser. `render(...)` is a function call and does not match.
CUT_OFF = r"(?:\[|^\(|[^\p{L}\p{N}_]\() ?(?:\.\.\.|…|more ?…|more ?\.\.\.) ?[\])]"
# A list of teasers has at least this many such ellipses. One or two may be omissions in a quotation.
MIN_TEASERS = 3


def unclosed_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops headings, menus and verse: texts in which too few lines end as a sentence does.

    The rule is FineWeb's (arXiv 2406.17557), with FineWeb-2's threshold for each language. It also drops texts with too
    few sentence ends for their number of words; this check is ours.
    """
    share, least = share_of_lines("closed_lines", settings.min_judged_lines), language.min_closed_lines_share
    if settings.quotes_close_lines:
        share += share_of_lines("quoted_lines", settings.min_judged_lines)
    values = [broken(share < least, f"{{}} % of lines end as a sentence < {least:.1%}", percent(share))]
    if settings.max_words_per_sentence and language.marks_sentence_ends:
        values.append(_unpunctuated(settings.max_words_per_sentence, language))
    counted = with_line_counts(frame, settings.punctuation_counts_as_words, language)
    return counted.with_columns(first_broken(values))


def _unpunctuated(max_words: int, language: LanguageSettings) -> pl.Expr:
    """The reason to drop a text with more than `max_words` words for each sentence end; null for other texts.

    A text without a sentence end may have half as many words.
    """
    # A colon counts as a sentence end, and so does a mark before the closing marks of Markdown (**bold.**).
    end = sentence_end(marks(language) + ":", space=r"[*_]*(?:\s|$)")
    words, ends = pl.col("text").str.count_matches(r"\S+"), pl.col("text").str.count_matches(end)
    limit = pl.when(ends == 0).then(max_words / 2).otherwise(ends * max_words)
    return broken(words > limit, f"{{}} words in {{}} sentences > {max_words} per sentence", words, ends)


def bullet_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops lists: texts in which too many lines begin with a bullet or a hyphen (Gopher, arXiv 2112.11446, A.1.1)."""
    share, limit = share_of_lines("bullet_lines", settings.min_judged_lines), settings.max_bullet_lines_share
    return with_line_counts(frame, settings.punctuation_counts_as_words, language).with_columns(
        broken(share > limit, f"{{}} % of lines begin with a bullet > {limit:.0%}", percent(share))
    )


def short_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts with too many lines of 30 characters or fewer (FineWeb, arXiv 2406.17557: 0.67; off in FineWeb-2)."""
    share, limit = share_of_lines("short_lines", settings.min_judged_lines), settings.max_short_lines_share
    return with_line_counts(frame, settings.punctuation_counts_as_words, language).with_columns(
        broken(share > limit, f"{{}} % of lines are short > {limit:.0%}", percent(share))
    )


def ellipsis_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops lists of teasers: texts in which too many lines end with an ellipsis (Gopher, A.1.1)."""
    share, limit = share_of_lines("ellipsis_lines", settings.min_judged_lines), settings.max_ellipsis_lines_share
    return with_line_counts(frame, settings.punctuation_counts_as_words, language).with_columns(
        broken(share > limit, f"{{}} % of lines end with an ellipsis > {limit:.0%}", percent(share))
    )


def teasers(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops lists of teasers: beginnings of other pages, cut off with an ellipsis in brackets (ours)."""
    found, words = pl.col("text").str.count_matches(CUT_OFF), settings.min_words_per_teaser
    many = (found >= MIN_TEASERS) & (found * words > pl.col("words"))
    return frame.with_columns(broken(many, f"{{}} times […], more than once in {words} words", found))


def duplicate_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts in which too many lines repeat an earlier line.

    The rule is Gopher's (table A1), with FineWeb-2's threshold times `repetition_tolerance`.
    """
    share = share_of_lines("duplicate_lines", settings.min_judged_lines)
    limit = tolerated(language.max_duplicate_lines_share, settings)
    return with_line_counts(frame, settings.punctuation_counts_as_words, language).with_columns(
        broken(share > limit, f"{{}} % of lines are repeated > {limit:.1%}", percent(share))
    )


def duplicate_line_characters(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts with too many of their characters in repeated lines (Gopher, table A1: 0.2)."""
    share, limit = _share_of_characters("duplicate_line_characters"), settings.max_duplicate_line_characters_share
    return with_line_counts(frame, settings.punctuation_counts_as_words, language).with_columns(
        broken(share > limit, f"{{}} % of characters in repeated lines > {limit:.0%}", percent(share))
    )


def many_newlines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops lists and tables: texts with too many line ends per word (FineWeb; FineWeb-2's threshold)."""
    # Lines of punctuation only ("##" between the pages of a picture book) are counted only if punctuation counts as
    # words.
    ends = lines_counted("newlines") if settings.punctuation_counts_as_words else lines_counted("lines") - 1
    share, limit = ends / words_counted("tokens"), language.max_newlines_per_word
    counted = with_word_counts(with_line_counts(frame, settings.punctuation_counts_as_words, language), language)
    return counted.with_columns(broken(share > limit, f"{{}} line ends per word > {limit}", share.round(2)))


def titles(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops tables of links and lists of titles: nearly all characters are in short lines without a sentence end.

    The rule is ours. FineWeb's rule (`unclosed_lines`) counts lines, and cannot be used for Thai, which has no full
    stops.
    """
    many = lines_counted("lines") >= settings.min_title_lines
    share, limit = _share_of_characters("title_characters"), settings.max_titles_share
    return with_line_counts(frame, settings.punctuation_counts_as_words, language).with_columns(
        broken(many & (share > limit), f"{{}} % of characters in titles > {limit:.0%}", percent(share))
    )


def _share_of_characters(name: str) -> pl.Expr:
    return lines_counted(name) / (lines_counted("characters") - lines_counted("newlines"))
