"""The sections `text_generation` and `decoding` of params.yaml."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from x_instruction.runner.settings import NonEmpty, Positive, Section


class Decoding(Section):
    """How responses are sampled whenever a model answers an instruction."""

    temperature: Annotated[float, Field(ge=0, le=2)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    max_new_tokens: Positive
    no_repeat_ngram: Annotated[int, Field(ge=0)]
    repetition_penalty: Annotated[float, Field(gt=0)] = 1.0
    stop_strings: tuple[NonEmpty, ...] = ()


class Vllm(Section):
    """Settings of the vLLM back end.

    `quantization`: the name of one of vLLM's methods, or null for what the checkpoint says.
    `dtype`: null for that of the checkpoint, `auto` for vLLM's choice, which rounds float32 to bfloat16.
    """

    tensor_parallel: Positive = 1
    dtype: Literal["auto", "float32", "float16", "bfloat16"] | None = None
    quantization: str | None = None
    prefix_caching: bool = True
    gpu_memory_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    kv_cache_gib: Positive = 1


class Endpoint(Section):
    """Settings of the endpoint back end.

    `model`: `{model}` in it stands for the artifact that a stage asks (`instruction_model`, `evaluator/iteration_1`).
    `max_difference`: how far the log-probabilities may differ from those of the artifact's weights, in nats per token;
    null switches the comparison off.
    `prompt_price`, `generated_price`: price of a million tokens, used only for the cost in the run log.
    """

    # These fields change neither the content of a shard nor the need to make it again.
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
    """Engine of every stage that generates or scores. `auto`: vLLM if there is a GPU, else transformers."""

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
        """For a stage that asks several models in one run: an endpoint with one model cannot answer for all."""
        return self if "{model}" in (self.endpoint.model or "") else self.local

    @property
    def local(self) -> TextGeneration:
        """Settings for a model that the running stage has just trained: no server can have it yet."""
        return self.model_copy(update={"backend": "transformers"}) if self.backend == "endpoint" else self
