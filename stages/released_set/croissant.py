"""Describes the release in Croissant 1.0 (mlcommons.org/croissant, JSON-LD), which search engines and loaders read.

Each language is a record set over its Parquet files, whose paths are relative to the folder of croissant.json. Each
file is listed with its SHA-256 checksum. The column `messages` is left out, because it repeats `instruction` and
`response`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from stages.released_set.licenses import spdx
from stages.released_set.settings import ReleasedSet

NAME = "croissant.json"
WITH_PLUS = re.compile(r"L?GPL-\d\.\d\+")  # the only identifiers with a + that have a page at spdx.org
PARQUET = "application/x-parquet"  # the media type that Croissant loaders expect
DESCRIPTION = (
    "Pairs of an English instruction and a response in another language. The responses are texts of web pages; a model "
    "wrote the instructions, and an evaluator rated the pairs. README.md describes the method."
)
# Terms of the context that the specification requires (docs.mlcommons.org/croissant/docs/croissant-spec.html, appendix
# 1). These have the same name in the vocabulary `cr`.
SAME_NAMES = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{name: f"cr:{name}" for name in SAME_NAMES},
}


def croissant(folder: Path, settings: ReleasedSet, languages: Iterable[str]) -> dict[str, Any]:
    """The description of the Parquet files in `folder`/<language>."""
    codes = list(languages)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": settings.title,
        "description": DESCRIPTION,
        "license": _license(settings.license),
        "inLanguage": [*codes, "en"],
        "keywords": ["instruction tuning", "cross-lingual", *codes],
        "citeAs": "https://arxiv.org/abs/2405.19744",
        "distribution": [part for code in codes for part in _files(folder, code)],
        "recordSet": [_records(folder, code) for code in codes],
    }


def _license(named: str) -> str:
    """The address of the licence's page at spdx.org, or the text itself if it is not one licence with a page."""
    found = spdx(named)
    if " " in found:
        return found
    has_page = found and (not found.endswith("+") or WITH_PLUS.fullmatch(found))
    return f"https://spdx.org/licenses/{found}" if has_page else named


def _files(folder: Path, code: str) -> list[dict[str, Any]]:
    whole = {
        "@type": "cr:FileSet",
        "@id": f"files-{code}",
        "name": f"files-{code}",
        "encodingFormat": PARQUET,
        "includes": f"{code}/train-*.parquet",
    }
    return [whole, *(_file(path, f"{code}/{path.name}") for path in sorted((folder / code).glob("train-*.parquet")))]


def _file(path: Path, name: str) -> dict[str, Any]:
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": PARQUET,
        "sha256": checksum,
    }


def _records(folder: Path, code: str) -> dict[str, Any]:
    schema = pl.scan_parquet(folder / code / "train-*.parquet").collect_schema()
    fields = [_field(code, name, kind) for name, kind in schema.items() if not kind.is_nested()]
    return {"@type": "cr:RecordSet", "@id": code, "name": code, "field": fields}


def _field(code: str, name: str, kind: pl.DataType) -> dict[str, Any]:
    number = "sc:Integer" if kind.is_integer() else "sc:Float"
    return {
        "@type": "cr:Field",
        "@id": f"{code}/{name}",
        "name": f"{code}/{name}",
        "dataType": number if kind.is_numeric() else "sc:Text",
        "source": {"fileSet": {"@id": f"files-{code}"}, "extract": {"column": name}},
    }
