"""The section `seed_pairs` of params.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from x_instruction.generation.settings import Endpoint
from x_instruction.runner.settings import Positive, Section, Share


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

    def inputs(self, root: Path, languages: Sequence[str]) -> list[str]:
        """Dependencies in dvc.yaml: a line for each source, and the translating model where it is a local folder."""
        lines = []
        for number, source in enumerate(self.sources):
            entry = f"seed_pairs.sources[{number}]"
            lines.append(f"${{{entry}.folder}}/{'en' if source.translate else '${item}'}${{{entry}.suffix}}")
        checkpoint = self.translation.checkpoint if self.translation else None
        if checkpoint and all((root / checkpoint.format(language=language)).is_dir() for language in languages):
            lines.append(checkpoint.format(language="${item}"))
        return lines
