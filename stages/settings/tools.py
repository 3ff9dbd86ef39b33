"""Sections of what the stages share: execution, iterations, prompts and text generation."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from stages.settings.section import LANGUAGES, NonEmpty, Positive, Section

PLACEHOLDER = re.compile(r"\{(\w+)\}")


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
    repetition_penalty: Annotated[float, Field(gt=0)] = 1.0
    stop_strings: tuple[NonEmpty, ...] = ()


class Prompts(Section):
    """Templates. Only what stands here is structure; text put into a placeholder stays plain text.

    `languages` holds the English names of languages beside the ten, by the code of their file in stages/languages.
    """

    write_instruction: str
    write_response: str
    rate: str
    end: str
    chat_template: bool = False
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
            raise ValueError("prompts.end is empty, so nothing would end a text: give it, or chat_template: true")
        return self


def _with_placeholders(template: str, needed: list[str], allowed: list[str] | None = None) -> str:
    met = PLACEHOLDER.findall(template)
    missing = [name for name in needed if name not in met]
    if missing:
        raise ValueError(f"the template must hold {{{missing[0]}}}")
    unknown = [name for name in met if name not in [*needed, *(allowed or [])]]
    if unknown:
        raise ValueError(f"nothing is put into {{{unknown[0]}}} of this template: take it out")
    return template


class Vllm(Section):
    """Of the vLLM back end. `quantization` is the name of one of vLLM's methods, null what the checkpoint says.

    `dtype` null is that of the checkpoint, `auto` vLLM's choice, which rounds float32 to bfloat16.
    """

    tensor_parallel: Positive = 1
    dtype: Literal["auto", "float32", "float16", "bfloat16"] | None = None
    quantization: str | None = None
    prefix_caching: bool = True
    gpu_memory_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    kv_cache_gib: Positive = 1


class Endpoint(Section):
    """Of the endpoint back end. Prices are of a million tokens, in the currency of the bill; they are only counted.

    In `model`, `{model}` stands for the artifact a stage asks (`instruction_model`, `evaluator/iteration_1`).
    `max_difference`: how far its log-probabilities may be from those of that artifact's own weights, in nats a token;
    null is not looked at.
    """

    # What a shard holds does not depend on how fast it was asked for, or what it cost.
    HOW: ClassVar[frozenset[str]] = frozenset(
        {
            "concurrency",
            "attempts",
            "first_wait_seconds",
            "timeout_seconds",
            "requests_per_minute",
            "tokens_per_minute",
            "prompt_price",
            "generated_price",
            "max_difference",
        }
    )

    url: str | None = None
    model: str | None = None
    max_difference: Annotated[float, Field(gt=0)] | None = 0.05
    concurrency: Positive = 32
    attempts: Positive = 6
    first_wait_seconds: Annotated[float, Field(ge=0)] = 1.0
    timeout_seconds: Annotated[float, Field(gt=0)] = 600.0
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    prompt_price: Annotated[float, Field(ge=0)] = 0.0
    generated_price: Annotated[float, Field(ge=0)] = 0.0


class TextGeneration(Section):
    """Engine of every generating and scoring stage. `auto`: vLLM where a GPU is, else transformers."""

    backend: Literal["auto", "vllm", "transformers", "endpoint"]
    batch_size: Positive
    max_model_length: Positive | None = None
    vllm: Vllm = Vllm()
    endpoint: Endpoint = Endpoint()

    @model_validator(mode="after")
    def _endpoint_named(self) -> TextGeneration:
        if self.backend == "endpoint" and not (self.endpoint.url and self.endpoint.model):
            raise ValueError("backend 'endpoint' needs endpoint.url and endpoint.model")
        return self

    @property
    def of_several(self) -> TextGeneration:
        """For a stage that asks more than one model in a run: an endpoint of one cannot answer for all."""
        return self if "{model}" in (self.endpoint.model or "") else self.local

    @property
    def local(self) -> TextGeneration:
        """For a model that its own stage has just made: no server can have it yet."""
        return self.model_copy(update={"backend": "transformers"}) if self.backend == "endpoint" else self
