"""Sections of the artifacts that hold given text: web text and seeds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stages.settings.section import Language, Positive, Section, Share


class Source(Section):
    """Where a language's input lies: `<folder>/<language><suffix>`, a file or a folder."""

    folder: str
    suffix: str = ""
    content: Literal["html", "text"] = "html"
    text_column: str = "text"


class RawWebText(Section):
    sources: Annotated[list[Source], Field(min_length=1)]
    rows_per_shard: Positive
    max_page_bytes: Positive
    max_bad_share: Share


class FilteredText(Section):
    min_words: Positive
    max_words: Positive
    min_language_share: Share
    max_boilerplate_share: Share
    max_repeated_paragraph_share: Share
    max_bullet_lines_share: Share
    max_ellipsis_lines_share: Share
    max_short_lines_share: Share
    max_duplicate_line_characters_share: Share
    max_symbols_per_word: Share
    max_placeholder_characters: Positive
    quotes_close_lines: bool
    listed_words: dict[Language, list[Annotated[str, Field(min_length=1)]]]
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
    folder: str
    suffix: str = ".jsonl"


class SeedPairs(Section):
    sources: Annotated[list[SeedSource], Field(min_length=1)]
    held_out_share: Annotated[float, Field(gt=0, lt=1)]
    min_response_words: Positive
    max_bad_share: Share
