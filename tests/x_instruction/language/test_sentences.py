"""Sentence ends are found in texts of each language and of an unknown language."""

import re

import polars as pl
import pytest

from tests.stages.filtered_text.texts import page
from x_instruction.language.sentences import closed, marks, sentence_a_line, sentence_end, sentences


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("fi", 'Hinta on 3.50 e. "Kallis!" Niin… Miksi?', ["Hinta on 3.50 e.", '"Kallis!"', "Niin…", "Miksi?"]),
        ("fi", "Osa (3.) ja (miksi?) jatkuu. Ja", ["Osa (3.) ja (miksi?) jatkuu.", "Ja"]),
        ("hi", "वह गया।वह आया॥ Yes. No", ["वह गया।", "वह आया॥", "Yes.", "No"]),
        ("ur", "یہ ہے۔“وہ ہے؟”کیا", ["یہ ہے۔", "“وہ ہے؟”", "کیا"]),
        ("fi", "یہ ہے۔وہ ہے", ["یہ ہے۔وہ ہے"]),
        ("th", "ข้าวยำ ราคา 3.50  บาท", ["ข้าวยำ", "ราคา", "3.50", "บาท"]),
    ],
)
def test_sentences_end_where_the_language_page_says(language: str, text: str, expected: list[str]) -> None:
    lines = pl.DataFrame({"text": [text]}).select(sentence_a_line(page(language))).item().split("\n")
    assert [line.strip() for line in lines] == expected


def test_a_sentence_is_folded_measured_and_numbered_by_its_row() -> None:
    found = sentences(pl.DataFrame({"text": ["Yksi. KAKSI!", "***", "kolme"]}), page("fi"))
    assert found.rows() == [(0, "yksi.", 5), (0, "kaksi!", 6), (2, "kolme", 5)]


@pytest.mark.parametrize("text", ["Yes.", "Niin, ei!”", "वह गया।", "یہ ہے؟", "这是。", "ဟုတ်တယ်။", "հայերեն։"])
def test_the_marks_of_every_script_end_a_sentence_in_an_unknown_language(text: str) -> None:
    assert re.search(closed(marks()), text)
    assert re.fullmatch(rf".+?(?:{sentence_end(marks())})", text)


@pytest.mark.parametrize("text", ["klo 12.30", "e.g", "Otsikko:", "lause. ja"])
def test_a_text_without_an_end_is_not_closed(text: str) -> None:
    assert not re.search(closed(marks()), text)
    assert not re.search(closed(marks(page("fi"))), text)


def test_patterns_have_the_same_meaning_in_python_and_polars() -> None:
    text = 'Yksi. "Kaksi!" 3.5 kolme।neljä۔ viisi'
    for language in (None, page("fi"), page("hi"), page("ur")):
        pattern = sentence_end(marks(language))
        assert re.findall(pattern, text) == pl.Series([text]).str.extract_all(pattern)[0].to_list()
