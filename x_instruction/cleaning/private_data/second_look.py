"""Searches masked texts a second time, in a simpler way, for private data that the masks missed.

The masks rely on lists of forms, countries and words, which may be incomplete. This search shares none of their
patterns. It reads each text with ASCII digits and signs and without invisible characters, and looks for the usual forms
of addresses and numbers. A text in which something is found is dropped. The gates of `filtered_text` and `seed_pairs`
search once more.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable

import polars as pl

# Only texts with an @, nine digits close to each other, or four numbers joined by points are searched.
CANDIDATE = r"[@＠﹫]|\p{N}(?:[^\p{L}\p{N}\n]{0,3}\p{N}){8}|\p{N}\.\p{N}{1,3}\.\p{N}{1,3}\.\p{N}"
_IN_ADDRESS = r"[^\s@<>()\[\]{}\"'`,;:/=|\\]"
_ADDRESS = re.compile(rf"(?<!{_IN_ADDRESS}){_IN_ADDRESS}+(?:@| @ )[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{{2,}}")
_PHONE = re.compile(r"(?<![\w.,:/=#+-])(?:\+|00)[ (]{0,2}[1-9](?:[ ()-]{0,3}\d){8,13}(?![\d/=-]|[.,]\d)")
_NATIONAL = re.compile(r"(?<![\w.,:/=#+-])(?<!\d )\(?0[ -]?[1-9](?:[ ()-]{0,2}\d){8,9}(?![\w/=-]| ?\d|[.,]\d)")
_CARD = re.compile(r"(?<![\w.,/-])[3-6]\d{3}(?:[ -]{0,2}\d{4}){2}[ -]{0,2}\d{3,4}(?![\w/-]|[.,]\d)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ .-]?[A-Z0-9]){11,30}(?!\w)")
_IP = re.compile(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
# Numbers with few different digits (years, binary numbers) or with digits in order (examples) are not private data.
_LEAST_DIGITS = 4
_IN_ORDER = re.compile(r"0?1?23456789|987654321")
# Words before a number that announce something other than private data, such as an order.
_OTHER = re.compile(
    r"(?:isbn|issn|ean|doi|oclc|upc|resi|order|viite|tilaus|sipariş|pesanan|barkod|barcode|mã vận đơn|đơn hàng|"
    r"\b(?:barang|faktur|fatura|imei|invoice|katalog|nim|nip|nisn|pnr))\W{0,3}(?:\w{1,8}\W{1,3})?$"
)
_LOOK_BACK = 30


def suspects(texts: pl.Series) -> pl.Series:
    """The first address or number that each text seems to have; null if there is none."""
    rows = pl.DataFrame({"text": texts}).with_row_index("row")
    lines = rows.filter(pl.col("text").str.contains(CANDIDATE)).with_columns(pl.col("text").str.split("\n"))
    lines = lines.explode("text").filter(pl.col("text").str.contains(CANDIDATE))
    searched = lines.with_columns(found=pl.Series([_suspect(line) for line in lines["text"]], dtype=pl.String))
    first = searched.drop_nulls("found").group_by("row").agg(pl.col("found").first())
    return rows.join(first, on="row", how="left", maintain_order="left")["found"].alias(texts.name)


def _suspect(line: str) -> str | None:
    """A part of the line, in plain characters, that looks like private data; None if there is none."""
    line = _plain(line)
    for pattern, check in CHECKS.items():
        if pattern is _ADDRESS and "@" not in line:
            continue
        for match in pattern.finditer(line):
            before = line[max(match.start() - _LOOK_BACK, 0) : match.start()].lower()
            if check(match.group()) and not _OTHER.search(before):
                return match.group()
    return None


class _PlainCharacters(dict[int, str]):
    """A table for str.translate, which computes the entry of a character when that character first occurs."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        kind = unicodedata.category(character)
        by_kind = {"Pd": "-", "Zs": " ", "Cf": "", "Mn": "", "Co": "", "Cn": ""}
        self[point] = str(unicodedata.decimal(character)) if kind == "Nd" else by_kind.get(kind, character)
        return self[point]


_PLAIN = _PlainCharacters()


def _plain(text: str) -> str:
    """The text in NFKC with ASCII digits, hyphens and spaces, without combining or invisible characters."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_PLAIN)


def _is_address(found: str) -> bool:
    return any(character.isalnum() for character in found.partition("@")[0])


def _is_number(found: str) -> bool:
    digits = re.sub(r"\D", "", found)
    return len(set(digits)) >= _LEAST_DIGITS and not _IN_ORDER.search(digits)


def _is_card(found: str) -> bool:
    """Whether the check digit of a payment card (ISO/IEC 7812) is right, by the Luhn sum."""
    digits = [int(digit) for digit in reversed(re.sub(r"\D", "", found))]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return len(set(digits)) > 1 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_iban(found: str) -> bool:
    """Whether an IBAN's check digits are right.

    With its first four characters moved to the end, and each letter as a number (A is 10), it must be 1 modulo 97.
    """
    plain = re.sub(r"[ .-]", "", found)
    return int("".join(str(int(character, 36)) for character in plain[4:] + plain[:4])) % 97 == 1


def _is_public(found: str) -> bool:
    """Whether the text is a public IP address, and not a section number such as "1.2.3.4", which has single digits."""
    try:
        return ipaddress.ip_address(found).is_global and any(len(part) > 1 for part in found.split(".")[:2])
    except ValueError:
        return False


CHECKS: dict[re.Pattern[str], Callable[[str], bool]] = {
    _ADDRESS: _is_address,
    _PHONE: _is_number,
    _NATIONAL: _is_number,
    _CARD: _is_card,
    _IBAN: _is_iban,
    _IP: _is_public,
}
