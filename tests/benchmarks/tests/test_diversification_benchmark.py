"""The diversification benchmark plants near copies, counts how many are found, and measures distances to centres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.benchmarks.diversification import write
from tests.benchmarks.ours.diversification import COPY_AFTER, SIZE, copies_found, inertia
from x_instruction.embeddings.vectors import INSTRUCTION, vectors_of


def test_every_twentieth_vector_is_a_near_copy_of_the_previous_vector(tmp_path: Path) -> None:
    write(tmp_path, 200)
    table = pl.read_parquet(tmp_path / "part-00000.parquet")
    vectors = vectors_of(table[INSTRUCTION], SIZE)
    following = np.einsum("nd,nd->n", vectors[:-1], vectors[1:])
    assert np.flatnonzero(following > 0.9).tolist() == list(range(COPY_AFTER - 2, 200, COPY_AFTER))
    assert following[COPY_AFTER - 2 :: COPY_AFTER].mean() == pytest.approx(0.97, abs=0.01)


def test_a_copy_counts_as_found_if_it_or_its_original_was_dropped() -> None:
    reasons = {18: "near_identical_instruction", 39: "near_identical_instruction", 58: "cluster_full", 5: None}
    made = pl.DataFrame({"id": [f"{row:09d}" for row in range(80)], "reason": [reasons.get(row) for row in range(80)]})
    assert copies_found(made) == 2 / 4


def test_the_inertia_is_the_mean_squared_distance_to_the_cluster_mean() -> None:
    vectors = np.array([[0, 0], [2, 0], [0, 9]], np.float32)
    assert inertia(vectors, np.array([1, 1, 0])) == pytest.approx(2 / 3)
