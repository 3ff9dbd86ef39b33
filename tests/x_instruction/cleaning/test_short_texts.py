"""Seeds and evaluation prompts are cleaned like web text, but keep their line breaks."""

import polars as pl
import pytest

from tests.stages.filtered_text.texts import page
from x_instruction.cleaning.short_texts import cleaned_texts, has_markup


def cleaned(text: str, language: str | None = "fi") -> str:
    return str(cleaned_texts(pl.Series([text]), page(language) if language else None).item())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kolme\x00 \u202eihan\u202c hyvää\U000e0041", "kolme ihan hyvää"),
        ("kolme\u00a0ihan\r\nhyvää\u2028ja", "kolme ihan\nhyvää\nja"),
        ("pÃ¤ivÃ¤Ã¤", "päivää"),
        ("Soita 040 123 4567 tai a@b.example", "Soita [phone] tai [email]"),
        ("Soita ０４０ １２３ ４５６７", "Soita [phone]"),
        ("# Otsikko\n<!-- piilossa --><b>Teksti</b> &uuml;", "# Otsikko\nTeksti ü"),
        ("Lista:\n\n1. `eka`\n\n2. toka", "Lista:\n\n1. `eka`\n\n2. toka"),
        ("def f():\n    return 1\n\n\nloppu", "def f():\n    return 1\n\n\nloppu"),
    ],
)
def test_a_text_is_cleaned_like_web_text(text: str, expected: str) -> None:
    assert cleaned(text) == expected


def test_english_text_has_no_country_rules() -> None:
    assert cleaned("Ring 98350 44578 or +358 40 000 0147.", None) == "Ring 98350 44578 or [phone]."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<script>alert(1)</script>", True),
        ("ennen <img src=x onerror=y> jälkeen", True),
        ("<!-- ohje -->", True),
        ("```html\n<div>a</div>\n```", False),
        ("Elementti `<div>` on lohko, a < b > c.", False),
    ],
)
def test_markup_outside_code_is_found(text: str, expected: bool) -> None:
    assert pl.DataFrame({"text": [text]}).select(has_markup(pl.col("text"))).item() is expected
