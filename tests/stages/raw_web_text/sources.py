"""Makes pages, lines and archives as sources for the tests of `raw_web_text`, and reads them as the stage does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from fastwarc.stream_io import ZstdWriter

from stages.raw_web_text import stage
from stages.raw_web_text.records import read_sources
from stages.raw_web_text.settings import RawWebText
from tests.conftest import ROOT
from x_instruction.language.settings import load_language
from x_instruction.runner.shards import Split

LIMITS: dict[str, Any] = {
    "rows_per_shard": 100,
    "max_page_bytes": 20_000,
    "max_line_bytes": 50_000,
    "max_nesting": 200,
    "max_elements": 30_000,
    "max_attributes": 500,
    "max_seconds_per_megabyte": 20,
    "max_expansion": 50,
    "max_bad_share": 0.2,
    "max_unread_share": 0.2,
}
SENTENCE = "Karjalanpiirakan kuori on rukiinen ja ohut, ja juuri siinä piilee leipojan taito."
ENGLISH = "The crust of this pastry is thin and made of rye, and that is where the baker shows what he has learned."


def given(*sources: dict[str, Any], **limits: Any) -> RawWebText:
    return RawWebText.model_validate({"sources": list(sources), **LIMITS, **limits})


def made(root: Path, *sources: dict[str, Any], language: str = "fi", **limits: Any) -> Split:
    """The documents and the dropped rows that the stage makes from the sources."""
    settings = given(*sources, **limits)
    frame = pl.concat(read_sources(settings, language, root))
    return stage.transform(frame, settings, language, load_language(language, ROOT / "languages"))


def drop_of(root: Path, name: str, data: bytes, **limits: Any) -> tuple[str, str, str]:
    """Reads a bad file and a good one. Returns reason, origin and value of the dropped row that the bad file causes."""
    (root / "fi").mkdir()
    (root / "fi" / name).write_bytes(data)
    lines(root / "fi" / "zz.jsonl", {"text": "hyvä rivi"})
    split = made(root, {"path": "{language}"}, **limits)
    assert split.kept["text"].to_list()[-1:] == ["hyvä rivi"]
    return split.dropped.select("reason", "origin", "value").row(-1)


def project(root: Path, languages: list[str], source: dict[str, Any], **limits: Any) -> Path:
    """A project for `python -m stages` with the settings of params.yaml and a single source."""
    for package in ("stages", "x_instruction", "languages"):
        (root / package).symlink_to(ROOT / package)
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["languages"] = languages
    values["raw_web_text"] |= {"sources": [source], **limits}
    (root / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return root


def reasons(split: Split) -> list[str]:
    return split.dropped["reason"].to_list()


def urls(split: Split) -> list[str]:
    return [url.removeprefix("https://").removesuffix(".example/") for url in split.kept["url"]]


def lines(path: Path, *rows: Any) -> Path:
    """Writes JSON Lines; a string is written unchanged as a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def page(text: str = SENTENCE) -> bytes:
    return f"<html><body><article><p>{text}</p><p>{text}</p></article></body></html>".encode()


def response(url: str, body: bytes, length: int | None = None, header: str = "text/html; charset=utf-8") -> bytes:
    """A WARC record that states the given `length`, by default the true length."""
    http = f"HTTP/1.1 200 OK\r\nContent-Type: {header}\r\n\r\n".encode() + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-05-06T07:08:09Z\r\n"
        f"WARC-Record-ID: <urn:uuid:{abs(hash(url))}>\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(http) if length is None else length}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def three(length: int | None = None) -> list[bytes]:
    """Three responses; the second states the given length, which may be wrong."""
    return [
        response(f"https://{name}.example/", page(name + SENTENCE), length if name == "b" else None) for name in "abc"
    ]


def zstd(data: bytes, path: Path) -> bytes:
    with path.open("wb") as file:
        writer = ZstdWriter(file)
        writer.write(data)
        writer.close()
    return path.read_bytes()


def records(path: Path, data: bytes, **limits: Any) -> tuple[list[str], list[tuple[str, int]]]:
    """Writes the file. Returns the texts that are read from it, and the reason and lost bytes of each bad record."""
    path.write_bytes(data)
    frame = pl.concat(read_sources(given({"path": path.name, "languages": ["fi"]}, **limits), "fi", path.parent))
    good = frame.filter(pl.col("reason").is_null())
    bad = frame.filter(pl.col("reason").is_not_null()).with_columns(pl.col("lost").fill_null(0))
    return [body.decode() for body in good["body"]], bad.select("reason", "lost").rows()


def texts(rows: list[str]) -> list[str]:
    """The value of `text` in each JSON line."""
    return [json.loads(row)["text"] for row in rows]
