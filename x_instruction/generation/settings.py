"""The sections `text_generation` and `decoding` of params.yaml."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from x_instruction.runner.settings import NonEmpty, Positive, Section


class Decoding(Section):
    """How responses are sampled, wherever a model answers an instruction."""

    temperature: Annotated[float, Field(ge=0, le=2)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    max_new_tokens: Positive
    no_repeat_ngram: Annotated[int, Field(ge=0)]
    repetition_penalty: Annotated[float, Field(gt=0)] = 1.0
    stop_strings: tuple[NonEmpty, ...] = ()


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
