"""Private data masked in place: e-mail and IP addresses, bank accounts, national identity numbers, phone numbers.

A text is not dropped for them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import polars as pl

from stages.filtered_text.private_data import ibans, ip_addresses, national_ids

EMAIL = r"[\p{Latin}0-9._%+\-]+@[\p{Latin}0-9\-]+(?:\.[\p{Latin}0-9\-]+)*\.\p{Latin}{2,}"

# Digits of all scripts. A number must be international (+ or 00), or begin with a trunk 0 and have at least
# nine digits, so years, prices, dates and numbers of laws stay. The first group is what stands before it:
# digits behind a point or a comma (3.0123456789) are not a phone number, nor are seconds (15:04:05.000000).
_ZERO = "[0०০௦๐٠۰]"
# A Thai word may stand right before and behind it, and the full stop of `tel.` before it.
_THAI = r"[\p{Thai}&&[\p{L}\p{M}]]"
_BEFORE = rf"(^|[^\p{{L}}\p{{M}}\p{{Nd}}.,/+\-:]|{_THAI}|[\p{{L}}\p{{M}}]\.|(?:^|\P{{Nd}}):)"
_SEP = r"[ .\-\u{a0}\u{2010}\u{2011}\u{2013}]"
_NINE = "[1-9১-৯१-९௧-௯๑-๙۱-۹١-٩]"
_COUNTRY = rf"(?:\(?\+{_NINE}\p{{Nd}}{{0,2}}\)?|{_ZERO}{{2}}{_NINE}\p{{Nd}})"
_INTERNATIONAL = rf"{_COUNTRY}(?:{_SEP}{{0,2}}\(?\p{{Nd}}\)?){{6,12}}"
_PLAIN = rf"{_ZERO}{_NINE}\p{{Nd}}{{7,11}}"
_AREA = rf"\(?{_ZERO}{_NINE}\p{{Nd}}{{0,3}}\)?"
_GROUPED = (
    rf"{_AREA}{_SEP}(?:\p{{Nd}}{{6,8}}|\p{{Nd}}{{3,4}}{_SEP}\p{{Nd}}{{3,5}}|\p{{Nd}}{{3}}{_SEP}\p{{Nd}}{{2}}{_SEP}\p{{Nd}}{{2}})"
    rf"|{_ZERO}[ \-]\p{{Nd}}{{4}}[ \-]\p{{Nd}}{{4}}"
    # Turkish 0 (532) 123 45 67, Sri Lankan 011 2 345678, Vietnamese (84-24) 3123 4567.
    rf"|{_ZERO}{_SEP}?\(?{_NINE}\p{{Nd}}{{2}}\)?{_SEP}?\p{{Nd}}{{3}}{_SEP}?\p{{Nd}}{{2}}{_SEP}?\p{{Nd}}{{2}}"
    rf"|{_AREA}{_SEP}\p{{Nd}}{_SEP}\p{{Nd}}{{6}}"
    rf"|\({_NINE}\p{{Nd}}{{1,2}}[ \-]\p{{Nd}}{{1,3}}\){_SEP}?\p{{Nd}}{{3,4}}{_SEP}\p{{Nd}}{{4}}"
)
# An Indian mobile number has neither a country nor a zero: only behind a word that announces it.
_ANNOUNCED = (
    r"((?:(?i:\b(?:phone|mobile|mob|tel|call|whatsapp)\b)|फ\x{93c}?ोन|मोबाइल|मोबाईल|संपर्क|தொலைபேசி|கைபேசி|அலைபேசி|செல்"
    r"|মোবাইল|ফোন)[^\p{Nd}\n]{0,15})"
)
_INDIAN = rf"[6-9৬-৯६-९௬-௯]\p{{Nd}}{{4}}{_SEP}?\p{{Nd}}{{5}}"
PHONE = rf"(?:{_BEFORE}(?:{_INTERNATIONAL}|{_GROUPED}|{_PLAIN})|{_ANNOUNCED}{_INDIAN})(?:\b|({_THAI}))"

# What a tokenizer may take for structure. It stays in the text as the plain characters it is.
CONTROL_STRING = (
    r"</?s>|<\|[A-Za-z_]{2,30}\|>|###\s*(?:Response|Instruction|Input|Human|Assistant)\s*:"
    r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:pad|unk|bos|eos)>"
)
# What is found by its form alone, and what is held to a check. E-mail before IP before account before identity number
# before phone: each holds what the next would take a part of. Groups of a form are what stands around it, and stays.
FORMS = {"emails": (EMAIL, "[email]"), "phones": (PHONE, "[phone]")}
# Without one there is none: few texts have seven digits that near, and the form of phones reads 4 MB/s.
CANDIDATES = {"emails": "@", "phones": r"\p{Nd}(?:[ .()\-\u{a0}\u{2010}\u{2011}\u{2013}]{0,3}\p{Nd}){6}"}
Mask = Callable[[pl.Series], tuple[pl.Series, pl.Series]]
CHECKED: dict[str, tuple[Mask, str]] = {
    "ips": (ip_addresses.mask_ips, ip_addresses.MARK),
    "ibans": (ibans.mask_ibans, ibans.MARK),
    "national_ids": (national_ids.mask_national_ids, national_ids.MARK),
}
KINDS = ("emails", *CHECKED, "phones")


def mask(frame: pl.DataFrame) -> pl.DataFrame:
    """Mask `text`; adds the counts of KINDS and of `control_strings`."""
    for name in KINDS:
        frame = _masked(frame, name)
    return frame.with_columns(control_strings=pl.col("text").str.count_matches(CONTROL_STRING).cast(pl.Int64))


def _masked(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    if name in CHECKED:
        texts, counts = CHECKED[name][0](frame["text"])
        return frame.with_columns(texts.alias("text"), counts.alias(name))
    texts, counts = _masked_texts(frame["text"], name)
    return frame.with_columns(texts.alias("text"), counts.alias(name))


def _masked_texts(texts: pl.Series, name: str) -> tuple[pl.Series, pl.Series]:
    """The texts masked, and how many marks each got.

    Again where there was one, until there is none: what announces or parts one number may stand in another's mark, as
    in "Mobile: 98765 43210, 91234 56780".
    """
    pattern, mark = FORMS[name]
    texts, counts = texts.clone(), pl.zeros(len(texts), dtype=pl.Int64, eager=True)
    rows = texts.str.contains(CANDIDATES[name]).arg_true()
    while len(rows):
        met = texts.gather(rows)
        found = met.str.count_matches(pattern).cast(pl.Int64)
        rows, met, found = rows.filter(found > 0), met.filter(found > 0), found.filter(found > 0)
        texts.scatter(rows, met.str.replace_all(pattern, f"${{1}}${{2}}{mark}${{3}}"))
        counts.scatter(rows, counts.gather(rows) + found)
    return texts, counts


def _candidates(name: str, text: pl.Expr) -> pl.Expr:
    """The texts that may hold one, and null for the others."""
    return pl.when(text.str.contains(CANDIDATES[name])).then(text)


def count_marks(frame: pl.DataFrame) -> pl.DataFrame:
    """The counts of `mask` anew, for parts of masked texts: by the marks that stand in them."""
    text, forms = pl.col("text"), {name: mark for name, (_, mark) in FORMS.items()}
    marks = forms | {name: mark for name, (_, mark) in CHECKED.items()}
    counts = [text.str.count_matches(mark, literal=True).cast(pl.Int64).alias(name) for name, mark in marks.items()]
    return frame.with_columns(*counts, control_strings=text.str.count_matches(CONTROL_STRING).cast(pl.Int64))


def unmasked(text: pl.Expr) -> pl.Expr:
    """Number of addresses, account, identity and phone numbers still in the text."""
    forms = [_candidates(name, text).str.count_matches(form).fill_null(0) for name, (form, _) in FORMS.items()]
    checked = [text.map_batches(partial(_number, find), return_dtype=pl.Int64) for find, _ in CHECKED.values()]
    return pl.sum_horizontal(*forms, *checked)


def _number(find: Mask, texts: pl.Series) -> pl.Series:
    return find(texts)[1]
