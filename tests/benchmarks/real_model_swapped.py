"""Measures how well the evaluators of the benchmark real_model recognize responses to other instructions.

The metrics of an evaluator use only one such response for each of a few held-out seeds. Here each held-out instruction
is rated with the responses of all held-out seeds of its language.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from stages.evaluator.measures import area_under_curve
from stages.params import Settings, load_settings
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
            f"evaluator {number}, swapped, {code}", "AUC", value, LIMIT,
            f"at least; embedded model {other[number, code][0]:.3g}; all combinations of {seeds} seeds",
        )
        for (number, code), (value, seeds) in ours.items()
    ]  # fmt: skip


def swapped_areas(project: Path) -> dict[tuple[int, str], tuple[float, int]]:
    """Maps iteration and language to the AUC of the right responses against all others, and to the number of seeds."""
    settings = load_settings(project / "params.yaml")
    seeds = {code: unlearned_seeds(project, code, ["held_out"]) for code in settings.languages}
    pairs = with_signals(pl.concat(combinations(code, of) for code, of in seeds.items()), project, settings)
    found = {}
    for number in (1, 2):
        rated = with_ratings(pairs, project, settings, number)
        for code in settings.languages:
            of_language = rated.filter(pl.col("language") == code)
            own, others = (of_language.filter(pl.col("own") == is_own)["rating"] for is_own in (True, False))
            area = area_under_curve(own, others)
            if area is not None:
                found[number, code] = (area, len(own))
    return found


def combinations(language: str, seeds: list[Pair]) -> pl.DataFrame:
    """Each instruction with each response.

    An instruction's own response comes first, because `add_likelihoods` chooses other texts that differ from the
    response in the instruction's first row.
    """
    rows = [
        (language, asked.instruction, answered.response, asked is answered)
        for asked in seeds
        for answered in (asked, *(seed for seed in seeds if seed is not asked))
    ]
    return pl.DataFrame(rows, schema=["language", "instruction", "response", "own"], orient="row")


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
