"""Sections of the artifacts that hold given text: web text and seeds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stages.settings.section import NonEmpty, Positive, Section, Share
from stages.settings.tools import Endpoint

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


class FilteredText(Section):
    blocked_sites: NonEmpty | None = None  # a file
    decontaminate_against: list[NonEmpty]
    decontamination_ngram: Positive
    min_words: Positive
    max_words: Positive
    segment_words: Positive
    min_language_share: Share
    max_boilerplate_share: Share
    min_boilerplate_phrases: Positive
    max_topic_share: Share
    max_repeated_paragraph_share: Share
    max_english_share: Share
    max_code_share: Share
    max_bullet_lines_share: Share
    max_ellipsis_lines_share: Share
    min_words_per_teaser: Positive
    max_short_lines_share: Share
    repetition_tolerance: Annotated[float, Field(ge=1)]
    max_duplicate_line_characters_share: Share
    max_symbols_per_word: Share
    max_titles_share: Share
    min_title_lines: Positive
    max_placeholder_characters: Positive
    quotes_close_lines: bool
    max_words_a_sentence: Positive | None  # null: not looked at
    listed_words: dict[str, list[NonEmpty]]
    word_lists: list[NonEmpty]
    max_listed_words_share: Share
    lone_signs_count: bool
    min_judged_lines: Positive
    near_duplicate_jaccard: Share
    minhash_permutations: Positive
    shingle_words: Positive

    @model_validator(mode="after")
    def _window(self) -> FilteredText:
        if self.max_words <= self.min_words:
            raise ValueError(f"max_words ({self.max_words}) must be above min_words ({self.min_words})")
        return self


class SeedSource(Section):
    """`<folder>/<language><suffix>`; with `translate`, the English pairs of `<folder>/en<suffix>`."""

    folder: str
    suffix: str = ".jsonl"
    translate: bool = False


class Translation(Section):
    """What puts English responses into a language: a sequence-to-sequence `checkpoint`, or an `endpoint`.

    In `checkpoint`, `{language}` stands for the code (`models/en-{language}`); `language_codes` are a multilingual
    model's own names (`fi: fin_Latn`), `prefix` what it wants before a text, with `{language}` and `{code}`.
    """

    checkpoint: str | None = None
    revision: str | None = None
    source_code: str | None = None
    language_codes: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    prefix: str = ""
    beams: Positive = 4
    batch_size: Positive = 16
    max_tokens: Positive = 512
    endpoint: Endpoint = Endpoint()
    prompt: str = "Translate this text into {language}. Answer with the translation and nothing else.\n\n{text}"

    @model_validator(mode="after")
    def _one_of_them(self) -> Translation:
        if bool(self.checkpoint) == bool(self.endpoint.url):
            raise ValueError("give either a checkpoint or an endpoint's url")
        if self.endpoint.url and not self.endpoint.model:
            raise ValueError("endpoint.model must name the model of endpoint.url")
        if "{text}" not in self.prompt:
            raise ValueError("the prompt must hold {text}")
        return self


class SeedPairs(Section):
    """Seeds are parted in three: `held_out_share` to measure on, `calibration_share` to calibrate ratings on."""

    sources: Annotated[list[SeedSource], Field(min_length=1)]
    translation: Translation | None = None
    held_out_share: Annotated[float, Field(gt=0, lt=1)]
    calibration_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    min_response_words: Positive
    max_bad_share: Share
    max_length_ratio: Annotated[float, Field(gt=1)] = 2.5
    max_copied_share: Share = 0.3

    @model_validator(mode="after")
    def _translator_named(self) -> SeedPairs:
        if not self.translation and any(source.translate for source in self.sources):
            raise ValueError("a source with `translate: true` needs seed_pairs.translation")
        return self

    @model_validator(mode="after")
    def _some_are_learned(self) -> SeedPairs:
        if self.held_out_share + self.calibration_share >= 1:
            raise ValueError(
                "held_out_share and calibration_share together must be below 1: no seed is left to learn from"
            )
        return self
