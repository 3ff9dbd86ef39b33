"""Masks bank account numbers (IBAN, ISO 13616), validated by their check digits and the form of their country."""

from __future__ import annotations

import re

import polars as pl
from stdnum import iban

from x_instruction.cleaning.private_data.checked_numbers import Kind, mask_checked

MARK = "[iban]"
# The code of a country, two check digits, and 8 to 31 letters and digits, in groups of four or without gaps. The
# library `stdnum` checks the length.
FORM = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)", re.ASCII)
CANDIDATE = r"[A-Z]{2}\p{Nd}{2}\s?[A-Z\p{Nd}]{4}"


def mask_ibans(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The texts with account numbers masked, and the number of masked ones in each text."""
    return mask_checked(texts, [Kind(FORM, iban.is_valid)], MARK, CANDIDATE)
