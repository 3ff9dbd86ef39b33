"""Makes TRL's trainer, with given batches, the loss over completions, and the loss on held-out examples."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from x_instruction.models.batches import Row, packed, padded
from x_instruction.models.examples import Example
from x_instruction.models.losses import completion_loss
from x_instruction.models.measures import mean_loss
from x_instruction.models.settings import Training
from x_instruction.runner.work_store import seal

EXACT_STEPS = 10_000  # up to this many steps, every loss is logged; in longer runs, the mean of every ten


@dataclass(frozen=True)
class Lessons:
    """The data of a training run. `batches` lists the row numbers of each batch.

    If `labels` (token ids) is given, the softmax of the loss is over these only. `held_out` is for the held-out loss.
    """

    rows: Sequence[Row]
    batches: Sequence[list[int]]
    labels: Sequence[int] | None = None
    held_out: Sequence[Example] = ()


def make_trainer(model: Any, tokenizer: Any, lessons: Lessons, training: Training, arguments: Any) -> Any:
    """An SFTTrainer for the data in `lessons`."""
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from datasets import Dataset
    from torch.utils.data import DataLoader
    from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback, TrainerCallback
    from trl import SFTTrainer

    pad = tokenizer.pad_token_id or 0

    class Trainer(SFTTrainer):
        control: Any

        def get_train_dataloader(self) -> Any:
            def collated(rows: list[Row]) -> dict[str, Any]:
                return packed(rows) if training.packing else padded(rows, pad)

            loader = DataLoader(list(lessons.rows), batch_sampler=list(lessons.batches), collate_fn=collated)
            return self.accelerator.prepare(loader)

        def compute_loss(
            self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            # On a GPU, TRL's kernel computes only the logits of learned tokens, one part of the vocabulary at a time.
            if lessons.labels is None and self.args.device.type == "cuda":
                return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            loss, tokens = completion_loss(model, inputs, lessons.labels)
            return loss / (max(1, tokens) if num_items_in_batch is None else num_items_in_batch)

        def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
            metrics = {"eval_loss": mean_loss(self.model, lessons.held_out, lessons.labels)}
            self.log(dict(metrics))
            self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
            return metrics

        def create_model_card(self, *_: Any, **__: Any) -> None:
            """Writes nothing, so that checkpoints have no README."""

    # `Trainer` reads the rows of `lessons`; TRL looks only at the columns of this data set.
    columns = Dataset.from_list(list(lessons.rows[:1]))
    trainer = Trainer(
        model=model, args=arguments, train_dataset=columns, eval_dataset=columns, processing_class=tokenizer
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    trainer.add_callback(_progress(ProgressCallback))
    trainer.add_callback(_sealing(TrainerCallback))
    if training.patience:
        trainer.add_callback(EarlyStoppingCallback(training.patience))
    return trainer


def trainer_arguments(training: Training, seed: int, folder: Path, steps: int, bfloat16: bool, save: bool) -> Any:
    """TRL's settings for a training run of `steps` steps with its checkpoints in `folder`."""
    import torch
    from trl import SFTConfig

    gpu = torch.cuda.is_available()
    chosen = SFTConfig(
        output_dir=str(folder),
        # The batches of all epochs form one list, which is read once.
        num_train_epochs=1,
        learning_rate=training.learning_rate,
        lr_scheduler_type="constant_with_warmup" if training.schedule == "constant" else training.schedule,
        warmup_steps=training.warmup_share,
        weight_decay=training.weight_decay,
        adam_beta2=0.95,  # usual for language models; 0.999 would average over more steps than a short run has
        max_grad_norm=training.max_gradient_norm,
        neftune_noise_alpha=training.neftune or None,
        per_device_train_batch_size=training.batch_size,
        gradient_accumulation_steps=training.gradient_accumulation,
        gradient_checkpointing=training.gradient_checkpointing,
        bf16=bfloat16,
        use_cpu=not gpu,
        seed=seed,
        data_seed=seed,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        logging_strategy="steps",
        logging_steps=1 if steps <= EXACT_STEPS else 10,
        logging_nan_inf_filter=False,
        report_to="none",
        dataloader_pin_memory=gpu,
        disable_tqdm=False,
        **_saving(training, save),
    )
    # Several GPUs in one process would need DataParallel, which TRL refuses.
    chosen._n_gpu = min(chosen.n_gpu, 1)
    return chosen


def _saving(training: Training, save: bool) -> dict[str, Any]:
    """The settings for saving checkpoints and measuring the held-out loss."""
    if not training.evaluate_every:
        return {"save_strategy": "steps" if save else "no", "save_steps": training.save_every, "save_total_limit": 1}
    best = training.keep_best or training.patience is not None
    return {
        "eval_strategy": "steps",
        "eval_steps": training.evaluate_every,
        # With keep_best, every measured state is saved, because it may be the best one.
        "save_strategy": "steps" if save or training.keep_best else "no",
        "save_steps": training.evaluate_every if training.keep_best else training.save_every,
        "save_total_limit": 1,
        "load_best_model_at_end": training.keep_best,
        "metric_for_best_model": "eval_loss" if best else None,
        "greater_is_better": False if best else None,
    }


def _sealing(base: type) -> Any:
    """A callback that records checksums of each checkpoint, so that no run resumes from damaged weights."""

    class Sealing(base):  # type: ignore[misc]
        def on_save(self, arguments: Any, state: Any, control: Any, **_: Any) -> None:
            seal(Path(arguments.output_dir, f"checkpoint-{state.global_step}"))

    return Sealing()


def _progress(base: type) -> Any:
    """The progress bar of transformers without its log of losses."""

    class Progress(base):  # type: ignore[misc]
        def on_log(self, *arguments: Any, **named: Any) -> None: ...

    return Progress()
