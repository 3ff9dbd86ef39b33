"""Turns a record of any language into the main text of its page, or into the reason why there is none."""

from __future__ import annotations

from urllib.parse import urlsplit

import polars as pl

from stages.raw_web_text.opened_files import UnreadableError
from stages.raw_web_text.schema import PAGE_SCHEMA, PROVENANCE, Record
from stages.raw_web_text.settings import RawWebText
from x_instruction.pages.encodings import UndecodableError, decode
from x_instruction.pages.extractor import extractor
from x_instruction.pages.limits import LimitError, Limits
from x_instruction.pages.main_text import (
    HTML_EXTRACTOR,
    TEXT_EXTRACTOR,
    ExtractionError,
    NestingError,
    Page,
)
from x_instruction.pages.normalise import normalise

NUL = "\0"
# The reason why a page is dropped, by the error that extraction raised.
REASONS: dict[type[Exception], str] = {
    UnicodeDecodeError: "invalid_utf8",
    UndecodableError: "invalid_utf8",
    NestingError: "nested_too_deep",
    LimitError: "page_too_costly",
    ExtractionError: "extraction_failed",
}


def read_pages(records: pl.DataFrame, settings: RawWebText) -> pl.DataFrame:
    """Turns a frame of RECORD_SCHEMA into a frame of PAGE_SCHEMA. It does not fill `likeliest`."""
    rows = [read_page(record, settings) for record in records.iter_rows(named=True)]
    return pl.DataFrame(rows, schema=PAGE_SCHEMA, orient="row")


def read_page(record: Record, settings: RawWebText) -> Record:
    """The page of a record, with `reason` and `value` if it is dropped. A page that was read earlier is unchanged."""
    if record["extractor"]:
        return {name: record[name] for name in PAGE_SCHEMA}
    body, reason, value = record["body"] or b"", None, ""
    try:
        page = _page(record, body, settings)
    except UnreadableError as error:
        page, reason, value = Page(_readable(body)), error.reason, str(error)
    provenance = {name: getattr(page, name, "") or normalise(record[name] or "") for name in PROVENANCE}
    # The address that the source gives is preferred, because a page may state a wrong one.
    provenance["url"] = normalise(record["url"] or "") or page.url
    return {
        "source": record["source"],
        "record": record["record"],
        "text": page.text,
        "extractor": HTML_EXTRACTOR if record["content"] == "html" else TEXT_EXTRACTOR,
        "reason": reason,
        "value": value,
        "size": max(record["size"] or 0, len(body)),
        "lost": record["lost"],
        "doubtful": record["doubtful"],
        "likeliest": None,
        **provenance,
    }


def _page(record: Record, body: bytes, settings: RawWebText) -> Page:
    """The page of a record. Raises UnreadableError with the reason if there is none."""
    if record["reason"]:
        raise UnreadableError(record["reason"], record["value"])
    if len(body) > settings.max_page_bytes:
        raise UnreadableError("page_too_large", f"more than {settings.max_page_bytes} bytes")
    if not body.strip():
        raise UnreadableError("empty_page", "no bytes")
    if (url := record["url"]) and not is_url(url):
        raise UnreadableError("invalid_url", url[:200])
    try:
        page = _extracted(record, body, settings.limits)
    except tuple(REASONS) as error:
        raise UnreadableError(REASONS[type(error)], str(error)) from None
    if not page.text:
        raise UnreadableError("empty_page", f"no main text in {len(body)} bytes")
    return page


def _extracted(record: Record, body: bytes, limits: Limits) -> Page:
    is_html = record["content"] == "html"
    text = body.decode(record["encoding"]) if record["encoding"] else decode(body, record["charset"], is_html)
    if NUL in text:
        raise UnreadableError("nul_bytes", f"{text.count(NUL)} of {len(text)} characters are NUL")
    return extractor().extract(text, limits) if is_html else Page(normalise(text))


def is_url(text: str) -> bool:
    """Whether the text is an address with a scheme and a host, as every downloaded page has."""
    try:
        parts = urlsplit(text)
        return bool(parts.scheme and parts.hostname) and not set(' \t\r\n<>"') & set(text)
    except ValueError:
        return False


def _readable(body: bytes) -> str:
    return normalise(body[:2000].decode("utf-8", "replace"))
