"""The instruction model learns from native seeds and from a limited number of English seeds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from stages.instruction_model import stage as instruction_model
from stages.instruction_model.settings import InstructionModel
from tests.conftest import TRAINING
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import write_shard

SPLITS = ["train", "train", "held_out", "english", "english", "english"]


@pytest.fixture
def seeds(tmp_path: Path, tiny_model: Path) -> None:
    """Two native pairs for training, one for measuring, and three English pairs."""
    rows = [
        (str(number), str(number), f"Say {number}.", f"Text {number}.", split) for number, split in enumerate(SPLITS)
    ]
    table = pl.DataFrame(rows, schema=["id", "instruction_id", "instruction", "response", "split"], orient="row")
    write_shard(table, tmp_path / "data/seed_pairs/fi/part-00000.parquet")
    write_json(tmp_path / "data/seed_pairs/fi/manifest.json", {"rows": table.height})
    write_json(shutil.copytree(tiny_model, tmp_path / "data/base_model") / "manifest.json", {"content": "of the base"})


@pytest.mark.usefixtures("seeds")
@pytest.mark.parametrize(("per_native", "examples"), [(0, 2), (1, 4), (9, 5)])
def test_the_instruction_model_learns_from_as_many_english_pairs_as_allowed(
    make_job: Callable[..., Job], per_native: float, examples: int
) -> None:
    training = TRAINING.model_copy(update={"batch_size": 2})
    settings = InstructionModel(english_per_native=per_native, training=training)
    job = make_job("instruction_model", None, instruction_model=settings, languages=["fi"])
    assert instruction_model.run(job).facts["examples"] == examples
