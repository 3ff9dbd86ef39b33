"""Words and phrases are compared by the case rules of the language, without joiners and optional marks."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.conftest import ROOT
from tests.stages.filtered_text.texts import page
from x_instruction.language.folding import LAST_LETTER, folded, folded_list, folded_words, folds, in_any_case
from x_instruction.language.identification import stop_words_share
from x_instruction.language.letters import normalised
from x_instruction.language.names import load_names
from x_instruction.words.word_counts import with_word_counts, words_counted

LANGUAGES = sorted(load_names(ROOT / "languages"))


def fold(text: str, language: str) -> str:
    result: str = pl.DataFrame({"text": [text]}).select(folded(pl.col("text"), page(language))).item()
    return result


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("tr", "IŞIK İLK KIRMIZI İyi", "ışık ilk kırmızı iyi"),
        ("fi", "ÄÄNI Internet", "ääni internet"),
        ("vi", "ĐƯỜNG Ấm", "đường ấm"),
        ("ur", "اُردُو", "اردو"),
        ("hi", "क\u094d\u200dया", "क\u094dया"),
    ],
)
def test_case_and_optional_marks_are_ignored(language: str, text: str, expected: str) -> None:
    assert fold(text, language) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_of_code_points_agrees_with_the_expression(language: str) -> None:
    table = folds(page(language).capitals)
    points = [point for point in range(0x20, 0x3000) if chr(point).isalpha() and len(chr(point).lower()) == 1]
    texts = pl.DataFrame({"text": [chr(point) for point in points]})
    by_expression = texts.select(folded(pl.col("text"), page(language))).to_series().to_list()
    assert [chr(table[point]) for point in points if table[point]] == [text for text in by_expression if text]
    assert table.size == LAST_LETTER + 1


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("hi", "किताब पढ़ने वाले बच्चे", 4),
        ("bn", "বাংলা ভাষার ইতিহাস, অনেক পুরনো!", 5),
        ("ta", "தமிழ் மொழி மிகவும் பழமையானது", 4),
        ("ur", "اُردو زبان کی تاریخ", 4),
        ("tr", "Köyde çocuklar: OYNUYOR", 3),
        ("th", "ภาษาไทย น้ำ", 2),
    ],
)
def test_only_whole_words_match(language: str, text: str, expected: int) -> None:
    words = folded_words(normalised(pl.Series([text]), page(language)).item(), page(language))
    assert len(words) == expected
    assert all(np.array([len(word) for word in words]) > 1)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("tr", "Bu yazı ilk olarak yılın sonunda onun için yazıldı"),
        ("tr", "Daha sonra bir yılında tarafından ilk kez için"),
        ("fi", "Hän oli myös se joka ei vuonna"),
        ("vi", "Là người của một năm này đã có được"),
        ("sw", "Ya mwaka na wa katika kwa"),
    ],
)
def test_stop_words_are_recognized_in_capitals(language: str, text: str) -> None:
    settings = page(language)
    capitals = text.translate({ord(small): capital for capital, small in settings.capitals}).upper()
    assert stop_words_share(capitals, settings) == stop_words_share(text, settings) > 0.4
    counted = with_word_counts(pl.DataFrame({"text": [text, capitals]}), settings)
    small, large = counted.select(words_counted("stop_words")).to_series()
    assert small == large > 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_phrases_in_the_language_pages_are_already_folded(language: str) -> None:
    settings = page(language)
    for phrases in (settings.boilerplate, settings.stop_words):
        assert folded_list(phrases, settings) == [fold(phrase, language) for phrase in phrases]
    for words in (
        settings.boilerplate,
        settings.stop_words,
        settings.read_more,
        settings.buttons,
        settings.never_first,
        settings.everyday_words,
    ):
        assert normalised(pl.Series(list(words), dtype=pl.String), settings).to_list() == list(words)


@pytest.mark.parametrize("typed", ["Devamı için tıklayın", "DEVAMI İÇİN TIKLAYIN", "DEVAMI ICIN TIKLAYIN", "READ MORE"])
def test_a_pattern_of_phrases_matches_in_any_case(typed: str) -> None:
    pattern = in_any_case(["devamı için tıklayın", "devamı icin tıklayın", "read more"], page("tr"))
    assert pl.Series([typed]).str.contains(f"^{pattern}$").item()
