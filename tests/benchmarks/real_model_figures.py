"""Figures of the benchmark real_model that are computed from the data of a finished project, without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from tests.benchmarks.iterations import CONFIDENCE, Interval
from x_instruction.embeddings.vectors import INSTRUCTION, RESPONSE, dimensions_of, vectors_of

Matrix = npt.NDArray[np.float64]
RESAMPLES = 400
FIRST_OF = 20
# The assumed shares of good pairs and of five defects among all pairs. Other defects are left out.
PLANTED = {"none": 0.5, **dict.fromkeys(("swapped", "cut", "repeated", "wrong_language", "boilerplate"), 0.1)}
# Rules of candidate_pairs that do not judge the form of an instruction.
NOT_ABOUT_FORM = ("similar_instructions", "same_as_another_sample", "less_likely_sample", "copies_response")


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % bootstrap interval."""

    value: float
    interval: Interval

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.interval.low:.3g} to {self.interval.high:.3g})"


def bootstrapped(rows: int, figure: Callable[[npt.NDArray[np.int64]], float]) -> Measured:
    """A figure with its bootstrap interval. `figure` gets the drawn row numbers, which are the same in each run."""
    from scipy.stats import bootstrap

    numbers = np.arange(rows)
    options = {"n_resamples": RESAMPLES, "confidence_level": CONFIDENCE, "method": "percentile", "vectorized": False}
    found = bootstrap((numbers,), figure, rng=np.random.default_rng(1), **options).confidence_interval
    return Measured(float(figure(numbers)), Interval(float(found.low), float(found.high)))


def mean_of(values: Sequence[float] | pl.Series, weights: Sequence[float] | None = None) -> Measured:
    """The (weighted) mean of a column with its interval; true counts as 1 and false as 0."""
    table = np.asarray(values, dtype=float)
    weight = np.ones(len(table)) if weights is None else np.asarray(weights, dtype=float)
    return bootstrapped(len(table), lambda drawn: float(np.average(table[drawn], weights=weight[drawn])))


def well_formed_share(kept: int, drops: Mapping[str, int]) -> float:
    """Share of all written instructions that are one complete English instruction, by the rules of candidate_pairs."""
    written = kept + sum(drops.values())
    bad = sum(number for reason, number in drops.items() if reason not in NOT_ABOUT_FORM)
    return 1 - bad / max(1, written)


def cosines(pairs: pl.DataFrame) -> Matrix:
    """The cosine of every instruction with every text of a language, after the mean vectors are subtracted."""
    size = dimensions_of(pairs)
    instructions, texts = (vectors_of(pairs[column], size) for column in (INSTRUCTION, RESPONSE))
    left, right = (_unit(vectors - vectors.mean(axis=0)) for vectors in (instructions, texts))
    return (left @ right.T).astype(np.float64)


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9)


def own_first(table: Matrix, of: int = FIRST_OF) -> float:
    """The mean probability that none of `of` - 1 random other texts is nearer to an instruction than its own text."""
    count = len(table)
    drawn = min(of, count) - 1
    better = (table > np.diag(table)[:, None]).sum(axis=1)
    return float(np.mean([comb(count - 1 - int(number), drawn) / comb(count - 1, drawn) for number in better]))


def kept_precision(rated: pl.DataFrame, min_rating: float) -> float:
    """Share of good pairs among the kept pairs, if good pairs and defects have the shares in PLANTED."""
    return float(_precision(rated, np.ones(rated.height), min_rating))


def _precision(rated: pl.DataFrame, weight: Matrix, min_rating: float) -> float:
    share = np.zeros(rated.height)
    for defect, wanted in PLANTED.items():
        chosen = (rated["defect"] == defect).to_numpy()
        if (total := weight[chosen].sum()) > 0:
            share[chosen] = weight[chosen] * wanted / total
    kept = share * (rated["rating"] >= min_rating).to_numpy()
    return float(kept[(rated["defect"] == "none").to_numpy()].sum() / max(kept.sum(), 1e-12))


def precision_by_seed(rated: pl.DataFrame, min_rating: float) -> Measured:
    """`kept_precision` with its interval. The bootstrap draws seeds, each with the pairs made from it."""
    seed_of = seeds_of(rated)

    def figure(drawn: npt.NDArray[np.int64]) -> float:
        return _precision(rated, np.bincount(drawn, minlength=seed_of[-1] + 1)[seed_of].astype(float), min_rating)

    return bootstrapped(int(seed_of[-1]) + 1, figure)


def precision_gain(before: pl.DataFrame, after: pl.DataFrame, min_rating: float) -> Measured:
    """The precision of the second iteration minus that of the first, on the same pairs."""
    seed_of = seeds_of(before)

    def figure(drawn: npt.NDArray[np.int64]) -> float:
        weight = np.bincount(drawn, minlength=seed_of[-1] + 1)[seed_of].astype(float)
        first, second = (_precision(rated, weight, min_rating) for rated in (before, after))
        return second - first

    return bootstrapped(int(seed_of[-1]) + 1, figure)


def seeds_of(rated: pl.DataFrame) -> npt.NDArray[np.int64]:
    """The index of the seed of each pair; a good pair is followed by the pairs made from it."""
    return (rated["defect"] == "none").cum_sum().cast(pl.Int64).to_numpy() - 1


def chrf(answers: pl.DataFrame) -> Measured:
    """chrF (0 to 100) of answers against their references, with its bootstrap interval over answers."""
    from sacrebleu.metrics import CHRF

    metric = CHRF()
    responses, references = answers["response"].to_list(), answers["reference"].to_list()

    def figure(drawn: npt.NDArray[np.int64]) -> float:
        score = metric.corpus_score([responses[n] for n in drawn], [[references[n] for n in drawn]])
        return float(score.score)

    return bootstrapped(len(responses), figure)


def shards(project: Path, *names: str) -> pl.DataFrame:
    """All rows of an artifact. `names` are the parts of its path, such as rated_pairs, iteration_1 and a language."""
    folder = project.joinpath("data", *names)
    return pl.concat([pl.read_parquet(path) for path in sorted(folder.glob("part-*.parquet"))])
