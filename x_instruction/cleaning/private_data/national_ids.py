"""Masks identity numbers of the language's countries, found by their form and validated by the checks in this table.

| country | number | form | check |
|---|---|---|---|
| FI | henkilötunnus | DDMMYY, century mark, NNN, check character | birth date, check character (modulo 31) |
| TR | T.C. Kimlik | 11 digits | two check digits |
| IN | Aadhaar, PAN | 12 digits; AAAPA9999A | Verhoeff's check digit; the fourth letter (kind of holder) |
| TH | 13 digits | 1-2345-67890-12-3, or plain | check digit (weights 13 to 2, modulo 11) |
| ID | NIK | 16 digits | place of registration, and birth date (40 is added to a woman's day) |
| VN | CCCD | 12 digits, or four groups of three | one of 63 provinces, and the digit of century and sex |
| PK | CNIC | 12345-1234567-1 | hyphens, province and sex; it has no check digit |
| TZ | NIDA | YYYYMMDD-NNNNN-NNNNN-NN | birth date and hyphens |
| BD | NID | 10, 13 or 17 digits | no public rule, so it must follow words that announce it |
| KE | national id | 7 or 8 digits | no public rule, so it must follow words that announce it |

Digits and signs may be of any script. About a tenth of all other numbers of 12 or 13 digits have a valid check digit by
chance. They are masked too, which does less harm than leaving a person's number in the text. A number stays if the
words before it announce the number of a thing (UPC, an order).

A grouped NIK, CCCD or Thai number that passes its check is masked in every language. Otherwise its last groups may be
taken for a telephone number, and the rest of the number would stay.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import chain

import polars as pl
from stdnum.fi import hetu
from stdnum.id import nik
from stdnum.in_ import aadhaar, pan
from stdnum.pk import cnic
from stdnum.th import pin
from stdnum.tr import tckimlik

from x_instruction.cleaning.private_data.announced_numbers import is_of_goods
from x_instruction.cleaning.private_data.cards import is_card
from x_instruction.cleaning.private_data.checked_numbers import Kind, mask_checked
from x_instruction.cleaning.private_data.plain_digits import GAP

MARK = "[national_id]"
ANNOUNCED = (
    r"(?P<before>(?:\b(?:NID|national id(?:entity)?(?: card)?|id|kitambulisho(?: cha taifa)?)"
    r"(?: ?(?:no|number|namba|nambari|na))?"
    r"|জাতীয় পরিচয়পত্র(?:ের)?(?: নম্বর| নং)?|এনআইডি(?: নম্বর| নং)?)(?:[.:#]{1,2} {0,2}| {1,2}))"
)
# A number must not be directly beside a letter or digit, or joined to one by a point or hyphen, because it would
# then be a part of a longer number. Thai words may be beside it, because no spaces separate them from numbers.
_FREE, _END = r"(?<![^\W\u0e01-\u0e4e])(?<![.,/+\-])", r"(?![^\W\u0e01-\u0e4e]|/|[.,\-]\d)"
_SEP = r"[ \-]?"
# The codes of Vietnam's 63 provinces. Many Indonesian mobile numbers of 12 digits begin with 081 or 085 (0812…, 0852…),
# which are not among them.
PROVINCES = re.compile(
    "0(?:0[12468]|1[0124579]|2[024-7]|3[013-8]|4[024-689]|5[12468]|6[024678]|7[024579]|8[02-4679]|9[1-6])"
)


def _is_finnish(number: str) -> bool:
    return hetu.is_valid(number, allow_temporary=True)


def _is_indonesian(number: str) -> bool:
    # stdnum is not enough: it reads the day modulo 40, so that it accepts day 81, and it does not check the serial
    # number.
    number = re.sub(r"\D", "", number)
    return number[6] < "8" and number[12:] != "0000" and nik.is_valid(number)


def _is_indonesian_and_no_card(number: str) -> bool:
    return _is_indonesian(number) and not is_card(number)


def _is_vietnamese(number: str) -> bool:
    number = re.sub(r"\D", "", number)
    return PROVINCES.match(number) is not None and number[3] in "0123"


def _is_tanzanian(number: str) -> bool:
    try:
        return 1900 <= date(int(number[:4]), int(number[4:6]), int(number[6:8])).year < 2100
    except ValueError:
        return False


def _indonesian(gap: str) -> str:
    return rf"\d{{4}}(?P<gap>{gap})\d{{4}}(?P=gap)\d{{4}}(?P=gap)\d{{4}}"


def _thai(gap: str) -> str:
    return rf"\d(?P<gap>{gap})\d{{4}}(?P=gap)\d{{5}}(?P=gap)\d{{2}}(?P=gap)\d"


VIETNAMESE_GROUPS = r"0\d{2}(?P<gap>[ -])\d{3}(?P=gap)\d{3}(?P=gap)\d{3}"


def _alone(form: str) -> str:
    """A pattern that matches `form` unless it is part of a longer number: a group of digits before or after it."""
    return rf"(?<!\d[ \-])(?:{form})(?![ \-]\d)"


def _form(form: str) -> re.Pattern[str]:
    # The test of the first character makes the search nearly twice as fast.
    return re.compile(rf"(?=[\dA-Z]){_FREE}(?:{form}){_END}")


def _announced(digits: str) -> Kind:
    return Kind(re.compile(rf"{ANNOUNCED}(?:{digits}){_END}", re.IGNORECASE), bool)


KINDS: dict[str, list[Kind]] = {
    "FI": [Kind(_form(r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]"), _is_finnish)],
    "TZ": [Kind(_form(r"\d{8}-\d{5}-\d{5}-\d{2}"), _is_tanzanian)],
    "PK": [Kind(_form(r"\d{5}-\d{7}-\d"), cnic.is_valid)],
    "ID": [Kind(_form(_indonesian(_SEP)), _is_indonesian)],
    "TH": [Kind(_form(_thai(_SEP)), pin.is_valid)],
    # Twelve digits in a row are a complete number, even next to another group of digits.
    "VN": [Kind(_form(rf"0\d{{11}}|{_alone(VIETNAMESE_GROUPS)}"), _is_vietnamese)],
    "IN": [
        Kind(_form(r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]"), pan.is_valid),
        # The number has exactly three groups of four. A number with more groups is a card number or a row of phone
        # extensions.
        Kind(_form(rf"(?<!\d[ \-])\d{{4}}(?P<gap>{_SEP})\d{{4}}(?P=gap)\d{{4}}(?![ \-]\d{{4}})"), aadhaar.is_valid),
    ],
    "TR": [Kind(_form(r"\d{11}"), tckimlik.is_valid)],
    "BD": [_announced(r"\d{17}|\d{13}|\d{10}")],
    "KE": [_announced(r"\d{7,8}")],
}
# These kinds are masked in every language, because other numbers are seldom grouped in this way.
GROUPED = {
    "ID": Kind(_form(_alone(_indonesian("[ -]"))), _is_indonesian_and_no_card),
    "TH": Kind(_form(_alone(_thai("[ -]"))), pin.is_valid),
    "VN": Kind(_form(_alone(VIETNAMESE_GROUPS)), _is_vietnamese),
}
# Only texts with seven digits in a row (spaces and hyphens may be between them) or a number with letters are searched.
CANDIDATE = rf"\p{{Nd}}(?:{GAP}?\p{{Nd}}){{6}}|[A-Z]{{5}}\p{{Nd}}{{4}}[A-Z]|\p{{Nd}}{{6}}[+A-FU-Y]\p{{Nd}}{{3}}"


def mask_national_ids(texts: pl.Series, countries: tuple[str, ...]) -> tuple[pl.Series, pl.Series]:
    """The texts with the countries' identity numbers masked, and the number of masked ones in each text."""
    grouped = (kind for country, kind in GROUPED.items() if country not in countries)
    kinds = chain(*(kinds for country, kinds in KINDS.items() if country in countries), grouped)
    return mask_checked(texts, (kind._replace(unless=is_of_goods) for kind in kinds), MARK, CANDIDATE)
