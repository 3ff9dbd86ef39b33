"""Makes the table in docs/models.md of the memory, time and disk that the recipes need.

The memory is the estimate of x_instruction.models.memory. For the CPU, the tokens per second were measured. For a GPU,
they are computed from the operations per weight: training is assumed to reach the same share of the GPU's peak
performance as the 4B model on an H200 ("The device run" in docs/models.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from stages.params import Settings, validated
from x_instruction.models.memory import Batch, adapter_weights, training_bytes
from x_instruction.models.settings import Training
from x_instruction.models.shape import Shape

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
PAIRS, TOKENS_OF_A_PAIR = 32_000, 430  # tokens: the average of the sample's seeds in the device run
# The shares of the H200's peak (989 TFLOPS) that the 4B model reached, at 6,359 tokens/s when all weights were trained
# and 4,629 tokens/s with an adapter.
FULL_SHARE, ADAPTER_SHARE = 0.20, 0.11
TFLOPS = {"gpu-24gb": 125, "gpu-80gb": 312}  # peak in bfloat16 of an A10 (24 GB) and an A100 (80 GB)
MEASURED_ON_A_CORE = 50  # tokens/s on one core without bfloat16 instructions, Gemma 3 270M
COPIES = 7  # a run makes seven models: base, instruction, tuned, two response models, two evaluators


@dataclass(frozen=True)
class Dimensions:
    """Sizes from a model's config.json; `keys` counts the key heads, and `norms` the normalisations in a layer."""

    vocabulary: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    keys: int
    head: int
    tied: bool
    norms: int

    def shape(self) -> Shape:
        """The shape of a decoder with gated feed-forward layers and normalised queries and keys."""
        queries, keys = self.heads * self.head, self.keys * self.head
        sizes = {
            "q": (self.hidden, queries),
            "k": (self.hidden, keys),
            "v": (self.hidden, keys),
            "o": (queries, self.hidden),
            "gate": (self.hidden, self.intermediate),
            "up": (self.hidden, self.intermediate),
            "down": (self.intermediate, self.hidden),
        }
        linear = {f"{layer}.{name}_proj": size for layer in range(self.layers) for name, size in sizes.items()}
        embedding = self.vocabulary * self.hidden
        norms = self.layers * (self.norms * self.hidden + 2 * self.head) + self.hidden
        return Shape(
            weights=sum(inputs * out for inputs, out in linear.values()) + norms + embedding * (2 - self.tied),
            stored_bytes=0,
            embedding=embedding,
            tied=self.tied,
            linear=linear,
            vocabulary=self.vocabulary,
            layers=self.layers,
            hidden=self.hidden,
            intermediate=self.intermediate,
            queries=queries,
            keys=keys,
            norms=self.norms,
            query_norm=True,
        )


SHAPES = {
    "google/gemma-3-270m": Dimensions(262_144, 640, 2048, 18, 4, 1, 256, tied=True, norms=4).shape(),
    "Qwen/Qwen3-4B-Base": Dimensions(151_936, 2560, 9728, 36, 32, 8, 128, tied=True, norms=2).shape(),
    "Qwen/Qwen3-8B-Base": Dimensions(151_936, 4096, 12_288, 36, 32, 8, 128, tied=False, norms=2).shape(),
}


def recipe(name: str) -> Settings:
    """The settings of a recipe, validated as if the recipe were the project's params.yaml."""
    values = yaml.safe_load((ROOT / "recipes" / f"{name}.yaml").read_text(encoding="utf-8"))
    return validated(values, ROOT / "params.yaml")


def memory(shape: Shape, training: Training, gpu: bool) -> int:
    """Bytes for a training step on examples of `max_tokens` tokens, of which three quarters are learned."""
    tokens = training.batch_size * training.max_tokens
    return training_bytes(shape, training, Batch(tokens, tokens * 3 // 4), bfloat16=gpu, gpu=gpu)


def tokens_per_second(name: str, shape: Shape, training: Training) -> float:
    """The training speed: measured for the CPU, computed from the number of operations for a GPU.

    A token takes, for each weight, 2 operations in the forward pass, 4 in the backward pass (2 with an adapter), and 2
    to recompute activations if they are not kept.
    """
    if name not in TFLOPS:
        return MEASURED_ON_A_CORE
    operations = 2 + (2 if training.adapter else 4) + 2 * training.gradient_checkpointing
    share = ADAPTER_SHARE if training.adapter else FULL_SHARE
    return share * TFLOPS[name] * 1e12 / (operations * shape.weights)


def disk(shape: Shape, settings: Settings) -> float:
    """Bytes on disk of all models in bfloat16, and of a checkpoint to resume the tuned model's training."""
    training = settings.tuned_model.training
    frozen = shape.embedding if training.freeze_embeddings else 0
    trained = adapter_weights(shape, training.adapter) if training.adapter else shape.weights - frozen
    # In float32: the weights of the adapter or of the whole model, and Adam's two moments of each trained weight.
    return COPIES * 2 * shape.weights + 8 * trained + 4 * (trained if training.adapter else shape.weights)


def table() -> str:
    """The Markdown table: the tuned model of each recipe, and its evaluator if only one of the two trains an adapter.

    The last row is for LoRA on the 8B model with the recipe for 80 GB.
    """
    lines = ["| recipe | model | training | memory | tokens/s | hours | disk |", "|---|---|---|--:|--:|--:|--:|"]
    for path in RECIPES:
        lines += _rows(path.stem, recipe(path.stem))
    chosen = recipe("gpu-80gb")
    evaluator = chosen.evaluator.training
    larger = chosen.model_copy(
        update={
            "base_model": chosen.base_model.model_copy(update={"checkpoint": "Qwen/Qwen3-8B-Base"}),
            "tuned_model": chosen.tuned_model.model_copy(update={"training": evaluator}),
        }
    )
    row = _row("gpu-80gb", larger, "LoRA", larger.tuned_model.training)
    return "\n".join([*lines, row.replace("gpu-80gb", "gpu-80gb with another model", 1)])


def _rows(name: str, settings: Settings) -> list[str]:
    tuned, evaluator = settings.tuned_model.training, settings.evaluator.training
    rows = [_row(name, settings, _words(tuned), tuned)]
    if (tuned.adapter is None) != (evaluator.adapter is None):
        rows.append(_row(name, settings, f"{_words(evaluator)} (evaluator)", evaluator))
    return rows


def _row(name: str, settings: Settings, words: str, training: Training) -> str:
    model = settings.base_model.checkpoint
    shape = SHAPES[model]
    speed = tokens_per_second(name, shape, training)
    hours = PAIRS * TOKENS_OF_A_PAIR / speed / 3600
    size = memory(shape, training, gpu=name in TFLOPS) / 1e9
    measured = "" if name in TFLOPS else ", measured"
    cells = [name, model, words, f"{size:.1f} GB", f"{speed:,.0f}{measured}", f"{hours:.3g}"]
    return f"| {' | '.join(cells)} | {disk(shape, settings) / 1e9:.0f} GB |"


def _words(training: Training) -> str:
    if training.adapter:
        return "LoRA"
    return "full, input embeddings frozen" if training.freeze_embeddings else "full"
