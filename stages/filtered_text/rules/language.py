"""Is the text in the language it is taken for? Script first, then language identification."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rules.rule import broken, percent
from stages.filtered_text.settings import FilteredText
from x_instruction.language.identification import identify, is_english
from x_instruction.language.settings import LanguageSettings

# What is Latin in a text of any script: code between fences or backquotes, tags and comments, addresses.
CODE = r"(?s:```.*?```|\{/\*.*?\*/\})|`[^`\n]*`|</?[A-Za-z][^<>]*>|\]\([^()\s]*\)|https?://[^\s<>]+"
# Of English, 17 % of the words are these. A text with fewer than a fifth of that is not asked about line by line.
ENGLISH_WORDS, MIN_ENGLISH_WORDS = r"(?i)\b(?:the|and|you|this|that|is|are|can|it)\b", 0.034
LINE = 40  # characters; what is shorter may be a name


def wrong_script(language: LanguageSettings) -> pl.Expr:
    """Share of the text's letters in the language's script, too small: the code in it aside.

    With the code, 54 of 76 Tamil pages about React were in a wrong script, 15 Bengali and 10 Hindi ones.
    """
    text = pl.col("text")
    share = _script_share(text, language)
    doubtful = pl.when(share < language.min_script_share).then(text).otherwise(pl.lit(""))
    prose = _script_share(doubtful.str.replace_all(CODE, " "), language)
    share = pl.when(share < language.min_script_share).then(prose).otherwise(share)
    return broken(
        (share < language.min_script_share) | share.is_nan(), f"{{}} % of letters {language.script}", percent(share)
    )


def _script_share(text: pl.Expr, language: LanguageSettings) -> pl.Expr:
    ours = text.str.count_matches(rf"[\p{{{language.script}}}&&[\p{{L}}\p{{M}}]]")
    return ours / text.str.count_matches(r"[\p{L}\p{M}]")


def wrong_language(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Adds `language_score`. Texts in another script are not asked about: their score is 0."""
    least, score, judged = language.min_language_score, pl.col("language_score"), pl.col("judged")
    frame = frame.with_columns(wrong_script(language).alias("script"))
    asked = frame["text"].to_frame().select(pl.when(frame["script"].is_null()).then("text").otherwise(pl.lit("")))
    frame = pl.concat([frame, identify(asked.to_series(), language)], how="horizontal")
    english, most = pl.lit(english_share(frame["text"])), settings.max_english_share
    value = pl.coalesce(
        "script",
        broken(~judged.is_in(language.accepted), "judged {}", judged),
        broken(score < least, f"{language.code} {{}} < {least}", score.round(2)),
        broken(english > most, f"{{}} % in lines of English > {most:.0%}", percent(english)),
    )
    return frame.with_columns(value=value).drop("script", "judged")


def english_share(texts: pl.Series) -> pl.Series:
    """Share of each text, by characters, in lines of English: pages translated in part, whose beginning was read."""
    text, size = pl.col("text"), pl.col("text").str.len_chars()
    frame = texts.alias("text").to_frame().with_row_index("row")
    doubtful = text.str.count_matches(ENGLISH_WORDS) > MIN_ENGLISH_WORDS * text.str.count_matches(r"\S+")
    lines = frame.filter(doubtful).with_columns(text.str.split("\n")).explode("text").filter(size >= LINE)
    english = lines.with_columns(english=is_english(lines["text"]))
    shares = english.group_by("row").agg(share=size.filter("english").sum() / size.sum())
    return frame.join(shares, on="row", how="left", maintain_order="left")["share"].fill_null(0.0)
