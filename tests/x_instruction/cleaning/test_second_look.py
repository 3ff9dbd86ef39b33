"""The second, simpler search finds private data that the masks miss, and does not suspect harmless numbers."""

import polars as pl
import pytest

from tests.stages.filtered_text.texts import GOOD, drop, given, made, page
from x_instruction.cleaning.private_data.mask import mask, unmasked
from x_instruction.cleaning.private_data.second_look import suspects

FULL_WIDTH = str.maketrans({sign: chr(ord(sign) + 0xFEE0) for sign in "0123456789+-@"})


def masked(text: str, language: str = "fi") -> str:
    return str(mask(pl.DataFrame({"text": [text]}), page(language))["text"].item())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Soita +358 40 000 0147 heti.".translate(FULL_WIDTH), "Soita [phone] heti."),
        ("Soita 040\u2212123\u20124567 heti.", "Soita [phone] heti."),
        ("Kortti 4111\u20091111\u20091111\u20091111.", "Kortti [card]."),
        ("Kortti 4111 1111 1111 1111.".translate(FULL_WIDTH), "Kortti [card]."),
        ("Osoite १९८.४१.०.४ toimii", "Osoite [ip] toimii"),
        ("Tili FI21 1234 5600 0007 85.".replace("1234", "１２３４"), "Tili [iban]."),
        ("Kirjoita maija (at) kerho.example nyt", "Kirjoita [email] nyt"),
        ("Kirjoita maija(a)kerho.fi nyt", "Kirjoita [email] nyt"),
        ("Kirjoita maija at kerho dot com nyt", "Kirjoita [email] nyt"),
        ("Kirjoita maija @ kerho.fi nyt", "Kirjoita [email] nyt"),
        ("लिखें संप\u200dर्क@उदाहरण.भारत अब", "लिखें [email] अब"),
        ("Look at the dot plot", "Look at the dot plot"),
    ],
)
def test_look_alike_digits_and_signs_are_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


def test_joiners_and_tags_inside_a_number_do_not_hide_it() -> None:
    found = made(f"{GOOD} Soita 040\u200d 123\u2060 4\U000e0041567.").kept.row(0, named=True)
    assert found["text"].endswith("Soita [phone].") and found["phones"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "soita 0 4 0 1 2 3 4 5 6 7 nyt",
        "soita +998(9 )91-234-5 678 nyt",
        "kortti 5500  0055 5555 5559 nyt",
        "tili FI21-1234-5600-0007-85 nyt",
        "kirjoita öljy!x@kerho.fi nyt",
        "osoite １９８.41.0.4 nyt",
    ],
)
def test_private_data_in_unusual_forms_is_suspected(text: str) -> None:
    assert suspects(pl.Series([text])).null_count() == 0
    assert unmasked(pl.Series([text]), ("FI",)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "ISBN 0-306-40615-2 ja 0123456789",
        "01000001 01000010",
        "**@posti.example, [email], @nimi, npm paketti@1.2.3",
        "1 250 000 000,00 euroa vuosina 1866-1868, 2010-2014",
        "versio 1.2.3.4 ja 192.168.1.1",
        "05-03-2012 06-08-2022 klo 15:04:05.000000",
    ],
)
def test_harmless_numbers_are_not_suspected(text: str) -> None:
    assert suspects(pl.Series([text])).null_count() == 1


def test_a_text_with_left_over_private_data_is_dropped_without_showing_it() -> None:
    split = made(f"{GOOD} Tili on FI21-1234-5600-0007-85 siellä.")
    assert split.kept.is_empty()
    row = split.dropped.row(0, named=True)
    assert row["reason"] == "private_data" and row["text"] == ""
    assert row["value"] == "looks like private data: xx99-9999-9999-9999-99"


def test_titles_are_also_masked() -> None:
    frame = made(GOOD, settings=given()).kept
    assert frame["title"].to_list() == [""]
    assert drop("lyhyt")[0] == "too_short"
