"""Masks payment card numbers: they have an issuer's prefix, length and grouping, and a valid check digit (Luhn)."""

from __future__ import annotations

import re

import polars as pl
from stdnum import luhn

from x_instruction.cleaning.private_data.checked_numbers import Kind, mask_checked
from x_instruction.cleaning.private_data.plain_digits import GAP

MARK = "[card]"
# The prefixes of ISO/IEC 7812 for numbers of 16 digits: Visa; Mastercard (51-55, 2221-2720); Discover and RuPay (60,
# 64, 65, 81, 82, 508); JCB (3528-3589); UnionPay (62); Troy (9792). Numbers of American Express have 15 digits, and
# those of Diners Club have 14.
_SIXTEEN = (
    r"(?=4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|6[0245]|8[12]|508|35(?:2[89]|[3-8])|9792)"
    r"\d{4}(?P<gap>[ \-]?)\d{4}(?P=gap)\d{4}(?P=gap)\d{4}"
)
_FIFTEEN = r"3[47]\d{2}(?P<gap15>[ \-]?)\d{6}(?P=gap15)\d{5}"
_FOURTEEN = r"3(?:0[0-5]|[68]\d)\d(?P<gap14>[ \-]?)\d{6}(?P=gap14)\d{4}"
# If another digit or another group of four is adjacent, the digits are a part of a longer number.
FORM = re.compile(
    rf"(?=\d)(?<![\w.,/+\-])(?<!\d{{4}} )(?:{_SIXTEEN}|{_FIFTEEN}|{_FOURTEEN})(?!\w|/|[.,\-]\d| \d{{4}}(?!\d))",
    re.ASCII,
)
CANDIDATE = rf"\p{{Nd}}(?:{GAP}?\p{{Nd}}){{13}}"


def _is_card(number: str) -> bool:
    digits = re.sub(r"\D", "", number)
    return len(set(digits)) > 1 and luhn.is_valid(digits)


def is_card(number: str) -> bool:
    """Whether a number is that of a payment card. It must be in ASCII, with its spaces or hyphens."""
    return FORM.fullmatch(number) is not None and _is_card(number)


def mask_cards(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The texts with card numbers masked, and the number of masked ones in each text."""
    return mask_checked(texts, [Kind(FORM, _is_card)], MARK, CANDIDATE)
