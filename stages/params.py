"""`params.yaml`, read once and validated before anything runs.

Each section is a class beside the code that reads it, and only this file lists all of them. No stage imports this file:
a stage imports the classes of the sections that it needs, and its job gives it their values.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from stages.base_model.settings import EMBEDDED, BaseModelSettings
from stages.candidate_pairs.settings import CandidatePairs
from stages.diversified_set.settings import DiversifiedSet
from stages.eval_scores.settings import EvalScores
from stages.evaluator.settings import Evaluator
from stages.filtered_text.settings import FilteredText
from stages.instruction_model.settings import InstructionModel
from stages.raw_web_text.settings import RawWebText
from stages.released_set.settings import ReleasedSet
from stages.report.settings import Report
from stages.response_model.settings import ResponseModel
from stages.seed_pairs.settings import SeedPairs
from stages.tuned_model.settings import TunedModel
from x_instruction.embeddings.settings import Embeddings
from x_instruction.generation.settings import TextGeneration
from x_instruction.language.names import load_names
from x_instruction.models.settings import Decoding, Prompts
from x_instruction.pairs.settings import RefinedPairs
from x_instruction.rating.settings import Rating
from x_instruction.runner.errors import SettingsError
from x_instruction.runner.settings import Execution, Iteration, Section, first_problem, shown
from x_instruction.runner.yaml_files import read_yaml


class Settings(Section):
    """All of `params.yaml`."""

    languages: Annotated[list[str], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    iterations: Annotated[dict[str, Iteration], Field(min_length=1)]
    execution: Execution
    prompts: Prompts
    text_generation: TextGeneration
    decoding: Decoding
    embeddings: Embeddings
    rating: Rating
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
    released_set: ReleasedSet
    tuned_model: TunedModel
    eval_scores: EvalScores
    report: Report

    @field_validator("languages", mode="before")
    @classmethod
    def _known_and_once(cls, languages: Any, info: ValidationInfo) -> Any:
        """Refuses unknown and repeated codes.

        It runs before pydantic checks for strings, because YAML reads `no` (Norwegian) as false.
        """
        names: dict[str, str] = info.context or {}
        codes = languages if isinstance(languages, list) else []
        for number, code in enumerate(codes):
            if not isinstance(code, str) or code not in names:
                context = {"number": number, "code": shown(code), "known": ", ".join(names)}
                raise PydanticCustomError("unknown_language", "{code} is not one of the languages {known}", context)
        repeated = sorted({code for code in codes if codes.count(code) > 1})
        if repeated:
            raise ValueError(f"'{repeated[0]}' is listed more than once")
        return languages

    @field_validator("iterations")
    @classmethod
    def _chained(cls, iterations: dict[str, Iteration]) -> dict[str, Iteration]:
        source = "seed_pairs"
        for number, (name, iteration) in enumerate(iterations.items(), start=1):
            if name != f"iteration_{number}" or iteration.learns_from != source:
                raise ValueError(
                    f"entry {number} must read `iteration_{number}: {{learns_from: {source}}}`, "
                    f"not `{name}: {{learns_from: {iteration.learns_from}}}`"
                )
            source = f"rated_pairs/{name}"
        return iterations

    @model_validator(mode="after")
    def _sources_name_known_languages(self, info: ValidationInfo) -> Settings:
        names: dict[str, str] = info.context or {}
        for number, source in enumerate(self.raw_web_text.sources):
            for code in source.languages or []:
                if code not in names:
                    raise ValueError(
                        f"`raw_web_text.sources.{number}.languages`: {shown(code)} is not one of the languages "
                        f"{', '.join(names)}"
                    )
        for code in self.languages:
            if not any(source.serves(code) for source in self.raw_web_text.sources):
                raise ValueError(
                    f"`raw_web_text.sources` has no source for {code}: add one, or remove {code} from `languages`"
                )
        return self

    @model_validator(mode="after")
    def _low_ratings_are_for_the_embedded_model(self) -> Settings:
        if self.refined_pairs.always_kept and self.base_model.checkpoint != EMBEDDED:
            raise ValueError(
                f"`refined_pairs.always_kept` is {self.refined_pairs.always_kept}, but only the embedded model may "
                "keep pairs that are rated below min_rating; set it to 0"
            )
        return self

    @model_validator(mode="after")
    def _samples_are_chosen_by_likelihood(self) -> Settings:
        likelihoods = {"likelihood", "part_likelihood"} & set(self.rating.signals)
        if self.candidate_pairs.kept_samples is not None and not likelihoods:
            raise ValueError(
                "`candidate_pairs.kept_samples` chooses by likelihood, but `rating.signals` has none: add `likelihood` "
                "to the signals, or set kept_samples to null"
            )
        return self

    @model_validator(mode="after")
    def _compared_models_are_of_known_iterations(self) -> Settings:
        for model in self.eval_scores.models:
            artifact, _, iteration = (model.model or "").partition("/")
            if artifact == "response_model" and iteration not in self.iterations:
                raise ValueError(
                    f"`eval_scores.models` compares {model.model}, but the iterations are {', '.join(self.iterations)}"
                )
        return self

    def inputs(self, root: Path) -> dict[str, list[str]]:
        """Maps each artifact to those of its inputs that depend on the settings, as dvc.yaml writes them."""
        encoder = self.embeddings.inputs(root)
        ratings = [f"data/rated_pairs/{name}/${{item}}" for name in self.iterations]
        return {
            **dict.fromkeys(("candidate_pairs", "evaluator"), encoder),
            "raw_web_text": self.raw_web_text.inputs(root),
            "filtered_text": self.filtered_text.inputs(),
            "seed_pairs": self.seed_pairs.inputs(root, self.languages),
            "base_model": self.base_model.inputs(root),
            **dict.fromkeys(("refined_pairs", "row_index"), ratings),
            "diversified_set": self.diversified_set.inputs(root),
            "eval_scores": [*self.eval_scores.inputs(root), *encoder],
        }


def load_settings(path: Path) -> Settings:
    """Reads and validates `params.yaml`. `languages/names.yaml` beside it lists the languages.

    Raises SettingsError if the file is missing or is not YAML, or if a setting is wrong or missing. The error names the
    setting.
    """
    try:
        values = read_yaml(path)
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist: run from the project's folder") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not readable YAML: {' '.join(str(error).split())}") from None
    return validated(values, path)


def validated(values: Any, path: Path) -> Settings:
    """Validates a mapping that was read from `path`. Raises SettingsError."""
    if not isinstance(values, dict):
        raise SettingsError(f"{path} must hold a mapping of sections, but holds {type(values).__name__}")
    try:
        settings = Settings.model_validate(values, context=load_names(path.parent / "languages"))
    except ValidationError as error:
        raise SettingsError(f"{path.name}: {first_problem(error, Settings)}") from None
    if left_out := _left_out(settings):
        raise SettingsError(f"{path.name}: `{left_out}` is missing; add it")
    return settings


def _left_out(section: Section) -> str | None:
    """The first setting that is missing from the file, which must have every setting, even one with a default.

    Defaults may be left out only in the entries of lists, and in sections that may be null (such as a translation).
    """
    for name, value in section:
        if name not in section.model_fields_set:
            return name
        always_there = isinstance(value, Section) and type(section).model_fields[name].annotation is type(value)
        if always_there and (inner := _left_out(value)):
            return f"{name}.{inner}"
    return None
