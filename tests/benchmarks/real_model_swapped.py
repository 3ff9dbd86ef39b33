"""Measures how well the evaluators of the benchmark real_model recognize responses to other instructions.

The metrics of an evaluator use only one such response for each of a few held-out seeds. Here each held-out instruction
is rated with the responses of all held-out seeds of its language.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.metrics import roc_auc_score

from stages.params import Settings, load_settings
from tests.benchmarks.real_model_figures import Matrix, Measured, bootstrapped
from tests.benchmarks.real_model_measures import unlearned_seeds, with_vectors
from tests.benchmarks.table import Row
from x_instruction.embeddings.similarity import Similarity
from x_instruction.embeddings.vectors import VECTORS
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.language.names import load_names
from x_instruction.pairs.training_pairs import Pair
from x_instruction.rating.calibration import read_calibration
from x_instruction.rating.likelihoods import add_likelihoods
from x_instruction.rating.rate import add_ratings
from x_instruction.rating.surface import add_surface_signals

LIMIT = 0.9


def swapped_rows(project: Path, embedded: Path) -> list[Row]:
    ours, other = (swapped_areas(folder) for folder in (project, embedded))
    return [
        Row(
            f"evaluator {number}, swapped, {code}", "AUC", found.value, LIMIT,
            f"at least; {found}, all combinations of {seeds} seeds; embedded model {other[number, code][0].value:.3g}",
        )
        for (number, code), (found, seeds) in ours.items()
    ]  # fmt: skip


def swapped_areas(project: Path) -> dict[tuple[int, str], tuple[Measured, int]]:
    """For each iteration and language, the AUC of own responses against those of other seeds, and the seeds' number."""
    settings = load_settings(project / "params.yaml")
    seeds = {code: unlearned_seeds(project, code, ["held_out"]) for code in settings.languages}
    several = {code: of for code, of in seeds.items() if len(of) > 1}
    pairs = with_signals(pl.concat(combinations(code, of) for code, of in several.items()), project, settings)
    found = {}
    for number in (1, 2):
        rated = with_ratings(pairs, project, settings, number)
        for code, of in several.items():
            ratings = rated.filter(pl.col("language") == code).sort("asked", "answered")["rating"].to_numpy()
            found[number, code] = (area_over_seeds(ratings.reshape(len(of), len(of))), len(of))
    return found


def area_over_seeds(ratings: Matrix) -> Measured:
    """AUC of the ratings of own responses (on the diagonal) against the others, with its interval over seeds.

    `ratings` has a row for each instruction and a column for each response.
    """
    own, count = np.eye(len(ratings), dtype=bool), len(ratings)

    def figure(drawn: npt.NDArray[np.int64]) -> float:
        times = np.bincount(drawn, minlength=count).astype(float)
        if (times > 0).sum() == 1:  # a draw of one seed has no other response
            return 0.5
        weight = np.where(own, times[:, None], np.outer(times, times))
        return float(roc_auc_score(own.ravel(), ratings.ravel(), sample_weight=weight.ravel()))

    return bootstrapped(count, figure)


def combinations(language: str, seeds: list[Pair]) -> pl.DataFrame:
    """Each instruction with each response: numbers `asked` and `answered`, which are equal for a seed's own response.

    A seed's own response comes first, because `add_likelihoods` compares an instruction with texts that differ from the
    first response that it has in the frame.
    """
    rows = [
        (language, seeds[asked].instruction, seeds[answered].response, asked, answered)
        for asked in range(len(seeds))
        for answered in (asked, *(number for number in range(len(seeds)) if number != asked))
    ]
    return pl.DataFrame(rows, schema=["language", "instruction", "response", "asked", "answered"], orient="row")


def with_signals(pairs: pl.DataFrame, project: Path, settings: Settings) -> pl.DataFrame:
    pages, similarity = project / "languages", Similarity.read(project / "data/evaluator/iteration_1")
    frame = similarity.score(with_vectors(project, add_surface_signals(pairs, pages))).drop(VECTORS)
    with LazyEngine(project / "data/instruction_model", settings.text_generation, settings.seed) as engine:
        return add_likelihoods(frame, engine, settings.prompts, settings.rating.other_texts, pages)


def with_ratings(pairs: pl.DataFrame, project: Path, settings: Settings, iteration: int) -> pl.DataFrame:
    evaluator = project / f"data/evaluator/iteration_{iteration}"
    names = load_names(project / "languages")
    with LazyEngine(evaluator, settings.text_generation, settings.seed) as engine:
        return add_ratings(pairs, engine, read_calibration(evaluator), settings.rating, settings.prompts, names)
