"""Replaces private data by marks: addresses (e-mail, IP) and numbers (bank account, card, identity, telephone).

The rest of the text is kept. The `countries` of the language's page (languages/<code>.yaml) decide which identity
numbers are searched for, and which phone numbers besides those of the general forms in phones.py.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial

import polars as pl

from x_instruction.cleaning.control_strings import count_control_strings
from x_instruction.cleaning.private_data import cards, ibans, ip_addresses, national_ids, phones
from x_instruction.cleaning.private_data.passages import Passages
from x_instruction.cleaning.private_data.second_look import suspects
from x_instruction.language.changes import changed_where
from x_instruction.language.settings import LanguageSettings

EMAIL_MARK = "[email]"
_AT = r"(?: ?[\[({<] ?(?i:at|a|ät|et|sign) ?[\])}>] ?| ?_(?i:at)_ ?| @ |[@＠])"
_DOT = r"(?:\.| ?[\[({<] ?(?i:dot|piste|nokta|titik|chấm) ?[\])}>] ?)"
# Letters of scripts other than Latin, and the joiners that some of these scripts need.
_NATIVE = r"[[\p{L}\p{M}\p{N}&&[^\p{Latin}0-9]]\x{200C}\x{200D}]"
# In "ali at ornek dot com", both words and a usual ending are required, because "at" and "dot" are also everyday words.
_SPOKEN_DOT = r" (?i:dot|piste|nokta|titik|chấm) "
_ENDINGS = r"(?i:com|org|net|edu|gov|info|fi|id|th|tr|vn|bd|in|tz|ke|lk|pk|sg|eu|io)\b"
_SPOKEN_DOMAIN = rf"[\p{{Latin}}0-9\-]+(?:{_SPOKEN_DOT}[\p{{Latin}}0-9\-]+)*{_SPOKEN_DOT}{_ENDINGS}"
_SPOKEN = rf"[\p{{Latin}}0-9._%+\-]+ (?i:at|ät) {_SPOKEN_DOMAIN}"
EMAIL = (
    rf"[\p{{Latin}}0-9._%+\-]+{_AT}[\p{{Latin}}0-9\-]+(?:{_DOT}[\p{{Latin}}0-9\-]+)*{_DOT}\p{{Latin}}{{2,}}"
    rf"|{_NATIVE}(?:{_NATIVE}|[._+\-])*[@＠](?:{_NATIVE}|-)+(?:\.(?:{_NATIVE}|-)+)*\.{_NATIVE}{{2,}}|{_SPOKEN}"
)
_BRACKETED_AT = r"[\[({<_] ?(?i:at|a|ät|et|sign) ?[\])}>_] ?[\p{Latin}0-9\-]+ ?[.\[({<]"
MAY_HOLD_EMAIL = rf"[@＠]|{_BRACKETED_AT}|{_SPOKEN_DOT}{_ENDINGS}"
MARKS = {
    "emails": EMAIL_MARK,
    "ips": ip_addresses.MARK,
    "ibans": ibans.MARK,
    "national_ids": national_ids.MARK,
    "cards": cards.MARK,
    "phones": phones.MARK,
}
KINDS = tuple(MARKS)
CANDIDATES = (
    MAY_HOLD_EMAIL,
    *(kind.CANDIDATE for kind in (ip_addresses, ibans, national_ids, cards, phones)),
)
Mask = Callable[[pl.Series], tuple[pl.Series, pl.Series]]


def mask(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """Masks the column `text`. Adds a column of counts for each of KINDS, and the count `control_strings`."""
    texts, counts = masked(frame["text"], language.countries)
    result = frame.with_columns(texts.alias("text"), *(count.alias(name) for name, count in counts.items()))
    return result.with_columns(control_strings=count_control_strings(pl.col("text")))


def masked(texts: pl.Series, countries: tuple[str, ...]) -> tuple[pl.Series, dict[str, pl.Series]]:
    """The texts with their private data masked, and the number of masked items of each kind in each text.

    Without countries (text in English), a phone number is masked only if it is international or has one of the general
    forms of phones.py, and an identity number only if it is one of national_ids.GROUPED.
    """
    passages = Passages(texts, CANDIDATES)
    found, counts = _masked(passages.texts, countries)
    return passages.joined(found).alias(texts.name), {name: passages.summed(count) for name, count in counts.items()}


def _masked(texts: pl.Series, countries: tuple[str, ...]) -> tuple[pl.Series, dict[str, pl.Series]]:
    """`masked` for passages.

    A number may begin right after a masked one ("0812 3456 7890-0813 4567 8901"), so changed passages are searched
    again.
    """
    before, counts = texts, dict[str, pl.Series]()
    for name, mask_kind in _masks(countries).items():
        texts, counts[name] = mask_kind(texts)
    changed = texts != before
    if not changed.any():
        return texts, counts
    masked_again, more = _masked(texts.filter(changed), countries)
    texts = changed_where(changed, texts, lambda _: masked_again)
    return texts, {
        name: changed_where(changed, count, partial(operator.add, more[name])) for name, count in counts.items()
    }


def _masks(countries: tuple[str, ...]) -> dict[str, Mask]:
    """The mask of each kind, in the order of use.

    A mask that may match a part of another kind's numbers comes after the mask of that kind.
    """
    return {
        "emails": _mask_emails,
        "ips": ip_addresses.mask_ips,
        "ibans": ibans.mask_ibans,
        "national_ids": partial(national_ids.mask_national_ids, countries=countries),
        "cards": cards.mask_cards,
        "phones": partial(phones.mask_phones, countries=countries),
    }


def _mask_emails(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    found = texts.str.contains(MAY_HOLD_EMAIL)
    masked_texts = changed_where(found, texts, lambda some: some.str.replace_all(EMAIL, EMAIL_MARK))
    count = (series.str.count_matches(EMAIL_MARK, literal=True).cast(pl.Int64) for series in (masked_texts, texts))
    return masked_texts, next(count) - next(count)


def count_marks(frame: pl.DataFrame) -> pl.DataFrame:
    """Counts the marks again, for frames with parts of masked texts, and replaces the columns that `mask` added."""
    text = pl.col("text")
    counts = [text.str.count_matches(mark, literal=True).cast(pl.Int64).alias(name) for name, mark in MARKS.items()]
    return frame.with_columns(*counts, control_strings=count_control_strings(text))


def unmasked(texts: pl.Series, countries: tuple[str, ...]) -> int:
    """Number of items of private data that are still in the texts.

    This is the number of items that the masks find or, if it is larger, the number of texts in which a simpler search
    finds one. That search shares none of the masks' patterns.
    """
    by_masks = sum(int(count.sum()) for count in masked(texts, countries)[1].values())
    return max(by_masks, suspects(texts).drop_nulls().len())
