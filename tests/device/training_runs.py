"""The training runs of the device check: models of Gemma 3's shapes, trained with the pipeline's `fine_tune`."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, TrainerCallback

from stages.base_model.embedded import train_tokenizer
from stages.base_model.settings import Architecture
from x_instruction.models import fine_tuning
from x_instruction.models.adapters import FOLDER, linear_layers
from x_instruction.models.checkpoints import save_model
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import Surroundings, fine_tune
from x_instruction.models.settings import Adapter, Training

ROOT = Path(__file__).parents[2]
KILLED_AFTER, SAVED_AT = 24, 20  # the interrupted run stops after step 24 and resumes at step 20

TINY = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "head_dim": 16, "vocab_size": 2560}
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {**TINY, "num_attention_heads": 4, "num_key_value_heads": 1, "query_pre_attn_scalar": 16},
    "270m": {"hidden_size": 640, "intermediate_size": 2048, "num_hidden_layers": 18, "num_attention_heads": 4,
             "num_key_value_heads": 1, "head_dim": 256, "query_pre_attn_scalar": 256},
    "1b": {"hidden_size": 1152, "intermediate_size": 6912, "num_hidden_layers": 26, "num_attention_heads": 4,
           "num_key_value_heads": 1, "head_dim": 256, "query_pre_attn_scalar": 256},
    "4b": {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34, "num_attention_heads": 8,
           "num_key_value_heads": 4, "head_dim": 256, "query_pre_attn_scalar": 256, "sliding_window": 1024},
}  # fmt: skip

PLAIN = Training(
    epochs=1,
    learning_rate=5e-4,
    batch_size=8,
    weight_decay=0.0,
    dropout=0.0,
    max_tokens=1024,
    precision="bfloat16",
    save_dtype="as_base",
    gradient_accumulation=1,
    gradient_checkpointing=False,
    warmup_share=0.1,
    schedule="linear",
    max_gradient_norm=1.0,
    neftune=0,
    freeze_embeddings=False,
    adapter=None,
    packing=False,
    save_every=10_000,
    evaluate_every=None,
    keep_best=False,
    patience=None,
    report_to=(),
)
LORA = {"adapter": Adapter(rank=16, alpha=32), "learning_rate": 1e-3}
DORA = {**LORA, "adapter": Adapter(rank=16, alpha=32, dora=True)}
QLORA = {**LORA, "adapter": Adapter(rank=16, alpha=32, four_bits=True)}


@dataclass(frozen=True)
class Run:
    """A training run. `like` names one that must have nearly the same losses; `seconds` is the expected time."""

    name: str
    shape: str = "270m"
    changes: dict[str, Any] = field(default_factory=dict)
    like: str = ""
    in_order: bool = True
    over_labels: bool = False
    interrupted: bool = False
    examples: int | None = None
    seconds: int = 20

    @property
    def needs_gpu(self) -> bool:
        adapter = self.changes.get("adapter")
        return adapter is not None and adapter.four_bits


PACKED, CHECKPOINTING = {"packing": True}, {"gradient_checkpointing": True}
LARGE = {"batch_size": 32, "epochs": 4}
RUNS = [
    Run("full, float32", changes={"precision": "float32"}, seconds=40),
    Run("full, bfloat16", changes={"save_dtype": "float32"}, like="full, float32"),
    Run("full, bfloat16, packed", changes=PACKED, like="full, bfloat16"),
    Run("full, bfloat16, checkpointing", changes=CHECKPOINTING, like="full, bfloat16"),
    Run("full, bfloat16, by length", in_order=False),
    Run("full, bfloat16, labels only", over_labels=True),
    Run("full, bfloat16, killed and resumed", changes={"save_dtype": "float32", "save_every": SAVED_AT},
        like="full, bfloat16", interrupted=True, seconds=30),
    Run("LoRA, float32", changes={**LORA, "precision": "float32"}, seconds=40),
    Run("LoRA, bfloat16", changes=LORA, like="LoRA, float32"),
    Run("LoRA, bfloat16, packed, checkpointing, held-out loss",
        changes={**LORA, **PACKED, **CHECKPOINTING, "evaluate_every": 20, "keep_best": True}, like="LoRA, bfloat16"),
    Run("DoRA, bfloat16", changes=DORA, seconds=30),
    Run("QLoRA, bfloat16", changes=QLORA, seconds=40),
    Run("full, bfloat16, NEFTune", changes={"neftune": 5}),
    Run("full, bfloat16, large batches", changes=LARGE, in_order=False, seconds=40),
    Run("LoRA, bfloat16, large batches", changes={**LORA, **LARGE}, in_order=False, seconds=40),
    Run("1B: LoRA, packed, checkpointing", "1b", {**LORA, **PACKED, **CHECKPOINTING}, examples=96, seconds=40),
    Run("1B: full, packed, checkpointing", "1b", {**PACKED, **CHECKPOINTING}, examples=96, seconds=40),
    Run("4B: LoRA, packed, checkpointing", "4b", {**LORA, **PACKED, **CHECKPOINTING}, examples=64, seconds=80),
    Run("4B: QLoRA, packed, checkpointing", "4b", {**QLORA, **PACKED, **CHECKPOINTING}, examples=64, seconds=90),
    Run("4B: full, packed, checkpointing", "4b", {**PACKED, **CHECKPOINTING}, examples=64, seconds=90),
]  # fmt: skip


class KilledError(Exception):
    """Stops a training run as an interruption would."""


class Watch(TrainerCallback):
    """Records the times of the steps, the losses and the peak memory of a training run."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.times: list[float] = []
        self.tokens: list[int] = []
        self.losses: list[float] = []
        self.held_out: list[float] = []
        self.peak_bytes = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
            self.peak_bytes = torch.cuda.max_memory_allocated()
        self.times.append(time.monotonic())
        if state.global_step == self.stop_after:
            raise KilledError

    def on_train_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        self.losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        self.held_out = [entry["eval_loss"] for entry in state.log_history if "eval_loss" in entry]

    def tokens_per_second(self) -> float | None:
        """Tokens per second in the second half of the steps, after kernels are compiled and memory is reserved."""
        first = len(self.times) // 2
        tokens = self.tokens[-len(self.times) :][first:] if first else []
        return sum(tokens) / (self.times[-1] - self.times[first - 1]) if tokens else None


