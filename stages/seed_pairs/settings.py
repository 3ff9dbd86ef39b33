"""The section `seed_pairs` of params.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from x_instruction.generation.settings import Endpoint
from x_instruction.runner.settings import Positive, Section, Share


class SeedSource(Section):
    """The files `<folder>/<language><suffix>`, or the single file `<folder>/en<suffix>` of English pairs.

    With `translate`, the English responses are translated into each language. With `language: en`, the pairs stay
    English and only the instruction model learns from them.
    """

    folder: str
    suffix: str = ".jsonl"
    translate: bool = False
    language: Literal["en"] | None = None

    @model_validator(mode="after")
    def _translated_or_english(self) -> SeedSource:
        if self.translate and self.language:
            raise ValueError("give either `translate: true` or `language: en`; list the folder twice to use both")
        return self

    @property
    def in_english(self) -> bool:
        return self.translate or self.language == "en"

    def file_name(self, language: str) -> str:
        """The file for a language, relative to the project's folder."""
        return f"{self.folder}/{'en' if self.in_english else language}{self.suffix}"


class Translation(Section):
    """How English responses are translated: by a sequence-to-sequence `checkpoint`, or by an `endpoint`.

    In `checkpoint`, `{language}` is replaced by the code (`models/en-{language}`). `language_codes` are the names that
    a multilingual model gives to languages (`fi: fin_Latn`). `prefix` is put before each text; in it, `{language}`
    is the English name of the language and `{code}` its code.
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
    def _checkpoint_or_endpoint(self) -> Translation:
        if bool(self.checkpoint) == bool(self.endpoint.url):
            raise ValueError("give either a checkpoint or an endpoint's url")
        if self.endpoint.url and not self.endpoint.model:
            raise ValueError("endpoint.model must name the model of endpoint.url")
        if "{text}" not in self.prompt:
            raise ValueError("the prompt must hold {text}")
        return self


class SeedPairs(Section):
    """Settings of the seeds, in three splits by instruction.

    Models are measured on `held_out_share` of the instructions, ratings are calibrated on `calibration_share` of them,
    and models learn from the others. The last two settings judge translations: `max_length_ratio` bounds the ratio of
    the lengths of translation and English text, in characters, either way; `max_copied_share` bounds the share of the
    English words of four letters or more that the translation still has.
    """

    sources: Annotated[list[SeedSource], Field(min_length=1)]
    translation: Translation | None
    held_out_share: Annotated[float, Field(gt=0, lt=1)]
    calibration_share: Annotated[float, Field(ge=0, lt=1)]
    min_response_words: Positive
    max_bad_share: Share
    max_length_ratio: Annotated[float, Field(gt=1)]
    max_copied_share: Share

    @model_validator(mode="after")
    def _translation_is_set(self) -> SeedPairs:
        if not self.translation and any(source.translate for source in self.sources):
            raise ValueError("a source with `translate: true` needs seed_pairs.translation")
        return self

    @model_validator(mode="after")
    def _some_are_left_to_learn_from(self) -> SeedPairs:
        if self.held_out_share + self.calibration_share >= 1:
            raise ValueError(
                "held_out_share and calibration_share together must be below 1: no seed is left to learn from"
            )
        return self

    def inputs(self, root: Path, languages: Sequence[str]) -> list[str]:
        """Dependencies in dvc.yaml: a line for each source, and the translation model if it is a local folder."""
        lines = [
            f"${{seed_pairs.sources[{number}].folder}}/{'en' if source.in_english else '${item}'}"
            f"${{seed_pairs.sources[{number}].suffix}}"
            for number, source in enumerate(self.sources)
        ]
        checkpoint = self.translation.checkpoint if self.translation else None
        if checkpoint and all((root / checkpoint.format(language=language)).is_dir() for language in languages):
            lines.append(checkpoint.format(language="${item}"))
        return lines
