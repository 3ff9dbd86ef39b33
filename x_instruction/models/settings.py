"""The sections `prompts` and `decoding` of params.yaml, and the settings of one training run."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from x_instruction.runner.settings import NonEmpty, Positive, Section, Share

PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Adapter(Section):
    """A low-rank adapter (LoRA). It is trained in place of the weights, and merged into the weights that are saved.

    In params.yaml, `dropout`, `modules`, `dora` and `four_bits` may be left out.
    """

    rank: Positive
    alpha: Positive
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    modules: tuple[NonEmpty, ...] = ()
    """Names of the adapted linear layers, such as q_proj; empty: all linear layers except the output layer."""
    dora: bool = False
    """Whether weights are decomposed into direction and magnitude (DoRA, arXiv 2402.09353)."""
    four_bits: bool = False
    """Whether the frozen weights are stored in 4 bits during training (QLoRA, arXiv 2305.14314), which needs a GPU."""


class Training(Section):
    """The settings of one training run."""

    # These fields do not change the result.
    HOW: ClassVar[frozenset[str]] = frozenset({"save_every", "report_to"})

    epochs: Annotated[float, Field(gt=0)]
    learning_rate: Annotated[float, Field(gt=0, lt=1)]
    batch_size: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    max_tokens: Positive
    """The largest number of tokens of an example (prompt and completion together)."""
    precision: Literal["auto", "float32", "bfloat16"]
    """The type in which matrix products are computed; weights are always trained in float32. `bfloat16` uses autocast.
    `auto` means bfloat16 if the processor supports it and the weights were not stored in float32, otherwise float32."""
    save_dtype: Literal["as_base", "float32", "bfloat16"]
    """The type of the saved weights; `as_base`: the type that they had before training."""
    gradient_accumulation: Positive
    """Number of batches whose gradients are added up for each step."""
    gradient_checkpointing: bool
    """Whether the backward pass computes activations again, which saves memory and takes more time."""
    warmup_share: Share
    """Share of the steps in which the learning rate rises; then it follows the schedule."""
    schedule: Literal["linear", "cosine", "constant"]
    max_gradient_norm: Annotated[float, Field(ge=0)]
    """The largest norm of a gradient; a gradient with a larger norm is scaled down to it. 0: not limited."""
    neftune: Annotated[float, Field(ge=0)]
    """Strength of the noise on embeddings (arXiv 2310.05914); 0: no noise."""
    freeze_embeddings: bool
    """If true, the input embeddings, and an output layer that shares them, are not trained."""
    adapter: Adapter | None
    """The adapter to train; null: all weights are trained."""
    packing: bool
    """If true, the examples of a batch are placed in one row without padding, and none attends to another."""
    save_every: Positive
    """Number of steps between checkpoints, from which an interrupted training run continues. With `keep_best`,
    `evaluate_every` is used instead."""
    evaluate_every: Positive | None
    """Number of steps between measurements of the held-out loss; null: not measured during training."""
    keep_best: bool
    """If true, the weights with the lowest held-out loss are saved instead of the last weights."""
    patience: Positive | None
    """Training stops after this many measurements without a lower held-out loss; null: it never stops early."""
    report_to: tuple[Literal["tensorboard", "wandb", "mlflow", "dvclive"], ...]
    """Loggers in addition to the run log. The loggers send nothing unless the user's environment asks for it."""

    @model_validator(mode="after")
    def _held_out_loss_is_measured(self) -> Training:
        if (self.keep_best or self.patience) and not self.evaluate_every:
            raise ValueError("keep_best and patience need evaluate_every: set it, or leave both out")
        return self


class Decoding(Section):
    """How responses are sampled, wherever a model answers an instruction."""

    temperature: Annotated[float, Field(ge=0, le=2)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    max_new_tokens: Positive
    no_repeat_ngram: Annotated[int, Field(ge=0)]
    """No sequence of this many tokens occurs twice in a response; 0: no such rule."""
    repetition_penalty: Annotated[float, Field(gt=0)]
    """Above 1, tokens that are already in the prompt or the response become less likely (Keskar et al., arXiv
    1909.05858)."""
    stop_strings: tuple[NonEmpty, ...]
    """Strings that end a response, in addition to `prompts.end`."""


class Prompts(Section):
    """Prompt templates. Only the words of a template may become control tokens; documents are encoded as plain text."""

    write_instruction: str
    write_response: str
    rate: str
    end: str
    """The text that ends every completion. It is not used if `chat_template` is true."""
    chat_template: bool
    """If true, each prompt is a user message in the model's own chat template, which also ends completions."""
    style_seed: str
    """The text in `{style}` of `write_response` for seeds."""
    style_web: str
    """The text in `{style}` for web pairs."""
    style_answer: str
    """The text in `{style}` for the answers in eval_scores."""
    max_response_tokens: Positive
    """In prompts that ask for an instruction (except in training), a response with more tokens is cut after the last
    sentence that fits, or exactly at the limit if that sentence ends in the first half of what fits."""

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
    def _has_an_end(self) -> Prompts:
        if not (self.end or self.chat_template):
            raise ValueError("prompts.end is empty, so nothing ends a completion: set it, or set chat_template: true")
        return self


def _with_placeholders(template: str, needed: list[str], allowed: list[str] | None = None) -> str:
    used = PLACEHOLDER.findall(template)
    missing = [name for name in needed if name not in used]
    if missing:
        raise ValueError(f"the template must contain {{{missing[0]}}}")
    unknown = [name for name in used if name not in [*needed, *(allowed or [])]]
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is not a placeholder of this template: remove it")
    # A template may name the language twice. A text that occurs twice would count once where its room is computed.
    twice = [name for name in used if name not in ("language", "style") and used.count(name) > 1]
    if twice:
        raise ValueError(f"{{{twice[0]}}} occurs {used.count(twice[0])} times in this template: keep one of them")
    return template
