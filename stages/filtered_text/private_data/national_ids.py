"""National identity numbers of the ten languages' countries: found by their public form, held to their check digits.

| country | number | form | what tells it from another number |
|---|---|---|---|
| Finland | henkilötunnus | DDMMYY, sign, NNN, check sign | the date, and the check sign (remainder by 31) |
| Turkey | T.C. Kimlik | 11 digits | two check digits |
| India | Aadhaar, PAN | 12 digits; AAAPA9999A | Verhoeff's check digit; the kind of holder, fourth letter |
| Thailand | 13 digits | 1-2345-67890-12-3, or plain | check digit (weights 13 to 2, by 11) |
| Indonesia | NIK | 16 digits | province, and birth date (a woman's day is raised by 40) |
| Vietnam | CCCD | 12 digits, begins with 0 | one of 63 provinces, and the digit of century and sex |
| Pakistan | CNIC | 12345-1234567-1 | the hyphens and the province, 1 to 8; it has no check digit |
| Tanzania | NIDA | YYYYMMDD-NNNNN-NNNNN-NN | birth date and hyphens |
| Bangladesh | NID | 10, 13 or 17 digits | nothing public: only behind words that announce it |
| Kenya | national id | 7 or 8 digits | nothing public: only behind words that announce it |

Digits may be those of any script. About a tenth of other numbers of 12 or 13 digits pass a single check digit and
are masked too: a masked serial number costs less than a person's number left in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date

import polars as pl

MARK = "[national_id]"
ANNOUNCED = (
    r"(?:\b(?:NID|national id(?:entity)?(?: card)?|id|kitambulisho(?: cha taifa)?)(?: ?(?:no|number|namba|nambari|na))?"
    r"|জাতীয় পরিচয়পত্র(?:ের)?(?: নম্বর| নং)?|এনআইডি(?: নম্বর| নং)?)(?:[.:#]{1,2} {0,2}| {1,2})"
)
# What may stand before and after: a digit behind a point, a hyphen or a letter belongs to a longer number.
# A Thai word is written right up to a number.
_FREE, _END = r"(?<![^\W\u0e01-\u0e4e])(?<![.,/+\-])", r"(?![^\W\u0e01-\u0e4e]|/|[.,\-]\d)"
_SEP = r"[ \-]?"


def _plain(found: str) -> str:
    """Letters and digits only, the digits as 0 to 9 whatever their script."""
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in found if one.isalnum())


def _is_date(year: str, month: str, day: str) -> bool:
    """A year of two digits is taken in the century that makes 29 February possible."""
    try:
        date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    except ValueError:
        return False
    return True


def _finland(number: str) -> bool:
    digits, check = number[:6] + number[-4:-1], number[-1]
    known = _is_date(number[4:6], number[2:4], number[:2])
    return known and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == check


def _turkey(number: str) -> bool:
    digits = [int(one) for one in number]
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    return digits[0] > 0 and digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


def _thailand(number: str) -> bool:
    total = sum(int(one) * weight for one, weight in zip(number, range(13, 1, -1), strict=False))
    return number[0] in "12345678" and (11 - total % 11) % 10 == int(number[12])


# Verhoeff 1969: multiplication in the dihedral group D5, and the powers of his permutation.
_D5 = [[(a + b) % 5 + 5 * (b > 4) if a < 5 else (a - b) % 5 + 5 * (b < 5) for b in range(10)] for a in range(10)]
_PERMUTATION = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def verhoeff(number: str) -> int:
    """0 where the last digit is the right check digit."""
    check = 0
    for place, one in enumerate(reversed(number)):
        digit = int(one)
        for _ in range(place % 8):
            digit = _PERMUTATION[digit]
        check = _D5[check][digit]
    return check


def _aadhaar(number: str) -> bool:
    return number[0] in "23456789" and verhoeff(number) == 0


def _indonesia(number: str) -> bool:
    day = int(number[6:8])
    known = 11 <= int(number[:2]) <= 97 and number[12:] != "0000"
    return known and _is_date(number[10:12], number[8:10], str(day - 40 if day > 40 else day))


# Codes of Vietnam's 63 provinces: an Indonesian mobile number (0812…, 0852…) has 12 digits, too.
PROVINCES = re.compile(
    "0(?:0[12468]|1[0124579]|2[024-7]|3[013-8]|4[024-689]|5[12468]|6[024678]|7[024579]|8[02-4679]|9[1-6])"
)


def _vietnam(number: str) -> bool:
    return PROVINCES.match(number) is not None and number[3] in "0123"


def _tanzania(number: str) -> bool:
    return number[:2] in ("19", "20") and _is_date(number[:4], number[4:6], number[6:8])


def _pakistan(number: str) -> bool:
    return number[0] in "12345678"


def _always(number: str) -> bool:
    return True


_D = r"\d"
_KINDS: list[tuple[str, Callable[[str], bool]]] = [
    (rf"{_D}{{6}}[-+A-FU-Y]{_D}{{3}}[0-9A-FHJ-NPR-Y]", _finland),
    (r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]", _always),
    (rf"{_D}{{8}}-{_D}{{5}}-{_D}{{5}}-{_D}{{2}}", _tanzania),
    (rf"{_D}{{5}}-{_D}{{7}}-{_D}", _pakistan),
    (rf"{_D}{{16}}", _indonesia),
    (rf"{_D}(?P<gap>{_SEP}){_D}{{4}}(?P=gap){_D}{{5}}(?P=gap){_D}{{2}}(?P=gap){_D}", _thailand),
    (rf"{_D}{{12}}", _vietnam),
    # Three groups of four, and no more: not three of a row of phone extensions or of a card's digits.
    (rf"(?<!\d[ \-]){_D}{{4}}(?P<gap>{_SEP}){_D}{{4}}(?P=gap){_D}{{4}}(?![ \-]{_D}{{4}})", _aadhaar),
    (rf"{_D}{{11}}", _turkey),
]
_PATTERNS = [(re.compile(f"{_FREE}(?:{form}){_END}"), check) for form, check in _KINDS]
_BEHIND_WORDS = re.compile(rf"({ANNOUNCED})(?:{_D}{{17}}|{_D}{{13}}|{_D}{{10}}|{_D}{{7,8}}){_END}", re.IGNORECASE)
# Few texts hold a run of seven digits: only these are looked at one by one.
CANDIDATE = r"\p{Nd}(?:[ \-]?\p{Nd}){6}|[A-Z]{5}\p{Nd}{4}[A-Z]|\p{Nd}{6}[+A-FU-Y]\p{Nd}{3}"


def mask_text(text: str) -> tuple[str, int]:
    """The text with its identity numbers masked, and how many there were."""
    count = 0
    for pattern, check in _PATTERNS:

        def masked(found: re.Match[str], check: Callable[[str], bool] = check) -> str:
            nonlocal count
            if not check(_plain(found.group())):
                return found.group()
            count += 1
            return MARK

        text = pattern.sub(masked, text)
    text, more = _BEHIND_WORDS.subn(rf"\g<1>{MARK}", text)
    return text, count + more


def mask_national_ids(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The texts masked, and the number of identity numbers in each."""
    looked_at = texts.str.contains(CANDIDATE)
    pairs = [mask_text(text) if look else (text, 0) for text, look in zip(texts, looked_at, strict=True)]
    return (
        pl.Series([text for text, _ in pairs], dtype=pl.String),
        pl.Series([count for _, count in pairs], dtype=pl.Int64),
    )
