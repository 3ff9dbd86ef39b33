"""Supervised fine-tuning with TRL: the loss is on the completion only, the result is safetensors."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from x_instruction.models.checkpoints import load_model, load_tokenizer, save_model
from x_instruction.models.examples import Example
from x_instruction.models.label_loss import label_trainer
from x_instruction.models.settings import Training
from x_instruction.runner.errors import InputError

IGNORED = -100  # label of a token that does not count in the loss


def fine_tune(
    start: Path,
    examples: Sequence[Example],
    out: Path,
    training: Training,
    seed: int,
    labels: Sequence[int] | None = None,
    in_order: bool = False,
) -> dict[str, float | int]:
    """Continue the model in `start` on the examples and save it to `out`.

    The learning rate falls linearly to zero after a short warm-up. Examples are cut at `max_tokens`. If each
    completion is one of `labels` (token ids), the loss is over these only. Examples of similar length share a batch,
    unless they are learned `in_order`.
    Returns facts of the run: examples, those whose prompt left no room, tokens, steps, loss, tokens per second.
    """
    if not examples:
        raise InputError("there is no pair to learn from: check seed_pairs")
    rows = _rows(examples, training.max_tokens)
    if not rows:
        raise InputError(f"every prompt fills training.max_tokens ({training.max_tokens}): raise it")
    facts = train(load_model(start), load_tokenizer(start), rows, out, training, seed, labels, in_order)
    return {**facts, "examples_without_room": len(examples) - len(rows)}


def train(
    model: Any,
    tokenizer: Any,
    rows: list[dict[str, list[int]]],
    out: Path,
    training: Training,
    seed: int,
    labels: Sequence[int] | None = None,
    in_order: bool = False,
) -> dict[str, float | int]:
    """Train on rows of `input_ids` and `labels` and save to `out`."""
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from datasets import Dataset
    from transformers import PrinterCallback, ProgressCallback
    from trl import SFTTrainer

    _set_dropout(model, training.dropout)
    started = time.monotonic()
    with TemporaryDirectory() as scratch:
        trainer = (label_trainer(SFTTrainer, labels, IGNORED) if labels else SFTTrainer)(
            model=model,
            args=_arguments(training, seed, scratch, in_order),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.remove_callback(ProgressCallback)
        trainer.add_callback(_progress(ProgressCallback))
        outcome = trainer.train()
    _set_dropout(model, 0.0)
    model.config.use_cache = True
    save_model(model, tokenizer, out)
    seconds = time.monotonic() - started
    tokens = int(sum(len(row["input_ids"]) for row in rows) * training.epochs)
    return {
        "examples": len(rows),
        "tokens": tokens,
        "steps": outcome.global_step,
        "training_loss": round(float(outcome.training_loss), 4),
        "tokens_per_second": round(tokens / seconds),
        "training_seconds": round(seconds, 2),
    }


def _rows(examples: Sequence[Example], max_tokens: int) -> list[dict[str, list[int]]]:
    return [
        {
            "input_ids": [*example.prompt, *example.completion][:max_tokens],
            "labels": [*[IGNORED] * len(example.prompt), *example.completion][:max_tokens],
        }
        for example in examples
        # If the prompt fills the window, no token of the completion is left to learn.
        if len(example.prompt) < max_tokens
    ]


def _arguments(training: Training, seed: int, scratch: str, in_order: bool) -> Any:
    import torch
    from trl import SFTConfig

    gpu = torch.cuda.is_available()
    return SFTConfig(
        output_dir=scratch,
        num_train_epochs=training.epochs,
        learning_rate=training.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=0.05,
        weight_decay=training.weight_decay,
        adam_beta2=0.95,  # common for language models; 0.999 averages over more steps than a short run has
        per_device_train_batch_size=training.batch_size,
        gradient_checkpointing=training.gradient_checkpointing,
        bf16=training.precision == "bfloat16",
        use_cpu=not gpu,
        seed=seed,
        data_seed=seed,
        full_determinism=False,
        # Grouping by length saves padding. But if the length predicts the label (a cut response is short), a batch then
        # has mostly one label: the evaluator's AUC on cut responses was 0.58 by length and 1.00 in order.
        train_sampling_strategy="sequential" if in_order else "group_by_length",
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        dataloader_pin_memory=gpu,
        disable_tqdm=False,
    )


def _progress(base: type) -> Any:
    """The progress bar of transformers without its log of losses."""

    class Progress(base):  # type: ignore[misc]
        def on_log(self, *arguments: Any, **named: Any) -> None: ...

    return Progress()


def _set_dropout(model: Any, dropout: float) -> None:
    """Set the dropout of attention, the only dropout of Llama-like models, if the architecture has it."""
    for module in model.modules():
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = dropout
    if hasattr(model.config, "attention_dropout"):
        model.config.attention_dropout = dropout
