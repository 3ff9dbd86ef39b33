"""Trains models with TRL, from a checkpoint or from scratch, and saves them as safetensors."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from x_instruction.models.adapters import merged, refuse_four_bits_without_gpu, with_adapter
from x_instruction.models.batches import Order, Row, batch_order, rows_of
from x_instruction.models.checkpoints import load_model, load_tokenizer, save_model, stored_dtype
from x_instruction.models.examples import Example
from x_instruction.models.fitting import refuse_too_large_a_training
from x_instruction.models.memory import Batch, largest_batch
from x_instruction.models.precision import saved_dtype, uses_bfloat16
from x_instruction.models.resuming import last_checkpoint
from x_instruction.models.settings import Training
from x_instruction.models.trackers import callbacks, refuse_missing_packages
from x_instruction.models.trainer import Lessons, make_trainer, trainer_arguments
from x_instruction.models.training_record import WeightSample, loss_change, loss_curve
from x_instruction.runner.errors import InputError
from x_instruction.runner.gate import Metric
from x_instruction.runner.plots import write_plot


@dataclass(frozen=True)
class Surroundings:
    """The files, folders and held-out examples of a training run.

    `checkpoints`: folder of the checkpoints from which an interrupted training run resumes; None: no run can resume.
    `plots`: folder in which the loss curve is written as a plot. `logs`: a path without suffix; the logger `x` of
    `report_to` writes to `<logs>.x`. `held_out`: examples on which the loss is measured every `evaluate_every` steps.
    `keeps_template`: whether the saved tokenizer keeps its chat template.
    """

    checkpoints: Path | None = None
    plots: Path | None = None
    logs: Path | None = None
    held_out: Sequence[Example] = ()
    keeps_template: bool = True


ALONE = Surroundings()


def fine_tune(
    start: Path,
    examples: Sequence[Example],
    out: Path,
    training: Training,
    seed: int,
    labels: Sequence[int] | None = None,
    in_order: bool = False,
    surroundings: Surroundings = ALONE,
) -> dict[str, Metric]:
    """Trains the model in `start` on the examples and saves it to `out`.

    Examples are cut at `max_tokens`. If `labels` (token ids) are given, each completion must be one of them, and the
    softmax of the loss is over the labels only. Examples of similar length share a batch, unless they are packed or
    learned `in_order`. Returns the facts that `train` returns, and the number of examples whose prompt left no room for
    a completion.
    """
    if not examples:
        raise InputError("there is no pair to learn from: check seed_pairs")
    rows = rows_of(examples, training.max_tokens)
    if not rows:
        raise InputError(f"every prompt fills training.max_tokens ({training.max_tokens}): raise it")
    stored, four_bits = stored_dtype(start), training.adapter is not None and training.adapter.four_bits
    if four_bits:
        refuse_four_bits_without_gpu()
    if surroundings.logs is not None:
        refuse_missing_packages(training.report_to)
    _refuse_too_few(rows, training)

    def largest(changed: Training) -> Batch:
        return largest_batch(rows, _batches(rows, changed, seed, in_order), changed.packing)

    refuse_too_large_a_training(start, stored, training, largest)
    # In bfloat16 small updates would be rounded away: after 8 steps with a learning rate of 1e-5, 90 % of the weights
    # had not changed.
    model, tokenizer = load_model(start, dtype="float32", four_bits=four_bits), load_tokenizer(start)
    lessons = Lessons(rows, _batches(rows, training, seed, in_order), labels, surroundings.held_out)
    facts = train(model, tokenizer, lessons, out, training, seed, stored, surroundings)
    return {**facts, "examples_without_room": len(examples) - len(rows)}


def _refuse_too_few(rows: Sequence[Row], training: Training) -> None:
    if len(rows) < training.batch_size:
        raise InputError(
            f"there are only {len(rows)} examples to learn from, fewer than training.batch_size ({training.batch_size})"
            ": lower the batch size, or add seeds"
        )


def _batches(rows: Sequence[Row], training: Training, seed: int, in_order: bool) -> list[list[int]]:
    # Examples of similar length need little padding, and packed examples need none. But if the length predicts the
    # label (a cut response is short), most examples of a batch have the same label. On the artificial languages of
    # docs/evaluator.md, AUC on cut responses was 0.58 with batches by length, and 1.00 in the given order.
    order: Order = "in_order" if in_order else "at_random" if training.packing else "by_length"
    return batch_order([len(row["input_ids"]) for row in rows], training.batch_size, training.epochs, seed, order)


def train_from_scratch(
    model: Any, tokenizer: Any, rows: list[Row], out: Path, training: Training, seed: int
) -> dict[str, Metric]:
    """Trains a new float32 model on rows of equal length and saves it to `out`."""
    return train(model, tokenizer, Lessons(rows, _batches(rows, training, seed, False)), out, training, seed, "float32")


def train(
    model: Any,
    tokenizer: Any,
    lessons: Lessons,
    out: Path,
    training: Training,
    seed: int,
    stored: str,
    surroundings: Surroundings = ALONE,
) -> dict[str, Metric]:
    """Trains the model on the data in `lessons` and saves it to `out`. `stored` is the type of its weights on disk.

    Returns facts about the run: examples, tokens, steps, mean loss and its change, the precision of matrix products,
    speed, duration, and the share of changed weights.
    """
    import torch

    bfloat16 = uses_bfloat16(training, stored)
    print(f"training: weights in float32, matrix products in {'bfloat16' if bfloat16 else 'float32'}", file=sys.stderr)
    _set_dropout(model, training.dropout)
    if training.freeze_embeddings:
        model.get_input_embeddings().requires_grad_(False)
    if training.adapter:
        torch.manual_seed(seed)
        model = with_adapter(model, training.adapter)
    started, sample = time.monotonic(), WeightSample(model)
    steps = math.ceil(len(lessons.batches) / training.gradient_accumulation)
    with _checkpoint_folder(surroundings.checkpoints, out) as folder:
        arguments = trainer_arguments(training, seed, folder, steps, bfloat16, surroundings.checkpoints is not None)
        trainer = make_trainer(model, tokenizer, lessons, training, arguments)
        _report(trainer, training, surroundings.logs)
        last = last_checkpoint(folder)
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    facts = _facts(trainer, lessons, time.monotonic() - started, "bfloat16" if bfloat16 else "float32")
    changed = sample.changed_share(model)
    if training.adapter:
        model = merged(model, out)
    _set_dropout(model, 0.0)
    model.config.use_cache = True
    if not surroundings.keeps_template:
        tokenizer.chat_template = None
    save_model(model.to(saved_dtype(training, stored)), tokenizer, out)
    if surroundings.plots:
        write_plot(surroundings.plots, "loss", loss_curve(trainer.state.log_history))
    return {**facts, "changed_weights_share": round(changed, 4)}


@contextmanager
def _checkpoint_folder(folder: Path | None, out: Path) -> Iterator[Path]:
    """Yields `folder`. If it is None, yields a temporary folder beside `out`, from which no run can resume.

    The temporary folder is beside `out`, because the next run of a stage removes what a killed run left there.
    """
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as name:
        yield Path(name)


def _report(trainer: Any, training: Training, logs: Path | None) -> None:
    if logs is not None:
        for callback in callbacks(training.report_to, logs, training.model_dump(mode="json")):
            trainer.add_callback(callback)


def _facts(trainer: Any, lessons: Lessons, seconds: float, products: str) -> dict[str, Metric]:
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    lengths = [len(row["input_ids"]) for row in lessons.rows]
    tokens = sum(lengths[row] for batch in lessons.batches for row in batch)
    return {
        "examples": len(lessons.rows),
        "tokens": tokens,
        "steps": trainer.state.global_step,
        "training_loss": round(sum(losses) / max(1, len(losses)), 4),
        "loss_change": round(loss_change(losses), 4),
        "precision": products,
        "tokens_per_second": round(tokens / seconds),
        "training_seconds": round(seconds, 2),
    }


def _set_dropout(model: Any, dropout: float) -> None:
    """Sets the dropout of attention; Llama-like models have no other. Does nothing in models without this dropout."""
    for module in model.modules():
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = dropout
    if hasattr(model.config, "attention_dropout"):
        model.config.attention_dropout = dropout
