"""Telephone numbers and e-mail addresses in many written forms are masked, and similar numbers are not."""

from __future__ import annotations

import polars as pl
import pytest

from tests.benchmarks.private_data import ADDRESSES, LEAST_RECALL, MOST_FALSE, run
from tests.stages.filtered_text.texts import page
from x_instruction.cleaning.private_data.mask import mask, unmasked
from x_instruction.cleaning.private_data.second_look import suspects


def masked(text: str, language: str) -> str:
    result: str = mask(pl.DataFrame({"text": [text]}), page(language))["text"].item()
    return result


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("id", "WA 6281234567890", "WA [phone]"),
        ("id", "wa.me/6281234567890", "wa.me/[phone]"),
        ("id", "HP: 62-812-3456-7890", "HP: [phone]"),
        ("id", "Hub:0812-3456-7890/0813-4567-8901", "Hub:[phone]/[phone]"),
        ("id", "Tel0812-3456-7890", "Tel[phone]"),
        ("id", "Hubungi 0812 3456 7890 atau 0813 4567 8901", "Hubungi [phone] atau [phone]"),
        ("vi", "SĐT 84912345678", "SĐT [phone]"),
        ("vi", "Gọi 0901234567/0912345678", "Gọi [phone]/[phone]"),
        ("vi", "Zalo: 0912 34 56 78", "Zalo: [phone]"),
        ("hi", "फोन 081234 56789", "फोन [phone]"),
        ("hi", "Contact No. 9876543210", "Contact No. [phone]"),
        ("hi", "व्हाट्सएप ९८७६५४३२१०", "व्हाट्सएप [phone]"),
        ("ta", "தொடர்பு எண் 9840012345", "தொடர்பு எண் [phone]"),
        ("tr", "Tel: 532 123 45 67", "Tel: [phone]"),
        ("fi", "Soita 044 12 34 567", "Soita [phone]"),
        ("sw", "Namba 255712345678", "Namba [phone]"),
        ("ur", "رابطہ: ۰۳۰۰ ۱۲۳۴۵۶۷", "رابطہ: [phone]"),
        ("bn", "মোবাইল ০১৭১২৩৪৫৬৭৮", "মোবাইল [phone]"),
        ("th", "โทร 0812345678", "โทร [phone]"),
    ],
)
def test_an_announced_number_is_masked_in_any_form(language: str, text: str, expected: str) -> None:
    assert masked(text, language) == expected
    assert unmasked(pl.Series([expected]), page(language).countries) == 0


@pytest.mark.parametrize("language", ["id", "fi", "tr", "hi"])
@pytest.mark.parametrize(
    "text",
    [
        "ISBN 0306406152 ilmestyi 1998.",
        "Kitap ISBN: 0140449132, s. 12",
        "ISBN-10: 0306406152",
        "ISSN 0975-1234567",
        "Nomor barang 0190074442 tersedia.",
        "Resi 0123456789012",
        "OCLC 00123456789",
        "PNR 0012345678",
        "NIM 0812345678 lulus",
        "Sipariş no: 0212345678",
        "Tilausnumero 0401234567",
        "Namba 12 ya mwaka 2015",
    ],
)
def test_a_number_announced_as_something_else_is_not_a_telephone_number(language: str, text: str) -> None:
    assert masked(text, language) == text
    assert suspects(pl.Series([text])).to_list() == [None]  # a suspected number would drop the whole text


@pytest.mark.parametrize("text", ["msimu wa 2003-2003", "wa mwaka 2015-2016", "simu ya 2009 - 2017", "namba 1998–2004"])
def test_a_span_of_years_is_not_a_telephone_number(text: str) -> None:
    assert masked(text, "sw") == text


@pytest.mark.parametrize("language", ["fi", "hi", "id", "sw", "th", "tr", "ur", "vi"])
@pytest.mark.parametrize(
    "number",
    [
        "3201 0115 0190 0001",
        "3374 0920 0964 0013",
        "3201-0115-0190-0001",
        "3 0070 77898 65 7",
        "079 289 690 976",
        "079-305-500-551",
        "001 300 123 456",
    ],
)
def test_a_grouped_identity_number_is_masked_whole_in_every_language(language: str, number: str) -> None:
    assert masked(f"{number}, 12", language) == "[national_id], 12"


@pytest.mark.parametrize("number", ["087 823 456 789 1", "087 123 456 789 12", "5 087 123 456 789"])
def test_groups_of_a_longer_number_are_not_an_identity_number(number: str) -> None:
    assert "[national_id]" not in masked(f"nomor {number} aktif", "id")


@pytest.mark.parametrize("language", ["fi", "tr", "ur"])
@pytest.mark.parametrize("number", ["4111 1111 1111 1111", "5500 0000 0000 0004"])
def test_a_card_is_not_taken_for_a_grouped_identity_number(language: str, number: str) -> None:
    assert masked(number, language) == "[card]"


def test_an_announced_bank_account_is_masked() -> None:
    assert masked("rekening 06860196776 atas nama", "id") == "rekening [phone] atas nama"


def test_a_grouped_identity_number_is_masked_completely() -> None:
    assert masked("NIK 3201 0115 0190 0001", "id") == "NIK [national_id]"
    assert masked("NIK 3201-0115-0190-0001", "id") == "NIK [national_id]"
    assert masked("NIK 3201011501900001", "id") == "NIK [national_id]"


@pytest.mark.parametrize(
    ("language", "text"),
    [("vi", "UPC 012345678905"), ("vi", "mã vận đơn 001234567890"), ("tr", "barkod: 10000000146")],
)
def test_a_product_number_is_not_an_identity_number(language: str, text: str) -> None:
    assert masked(text, language) == text
    number = text.split()[-1]
    assert masked(f"{text}, CCCD {number}", language) == f"{text}, CCCD [national_id]"


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_in_any_script_and_with_words_for_the_signs_are_masked(address: str) -> None:
    assert masked(f"Yaz: {address}, tamam", "tr") == "Yaz: [email], tamam"


@pytest.mark.parametrize("text", ["look (at) this", "puhu [at] hänelle", "@käyttäjä kirjoitti", "a @ b", "ที่ @ไทย"])
def test_text_that_is_not_an_address_is_left(text: str) -> None:
    assert masked(text, "fi") == text


def test_the_benchmark_stays_within_its_bounds() -> None:
    rows = {row.case: row.ours for row in run()}
    assert all(value >= LEAST_RECALL for case, value in rows.items() if case.endswith("found"))
    assert all(value <= MOST_FALSE for case, value in rows.items() if case.endswith("marked"))
