"""The section `prompts` of params.yaml, and the settings of one training run."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from x_instruction.runner.settings import Positive, Section

PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Training(Section):
    """One training run."""

    epochs: Annotated[float, Field(gt=0)]
    learning_rate: Annotated[float, Field(gt=0, lt=1)]
    """The highest rate: it is reached after a short warm-up and then falls linearly to zero."""
    batch_size: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    max_tokens: Positive
    """Tokens of an example, prompt and completion together."""
    gradient_checkpointing: bool
    """Saves memory and takes more time."""
    precision: Literal["float32", "bfloat16"]


class Prompts(Section):
    """Prompt templates. Only the templates give structure; text in a placeholder is encoded as plain characters."""

    write_instruction: str
    write_response: str
    rate: str
    end: str
    """Ends every completion."""
    chat_template: bool
    """Makes each prompt a user message in the model's own chat template, and ends completions as that template does."""
    style_seed: str
    """The text in `{style}` of `write_response` for seeds; the tag is X-Instruction's."""
    style_web: str
    """The same for web pairs. Two different tags follow Humpback; the text is ours."""
    style_answer: str
    """The same for answers that are asked for in eval_scores."""
    max_response_tokens: Positive
    """In prompts that ask for an instruction, a longer response is cut at the end of a sentence."""

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
    found = PLACEHOLDER.findall(template)
    missing = [name for name in needed if name not in found]
    if missing:
        raise ValueError(f"the template must hold {{{missing[0]}}}")
    unknown = [name for name in found if name not in [*needed, *(allowed or [])]]
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is not a placeholder of this template: remove it")
    return template
