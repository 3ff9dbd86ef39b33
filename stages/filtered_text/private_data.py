"""Private data masked in place: e-mail and IP addresses, national identity numbers, phone numbers.

A text is not dropped for them.
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.national_ids import MARK, count_national_ids, mask_national_ids

EMAIL = r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}"

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_TWO_DIGITS = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9])"
# An octet of two digits or more comes first or second: sections of laws (1.2.3.4) stay.
IPV4 = rf"\b(?:{_TWO_DIGITS}\.{_OCTET}|[0-9]\.{_TWO_DIGITS})\.{_OCTET}\.{_OCTET}\b"
# All eight groups, or at least two before `::`: times (12:30:45) and C++ names (std::sort) stay.
_GROUP = r"[0-9A-Fa-f]{1,4}"
IPV6 = (
    rf"\b(?:(?:{_GROUP}:){{7}}{_GROUP}|fe80::[0-9A-Fa-f:]+"
    rf"|{_GROUP}:{_GROUP}(?::{_GROUP}){{0,4}}::(?:{_GROUP}(?::{_GROUP}){{0,4}})?)"
)
IP = rf"(?:{IPV4}|{IPV6})"

# Digits of all scripts. A number must be international (+ or 00), or begin with a trunk 0 and have at least
# nine digits, so years, prices, dates and numbers of laws stay. The first group is what stands before it:
# digits behind a point or a comma (3.0123456789) are not a phone number.
_ZERO = "[0०০௦๐٠۰]"
_BEFORE = r"(^|[^\p{L}\p{M}\p{Nd}.,/+\-])"
_SEP = r"[ .\-\u{a0}\u{2010}\u{2011}\u{2013}]"
_NINE = "[1-9১-৯१-९௧-௯๑-๙۱-۹١-٩]"
_COUNTRY = rf"(?:\(?\+{_NINE}\p{{Nd}}{{0,2}}\)?|{_ZERO}{{2}}{_NINE}\p{{Nd}})"
_INTERNATIONAL = rf"{_COUNTRY}(?:{_SEP}{{0,2}}\(?\p{{Nd}}\)?){{6,12}}"
_PLAIN = rf"{_ZERO}{_NINE}\p{{Nd}}{{7,11}}"
_AREA = rf"\(?{_ZERO}{_NINE}\p{{Nd}}{{0,3}}\)?"
_GROUPED = (
    rf"{_AREA}{_SEP}(?:\p{{Nd}}{{6,8}}|\p{{Nd}}{{3,4}}{_SEP}\p{{Nd}}{{3,5}}|\p{{Nd}}{{3}}{_SEP}\p{{Nd}}{{2}}{_SEP}\p{{Nd}}{{2}})"
    rf"|{_ZERO}[ \-]\p{{Nd}}{{4}}[ \-]\p{{Nd}}{{4}}"
)
PHONE = rf"{_BEFORE}(?:{_INTERNATIONAL}|{_GROUPED}|{_PLAIN})\b"

# What a tokenizer may take for structure. It stays in the text as the plain characters it is.
CONTROL_STRING = (
    r"</?s>|<\|[A-Za-z_]{2,30}\|>|###\s*(?:Response|Instruction|Input|Human|Assistant)\s*:"
    r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:pad|unk|bos|eos)>"
)
# E-mail before IP before identity number before phone: each holds what the next would take a part of.
MASKS = {"emails": (EMAIL, "[email]"), "ips": (IP, "[ip]"), "phones": (PHONE, "${1}[phone]")}


def mask(frame: pl.DataFrame) -> pl.DataFrame:
    """Mask `text`; adds the counts `emails`, `ips`, `national_ids`, `phones` and `control_strings`."""
    frame = mask_national_ids(_masked(frame, "emails", "ips"))
    return _masked(frame, "phones").with_columns(
        control_strings=pl.col("text").str.count_matches(CONTROL_STRING).cast(pl.Int64)
    )


def _masked(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    text = pl.col("text")
    for name in names:
        pattern, mark = MASKS[name]
        frame = frame.with_columns(
            text.str.count_matches(pattern).cast(pl.Int64).alias(name), text.str.replace_all(pattern, mark)
        )
    return frame


def count_marks(frame: pl.DataFrame) -> pl.DataFrame:
    """The counts of `mask` anew, for parts of masked texts: by the marks that stand in them."""
    text, marks = pl.col("text"), {name: mark.removeprefix("${1}") for name, (_, mark) in MASKS.items()}
    counts = [
        text.str.count_matches(mark, literal=True).cast(pl.Int64).alias(name)
        for name, mark in (marks | {"national_ids": MARK}).items()
    ]
    return frame.with_columns(*counts, control_strings=text.str.count_matches(CONTROL_STRING).cast(pl.Int64))


def unmasked(text: pl.Expr) -> pl.Expr:
    """Number of addresses, identity numbers and phone numbers still in the text."""
    national_ids = text.map_batches(count_national_ids, return_dtype=pl.Int64)
    return pl.sum_horizontal(*(text.str.count_matches(pattern) for pattern, _ in MASKS.values()), national_ids)
