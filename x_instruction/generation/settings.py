"""The section `text_generation` of params.yaml. docs/engines.md explains the back ends."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from x_instruction.runner.settings import Positive, Section

Price = Annotated[float, Field(ge=0)]


class Vllm(Section):
    """The vLLM back end."""

    tensor_parallel: Positive
    """Number of GPUs that one model is spread over."""
    dtype: Literal["auto", "float32", "float16", "bfloat16"] | None
    """The type of the weights; null: the type in which the checkpoint is stored, or float32 on a processor without
    bfloat16. `auto` lets vLLM choose, and vLLM rounds float32 to bfloat16. On two cores, this was 1.6 times as fast,
    but label probabilities differed from those of transformers by up to 0.009, compared with 0.000001 in float32."""
    quantization: str | None
    """One of vLLM's methods, such as fp8 or awq; null: the method of the checkpoint."""
    prefix_caching: bool
    gpu_memory_share: Annotated[float, Field(gt=0, le=1)]
    kv_cache_gib: Positive
    """Memory for the key-value cache on a machine without a GPU, in GiB."""


class Endpoint(Section):
    """An OpenAI-compatible server. The API key is read only from the environment variable ENDPOINT_API_KEY.

    `text_generation.endpoint` must give every field. The defaults are for the endpoints in `seed_pairs.translation`,
    `eval_scores.models` and `eval_scores.judges`.
    """

    # If one of these fields changes, finished shards stay valid.
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

    url: Annotated[str, Field(pattern="^https?://")] | None = None
    model: str | None = None
    """The model's name at the server. `{model}` in it is replaced by the artifact that a stage uses
    (`instruction_model`, `evaluator/iteration_1`)."""
    max_difference: Annotated[float, Field(gt=0)] | None = 0.05
    """The largest mean difference between the server's numbers and those of the artifact's weights, for a few prompts.
    The numbers are log-probabilities in nats per token, or label probabilities times the number of labels. A larger
    difference is an error, because another model may be answering. null: the numbers are not compared. With the same
    weights in bfloat16, log-probabilities differed by up to 0.02, and with the two most similar models of the sample,
    by 0.08 to 0.24. A quantized server needs a larger value."""
    concurrency: Positive = 32
    """Number of requests at a time."""
    attempts: Positive = 6
    """Number of attempts for one request. The wait between attempts is random, below a limit that starts at
    `first_wait_seconds` and doubles, up to a minute. A server can ask for a longer wait, also up to a minute."""
    first_wait_seconds: Annotated[float, Field(ge=0)] = 1.0
    timeout_seconds: Annotated[float, Field(gt=0)] = 600.0
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    """Each request counts with the most tokens that it may use. A prompt that is sent as text, as every chat message
    is, counts as many tokens as it has characters."""
    prompt_price: Price = 0.0
    """Price of a million prompt tokens, in the currency of the bill. Prices are used only in the run log."""
    generated_price: Price = 0.0


class TextGeneration(Section):
    """Settings of the engine in every stage that generates texts or scores them."""

    backend: Literal["auto", "vllm", "transformers", "endpoint"]
    """`auto`: vllm on a machine with a GPU, otherwise transformers."""
    batch_size: Positive
    """The largest number of prompts in a batch of transformers, and in an endpoint's request for label probabilities or
    likelihoods."""
    texts_per_shard: Positive
    """The largest number of texts in a shard of candidate_pairs. An interrupted run loses only unfinished shards, so a
    shard should take minutes, not hours. At the end of each shard, vLLM has few texts left to generate at the same
    time, so on a GPU a shard should have thousands of texts."""
    max_model_length: Positive | None
    """The largest number of tokens of a prompt and its completion; null: as many as the model allows."""
    vllm: Vllm
    endpoint: Endpoint

    @model_validator(mode="after")
    def _endpoint_has_url_and_model(self) -> TextGeneration:
        if self.backend == "endpoint" and not (self.endpoint.url and self.endpoint.model):
            raise ValueError("backend 'endpoint' needs endpoint.url and endpoint.model")
        return self

    @property
    def of_several(self) -> TextGeneration:
        """Settings for a stage that uses several models. An endpoint with a single model is then not used."""
        return self if "{model}" in (self.endpoint.model or "") else self.local

    @property
    def local(self) -> TextGeneration:
        """Settings for a model that the same stage has just made, so that no server can have it yet."""
        return self.model_copy(update={"backend": "transformers"}) if self.backend == "endpoint" else self
