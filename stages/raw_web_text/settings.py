"""The section `raw_web_text` of params.yaml."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from x_instruction.pages.limits import Limits
from x_instruction.runner.settings import NonEmpty, Positive, Section, Share

Format = Literal["html", "warc", "wet", "jsonl", "parquet", "dataset"]


class Columns(Section):
    """The names of a source's columns. All but `text` may be absent in the source."""

    text: str = "text"
    url: str = "url"
    title: str = "title"
    date: str = "date"
    license: str = "license"
    id: str = "id"


class Source(Section):
    """A place with pages. Only `path` is always required; docs/your-data.md lists the defaults of the other settings.

    A source that is not limited to one language and has no `{language}` in `path` or `config` is shared: each of its
    languages takes the documents that language identification assigns to that language.
    """

    path: NonEmpty
    """A file, a folder, a glob (`**` too), a URL of any kind that fsspec reads, or with `format: dataset` the id of a
    data set on the Hugging Face hub. `{language}` is replaced by the code of the language."""
    format: Format | None = None
    """null: the ending of each file's name decides. `jsonl` also reads a file that is one JSON array."""
    content: Literal["html", "text"] | None = None
    """The kind of content in the text column of jsonl, parquet and dataset; null: text."""
    languages: Annotated[list[NonEmpty], Field(min_length=1)] | None = None
    """The languages that the source is for; null: all."""
    columns: Columns = Columns()
    config: str | None = None
    """The configuration of a data set."""
    split: str = "train"
    """The split of a data set."""
    revision: str | None = None
    """Required if DVC cannot see a change of the source: the commit of a hub id, or any text for a URL."""
    outside: bool = False
    """Whether the source may be outside the project, may have links that lead out of its folder, and may be at an
    address of this machine or its network."""

    @property
    def labelled(self) -> bool:
        """Whether the source itself says in which language its documents are."""
        return "{language}" in f"{self.path}{self.config or ''}" or len(self.languages or []) == 1

    @property
    def remote(self) -> bool:
        return "://" in self.path and not self.path.startswith("file://")

    def inputs(self, root: Path) -> list[str]:
        """Dependencies in dvc.yaml. DVC has no globs, so the folder above a glob is the dependency.

        A remote URL or a hub id is not a dependency, because DVC cannot see its changes. DVC sees only a
        change of `revision` in params.yaml.
        """
        parts = self.path.removeprefix("file://").split("/")
        if not (root / "/".join(parts)).exists():  # a file may have brackets in its name
            parts = list(takewhile(lambda part: not set("*?[") & set(part), parts))
        path = "/".join(parts)
        above = path.partition("{language}")[0].rpartition("/")[0] if "{language}" in path else path
        on_hub = self.format == "dataset" and not (root / above).is_dir()
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
                f"DVC cannot see a change of {self.path}: set `revision` to any text; the source is read again "
                "when this text changes"
            )
        if self.config and self.format != "dataset":
            raise ValueError("only a data set has a `config`: set `format: dataset` or remove `config`")
        if self.format in ("html", "warc", "wet"):
            for name in ("columns", "content"):
                if name in self.model_fields_set and getattr(self, name) is not None:
                    raise ValueError(f"`{name}` cannot be set for {self.format}: remove it")
        return self


class RawWebText(Section):
    """The sources, and limits on what is read. A page, a line, or the rest of a file beyond its limit is dropped."""

    sources: Annotated[list[Source], Field(min_length=1)]
    rows_per_shard: Positive
    max_page_bytes: Positive
    """A larger page is dropped."""
    max_line_bytes: Positive
    """Bytes of a JSON line, or characters of an element of a JSON array. One byte of a page may take six bytes in
    JSON (\\u00xx)."""
    max_nesting: Annotated[int, Field(ge=1, le=254)]
    """Levels of nested HTML elements."""
    max_elements: Positive
    """HTML elements of a page. Each of 967 real pages has at most about 3,000."""
    max_attributes: Positive
    """Attributes of an element. No element of 967 real pages has more than 89."""
    max_seconds_per_megabyte: Positive
    """Seconds of processor time for a million characters of a page; a page counts as at least 100,000 characters. After
    this time, the process that reads the page is ended. The slowest of the real pages that we measured took 0.4 s."""
    max_expansion: Positive
    """The largest factor by which a compressed file, or a record of a compressed archive, may grow; 1 MiB more is
    always allowed. With gzip, zeros grow about 1030 times, and text usually grows 3 to 20 times."""
    max_bad_share: Share
    """The stage fails if more than this share of the pages is unreadable, empty or beyond a limit, or has an
    invalid address."""
    max_unread_share: Share
    """The stage fails if more than this share of the sources' bytes is not read. Such bytes are in files of other
    kinds, in files that must not be read, in other records of an archive that may contain pages, and in the unreadable
    parts of damaged files. The stage also fails if more than this share of the bytes was read from damaged parts."""

    @property
    def limits(self) -> Limits:
        """The limits on a single page."""
        return Limits(**{name: getattr(self, name) for name in Limits.__dataclass_fields__})

    def inputs(self, root: Path) -> list[str]:
        """Dependencies in dvc.yaml: local sources, and the language's settings if a source is shared."""
        paths = [path for source in self.sources for path in source.inputs(root)]
        routed = [] if all(source.labelled for source in self.sources) else ["languages/${item}.yaml"]
        return list(dict.fromkeys(paths + routed))
