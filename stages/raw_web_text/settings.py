"""The section `raw_web_text` of params.yaml."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from x_instruction.runner.settings import NonEmpty, Positive, Section, Share

Format = Literal["html", "warc", "wet", "jsonl", "parquet", "dataset"]


class Columns(Section):
    """Names a source's columns have for what we keep; a column that is not there is not known, but for `text`."""

    text: str = "text"
    url: str = "url"
    title: str = "title"
    date: str = "date"
    license: str = "license"
    id: str = "id"


class Source(Section):
    """Where pages lie: a file, a folder, a glob (`**` too) or any fsspec URL; for `dataset`, a folder or a hub id.

    `{language}` in `path` or `config` stands for the language's code. A source without it that is not for one
    language alone is routed: each language takes the documents that language identification finds to be its own.
    """

    path: NonEmpty
    format: Format | None = None  # by default the one each file's name tells
    content: Literal["html", "text"] | None = None  # of jsonl, parquet and dataset, whose default is text
    languages: Annotated[list[NonEmpty], Field(min_length=1)] | None = None  # by default all
    columns: Columns = Columns()
    config: str | None = None  # of a dataset
    split: str = "train"  # of a dataset
    revision: str | None = None  # of what DVC cannot see change; of a hub id, the commit

    @property
    def labelled(self) -> bool:
        """Whether the source itself says in which language its documents are."""
        return "{language}" in f"{self.path}{self.config or ''}" or len(self.languages or []) == 1

    @property
    def remote(self) -> bool:
        return "://" in self.path and not self.path.startswith("file://")

    def inputs(self, root: Path) -> list[str]:
        """The source as dependencies in dvc.yaml, which knows no globs: the folder before one stands for it.

        What DVC cannot see change (a URL, a hub id) is no dependency; its `revision` in params.yaml stands for it.
        """
        parts = self.path.removeprefix("file://").split("/")
        path = "/".join(takewhile(lambda part: not set("*?[") & set(part), parts))
        on_hub = self.format == "dataset" and not (root / path).is_dir() and "{language}" not in path
        if self.remote or on_hub:
            return []
        if "{language}" in path and self.languages:
            return [path.replace("{language}", code) for code in self.languages]
        return [path.replace("{language}", "${item}") or "."]

    def serves(self, language: str) -> bool:
        return self.languages is None or language in self.languages

    @model_validator(mode="after")
    def _usable(self) -> Source:
        if self.remote and not self.revision:
            raise ValueError(
                f"DVC cannot see a change of {self.path}: give `revision` (any text; a new one reads it anew)"
            )
        if self.config and self.format != "dataset":
            raise ValueError("`config` is of a dataset: give `format: dataset` or remove it")
        if self.content and self.format in ("html", "warc", "wet"):
            raise ValueError(f"`content` is known of {self.format}: remove it")
        return self


class RawWebText(Section):
    sources: Annotated[list[Source], Field(min_length=1)]
    rows_per_shard: Positive
    max_page_bytes: Positive
    max_line_bytes: Positive
    max_nesting: Annotated[int, Field(ge=1, le=254)]
    max_expansion: Positive
    max_bad_share: Share

    def inputs(self, root: Path) -> list[str]:
        """Dependencies in dvc.yaml: local sources, and the language's page where documents are routed by it."""
        paths = [path for source in self.sources for path in source.inputs(root)]
        routed = [] if all(source.labelled for source in self.sources) else ["languages/${item}.yaml"]
        return list(dict.fromkeys(paths + routed))
