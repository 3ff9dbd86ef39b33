"""The section `prompts` of params.yaml, and the settings of one training run."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from x_instruction.runner.settings import NonEmpty, Positive, Section, Share

PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Adapter(Section):
    """A low-rank adapter (LoRA) that is trained in place of the weights and merged into the saved model.

    `modules`: names of the adapted linear layers, such as q_proj; empty for all of them except the output layer.
    `dora`: weights are decomposed into direction and magnitude (DoRA, arXiv 2402.09353).
    `four_bits`: the frozen weights are held in 4 bits during the training (QLoRA, arXiv 2305.14314); needs a GPU.
    """

    rank: Positive
    alpha: Positive
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    modules: tuple[NonEmpty, ...] = ()
    dora: bool = False
    four_bits: bool = False


class Training(Section):
    """One training run.

    `precision`: weights are trained in float32 in any case. `bfloat16` computes in bfloat16 (autocast), `auto` does so
    if the processor supports it and the start model is not stored in float32.
    `save_dtype`: type of the saved weights; `as_base` is that of the start model.
    `warmup_share`, `schedule`: the learning rate rises in this share of the steps, then follows the schedule.
    `max_gradient_norm`: longer gradients are scaled down to it; 0 is off.
    `neftune`: strength of the noise on embeddings (arXiv 2310.05914); 0 is off.
    `freeze_embeddings`: the input embeddings, and an output layer that shares them, are not trained.
    `adapter`: null trains all weights.
    `packing`: the examples of a batch are laid in one row without padding; none sees another.
    `save_every`: steps between checkpoints, from which an interrupted training goes on.
    `evaluate_every`: steps between measurements of the held-out loss; null is never.
    `keep_best`: the weights with the lowest held-out loss are saved instead of the last ones.
    `patience`: the training ends after this many measurements without a lower held-out loss; null is never.
    `report_to`: loggers beside the run log.
    """

    # These fields do not change the result.
    HOW: ClassVar[frozenset[str]] = frozenset({"save_every", "report_to"})

    epochs: Annotated[float, Field(gt=0)]
    learning_rate: Annotated[float, Field(gt=0, lt=1)]
    batch_size: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    max_tokens: Positive
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    save_dtype: Literal["as_base", "float32", "bfloat16"] = "as_base"
    gradient_accumulation: Positive = 1
    gradient_checkpointing: bool = False
    warmup_share: Share = 0.05
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    max_gradient_norm: Annotated[float, Field(ge=0)] = 1.0
    neftune: Annotated[float, Field(ge=0)] = 0.0
    freeze_embeddings: bool = False
    adapter: Adapter | None = None
    packing: bool = False
    save_every: Positive = 500
    evaluate_every: Positive | None = None
    keep_best: bool = False
    patience: Positive | None = None
    report_to: tuple[Literal["tensorboard"], ...] = ("tensorboard",)

    @model_validator(mode="after")
    def _measured(self) -> Training:
        if (self.keep_best or self.patience) and not self.evaluate_every:
            raise ValueError("keep_best and patience need evaluate_every: set it, or leave both out")
        return self


class Prompts(Section):
    """Templates. Only the text of a template is structure; text that fills a placeholder stays plain text.

    `max_response_tokens`: in the prompt that asks for an instruction, a longer response is cut at a sentence end.
    """

    write_instruction: str
    write_response: str
    rate: str
    end: str
    chat_template: bool = False
    style_seed: str
    style_web: str
    style_answer: str
    max_response_tokens: Positive

    @field_validator("write_instruction")
    @classmethod
    def _shows_response(cls, template: str) -> str:
        return _with_placeholders(template, ["response"])

    @field_validator("write_response")
    @classmethod
    def _shows_instruction(cls, template: str) -> str:
        return _with_placeholders(template, ["instruction", "language"], ["style"])

    @field_validator("rate")
    @classmethod
    def _shows_pair(cls, template: str) -> str:
        return _with_placeholders(template, ["instruction", "response", "language"])

    @model_validator(mode="after")
    def _closed(self) -> Prompts:
        if not (self.end or self.chat_template):
            raise ValueError("prompts.end is empty, so nothing would end a text: set it, or chat_template: true")
        return self


def _with_placeholders(template: str, needed: list[str], allowed: list[str] | None = None) -> str:
    names = PLACEHOLDER.findall(template)
    missing = [name for name in needed if name not in names]
    if missing:
        raise ValueError(f"the template must contain {{{missing[0]}}}")
    unknown = [name for name in names if name not in [*needed, *(allowed or [])]]
    if unknown:
        raise ValueError(f"nothing fills {{{unknown[0]}}} in this template: remove it")
    return template
