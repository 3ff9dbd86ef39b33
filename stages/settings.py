"""`params.yaml`, read once and validated: an unknown key or an impossible value is refused at start.

One frozen model per artifact, named as the artifact is. Shared tools (`prompts`, `text_generation`,
`execution`, `fine_tuning`) have a section of their own.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from stages.errors import SettingsError

# English names, as prompts ask for them ("Answer in Finnish").
LANGUAGES = {
    "fi": "Finnish",
    "id": "Indonesian",
    "th": "Thai",
    "tr": "Turkish",
    "vi": "Vietnamese",
    "bn": "Bengali",
    "hi": "Hindi",
    "sw": "Swahili",
    "ta": "Tamil",
    "ur": "Urdu",
}
Language = Literal["fi", "id", "th", "tr", "vi", "bn", "hi", "sw", "ta", "ur"]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of `params.yaml`: immutable, and refusing keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Iteration(Section):
    """`learns_from`: the artifact whose pairs this iteration's models learn from, beside the seeds."""

    learns_from: str


class Execution(Section):
    executor: Literal["in_process", "processes", "ray"]
    workers: Positive
    threads: Positive


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


class Architecture(Section):
    """Shape of the embedded Llama that is trained from scratch."""

    vocabulary: Annotated[int, Field(ge=300)]
    hidden: Positive
    layers: Positive
    heads: Positive
    intermediate: Positive
    context: Positive

    @model_validator(mode="after")
    def _heads_divide(self) -> Architecture:
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        return self


class Training(Section):
    """One training run. `learning_rate` falls linearly to zero after a short warm-up."""

    epochs: Annotated[float, Field(gt=0)]
    learning_rate: Annotated[float, Field(gt=0, lt=1)]
    batch_size: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    max_tokens: Positive
    gradient_checkpointing: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"


class BaseModelSettings(Section):
    """`checkpoint`: `embedded`, a local folder, or a hub id with its `revision` pinned."""

    checkpoint: str
    revision: str | None
    corpus: str
    architecture: Architecture
    training: Training


class InstructionModel(Section):
    training: Training


class CandidatePairs(Section):
    temperature: Annotated[float, Field(ge=0, le=2)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    max_prompt_tokens: Positive
    max_new_tokens: Positive
    min_instruction_words: Positive
    max_instruction_words: Positive


class ResponseModel(Section):
    training: Training


class Defects(Section):
    """How often each defect stands for its level in the rating set, relative to the others of the level."""

    cut: Annotated[float, Field(ge=0)]
    repeated: Annotated[float, Field(ge=0)]
    model_answer: Annotated[float, Field(ge=0)]
    swapped: Annotated[float, Field(ge=0)]
    wrong_language: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _some_in_each_level(self) -> Defects:
        if not (self.cut or self.repeated or self.model_answer) or not (self.swapped or self.wrong_language):
            raise ValueError(
                "each level needs a defect: one of cut, repeated, model_answer and one of swapped, wrong_language"
            )
        return self


class Evaluator(Section):
    start_from: Literal["base_model", "response_model"]
    labels: Annotated[list[str], Field(min_length=3, max_length=3)]
    values: Annotated[list[Share], Field(min_length=3, max_length=3)]
    rated_pairs: Positive
    defects: Defects
    training: Training


class RefinedPairs(Section):
    min_rating: Share
    top_share: Annotated[float, Field(gt=0, le=1)]
    min_pairs: Positive
    max_precision_fall: Share


class DiversifiedSet(Section):
    clusters: Positive
    pairs: Positive
    decontaminate_against: list[str]
    ngram: Positive


class TunedModel(Section):
    training: Training


class EvalScores(Section):
    prompts: str
    prompts_limit: Positive
    tie_margin: Share


class Decoding(Section):
    """How responses are sampled, wherever a model answers an instruction."""

    temperature: Annotated[float, Field(ge=0, le=2)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    max_new_tokens: Positive
    no_repeat_ngram: Annotated[int, Field(ge=0)]


class Prompts(Section):
    """Templates. Only what stands here is structure; text put into a placeholder stays plain text."""

    write_instruction: str
    write_response: str
    rate: str
    end: str
    style_seed: str
    style_web: str
    style_answer: str

    @field_validator("write_instruction")
    @classmethod
    def _shows_response(cls, template: str) -> str:
        return _with_placeholders(template, "response")

    @field_validator("write_response")
    @classmethod
    def _shows_instruction(cls, template: str) -> str:
        return _with_placeholders(template, "instruction", "language")

    @field_validator("rate")
    @classmethod
    def _shows_pair(cls, template: str) -> str:
        return _with_placeholders(template, "instruction", "response", "language")


def _with_placeholders(template: str, *names: str) -> str:
    missing = [name for name in names if "{" + name + "}" not in template]
    if missing:
        raise ValueError(f"the template must hold {{{missing[0]}}}")
    return template


class TextGeneration(Section):
    """Engine of every generating and scoring stage. `auto`: vLLM where a GPU is, else transformers."""

    backend: Literal["auto", "vllm", "transformers", "endpoint"]
    batch_size: Positive
    endpoint_url: str | None = None
    endpoint_model: str | None = None
    kv_cache_gib: Positive = 1

    @model_validator(mode="after")
    def _endpoint_named(self) -> TextGeneration:
        if self.backend == "endpoint" and not (self.endpoint_url and self.endpoint_model):
            raise ValueError("backend 'endpoint' needs endpoint_url and endpoint_model")
        return self


class Settings(Section):
    """All of `params.yaml`."""

    languages: Annotated[list[Language], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)]
    iterations: Annotated[dict[str, Iteration], Field(min_length=1)]
    execution: Execution
    prompts: Prompts
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
    if first["type"] == "literal_error" and first["loc"][:1] == ("languages",):
        return f"`{key}`: {first['input']!r} is not one of the languages {', '.join(LANGUAGES)}{more}"
    return f"`{key}` is {first['input']!r}: {first['msg'].removeprefix('Value error, ')}{more}"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys the section at `location` knows."""
    section: Any = Settings
    for part in location:
        if isinstance(part, str) and (field := getattr(section, "model_fields", {}).get(part)):
            section = field.annotation
        else:  # an element of a list, or a value of a mapping
            section = next(reversed(get_args(section)), None)
    return list(getattr(section, "model_fields", {}))
