"""Bytes of a page to characters, and characters to clean ones.

Undeclared encodings are found by resiliparse (0.5-5 ms a text), and by chardet (25-200 ms) where that answer cannot
be: of real texts in Windows' encodings, all of 104 Thai, 102 Turkish, 113 Finnish, 100 of 101 Vietnamese and 96 of
101 Urdu ones come back as they were.
"""

from __future__ import annotations

import codecs
import html
import re
import unicodedata
from collections.abc import Iterator

import chardet
import ftfy
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES
from resiliparse.parse.encoding import detect_encoding

HEAD_BYTES = 4096
DETECT_BYTES = 50_000  # a detector's answer seldom changes after these
DECLARED_CHARSET = re.compile(
    rb"<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z0-9_:.\-]+)", re.I
)
BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Browsers read these as the larger Windows encodings, and so are such pages written (WHATWG Encoding, 4.2).
AS_BROWSERS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gbk",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
HIGH = re.compile(rb"[\x80-\xff]")
# Of the bytes beyond ASCII, how many lie in whole UTF-8 sequences: by chance, in 3,000 characters, at most 0.47 of
# Thai in TIS-620, 0.2 of Urdu in Windows-1256 and 0.01 of the others. More than that is UTF-8 with something else.
MIXED_SHARE = 0.55
# Control characters but line feed; ZWJ, ZWNJ and the combining marks that Indic and Thai text needs stay.
CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff\u00ad\u2060\u200b\u200e\u200f\u202a-\u202e\ud800-\udfff]"
)
FENCE = re.compile(r"[ ]*```")
TAB = "    "
# A character's HTML name within a word ("T&uuml;rk"), left by a page that was escaped twice: 144 of 2,940 Turkish ones.
# A name that stands alone is what a lesson on HTML is about, and &lt; or &amp; what its code is.
NAME = r"(?:[A-Za-z]{2,30}|#\d{2,6});"
ENTITY = re.compile(rf"&(?:(?<=\w&){NAME}|{NAME}(?=\w))")  # begins with the one character to look for: 16 times as fast

# ftfy's expression for mojibake tries 40 alternatives at each character: 0.8 ms a page, 11 % of its extraction. Each of
# them needs one of these, seldom met in clean text, and matches no more than REACH characters on either side of it.
TELLTALES = re.compile(
    "[{c1}{bad}{law}{currency}{start_punctuation}{end_punctuation}{numeric}{upper_accented}{box}œ°ÙЂ]".format(
        **MOJIBAKE_CATEGORIES
    )
)
REACH = 6


class UndecodableError(Exception):
    """No encoding fits the bytes; the message says what was met."""


def decode(body: bytes, charset: str | None, is_html: bool) -> str:
    """Characters of a page: by its byte order mark, as UTF-8, as it declares, or as it looks.

    `charset` is the server's word, which stands before the page's own. A declared encoding that does not fit is not
    believed. Raises UndecodableError where UTF-8 is mixed with another encoding: no one reading is right.
    """
    for name in _candidates(body, charset, is_html):
        if name and (text := _decoded(body, name)) is not None:
            return text
    if share := _utf8_share(body):
        try:
            body.decode("utf-8")
        except UnicodeDecodeError as error:
            if share > MIXED_SHARE:
                raise UndecodableError(f"byte {error.start} is not UTF-8, {share:.0%} of the others are") from None
    return _detected(body)


def _candidates(body: bytes, charset: str | None, is_html: bool) -> Iterator[str | None]:
    yield next((name for mark, name in BYTE_ORDER_MARKS if body.startswith(mark)), None)
    # What is UTF-8 and not ASCII alone is UTF-8, whatever it declares: an 8-bit encoding would take any bytes.
    if not body.isascii():
        yield "utf-8"
    yield _known(charset)
    if is_html:
        yield _known(_declared(body))
    yield "utf-8"


def _detected(body: bytes) -> str:
    name = _known(detect_encoding(body[:DETECT_BYTES]))
    text = _decoded(body, name) if name and name != "utf-8" else None
    if text is None:
        name = _known(chardet.detect(body[:DETECT_BYTES])["encoding"])
        text = _decoded(body, name) if name else None
    if text is None:
        raise UndecodableError(f"no encoding fits, not {name or 'any known'} either")
    return text


def _declared(body: bytes) -> str | None:
    declared = DECLARED_CHARSET.search(body[:HEAD_BYTES])
    # A page that is read as ASCII can hardly be the UTF-16 it declares.
    return declared[1].decode("ascii").lower().replace("utf-16", "utf-8") if declared else None


def _known(name: str | None) -> str | None:
    """Python's name of an encoding of text, as browsers take it; None for what is none."""
    try:
        found = codecs.lookup(name or "")
    except (LookupError, ValueError):
        return None
    return AS_BROWSERS.get(found.name, found.name) if found._is_text_encoding else None


def _decoded(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except (UnicodeDecodeError, ValueError):
        return None


def _utf8_share(body: bytes) -> float:
    """Share of the bytes beyond ASCII that lie in whole UTF-8 sequences."""
    high = len(HIGH.findall(body))
    return sum(map(len, MULTIBYTE.findall(body))) / high if high else 0.0


def normalise(text: str) -> str:
    """One paragraph a line, NFC, no control characters, single blanks; mojibake mended where it is certain.

    Lines between fences of Markdown keep their indentation: without it, Python is none.

    Of ftfy only `fix_encoding`, which changes nothing else (no quotes, no widths, no ligatures): of 15,206 real
    documents of the ten languages it changed 518, all of them with Windows-1252 or UTF-8 read as Latin-1.
    """
    text = ftfy.fix_encoding(text) if looks_garbled(text) else text
    if "\r" in text or "\u2028" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    text = ENTITY.sub(_character, text) if "&" in text else text
    text = CONTROLS.sub("", unicodedata.normalize("NFC", text).replace("\t", TAB))
    lines = _lines(text) if "```" in text else map(_single_blanks, text.split("\n"))
    return "\n".join(filter(None, lines))


def looks_garbled(text: str) -> bool:
    """What `ftfy.badness.is_bad` says, found around telltale characters only."""
    return any(
        BADNESS_RE.search(text, max(0, one.start() - REACH), one.end() + REACH) for one in TELLTALES.finditer(text)
    )


def _single_blanks(line: str) -> str:
    # Most lines are so already, and no other blank is printable: asking first takes half the time of splitting.
    if line.isprintable() and "  " not in line and line[:1] != " " and line[-1:] != " ":
        return line
    return " ".join(line.split())


def _lines(text: str) -> Iterator[str]:
    """Lines with single blanks and, within code, those they begin with."""
    code, margin = False, 0
    for line in text.split("\n"):
        bare = _single_blanks(line)
        indent = len(line) - len(line.lstrip())
        if FENCE.match(line):
            code, margin = not code, indent
            yield bare
        else:
            yield " " * max(indent - margin, 0) + bare if code and bare else bare


def _character(entity: re.Match[str]) -> str:
    """The character beyond ASCII that an entity names, or the entity as it stands."""
    named = html.unescape(entity.group())
    return named if len(named) == 1 and not named.isascii() else entity.group()
