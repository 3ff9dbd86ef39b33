"""A second, simpler search for private data, in texts whose private data is masked.

The masks rely on forms, countries and words, and any of them may be incomplete. This search shares none of their
patterns: it reads a text in plain ASCII, without anything invisible, and looks for what any address or number must
have. A text in which it finds something is dropped, and the gate lets none pass.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable

import polars as pl

# Only texts with an address's sign, or with nine digits close to each other, are read.
CANDIDATE = r"[@＠﹫]|\p{N}(?:[^\p{L}\p{N}\n]{0,3}\p{N}){8}|\p{N}\.\p{N}{1,3}\.\p{N}{1,3}\.\p{N}"
_IN_ADDRESS = r"[^\s@<>()\[\]{}\"'`,;:/=|\\]"
_ADDRESS = re.compile(rf"(?<!{_IN_ADDRESS}){_IN_ADDRESS}+(?:@| @ )[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{{2,}}")
_PHONE = re.compile(r"(?<![\w.,:/=#+-])(?:\+|00)[ (]{0,2}[1-9](?:[ ()-]{0,3}\d){8,13}(?![\d/=-]|[.,]\d)")
_NATIONAL = re.compile(r"(?<![\w.,:/=#+-])(?<!\d )\(?0[ -]?[1-9](?:[ ()-]{0,2}\d){8,9}(?![\w/=-]| ?\d|[.,]\d)")
_CARD = re.compile(r"(?<![\w.,/-])[3-6]\d{3}(?:[ -]{0,2}\d{4}){2}[ -]{0,2}\d{3,4}(?![\w/-]|[.,]\d)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ .-]?[A-Z0-9]){11,30}(?!\w)")
_IP = re.compile(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
# Years, binary numbers and examples such as 0123456789 have few different digits, or all of them in order.
_LEAST_DIGITS = 4
_IN_ORDER = re.compile(r"0?1?23456789|987654321")
# A number that is announced as something else, and the label of a package in a program's registry.
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
    found = lines.with_columns(found=pl.Series([_suspect(line) for line in lines["text"]], dtype=pl.String))
    first = found.drop_nulls("found").group_by("row").agg(pl.col("found").first())
    return rows.join(first, on="row", how="left", maintain_order="left")["found"].alias(texts.name)


def _suspect(line: str) -> str | None:
    """The first place in a line that looks like private data, in plain ASCII."""
    line = _plain(line)
    for pattern, check in CHECKS.items():
        if pattern is _ADDRESS and "@" not in line:
            continue
        for found in pattern.finditer(line):
            before = line[max(found.start() - _LOOK_BACK, 0) : found.start()].lower()
            if check(found.group()) and not _OTHER.search(before):
                return found.group()
    return None


class _PlainCharacters(dict[int, str]):
    """A table for str.translate, filled as characters occur."""

    def __missing__(self, point: int) -> str:
        one = chr(point)
        kind = unicodedata.category(one)
        by_kind = {"Pd": "-", "Zs": " ", "Cf": "", "Mn": "", "Co": "", "Cn": ""}
        self[point] = str(unicodedata.decimal(one)) if kind == "Nd" else by_kind.get(kind, one)
        return self[point]


_PLAIN = _PlainCharacters()


def _plain(text: str) -> str:
    """The text in NFKC with ASCII digits, hyphens and spaces, without combining or invisible characters."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_PLAIN)


def _is_address(found: str) -> bool:
    return any(one.isalnum() for one in found.partition("@")[0])


def _is_number(found: str) -> bool:
    digits = re.sub(r"\D", "", found)
    return len(set(digits)) >= _LEAST_DIGITS and not _IN_ORDER.search(digits)


def _is_card(found: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812): every second digit is doubled."""
    digits = [int(one) for one in reversed(re.sub(r"\D", "", found))]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return len(set(digits)) > 1 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_iban(found: str) -> bool:
    """The check of ISO 13616: the number, its first four signs moved to the end, leaves 1 when divided by 97."""
    plain = re.sub(r"[ .-]", "", found)
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def _is_public(found: str) -> bool:
    """Whether it is a public address. Sections ("1.2.3.4") have single digits."""
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