class Lab:
    """Makes the tokenizer, the examples and the start models of all runs, and keeps the models in a folder."""

    def __init__(self, folder: Path, tiny: bool) -> None:
        self.folder, self.tiny = folder, tiny
        sizes = Architecture(vocabulary=2048, hidden=64, layers=1, heads=1, intermediate=64, context=32_768)
        seeds = [
            [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            for path in sorted((ROOT / "data/sample/seeds").glob("*.jsonl"))
        ]
        self.tokenizer = train_tokenizer([seed["response"] for language in seeds for seed in language], sizes)
        self.examples = [self._example(language, number) for number in range(len(seeds[0]) * 2) for language in seeds][
            : 48 if tiny else 320
        ]

    def _example(self, seeds: list[dict[str, str]], number: int) -> Example:
        """An example. Its prompt is an instruction; its completion is one to three responses, so that lengths vary."""
        responses = [seeds[(number + further) % len(seeds)]["response"] for further in range(number % 3 + 1)]
        return Example(
            self.ids(seeds[number % len(seeds)]["instruction"]),
            self.ids("\n".join(responses))[: 24 if self.tiny else None],
        )

    def ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    @property
    def labels(self) -> list[int]:
        return [int(number) for number in self.tokenizer.convert_tokens_to_ids(["<|instruction|>", "<|response|>"])]

    def start(self, shape: str) -> Path:
        """A model of the shape with random weights, stored in bfloat16 like published models."""
        folder = self.folder / f"start-{shape}"
        if not folder.exists():
            torch.manual_seed(1)
            with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
                model = Gemma3ForCausalLM(config_of(shape)).to(torch.bfloat16)
            save_model(model, self.tokenizer, folder)
        return folder


def config_of(shape: str) -> Any:
    """The configuration of a shape. Values that SHAPES lacks are Gemma 3's, such as a vocabulary of 262,144 tokens."""
    sizes = {"vocab_size": 262_144, "sliding_window": 512, **SHAPES[shape]}
    return Gemma3TextConfig(**sizes, bos_token_id=None, eos_token_id=0, pad_token_id=1, max_position_embeddings=32_768)


def plan(run: Run) -> str:
    """Describes a run and its minimum memory, which is for weights, gradients and Adam's two moments.

    All are in float32, except the weights of a layer that is loaded in four bits.
    """
    with torch.device("meta"):
        model = Gemma3ForCausalLM(config_of(run.shape))
    weights = sum(weight.numel() for weight in model.parameters())
    trained, frozen_bytes = weights, 0.0
    if adapter := PLAIN.model_copy(update=run.changes).adapter:
        names = linear_layers(model)
        layers = [layer for name, layer in model.named_modules() if name.rsplit(".", 1)[-1] in names]
        trained = sum(adapter.rank * (layer.in_features + layer.out_features) for layer in layers)
        small = sum(layer.weight.numel() for layer in layers) if adapter.four_bits else 0
        frozen_bytes = 4 * (weights - small) + small / 2
    least = frozen_bytes + 16 * trained
    return (
        f"{run.name}: {weights / 1e6:,.0f} million weights, {trained / 1e6:,.1f} trained, at least {least / 1e9:.1f} GB"
    )


def train(lab: Lab, run: Run) -> dict[str, Any]:
    """Trains the model of a run. Returns figures, among them the loss of every step and the folder of the model."""
    training = PLAIN.model_copy(update=run.changes)
    start, out = lab.start("tiny" if lab.tiny else run.shape), lab.folder / run.name.replace(" ", "-")
    examples = lab.examples[: run.examples]
    labels = lab.labels if run.over_labels else None
    if labels:
        examples = [Example(one.prompt, [labels[place % 2]]) for place, one in enumerate(examples)]
    held_out = lab.examples[:16] if training.evaluate_every else ()
    if lab.tiny:
        often = {key: 1 for key in ("save_every", "evaluate_every") if key in run.changes}
        training = training.model_copy(update={**often, "batch_size": 4, "max_tokens": 64})
    surroundings = Surroundings(out.with_suffix(".checkpoints") if run.interrupted else None, held_out=held_out)
    if run.interrupted:
        with suppress(KilledError):
            _watched(Watch(2 if lab.tiny else KILLED_AFTER), start, examples, out, training, labels, run, surroundings)
    watch = Watch()
    facts = _watched(watch, start, examples, out, training, labels, run, surroundings)
    speed = watch.tokens_per_second()
    return {
        "name": run.name,
        "shape": "tiny" if lab.tiny else run.shape,
        "facts": facts,
        "losses": [round(loss, 5) for loss in watch.losses],
        "held_out_losses": watch.held_out,
        "tokens_per_second": speed and round(speed),
        "peak_gb": round(watch.peak_bytes / 1e9, 2),
        "step_seconds": [round(after - before, 3) for before, after in pairwise(watch.times)],
        "adapter_saved": (out / FOLDER).is_dir(),
        "folder": str(out),
    }


def _watched(
    watch: Watch,
    start: Path,
    examples: Sequence[Example],
    out: Path,
    training: Training,
    labels: list[int] | None,
    run: Run,
    surroundings: Surroundings,
) -> dict[str, Any]:
    make = fine_tuning.make_trainer

    def made(model: Any, tokenizer: Any, lessons: Any, *others: Any) -> Any:
        lengths = [len(row["input_ids"]) for row in lessons.rows]
        watch.tokens = [sum(lengths[row] for row in batch) for batch in lessons.batches]
        trainer = make(model, tokenizer, lessons, *others)
        trainer.add_callback(watch)
        return trainer

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    with patch.object(fine_tuning, "make_trainer", made):
        return fine_tune(start, examples, out, training, 1, labels, run.in_order, surroundings)


def difference(losses: Sequence[float], others: Sequence[float]) -> float:
    """The absolute difference between two runs' losses at the same step, in nats, averaged over the steps."""
    return statistics.fmean(abs(one - other) for one, other in zip(losses, others, strict=True))
