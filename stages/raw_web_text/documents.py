"""A record to the main text of its page, or to why there is none. The same whichever language asks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import polars as pl

from stages.raw_web_text.records import PROVENANCE
from stages.raw_web_text.settings import RawWebText
from x_instruction.language.identification import five_likeliest
from x_instruction.pages.encodings import UndecodableError, decode, normalise
from x_instruction.pages.main_text import (
    HTML_EXTRACTOR,
    TEXT_EXTRACTOR,
    ExtractionError,
    NestingError,
    Page,
    extract_page,
)
from x_instruction.runner.shards import parts_of

NUL = "\0"
# A page as it is kept for all languages, under the names that its record then has: `problem` and `met` are why it is
# dropped, `size` is that of its bytes, `likeliest` the answer of language identification that all have in common.
PAGE_SCHEMA = {
    "source": pl.String,
    "record": pl.Int64,
    **dict.fromkeys((*PROVENANCE, "text", "extractor", "problem", "met", "likeliest"), pl.String),
    "size": pl.Int64,
}
Record = dict[str, Any]


def read_pages(frame: pl.DataFrame, settings: RawWebText) -> pl.DataFrame:
    """Frame of records to one of PAGE_SCHEMA."""
    return pl.concat([_read_part(part, settings) for part in parts_of(frame)])


def _read_part(part: pl.DataFrame, settings: RawWebText) -> pl.DataFrame:
    rows = [read_page(record, settings) for record in part.iter_rows(named=True)]
    pages = pl.DataFrame(rows, schema=PAGE_SCHEMA, orient="row").with_row_index("row")
    good = pages.filter(pl.col("problem").is_null())
    found = good.select("row", likeliest=five_likeliest(good["text"]))
    return pages.drop("likeliest").join(found, on="row", how="left", maintain_order="left").select(list(PAGE_SCHEMA))


def read_page(record: Record, settings: RawWebText) -> Record:
    """Text and provenance of a record; `problem` and `met` say why it is dropped. One read before is as it was."""
    if record["extractor"]:
        return {name: record[name] for name in PAGE_SCHEMA}
    page, problem, met = _page(record, settings)
    named = {name: getattr(page, name, "") or normalise(record[name] or "") for name in PROVENANCE}
    # Where a page was fetched is a fact, what it calls its address a claim.
    named["url"] = normalise(record["url"] or "") or page.url
    return {
        "source": record["source"],
        "record": record["record"],
        "text": page.text,
        "extractor": HTML_EXTRACTOR if record["content"] == "html" else TEXT_EXTRACTOR,
        "problem": problem,
        "met": met,
        "size": len(record["body"] or b""),
        "likeliest": None,
        **named,
    }


def _page(record: Record, settings: RawWebText) -> tuple[Page, str | None, str]:
    """Page of a record, and why it is dropped. A dropped page's text is what could be read of it."""
    body, is_html = record["body"] or b"", record["content"] == "html"
    if record["problem"]:
        return Page(_readable(body)), record["problem"], record["met"]
    if len(body) > settings.max_page_bytes:
        return Page(_readable(body)), "page_too_large", f"more than {settings.max_page_bytes} bytes"
    if not body.strip():
        return Page(""), "empty_page", "no bytes"
    if (url := record["url"]) and not is_url(url):
        return Page(_readable(body)), "invalid_url", url[:200]
    try:
        text = _characters(body, record, is_html)
        if NUL in text:
            return Page(_readable(body)), "nul_bytes", f"{text.count(NUL)} of {len(text)} characters"
        page = extract_page(text, settings.max_nesting) if is_html else Page(normalise(text))
    except (UnicodeDecodeError, UndecodableError) as error:
        return Page(_readable(body)), "invalid_utf8", str(error)
    except NestingError as error:
        return Page(_readable(body)), "nested_too_deep", str(error)
    except ExtractionError as error:
        return Page(_readable(body)), "extraction_failed", str(error)
    return (page, None, "") if page.text else (page, "empty_page", f"no main text in {len(body)} bytes")


def _characters(body: bytes, record: Record, is_html: bool) -> str:
    return body.decode(record["encoding"]) if record["encoding"] else decode(body, record["charset"], is_html)


def is_url(text: str) -> bool:
    """Whether it is an address with a scheme and a host, as every page fetched has."""
    try:
        parts = urlsplit(text)
        return bool(parts.scheme and parts.hostname) and not set(' \t\r\n<>"') & set(text)
    except ValueError:
        return False


def _readable(body: bytes) -> str:
    return normalise(body[:2000].decode("utf-8", "replace"))
