"""Compares our fine-tuning with a plain TRL trainer, with the same model, examples, batch size and learning rate.

The embedded model has a small vocabulary, so its layers take most of the time. The second model has the same layers and
a vocabulary of 65,536 tokens, so its logits take most of the time. The real model is Gemma 3 270M, with a vocabulary of
262,144. The real model is trained for only a few steps, because plain TRL needs half a minute per step on a slow core.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stages.base_model.embedded import new_model
from stages.params import load_settings
from tests.benchmarks.engine import FIRST_TOKEN, seconds, untrained_model
from tests.benchmarks.gemma import gemma_checkpoint
from tests.benchmarks.table import ROOT, Row, SkippedError
from x_instruction.models.batches import rows_of
from x_instruction.models.checkpoints import load_model, load_tokenizer, save_model
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import fine_tune
from x_instruction.models.settings import Training

EXAMPLES, BATCH, LARGE_VOCABULARY = 160, 8, 65_536
# The real model gets small batches, because plain TRL keeps several copies of the logits (about 1 GB each).
REAL_EXAMPLES, REAL_BATCH = 12, 4


def run() -> list[Row]:
    settings = load_settings(ROOT / "params.yaml").tuned_model.training
    training = settings.model_copy(update={"epochs": 1.0, "batch_size": BATCH, "report_to": (), "dropout": 0.0})
    examples = _examples()
    with TemporaryDirectory() as name:
        folder = Path(name)
        small, large = untrained_model(folder / "small"), folder / "large"
        _enlarge(small, large)
        rows = [
            row
            for label, model in (("embedded model", small), ("vocabulary of 65,536", large))
            for row in _rows(label, model, examples, training, folder)
        ]
        return rows + _real_rows(examples[:REAL_EXAMPLES], training, folder)


def _real_rows(examples: Sequence[Example], training: Training, folder: Path) -> list[Row]:
    """The rows of the real model, or no rows if the model is not available."""
    try:
        model = gemma_checkpoint("float32")
    except SkippedError as reason:
        print(f"tuning: no rows of a real model, {reason}")
        return []
    changed = training.model_copy(update={"batch_size": REAL_BATCH, "learning_rate": 2e-5})
    return _rows("Gemma 3 270M", model, examples, changed, folder)


def _rows(label: str, model: Path, examples: Sequence[Example], training: Training, folder: Path) -> list[Row]:
    tokens = sum(len(example.prompt) + len(example.completion) for example in examples)
    # Imports and the first batch are not timed.
    for first in (_plain, _ours):
        first(model, examples[: training.batch_size], training, folder)
    rows = []
    for name, packing, peer in (("padded", False, "padded"), ("packed", True, "padding-free")):
        chosen = training.model_copy(update={"packing": packing})
        ours, plain = (seconds(partial(train, model, examples, chosen, folder)) for train in (_ours, _plain))
        rows.append(Row(f"{label}, {name}", "tokens/s", tokens / ours, tokens / plain, f"trl.SFTTrainer, {peer}"))
    return rows


def _ours(model: Path, examples: Sequence[Example], training: Training, folder: Path) -> None:
    fine_tune(model, examples, folder / "out", training, 1)


def _plain(model: Path, examples: Sequence[Example], training: Training, folder: Path) -> None:
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    options: dict[str, Any] = {"dataset_kwargs": {"skip_prepare_dataset": True}, "max_length": None}
    trainer = SFTTrainer(
        model=load_model(model, dtype="float32"),
        args=SFTConfig(
            output_dir=str(folder / "plain"),
            num_train_epochs=1,
            per_device_train_batch_size=training.batch_size,
            learning_rate=training.learning_rate,
            train_sampling_strategy="group_by_length",
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            bf16=False,
            gradient_checkpointing=False,
            padding_free=training.packing,  # the examples of a batch as one row
            **options,
        ),
        train_dataset=Dataset.from_list(rows_of(examples, training.max_tokens)),
        processing_class=load_tokenizer(model),
    )
    trainer.train()
    save_model(trainer.model, load_tokenizer(model), folder / "plain")


def _examples() -> list[Example]:
    """Examples of random tokens, with the lengths of real instructions and responses."""
    draw = random.Random(1)

    def tokens(least: int, most: int) -> list[int]:
        return [draw.randrange(FIRST_TOKEN, 2000) for _ in range(draw.randint(least, most))]

    return [Example(tokens(60, 240), tokens(8, 60)) for _ in range(EXAMPLES)]


def _enlarge(small: Path, large: Path) -> None:
    """Makes the model with the larger vocabulary. The additional tokens do not occur in the examples."""
    tokenizer = load_tokenizer(small)
    model = new_model(load_settings(ROOT / "params.yaml").base_model.architecture, tokenizer, seed=1)
    model.resize_token_embeddings(LARGE_VOCABULARY, mean_resizing=False)
    save_model(model, tokenizer, large)
