"""Measures how well telephone numbers and e-mail addresses are masked: recall and, for numbers, false positives.

The numbers are libphonenumber's examples for the countries of the ten languages, in national, international and E.164
form. They are written with several separators, with and without the leading +, after words of the language that
announce a number, and after the word "Kirje" (letter), which does not. A number counts as found if the mask leaves none
of its digits. False positives are counted on other numbers: ISBN, ISSN, EAN, orders, parcels, references, years,
prices, coordinates. The bounds on recall and false positives were chosen by this project.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import phonenumbers
import polars as pl
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from tests.benchmarks.table import ROOT, Row
from x_instruction.cleaning.private_data.mask import mask
from x_instruction.language.names import load_names
from x_instruction.language.settings import LanguageSettings, load_language

WORDS = {
    "fi": ["Puh.", "Puhelin:", "Soita", "GSM"],
    "id": ["Telp.", "HP:", "WA", "Hubungi"],
    "th": ["โทร.", "โทรศัพท์", "มือถือ", "ติดต่อ"],
    "tr": ["Tel:", "Telefon", "Cep", "GSM:"],
    "vi": ["ĐT:", "SĐT", "Gọi", "Điện thoại:"],
    "bn": ["ফোন:", "মোবাইল", "যোগাযোগ:", "Phone"],
    "hi": ["फ़ोन:", "मोबाइल", "संपर्क:", "Ph:"],
    "sw": ["Simu:", "Namba", "Piga", "Tel"],
    "ta": ["தொலைபேசி:", "கைபேசி", "தொடர்புக்கு:", "Cell phone"],
    "ur": ["فون:", "موبائل", "رابطہ:", "WhatsApp"],
}
SEPARATORS = (" ", "-", ".", "", "\u00a0")
FORMS = (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164)
TYPES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.TOLL_FREE)
LEAST_RECALL, MOST_FALSE = 0.98, 0.01
ADDRESSES = (
    "ali@ornek.example", "ali [at] ornek.example", "ali(at)ornek.example", "ali [at] ornek [dot] example",
    "ali＠ornek.example", "ผู้ดูแล@ตัวอย่าง.ไทย", "संपर्क@उदाहरण.भारत", "যোগাযোগ@উদাহরণ.বাংলা",
    "தொடர்பு@எடுத்துக்காட்டு.இந்தியா", "رابطہ@مثال.پاکستان", "liên.hệ@vídụ.example", "äiti.öljy@esimerkki.example",
)  # fmt: skip
OTHERS = 40  # numbers of each kind


def run() -> list[Row]:
    rows = []
    for code in load_names(ROOT / "languages"):
        language = load_language(code, ROOT / "languages")
        planted, bare = list(numbers(language, WORDS[code])), list(numbers(language, ["Kirje"]))
        found, alone = (sum(_is_masked(*one, language) for one in some) for some in (planted, bare))
        others = list(other_numbers(random.Random(7)))
        false = sum("[phone]" in text for text in _masked(others, language))
        rows += [
            Row(f"{code} numbers found", "share", found / len(planted), LEAST_RECALL, f"of {len(planted)}; at least"),
            Row(
                f"{code} numbers found without an announcing word", "share", alone / len(bare), LEAST_RECALL, "the goal"
            ),
            Row(f"{code} other numbers marked", "share", false / len(others), MOST_FALSE, f"of {len(others)}; at most"),
        ]
    texts = [f"Yaz: {address}, tamam" for address in ADDRESSES]
    emails = sum(text == "Yaz: [email], tamam" for text in _masked(texts, load_language("tr", ROOT / "languages")))
    rows.append(Row("addresses found", "share", emails / len(texts), LEAST_RECALL, f"of {len(texts)}; at least"))
    return rows


def numbers(language: LanguageSettings, words: list[str]) -> Iterator[tuple[str, str]]:
    """Yields pairs: a text in which a number follows one of the words, and the number as it is written there."""
    for country in language.countries:
        for kind in TYPES:
            example = phonenumbers.example_number_for_type(country, kind)
            written = {phonenumbers.format_number(example, form) for form in FORMS} if example else set()
            forms = {re.sub(r"[ \-]", separator, text) for text in written for separator in SEPARATORS}
            for form in sorted(forms | {text.lstrip("+") for text in forms}):
                yield from ((f"{word} {form}, kiitos.", form) for word in words)


def other_numbers(draw: random.Random) -> Iterator[str]:
    """Texts with numbers that are not telephone numbers."""
    for _ in range(OTHERS):
        nine = "".join(str(draw.randrange(10)) for _ in range(9))
        check = sum((10 - place) * int(digit) for place, digit in enumerate(nine)) * 10 % 11
        yield f"ISBN {nine}{'X' if check == 10 else check}"
        yield f"ISBN: 978-{nine[0]}-{nine[1:4]}-{nine[4:]}-{draw.randrange(10)}"
        yield f"ISSN 0{nine[:3]}-{nine[3:7]}"
        yield f"EAN 0{nine}{nine[:3]}"
        yield f"Order no. 0{nine}"
        yield f"Resi 0{nine}{nine[:3]}"
        yield f"Viitenumero: 0{nine}"
        yield f"{draw.randrange(1800, 2000)}-{draw.randrange(2000, 2030)}"
        yield f"{draw.randrange(1, 99)}.{nine[:3]}.{nine[3:6]},00 €"
        yield f"Rp {draw.randrange(1, 99)}.{nine[:3]}.{nine[3:6]}"
        yield f"{draw.randrange(10, 60)}.{nine[:6]}, {draw.randrange(10, 99)}.{nine[3:9]}"


def _masked(texts: list[str], language: LanguageSettings) -> list[str]:
    return mask(pl.DataFrame({"text": texts}), language)["text"].to_list()


def _is_masked(text: str, number: str, language: LanguageSettings) -> bool:
    """Whether the mask leaves no digit of the number."""
    (masked,) = _masked([text], language)
    return not any(one.isdecimal() for one in masked) and "[" in masked and number not in masked
