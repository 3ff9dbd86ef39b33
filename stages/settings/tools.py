"""Sections of what the stages share: execution, iterations, prompts and text generation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from stages.settings.section import LANGUAGES, Positive, Section


class Iteration(Section):
    """`learns_from`: the artifact whose pairs this iteration's models learn from, beside the seeds."""

    learns_from: str


class Execution(Section):
    executor: Literal["in_process", "processes", "ray"]
    workers: Positive
    threads: Positive


class Decoding(Section):
    """How responses are sampled, wherever a model answers an instruction."""

    temperature: Annotated[float, Field(ge=0, le=2)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    max_new_tokens: Positive
    no_repeat_ngram: Annotated[int, Field(ge=0)]


class Prompts(Section):
    """Templates. Only what stands here is structure; text put into a placeholder stays plain text.

    `languages` holds the English names of languages beside the ten, by the code of their file in stages/languages.
    """

    write_instruction: str
    write_response: str
    rate: str
    end: str
    style_seed: str
    style_web: str
    style_answer: str
    languages: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)

    @property
    def language_names(self) -> dict[str, str]:
        """English names of all languages that can be asked for, by code."""
        return {**LANGUAGES, **self.languages}

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
