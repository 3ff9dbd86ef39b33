"""Masks phone numbers, found by their form and, for the language's countries, by the library `phonenumbers`.

The forms also find numbers that the library does not accept as valid, such as those of new ranges and "0-2645-9675-6",
which is short for two numbers. The library knows each country's numbering plan and finds numbers that are written in
other ways ("081234 56789" in India).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import chain

import polars as pl
from phonenumbers import Leniency, PhoneMetadata, PhoneNumberMatch, PhoneNumberMatcher, national_significant_number

from x_instruction.cleaning.private_data.announced_numbers import announced_phones, is_other
from x_instruction.cleaning.private_data.checked_numbers import masked_each, replaced
from x_instruction.cleaning.private_data.plain_digits import PHONE_GAP, plain
from x_instruction.runner.errors import SettingsError

MARK = "[phone]"
# Only texts that match this pattern are searched: few texts have seven digits close to each other.
CANDIDATE = rf"\p{{Nd}}(?:{PHONE_GAP}{{0,3}}\p{{Nd}}){{6}}"

# A phone number is international (with +, 00, or codes in brackets), or it begins with a trunk 0 and has at least eight
# digits, so that years, prices, dates and numbers of laws stay. Digits after a point, comma or colon are not a phone
# number either (3.0123456789, 15:04:05.000000), unless the point or colon follows a word (tel.040…). A Thai word may be
# directly before or after a number.
_THAI = r"[\u0e01-\u0e4e]"
_BEFORE = rf"(?:(?<![^\W_])(?<![.,/+\-:])|(?<={_THAI})|(?<=[^\d\s.,/+\-:]\.)|(?<=\D:)|(?<=^:))"
_AFTER = rf"(?:(?!\w)|(?={_THAI}))"
_SEP = r"[ .\-\u2013]"
_AREA = r"\(?0[1-9]\d{0,3}\)?"
_FORMS = [
    rf"(?:\(?\+[1-9]\d{{0,2}}\)?|00[1-9]\d)(?:{_SEP}{{0,2}}\(?\d\)?){{6,12}}",
    rf"{_AREA}{_SEP}(?:\d{{6,8}}|\d{{3,4}}{_SEP}\d{{3,5}}|\d{{3}}{_SEP}\d{{2}}{_SEP}\d{{2}})",
    r"0[ \-]\d{4}[ \-]\d{4}",
    # The next three forms are Turkish: "0 (532) 123 45 67", Sri Lankan: "011 2 345678", and Vietnamese:
    # "(84-24) 3123 4567".
    rf"0{_SEP}?\(?[1-9]\d{{2}}\)?{_SEP}?\d{{3}}{_SEP}?\d{{2}}{_SEP}?\d{{2}}",
    rf"{_AREA}{_SEP}\d{_SEP}\d{{6}}",
    rf"\([1-9]\d{{1,2}}[ \-]\d{{1,3}}\){_SEP}?\d{{3,4}}{_SEP}\d{{4}}",
    r"0[1-9]\d{7,11}",
]
FORM = re.compile(rf"(?=[+(0]){_BEFORE}(?:{'|'.join(_FORMS)}){_AFTER}")
# A valid number with at least this many digits, not counting the first 0, may be grouped in any way. A shorter number
# must be grouped as in its country, because it may also be a date, or a number next to a year.
LONG_NUMBER = 10
# With this code, phonenumbers finds international numbers only.
NO_COUNTRY = ("ZZ",)
# Indian mobile numbers are usually written without a country code and a trunk 0, so they count only after a word that
# announces them. One word may announce several numbers.
_INDIAN = rf"[6-9]\d{{4}}{_SEP}?\d{{5}}{_AFTER}"
INDIAN = re.compile(
    r"(?:\b(?i:phone|mobile|mob|tel|call|whatsapp)\b|फ\u093c?ोन|मोबाइल|मोबाईल|संपर्क|தொலைபேசி|கைபேசி|அலைபேசி|செல்|মোবাইল|ফোন)"
    rf"(?:[^\d\n]{{0,15}}{_INDIAN})+"
)
_EACH_INDIAN = re.compile(_INDIAN)


def mask_phones(texts: pl.Series, countries: tuple[str, ...]) -> tuple[pl.Series, pl.Series]:
    """The texts with phone numbers masked, and the number of masked ones in each text.

    Raises SettingsError for an unknown code of a country.
    """
    written = _written(countries)
    return masked_each(texts, lambda text, digits: _masked(text, digits, countries, written), CANDIDATE)


def _masked(text: str, digits: str, countries: tuple[str, ...], written: re.Pattern[str]) -> tuple[str, int]:
    text, by_form = replaced(text, chain(announced_phones(digits, countries), _of_form(digits, countries)), MARK)
    digits = plain(text) if by_form else digits
    text, by_plan = replaced(text, _of_plan(digits, countries, written), MARK)
    return text, by_form + by_plan


def _of_form(text: str, countries: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """The spans of numbers that have one of the forms."""
    yield from (match.span() for match in FORM.finditer(text) if not is_other(text, match.start()))
    if "IN" in countries:
        for announced in INDIAN.finditer(text):
            yield from (match.span() for match in _EACH_INDIAN.finditer(text, *announced.span()))


@cache
def _written(countries: tuple[str, ...]) -> re.Pattern[str]:
    """Pattern of a possible number: it begins with + or as the national numbers of the countries begin.

    Most countries have a trunk prefix, usually 0. The numbers of the other countries may begin with any digit.
    """
    plans = [PhoneMetadata.metadata_for_region(country) for country in countries]
    if None in plans:
        raise SettingsError(
            f"languages/: `countries` names {countries[plans.index(None)]!r}, which has no phone numbers"
        )
    prefixes = [plan.national_prefix for plan in plans if plan]
    begin = "[" + "".join(prefix[0] for prefix in prefixes if prefix) + "]" if all(prefixes) else r"\d"
    national = rf"|(?:\( ?)?{begin}(?!\.)" if countries else ""
    return re.compile(rf"(?=[+(\d])(?<![\w.,+\-:/])(?:\+{national})(?:[ .()/\-\u2013]{{0,3}}\d){{7,16}}")


def _of_plan(text: str, countries: tuple[str, ...], written: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """The spans of numbers that are valid in one of the countries."""
    at = 0
    while found := written.search(text, at):
        at = found.start() + 1
        if number := _longest_number(found.group(), countries or NO_COUNTRY):
            start, at = (found.start() + place for place in number)
            if not is_other(text, start):
                yield start, at


# Results are cached, because a number often occurs several times in a page, and a masked text is searched again.
@lru_cache(maxsize=10_000)
def _longest_number(text: str, countries: tuple[str, ...]) -> tuple[int, int] | None:
    """The span of the first valid number; None if there is none.

    The first groups of a number may be a valid number of another country, so the longest match counts.
    """
    spans = [(number.start, number.end) for country in countries for number in _valid_numbers(text, country)]
    return max(spans, key=lambda span: (-span[0], span[1]), default=None)


def _valid_numbers(text: str, country: str) -> Iterator[PhoneNumberMatch]:
    """Valid numbers that are grouped as in their country, and long valid numbers with any grouping."""
    valid = list(PhoneNumberMatcher(text, country, leniency=Leniency.VALID))
    if valid:  # otherwise no number is valid with the country's grouping either
        yield from PhoneNumberMatcher(text, country, leniency=Leniency.STRICT_GROUPING)
    yield from (number for number in valid if len(national_significant_number(number.number)) >= LONG_NUMBER)
