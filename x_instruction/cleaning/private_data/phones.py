"""Phone numbers: found by their form, and those of the language's countries also by the library `phonenumbers`.

The forms find numbers that the library does not know as valid (new ranges, "0-2645-9675-6" for two lines). The library
knows each country's numbering plan and finds numbers that are written in other ways ("081234 56789" in India).
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
# Few texts have seven digits this close to each other, and only these are searched.
CANDIDATE = rf"\p{{Nd}}(?:{PHONE_GAP}{{0,3}}\p{{Nd}}){{6}}"

# A number is international (+ or 00), or it begins with a trunk 0 and has at least nine digits. Therefore years,
# prices, dates and numbers of laws stay, and so do decimals (3.0123456789) and seconds (15:04:05.000000): digits
# after a point, comma or colon are not a phone number, unless the point follows a word (tel.040…). A Thai word may be
# adjacent.
_THAI = r"[\u0e01-\u0e4e]"
_BEFORE = rf"(?:(?<![^\W_])(?<![.,/+\-:])|(?<={_THAI})|(?<=[^\d\s.,/+\-:]\.)|(?<=\D:)|(?<=^:))"
_AFTER = rf"(?:(?!\w)|(?={_THAI}))"
_SEP = r"[ .\-\u2013]"
_AREA = r"\(?0[1-9]\d{0,3}\)?"
_FORMS = [
    rf"(?:\(?\+[1-9]\d{{0,2}}\)?|00[1-9]\d)(?:{_SEP}{{0,2}}\(?\d\)?){{6,12}}",
    rf"{_AREA}{_SEP}(?:\d{{6,8}}|\d{{3,4}}{_SEP}\d{{3,5}}|\d{{3}}{_SEP}\d{{2}}{_SEP}\d{{2}})",
    r"0[ \-]\d{4}[ \-]\d{4}",
    # Turkish 0 (532) 123 45 67, Sri Lankan 011 2 345678, Vietnamese (84-24) 3123 4567.
    rf"0{_SEP}?\(?[1-9]\d{{2}}\)?{_SEP}?\d{{3}}{_SEP}?\d{{2}}{_SEP}?\d{{2}}",
    rf"{_AREA}{_SEP}\d{_SEP}\d{{6}}",
    rf"\([1-9]\d{{1,2}}[ \-]\d{{1,3}}\){_SEP}?\d{{3,4}}{_SEP}\d{{4}}",
    r"0[1-9]\d{7,11}",
]
FORM = re.compile(rf"(?=[+(0]){_BEFORE}(?:{'|'.join(_FORMS)}){_AFTER}")
# Dates, and numbers beside a year, have fewer digits without the first 0. A valid number of that many digits may be
# grouped in any way; a shorter one must be grouped as in its country.
LONG_NUMBER = 10
# With this code, phonenumbers finds international numbers only.
NO_COUNTRY = ("ZZ",)
# Indian mobile numbers have neither a country code nor a trunk 0, so they count only after a word that announces them.
# Several of them may follow.
_INDIAN = rf"[6-9]\d{{4}}{_SEP}?\d{{5}}{_AFTER}"
INDIAN = re.compile(
    r"(?:\b(?i:phone|mobile|mob|tel|call|whatsapp)\b|फ\u093c?ोन|मोबाइल|मोबाईल|संपर्क|தொலைபேசி|கைபேசி|அலைபேசி|செல்|মোবাইল|ফোন)"
    rf"(?:[^\d\n]{{0,15}}{_INDIAN})+"
)
_EACH_INDIAN = re.compile(_INDIAN)


def mask_phones(texts: pl.Series, countries: tuple[str, ...]) -> tuple[pl.Series, pl.Series]:
    """The texts with phone numbers masked, and how many each had. Raises SettingsError for an unknown country."""
    written = _written(countries)
    return masked_each(texts, lambda text, digits: _masked(text, digits, countries, written), CANDIDATE)


def _masked(text: str, digits: str, countries: tuple[str, ...], written: re.Pattern[str]) -> tuple[str, int]:
    text, by_form = replaced(text, chain(announced_phones(digits, countries), _of_form(digits, countries)), MARK)
    digits = plain(text) if by_form else digits
    text, by_plan = replaced(text, _of_plan(digits, countries, written), MARK)
    return text, by_form + by_plan


def _of_form(text: str, countries: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """The spans of numbers that have one of the forms."""
    yield from (found.span() for found in FORM.finditer(text) if not is_other(text, found.start()))
    if "IN" in countries:
        for announced in INDIAN.finditer(text):
            yield from (found.span() for found in _EACH_INDIAN.finditer(text, *announced.span()))


@cache
def _written(countries: tuple[str, ...]) -> re.Pattern[str]:
    """Pattern of what may be a number of the countries: it begins with + or as their national numbers begin.

    Most countries have a trunk prefix, usually 0; the numbers of other countries may begin with any digit.
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


# Numbers come again within a page, and with every search of a masked text.
@lru_cache(maxsize=10_000)
def _longest_number(text: str, countries: tuple[str, ...]) -> tuple[int, int] | None:
    """The span of the first valid number. The first groups of one country's number may be valid in another country.

    Therefore the longest counts.
    """
    spans = [(number.start, number.end) for country in countries for number in _valid_numbers(text, country)]
    return max(spans, key=lambda span: (-span[0], span[1]), default=None)


def _valid_numbers(text: str, country: str) -> Iterator[PhoneNumberMatch]:
    """Valid numbers that are grouped as in the country, and long valid numbers in any grouping."""
    valid = list(PhoneNumberMatcher(text, country, leniency=Leniency.VALID))
    if valid:  # otherwise none is valid in the country's grouping either
        yield from PhoneNumberMatcher(text, country, leniency=Leniency.STRICT_GROUPING)
    yield from (number for number in valid if len(national_significant_number(number.number)) >= LONG_NUMBER)
