"""Normalisation keeps the characters that scripts need, repairs mojibake, and keeps the indentation of code."""

import itertools
import re
import unicodedata

import pytest
from ftfy.badness import MOJIBAKE_CATEGORIES, is_bad

from x_instruction.pages.normalise import looks_garbled, normalise

MARKED = {
    "bn": "অ্যাপ্লিকেশন ক্ষুদ্র র‍্যাব বাংলা",
    "hi": "क्‍षेत्र श्रीमान् हिन्दी क्‌ष पढ़ना",
    "ta": "தமிழ்நாடு க்‌ஷ ஸ்ரீ கோயில்",
    "th": "น้ำตาลทราย เก็บกู้ ที่นี่ กำลัง",
    "ur": "می‌خواہم اُردو عَربی کِتاب پھُول",
}


@pytest.mark.parametrize("language", MARKED)
def test_joiners_and_combining_marks_of_the_language_are_kept(language: str) -> None:
    assert normalise(MARKED[language]) == unicodedata.normalize("NFC", MARKED[language])


def test_marks_that_scripts_need_are_kept_and_control_characters_are_removed() -> None:
    assert normalise("e\u0301\x00 \t a\u200d\u0e33\r\n\n  b\u00ad") == "é a\u200d\u0e33\nb"


def test_quotes_widths_and_ligatures_are_unchanged() -> None:
    assert normalise("“lainaus” ﬁ Ａ … ’") == "“lainaus” ﬁ Ａ … ’"


def test_indentation_is_kept_only_between_fences() -> None:
    text = "  Näin:\n  ```python\n  if a:\n\t  b  =  1\n\n  ```\n    Loppu."
    assert normalise(text) == "Näin:\n```python\nif a:\n    b = 1\n```\nLoppu."


def test_mojibake_is_repaired() -> None:
    assert normalise("pÃ¤ivÃ¤Ã¤") == "päivää"


def test_mojibake_is_found_exactly_if_ftfy_finds_it() -> None:
    telling = re.findall(
        f"[{''.join(MOJIBAKE_CATEGORIES.values())}Ђ]", "".join(map(chr, range(0x80, 0x2700))) + "\ufffd"
    )
    pairs = map("".join, itertools.product(telling, telling))
    single = ("".join(around) for around in itertools.product(" a.", telling, " a,", " a"))
    long = ["Ù–Ù–", "С°С", "Ο°Ο", "вЂ", "β€™", "ГўВЂВ-a", "ab ГўВЂВ- b", "x Â", "Ã x", "œ1"]
    spaced = [f"{'x' * 20}{text}{'x' * 20}" for text in long]
    differing = [text for text in [*pairs, *single, *long, *spaced] if looks_garbled(text) != is_bad(text)]
    assert len(telling) > 400
    assert not differing


def test_html_entities_of_letters_are_replaced_only_within_words() -> None:
    assert normalise("T&uuml;rk &lsquo;ma&#231;ı") == "Türk ‘maçı"
    assert normalise("कि&#2340;ाब ปี&#3609;ี้ কি&#2453;ে தெரி&#2991;ும்") == "किताब ปีนี้ কিকে தெரியும்"
    lesson = "&nbsp; on blankko, a &lt; b ja R&amp;D"
    assert normalise(lesson) == lesson
