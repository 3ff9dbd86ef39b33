"""Sections of the artifacts made with models, in the order of the graph."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stages.settings.section import NonEmpty, Positive, Section, Share


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
    samples: Annotated[int, Field(ge=1, le=255)]
    repetition_penalty: Annotated[float, Field(gt=0)] = 1.0
    stop_strings: tuple[NonEmpty, ...] = ()
    max_prompt_tokens: Positive
    max_new_tokens: Positive
    min_instruction_words: Positive
    max_instruction_words: Positive
    max_similar: Positive

    @model_validator(mode="after")
    def _samples_differ(self) -> CandidatePairs:
        if self.samples > 1 and not self.temperature:
            raise ValueError("several samples of a text are all the same at temperature 0: raise it, or ask for one")
        return self


class ResponseModel(Section):
    training: Training


class Defects(Section):
    """How often each defect stands for its level in the rating set, relative to the others of the level."""

    cut: Annotated[float, Field(ge=0)]
    repeated: Annotated[float, Field(ge=0)]
    partly_foreign: Annotated[float, Field(ge=0)]
    strays: Annotated[float, Field(ge=0)]
    model_answer: Annotated[float, Field(ge=0)]
    boilerplate: Annotated[float, Field(ge=0)] = 0.0
    swapped: Annotated[float, Field(ge=0)]
    wrong_language: Annotated[float, Field(ge=0)]
    drift: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _some_in_each_level(self) -> Defects:
        flawed = (self.cut, self.repeated, self.partly_foreign, self.strays, self.model_answer, self.boilerplate)
        if not any(flawed) or not (self.swapped or self.wrong_language):
            raise ValueError(
                "each level needs a defect: one of cut, repeated, partly_foreign, strays, model_answer, "
                "boilerplate and one of swapped, wrong_language"
            )
        return self


Sign = Literal["likelihood", "part_likelihood", "repeated_share", "short_run", "open_end", "other_language_share"]


class Evaluator(Section):
    """`whole_share` of the responses to learn from are taken whole, of the others a run of sentences.

    `open_instructions` are answered by any text: no response to one is swapped, or strays.
    `loss_over`: the three labels alone, as a rating is read, or the whole vocabulary, as in usual fine-tuning.
    `signs` (stages/signs.py) are joined with the probabilities of the labels, by a regression that scales these too.
    Without any sign, `temperature_scaling` says whether they are scaled by a temperature where that helps.
    """

    start_from: Literal["base_model", "instruction_model", "response_model"]
    labels: Annotated[list[str], Field(min_length=3, max_length=3)]
    values: Annotated[list[Share], Field(min_length=3, max_length=3)]
    signs: tuple[Sign, ...] = ()
    rated_pairs: Positive
    whole_share: Share = 0.0
    open_instructions: tuple[NonEmpty, ...] = ()
    batches: Literal["by_length", "in_order"] = "in_order"
    loss_over: Literal["labels", "vocabulary"] = "labels"
    defects: Defects
    temperature_scaling: bool
    training: Training


class RefinedPairs(Section):
    """`length_bands`: equally large groups by length, from each of which as many are taken. Null is no limit."""

    min_rating: Share
    top_share: Annotated[float, Field(gt=0, le=1)]
    length_bands: Positive
    max_of_domain: Positive | None
    max_of_document: Positive | None
    min_pairs: Positive
    max_pairs: Positive
    max_precision_fall: Share

    @model_validator(mode="after")
    def _some_number_is_allowed(self) -> RefinedPairs:
        if self.min_pairs > self.max_pairs:
            raise ValueError(f"min_pairs ({self.min_pairs}) must not be more than max_pairs ({self.max_pairs})")
        return self


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
