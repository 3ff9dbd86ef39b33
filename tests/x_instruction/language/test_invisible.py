"""Every kind of invisible character is counted and removed, unless spelling or an emoji needs it."""

import polars as pl
import pytest

from x_instruction.language.invisible import KNOWN, hidden_characters, visible

# The kinds are control and format characters, fillers, variation selectors, tags, private use and non-characters.
KINDS = [
    *(0x00, 0x7, 0x1B, 0x7F, 0x85, 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180E, 0x200B),
    *(0x200C, 0x200D, 0x200E, 0x200F, 0x202A, 0x202E, 0x2060, 0x2061, 0x2063, 0x2066, 0x2069, 0x206A, 0x206F),
    *(0x2800, 0x3164, 0xE000, 0xF8FF, 0xFDD0, 0xFE00, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF9, 0xFFFB, 0xFFFC, 0x1BCA0),
    *(0x1D173, 0xE0001, 0xE0041, 0xE007F, 0xE0100, 0xF0000, 0x10FFFF),
]


def seen(text: str) -> str:
    return str(visible(pl.Series([text])).item())


@pytest.mark.parametrize("point", KINDS, ids=hex)
def test_an_invisible_character_is_removed_from_a_word(point: int) -> None:
    assert seen(f"piira{chr(point)}kka") == "piirakka"


@pytest.mark.parametrize(
    "text",
    [
        "র\u200d্যাব",
        "க்\u200cஷ",
        "می\u200cخواہد",
        "क्\u200dष",
        "❤\ufe0f 👨\u200d👩\u200d👧 👩🏽\u200d🚀 ☺\ufe0e",
        "1\ufe0f\u20e3",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "\u06dd١٢",
        "rivi\nja\tsarkain",
    ],
)
def test_characters_that_spelling_or_emoji_need_are_kept(text: str) -> None:
    assert seen(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("०\u200d१", "०१"),  # the joiner does not follow a letter
        ("க்\u200c\u200cஷ", "க்\u200cஷ"),  # the second non-joiner is superfluous
        ("🏴\U000e0073\U000e0061\U000e007f", "🏴"),  # these tags do not make a flag
        ("a\ufe0fb", "ab"),
        ("e\u200b\u0301", "é"),  # the result is in NFC
    ],
)
def test_a_sign_in_another_place_is_removed(text: str, expected: str) -> None:
    assert seen(text) == expected


def test_thai_marks_of_windows_fonts_become_letters() -> None:
    assert len(KNOWN) == 28
    assert seen("ห\uf70aวยงาน \uf0b7") == "ห่วยงาน •"


def test_only_removed_characters_are_counted() -> None:
    before = pl.Series(["a\u200bb\u2066", "க்\u200cஷ", "piirakka"])
    assert hidden_characters(before, visible(before)).sum() == 2
