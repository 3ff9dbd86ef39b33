"""Bank account numbers of the form that all of Europe and much of Asia uses (ISO 13616), held to their check digits."""

from __future__ import annotations

import re

import polars as pl

from stages.filtered_text.private_data.checked_numbers import mask_checked

MARK = "[iban]"
# Country, two check digits, and 11 to 30 letters and digits, in groups of four or without gaps.
_FORM = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)", re.ASCII)


def is_iban(found: str) -> bool:
    """Whether the number, its first four signs put last and letters read as 10 to 35, leaves 1 divided by 97."""
    number = found.replace(" ", "")
    return 15 <= len(number) <= 34 and int("".join(str(int(one, 36)) for one in number[4:] + number[:4])) % 97 == 1


def mask_ibans(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    return mask_checked(texts, _FORM, is_iban, MARK)
