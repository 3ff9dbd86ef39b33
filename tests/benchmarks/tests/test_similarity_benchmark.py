"""The similarity benchmark combines the pairs of one half of the seeds, and subtracts the means of the other half."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.benchmarks.similarity import combined, swapped_auc
from x_instruction.embeddings.vectors import VECTORS


def pairs(responses: np.ndarray) -> pl.DataFrame:
    """Eight pairs. The instructions' vectors are unit vectors, and the responses' vectors are given."""
    columns = {VECTORS[0]: np.eye(8), VECTORS[1]: responses, VECTORS[2]: responses}
    stored = {name: [row.astype(np.float16).tobytes() for row in rows] for name, rows in columns.items()}
    return pl.DataFrame({"language": ["fi"] * 8, **stored})


def test_every_instruction_is_combined_with_every_response() -> None:
    table = combined(pairs(np.eye(8)))
    assert table.height == 64 and table["true"].sum() == 8


@pytest.mark.parametrize(("responses", "auc"), [(np.eye(8), 1.0), (np.roll(np.eye(8), 4, axis=0), 0.5)])
def test_the_auc_is_one_for_fitting_responses_and_about_chance_for_others(responses: np.ndarray, auc: float) -> None:
    found = [swapped_auc(pairs(responses), "similarity", seed) for seed in range(20)]
    assert np.mean(found) == pytest.approx(auc, abs=0.2)
