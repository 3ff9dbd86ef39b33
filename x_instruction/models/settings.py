"""The section `prompts` of params.yaml, and the settings of one training run."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from x_instruction.runner.settings import Positive, Section

PLACEHOLDER = re.compile(r"\{(\w+)\}")


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
