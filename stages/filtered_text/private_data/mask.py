"""Masks private data in place: e-mail and IP addresses, accounts, cards, identity numbers and phone numbers.

A text with private data is not dropped. Identity numbers and national phone numbers are those of the countries that the
language's page names.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import polars as pl

from stages.filtered_text.private_data import cards, ibans, ip_addresses, national_ids, phones
from x_instruction.language.settings import LanguageSettings

EMAIL_MARK = "[email]"
_AT, _DOT = r"(?: ?[\[({<] ?(?i:at|ät|sign) ?[\])}>] ?|[@＠])", r"(?:\.| ?[\[({<] ?(?i:dot|piste|nokta) ?[\])}>] ?)"
_NATIVE = r"[\p{L}\p{M}\p{N}&&[^\p{Latin}0-9]]"
# In Latin letters, also with "[at]" and "[dot]"; or in letters of another script.
EMAIL = (
    rf"[\p{{Latin}}0-9._%+\-]+{_AT}[\p{{Latin}}0-9\-]+(?:{_DOT}[\p{{Latin}}0-9\-]+)*{_DOT}\p{{Latin}}{{2,}}"
    rf"|{_NATIVE}(?:{_NATIVE}|[._+\-])*[@＠](?:{_NATIVE}|-)+(?:\.(?:{_NATIVE}|-)+)*\.{_NATIVE}{{2,}}"
)
MAY_HOLD_EMAIL = r"[@＠]|[\[({<] ?(?i:at|ät|sign) ?[\])}>]"
# Strings that a tokenizer may read as structure. They stay in the text and are counted.
CONTROL_STRING = (
    r"</?s>|<\|[A-Za-z_]{2,30}\|>|###\s*(?:Response|Instruction|Input|Human|Assistant)\s*:"
    r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:pad|unk|bos|eos)>"
)
MARKS = {
    "emails": EMAIL_MARK,
    "ips": ip_addresses.MARK,
    "ibans": ibans.MARK,
    "national_ids": national_ids.MARK,
    "cards": cards.MARK,
    "phones": phones.MARK,
}
KINDS = tuple(MARKS)
Mask = Callable[[pl.Series], tuple[pl.Series, pl.Series]]


def mask(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """Masks `text`; adds the counts of KINDS and of `control_strings`."""
    texts, counts = frame["text"], []
    for name, mask_kind in _masks(language).items():
        texts, count = mask_kind(texts)
        counts.append(count.alias(name))
    masked = frame.with_columns(texts.alias("text"), *counts)
    return masked.with_columns(control_strings=_count(CONTROL_STRING))


def _masks(language: LanguageSettings) -> dict[str, Mask]:
    """The masks of KINDS in order. Each kind comes before those that would match a part of it."""
    return {
        "emails": _mask_emails,
        "ips": ip_addresses.mask_ips,
        "ibans": ibans.mask_ibans,
        "national_ids": partial(national_ids.mask_national_ids, countries=language.countries),
        "cards": cards.mask_cards,
        "phones": partial(phones.mask_phones, countries=language.countries),
    }


def _mask_emails(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    found = pl.when(texts.str.contains(MAY_HOLD_EMAIL)).then(texts)
    masked = pl.coalesce(found.str.replace_all(EMAIL, EMAIL_MARK), texts)
    count = found.str.count_matches(EMAIL).fill_null(0).cast(pl.Int64)
    return pl.select(masked).to_series(), pl.select(count).to_series()


def count_marks(frame: pl.DataFrame) -> pl.DataFrame:
    """The counts of `mask` for parts of masked texts, by the marks that they contain."""
    counts = [_count(mark, literal=True).alias(name) for name, mark in MARKS.items()]
    return frame.with_columns(*counts, control_strings=_count(CONTROL_STRING))


def _count(pattern: str, literal: bool = False) -> pl.Expr:
    return pl.col("text").str.count_matches(pattern, literal=literal).cast(pl.Int64)


def unmasked(texts: pl.Series, language: LanguageSettings) -> int:
    """Number of addresses, accounts, cards, identity and phone numbers that are still in the texts."""
    return sum(int(mask_kind(texts)[1].sum()) for mask_kind in _masks(language).values())
