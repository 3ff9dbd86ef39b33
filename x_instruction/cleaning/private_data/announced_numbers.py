"""Decides from the words before a number whether it is a telephone number or some other number.

The words are in the project's ten languages and in English. After a word such as "Ph:" or "WA", a telephone number is
found in any grouping ("WA 62-812-3456-7890") if it is valid in one of the countries. After a word for a book, a
parcel or an order, a number stays in the text, even if it looks like a telephone number. This does not apply to words
for bank accounts, because account numbers are private too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

import phonenumbers

_LATIN = (
    r"phones?|ph|mob|mobile|tel|telp|telf|telpon|telepon|telephone|call|sms|whats ?app|(?-i:WA)|wa\.me|hp|hub|hubungi|"
    "kontak|contact|ponsel|fax|faks|faksi|telefon|telefax|cep|gsm|ara|arayın|zalo|viber|sđt|sdt|đt|đtdđ|điện thoại|gọi|"
    "hotline|di động|liên hệ|puh|puhelin|puhelinnumero|gsm|soita|soittakaa|matkapuhelin|simu|namba|piga|wasiliana"
)
_NATIVE = (
    "फ\u093c?ोन|मोबाइल|मोबाईल|संपर्क|सम्पर्क|व्हाट्स ?ए?प|वॉट्सऐप|कॉल|दूरभाष|ফোন|মোবাইল|যোগাযোগ|কল|হোয়াটস ?অ্যাপ|"
    "தொலைபேசி|கைபேசி|அலைபேசி|செல்|தொடர்பு|தொடர்புக்கு|எண்|วอทส์แอป|โทร|โทรศัพท์|มือถือ|เบอร์|ติดต่อ|ไลน์|"
    "فون|موبائل|رابطہ|واٹس ?ایپ|ٹیلی فون|ٹیلیفون|کال"
)
# What may be between the word and the number: "no.", ":", "nomor", brackets.
_BETWEEN = r"[^\d\n]{0,15}"
PHONE = re.compile(rf"(?:(?<![^\W_])(?:{_LATIN})(?![^\W\d_])|{_NATIVE}){_BETWEEN}$", re.IGNORECASE)
_PERSONAL = "nim|nip|nisn|nik|serial|seri|mã số"
_GOODS = (
    "isbn|issn|ismn|ean|gtin|upc|barcode|barkod|resi|oclc|pnr|sku|asin|doi|imei|vin|"
    "invoice|faktur|fatura|lasku|laskun|viite|viitenumero|y-tunnus|order|pesanan|sipariş|tilaus|tilausnumero|parcel|"
    "tracking|kargo|takip|seuranta|lähetys|barang|katalog|catalogue|ticket|patent|"
    "mã vận đơn|đơn hàng|mã vạch|oda|kifurushi|नंबर प्लेट|ऑर्डर|অর্ডার|ஆர்டர்|"
    "พัสดุ|คำสั่งซื้อ|บาร์โค้ด|آرڈر"
)
_NUMBER_WORD = r"(?:[ .:#№/-]{0,3}(?:no|nr|nro|nomor|number|num|numarası|code|kode|kodu|id))?"
_THEN = rf"(?:[- ]?1[03])?{_NUMBER_WORD}[ .:#=№\-]{{0,4}}$"
GOODS = re.compile(rf"(?<![^\W_])(?:{_GOODS}){_THEN}", re.IGNORECASE)
OTHER = re.compile(rf"(?<![^\W_])(?:{_GOODS}|{_PERSONAL}){_THEN}", re.IGNORECASE)
# One word may announce several numbers, with one of these signs or words between them: 0812…/0813….
NEXT = re.compile(r"[ ]?(?:[/,;&|]|dan|atau|ve|veya|ja|tai|và|hoặc|na|au|or|and|या|और|ও|மற்றும்|และ|หรือ|اور|یا)[ ]?")
# The pattern begins with a digit, because a pattern that begins with an optional sign is five times as slow.
NUMBER = re.compile(r"\d(?<![\d.,]\d)(?:[ .()\-\u2013]{0,2}\d){6,14}(?!\d)")
SIGNS = "+("
YEARS = re.compile(r"(?:1[5-9]|20)\d\d ?[\-\u2013] ?(?:1[5-9]|20)\d\d")
LOOK_BACK = 45


def is_other(text: str, start: int) -> bool:
    """Whether the words before the number say that it is not a telephone number."""
    return OTHER.search(text, max(start - LOOK_BACK, 0), start) is not None


def is_of_goods(text: str, start: int) -> bool:
    """Whether the words before the number say that it belongs to a thing, such as a parcel, and not to a person."""
    return GOODS.search(text, max(start - LOOK_BACK, 0), start) is not None


def announced_phones(text: str, countries: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """The spans of valid telephone numbers that a word announces. `text` must have its digits and signs in ASCII."""
    last_end = -1
    for match in NUMBER.finditer(text):
        start, end = match.span()
        while text[start - 1 : start] and text[start - 1] in SIGNS:
            start -= 1
        follows = last_end >= 0 and NEXT.fullmatch(text, last_end, start) is not None
        announced = follows or PHONE.search(text, max(start - LOOK_BACK, 0), start)
        if announced and not YEARS.fullmatch(match.group()) and _is_valid(re.sub(r"\D", "", match.group()), countries):
            yield start, end
            last_end = end


@lru_cache(maxsize=10_000)
def _is_valid(digits: str, countries: tuple[str, ...]) -> bool:
    """Whether the digits are a valid telephone number of one of the countries, with or without the country's code."""
    return any(
        phonenumbers.is_valid_number(number)
        for country in countries
        for written in (digits, f"+{digits}" if digits.startswith(_code(country)) else "")
        if (number := _parsed(written, country)) is not None
    )


@cache
def _code(country: str) -> str:
    return str(phonenumbers.country_code_for_region(country))


def _parsed(written: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(written, country)
    except phonenumbers.NumberParseException:
        return None
