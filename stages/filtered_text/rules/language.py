"""The rule on the language of a text: its script and letters first, then language identification and English lines."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rules.rule import broken, percent
from stages.filtered_text.settings import FilteredText
from x_instruction.language.identification import identify, is_english
from x_instruction.language.letters import foreign_share
from x_instruction.language.settings import LanguageSettings

# Parts with Latin letters that a text in any script may have: code between fences or backquotes, tags, comments,
# addresses.
CODE = r"(?s:```.*?```|\{/\*.*?\*/\})|`[^`\n]*`|</?[A-Za-z][^<>]*>|\]\([^()\s]*\)|https?://[^\s<>]+"
# In English text, 17 % of the words are among these. If their share in a text is below MIN_ENGLISH_WORDS, its lines are
# not identified one by one.
ENGLISH_WORDS, MIN_ENGLISH_WORDS = r"(?i)\b(?:the|and|you|this|that|is|are|can|it)\b", 0.034
LINE = 40  # a shorter line (in characters) is not identified, because it may be only a name


def wrong_language(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts in another script or language, and texts with too many lines of English. Adds `language_score`.

    Most thresholds (ours or FineWeb-2's) differ by language. A text in another script, or with too many letters that
    the language does not have, is not identified and scores 0.
    """
    least, score, judged = language.min_language_score, pl.col("language_score"), pl.col("judged")
    frame = frame.with_columns(pl.coalesce(wrong_script(language), foreign_letters(language)).alias("letters"))
    in_script = frame.select(pl.when(pl.col("letters").is_null()).then("text").otherwise(pl.lit("")))
    frame = pl.concat([frame, identify(in_script.to_series(), language)], how="horizontal")
    english, limit = pl.lit(english_share(frame["text"])), settings.max_english_share
    value = pl.coalesce(
        "letters",
        broken(~judged.is_in(language.accepted), "identified as {}", judged),
        broken(score < least, f"language score {{}} < {least}", score.round(2)),
        broken(english > limit, f"{{}} % of characters in lines of English > {limit:.0%}", percent(english)),
    )
    return frame.with_columns(value=value).drop("letters", "judged")


def wrong_script(language: LanguageSettings) -> pl.Expr:
    """The reason to drop a text with too few letters in the language's script; null for other texts.

    Letters in program code are not counted. If they were, 54 of 76 good Tamil pages about React would be dropped.
    """
    text, least = pl.col("text"), language.min_script_share
    share = _script_share(text, language)
    doubtful = pl.when(share < least).then(text).otherwise(pl.lit(""))
    share = pl.when(share < least).then(_script_share(doubtful.str.replace_all(CODE, " "), language)).otherwise(share)
    return broken((share < least) | share.is_nan(), f"{{}} % of letters in {language.script} script", percent(share))


def foreign_letters(language: LanguageSettings) -> pl.Expr:
    """The reason to drop a text in which too many letters do not exist in the language; null for other texts."""
    share, limit = foreign_share(language), language.max_foreign_letters_share
    return broken(share > limit, f"{{}} % of letters not in {language.code}", percent(share))


def _script_share(text: pl.Expr, language: LanguageSettings) -> pl.Expr:
    in_script = text.str.count_matches(rf"[\p{{{language.script}}}&&[\p{{L}}\p{{M}}]]")
    return in_script / text.str.count_matches(r"[\p{L}\p{M}]")


def english_share(texts: pl.Series) -> pl.Series:
    """For each text, the share of its characters in lines of English; 0 for texts with few English words.

    Lines shorter than LINE do not count. This share reveals partly translated pages. Language identification misses
    some of them because it reads only slices of a long text.
    """
    text, size = pl.col("text"), pl.col("text").str.len_chars()
    frame = texts.alias("text").to_frame().with_row_index("row")
    doubtful = text.str.count_matches(ENGLISH_WORDS) > MIN_ENGLISH_WORDS * text.str.count_matches(r"\S+")
    lines = frame.filter(doubtful).with_columns(text.str.split("\n")).explode("text").filter(size >= LINE)
    english = lines.with_columns(english=is_english(lines["text"]))
    shares = english.group_by("row").agg(share=size.filter("english").sum() / size.sum())
    return frame.join(shares, on="row", how="left", maintain_order="left")["share"].fill_null(0.0)
