"""`params.yaml`, read once and validated: an unknown key or an impossible value is refused at start.

One frozen model per artifact, named as the artifact is. Shared tools (`prompts`, `text_generation`, `execution`,
`decoding`) have a section of their own.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from stages.errors import SettingsError
from stages.settings.models import (
    Architecture,
    BaseModelSettings,
    CandidatePairs,
    Defects,
    DiversifiedSet,
    EvalScores,
    Evaluator,
    InstructionModel,
    RefinedPairs,
    ResponseModel,
    Training,
    TunedModel,
)
from stages.settings.section import LANGUAGES, Positive, Section, Share
from stages.settings.texts import Columns, FilteredText, RawWebText, SeedPairs, SeedSource, Source, Translation
from stages.settings.tools import PLACEHOLDER, Decoding, Endpoint, Execution, Iteration, Prompts, TextGeneration, Vllm

__all__ = [
    "LANGUAGES",
    "PLACEHOLDER",
    "Architecture",
    "BaseModelSettings",
    "CandidatePairs",
    "Columns",
    "Decoding",
    "Defects",
    "DiversifiedSet",
    "Endpoint",
    "EvalScores",
    "Evaluator",
    "Execution",
    "FilteredText",
    "InstructionModel",
    "Iteration",
    "Positive",
    "Prompts",
    "RawWebText",
    "RefinedPairs",
    "ResponseModel",
    "Section",
    "SeedPairs",
    "SeedSource",
    "Settings",
    "Share",
    "Source",
    "TextGeneration",
    "Training",
    "Translation",
    "TunedModel",
    "Vllm",
    "load_settings",
]


class Settings(Section):
    """All of `params.yaml`."""

    prompts: Prompts  # before `languages`, which are checked against its names
    languages: Annotated[list[str], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)]
    iterations: Annotated[dict[str, Iteration], Field(min_length=1)]
    execution: Execution
    text_generation: TextGeneration
    decoding: Decoding
    raw_web_text: RawWebText
    filtered_text: FilteredText
    seed_pairs: SeedPairs
    base_model: BaseModelSettings
    instruction_model: InstructionModel
    candidate_pairs: CandidatePairs
    response_model: ResponseModel
    evaluator: Evaluator
    refined_pairs: RefinedPairs
    diversified_set: DiversifiedSet
    tuned_model: TunedModel
    eval_scores: EvalScores

    @field_validator("languages", mode="before")
    @classmethod
    def _known(cls, languages: Any, info: ValidationInfo) -> Any:
        prompts = info.data.get("prompts")
        names = prompts.language_names if prompts else LANGUAGES
        for number, code in enumerate(languages if isinstance(languages, list) else []):
            if code not in names:
                told = {"number": number, "code": repr(code), "known": ", ".join(names)}
                raise PydanticCustomError("unknown_language", "{code} is not one of the languages {known}", told)
        return languages

    @field_validator("languages")
    @classmethod
    def _each_once(cls, languages: list[str]) -> list[str]:
        twice = sorted({code for code in languages if languages.count(code) > 1})
        if twice:
            raise ValueError(f"'{twice[0]}' is listed more than once")
        return languages

    @field_validator("iterations")
    @classmethod
    def _chained(cls, iterations: dict[str, Iteration]) -> dict[str, Iteration]:
        source = "seed_pairs"
        for number, (name, iteration) in enumerate(iterations.items(), start=1):
            if name != f"iteration_{number}" or iteration.learns_from != source:
                raise ValueError(
                    f"entry {number} must read `iteration_{number}: {{learns_from: {source}}}`, "
                    f"met `{name}: {{learns_from: {iteration.learns_from}}}`"
                )
            source = f"rated_pairs/{name}"
        return iterations


def load_settings(path: Path) -> Settings:
    """Read and validate `params.yaml`.

    Raises SettingsError naming the key, the value met and the rule.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist: run from the project's folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not readable YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise SettingsError(f"{path} must hold a mapping of sections, met {type(values).__name__}")
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(f"{path.name}: {_sentence(error, values)}") from None


def _sentence(error: ValidationError, values: dict[str, Any]) -> str:
    """First problem of a validation as one sentence, with a suggestion for a misspelt key."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(first["loc"][-1]), _known_keys(first["loc"][:-1]), n=1)
        hint = f"; did you mean `{near[0]}`?" if near else "; remove it"
        return f"`{key}` is not a setting{hint}{more}"
    if first["type"] == "missing":
        return f"`{key}` is missing; add it{more}"
    if first["type"] == "unknown_language":
        return f"`{key}.{first['ctx']['number']}`: {first['msg']}{more}"
    rule = first["msg"].removeprefix("Value error, ")
    return f"`{key}` is {first['input']!r}: {rule}{more}" if key else f"{rule}{more}"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys the section at `location` knows."""
    section: Any = Settings
    for part in location:
        if isinstance(part, str) and (field := getattr(section, "model_fields", {}).get(part)):
            section = field.annotation
        else:  # an element of a list, or a value of a mapping
            section = next(reversed(get_args(section)), None)
    return list(getattr(section, "model_fields", {}))
