"""The section `seed_pairs` of params.yaml."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from x_instruction.generation.settings import Endpoint
from x_instruction.runner.settings import Positive, Section, Share

PLACEHOLDERS = {"checkpoint": ["{language}"], "prefix": ["{language}", "{code}"], "prompt": ["{language}", "{text}"]}


class SeedSource(Section):
    """The files `<folder>/<language><suffix>`, or the single file `<folder>/en<suffix>` of English pairs.

    Only `folder` is required. The other settings have the defaults below.
    """

    folder: str
    suffix: str = ".jsonl"
    translate: bool = False
    """The pairs are English, and their responses are translated into each language."""
    language: Literal["en"] | None = None
    """`en`: the pairs are English and are not translated; only the instruction model learns from them."""

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

    This section may be null or incomplete in params.yaml, so the defaults are here and in docs/your-data.md.
    """

    checkpoint: str | None = None
    """A folder or a hub id. `{language}` is replaced by the code of the language (`models/en-{language}`)."""
    revision: str | None = None
    source_code: str | None = None
    """The name that a multilingual model has for English (`eng_Latn`)."""
    language_codes: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    """The names that a multilingual model has for the languages (`fi: fin_Latn`)."""
    prefix: str = ""
    """A text before each sentence. `{language}` is the English name of the language and `{code}` its code."""
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
            raise ValueError("the prompt must contain {text}")
        for name, known in PLACEHOLDERS.items():
            if unknown := [word for word in re.findall(r"\{\w+\}", getattr(self, name) or "") if word not in known]:
                raise ValueError(f"{unknown[0]} is not a placeholder of {name}, which knows {' and '.join(known)}")
        return self

    def checkpoint_for(self, language: str) -> str:
        """The checkpoint that translates into a language; "" if there is none."""
        return (self.checkpoint or "").replace("{language}", language)


class SeedPairs(Section):
    """The seeds, which are split by instruction into three parts: for training, for calibrating and for measuring."""

    sources: Annotated[list[SeedSource], Field(min_length=1)]
    translation: Translation | None
    """How a source with `translate: true` is translated."""
    held_out_share: Annotated[float, Field(gt=0, lt=1)]
    """Share of the instructions on which models are measured."""
    calibration_share: Annotated[float, Field(ge=0, lt=1)]
    """Share of the instructions on which ratings are calibrated. No model learns from them."""
    min_response_words: Positive
    max_bad_share: Share
    """The stage fails if more than this share of the rows of all sources is dropped."""
    max_length_ratio: Annotated[float, Field(gt=1)]
    """A translation may have at most this many times the characters of its English text, and the English text at most
    this many times those of the translation."""
    max_copied_share: Share
    """The largest share of the English words of four letters or more that a translation may still contain."""

    @model_validator(mode="after")
    def _translation_is_set(self) -> SeedPairs:
        if not self.translation and any(source.translate for source in self.sources):
            raise ValueError("a source with `translate: true` needs seed_pairs.translation")
        return self

    @model_validator(mode="after")
    def _some_are_left_to_learn_from(self) -> SeedPairs:
        if self.held_out_share + self.calibration_share >= 1:
            raise ValueError(
                "held_out_share and calibration_share together must be below 1, or no seed is left to learn from"
            )
        return self

    def inputs(self, root: Path, languages: Sequence[str]) -> list[str]:
        """Dependencies in dvc.yaml: the file of each source, and the translation model if it is a local folder."""
        lines = [
            f"${{seed_pairs.sources[{number}].folder}}/{'en' if source.in_english else '${item}'}"
            f"${{seed_pairs.sources[{number}].suffix}}"
            for number, source in enumerate(self.sources)
        ]
        made = self.translation
        if made and made.checkpoint and all((root / made.checkpoint_for(code)).is_dir() for code in languages):
            lines.append(made.checkpoint_for("${item}"))
        return lines
