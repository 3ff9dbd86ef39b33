"""An answer that only repeats its question is recognized in every language, and an answer that quotes it is not."""

from __future__ import annotations

import tracemalloc

import polars as pl
import pytest

from tests.conftest import ROOT
from x_instruction.language.settings import load_language
from x_instruction.words import units
from x_instruction.words.repeated_questions import repeats_question

PAGES = ROOT / "languages"
# For each language, a question and the beginning of an answer that does not quote it.
QUESTIONS = {
    "bn": ("বাংলাদেশের জাতীয় ফুল কোনটি এবং কেন?", "শাপলা, কারণ এটি দেশের সর্বত্র জলাশয়ে ফোটে।"),
    "fi": (
        "Miksi järvet jäätyvät talvella pinnalta eivätkä pohjasta?",
        "Vesi on raskainta neljän asteen lämpötilassa.",
    ),
    "hi": ("बारिश के बाद इंद्रधनुष क्यों दिखाई देता है?", "पानी की बूँदें सूरज की रोशनी को रंगों में बाँट देती हैं।"),
    "id": ("Mengapa daun berubah warna pada musim gugur?", "Klorofilnya terurai sehingga pigmen lain terlihat jelas."),
    "sw": ("Kwa nini maji ya bahari yana chumvi nyingi?", "Mito hubeba madini kutoka kwenye miamba hadi baharini."),
    "ta": ("மழை பெய்த பிறகு வானவில் ஏன் தோன்றுகிறது?", "நீர்த்துளிகள் சூரிய ஒளியை நிறங்களாகப் பிரிக்கின்றன."),
    "th": ("ทำไมใบไม้จึงเปลี่ยนสีในฤดูใบไม้ร่วงของทุกปี", "เพราะคลอโรฟิลล์สลายตัวจนเห็นสารสีชนิดอื่นที่ซ่อนอยู่ข้างใต้"),
    "tr": ("Deniz suyu neden bu kadar çok tuz içerir?", "Nehirler kayalardan çözülen mineralleri sürekli taşır."),
    "ur": ("بارش کے بعد قوس قزح کیوں نظر آتی ہے؟", "پانی کے قطرے سورج کی روشنی کو رنگوں میں بانٹ دیتے ہیں۔"),
    "vi": ("Tại sao nước biển lại có nhiều muối như vậy?", "Các con sông mang khoáng chất từ đá ra đại dương."),
}


def repeats(answer: str, question: str, language: str = "fi") -> bool:
    found = repeats_question(pl.Series([answer]), pl.Series([question]), load_language(language, PAGES))
    return bool(found.item())


@pytest.mark.parametrize("language", QUESTIONS)
def test_a_repeated_question_is_recognized(language: str) -> None:
    question, other = QUESTIONS[language]
    assert repeats(question, question, language)
    assert repeats(f"«{question.upper()}»\n\n{question} {question}", question, language)
    assert not repeats(other, question, language)


@pytest.mark.parametrize("language", QUESTIONS)
def test_an_answer_that_begins_with_the_question_is_no_repetition(language: str) -> None:
    question, other = QUESTIONS[language]
    assert not repeats(f"{question} {other}", question, language)


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("Suomen suurin järvi pinta-alan mukaan on Saimaa.", "Mikä on Suomen suurin järvi pinta-alan mukaan?"),
        ("Ihan tavallinen punainen omena", "Kumpi maistuu: ihan tavallinen punainen omena vai vihreä kurpitsa?"),
        ("omena", "omena"),
        ("", "Mikä on Suomen suurin järvi?"),
        ("Mikä on Suomen suurin järvi?", ""),
    ],
)  # fmt: skip
def test_a_right_answer_in_words_of_the_question_is_no_repetition(answer: str, question: str) -> None:
    assert not repeats(answer, question)


def test_no_answers_have_no_repetitions() -> None:
    none = pl.Series([], dtype=pl.String)
    assert repeats_question(none, none, load_language("fi", PAGES)).is_empty()


def test_the_memory_does_not_grow_with_the_number_of_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "SLICE_CHARACTERS", 10_000)
    answers = pl.Series(["Vesi on raskainta neljän asteen lämpötilassa. " * 20] * 1000)
    assert not repeats("Vesi on raskainta.", "Miksi järvet jäätyvät?")  # loads what every call needs
    tracemalloc.start()
    try:
        assert repeats_question(answers, answers, load_language("fi", PAGES)).all()
        assert tracemalloc.get_traced_memory()[1] < 4 * answers.str.len_bytes().sum()
    finally:
        tracemalloc.stop()
