"""The figures of the benchmarks gemma_engines and gemma_resume are right. No real model is loaded here."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import save_file

from stages.params import Settings
from tests.benchmarks.gemma_engines import Found, furthest, read_and_write, real_settings, rows_of, sample_pairs
from tests.benchmarks.gemma_resume import _checkpoints, differences, last_step


def test_the_largest_differences_are_taken_and_equal_texts_are_counted() -> None:
    ours = Found([0.5, 0.7], [-1.0, -2.0], ["a", "b"])
    rows = rows_of("float32", ours, Found([0.5, 0.75], [-1.5, -2.0], ["a", "c"]))
    assert [round(row.ours, 6) for row in rows] == [0.05, 0.5, 1.0]
    assert rows[0].peer == 0.01 and rows[2].peer == 2.0
    assert furthest([1.0], [1.0]) == 0.0


def test_the_pairs_are_seeds_of_three_languages() -> None:
    pairs = sample_pairs(2)
    assert [pair.language for pair in pairs] == ["fi", "fi", "sw", "sw", "hi", "hi"]
    assert all(pair.instruction and pair.response for pair in pairs)


def test_an_engine_rates_every_pair_and_writes_an_instruction_for_it(tiny_model: Path) -> None:
    chosen: Settings = real_settings()
    rating = chosen.rating.model_copy(update={"labels": ["A", "B", "C"], "max_response_tokens": 30})
    prompts = chosen.prompts.model_copy(
        update={"rate": "{response}{instruction}{language}", "max_response_tokens": 30, "end": "<|end|>"}
    )
    small = chosen.model_copy(update={"rating": rating, "prompts": prompts})
    found = read_and_write(tiny_model, small, sample_pairs(1), "transformers")
    assert len(found.ratings) == len(found.likelihoods) == len(found.texts) == 3
    assert all(0 <= rating <= 1 for rating in found.ratings) and max(found.likelihoods) < 0
    assert rows_of("float32", found, read_and_write(tiny_model, small, sample_pairs(1), "transformers"))[2].ours == 3


def trained(folder: Path, weight: float, losses: list[float]) -> Path:
    (folder / "plots").mkdir(parents=True)
    save_file({"weight": torch.tensor([1.0, weight])}, folder / "model.safetensors")
    steps = {"step": range(1, len(losses) + 1), "loss": losses, "series": ["training"] * len(losses)}
    pl.DataFrame(steps).write_csv(folder / "plots" / "loss.csv")
    return folder


def test_a_resumed_training_is_compared_by_weights_and_losses(tmp_path: Path) -> None:
    one = trained(tmp_path / "one", 2.0, [3.0, 2.5])
    weights, losses = differences(one, trained(tmp_path / "other", 2.5, [3.0, 2.25]))
    assert weights == pytest.approx(0.5) and losses == pytest.approx(0.25)
    with pytest.raises(ValueError, match="other steps"):
        differences(one, trained(tmp_path / "short", 2.0, [3.0]))


def test_a_training_resumes_from_its_last_checkpoint(tmp_path: Path) -> None:
    out = tmp_path / "killed"
    assert last_step(out) == 0
    for step in (2, 10):
        (_checkpoints(out) / f"checkpoint-{step}").mkdir(parents=True)
    assert last_step(out) == 10
