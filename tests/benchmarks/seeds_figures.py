"""Computes the figures of the benchmark `seeds`: figures by seed, paired differences and their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from stages.eval_scores.measures import MEASURES, Answered
from tests.benchmarks.iterations import CONFIDENCE, Interval
from tests.benchmarks.seeds_project import BASE, SEED_ONLY, TUNED
from tests.benchmarks.table import Row
from x_instruction.judging.intervals import Observed, difference

UNITS = {"language_share": "share", "held_out_loss": "nats", "chrf_plus_plus": "chrF++"}
ORDER = (TUNED, SEED_ONLY, BASE)
# The measures in which the method promises that the tuned model is best and the base model worst.
PROMISED = ("language_share", "held_out_loss")
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """One measure of the compared models. Each model has an entry per training seed, all for the same questions."""

    measure: str
    by_model: Mapping[str, Sequence[Observed]]

    def figures(self, model: str) -> Array:
        """The model's figure with each seed."""
        return np.array([float(one.value(one.sums.sum(axis=0))) for one in self.by_model[model]])

    def improvements(self, better: str, worse: str) -> Array:
        """For each seed, by how much the model `better` is better than the other; negative if it is worse."""
        gain = self.figures(better) - self.figures(worse)
        return gain if MEASURES[self.measure].better == "higher" else -gain

    def in_order(self) -> npt.NDArray[np.bool_]:
        """For each seed, whether every model is better than the next one in ORDER."""
        return np.all([self.improvements(*two) > 0 for two in pairwise(ORDER)], axis=0)

    def over_questions(self, one: str, other: str, resamples: int, seed: int) -> Interval:
        """The bootstrap interval, over questions, of the difference of two models' means over the seeds."""
        found = difference(_mean(self.by_model[one]), _mean(self.by_model[other]), resamples, seed)
        assert found is not None and found.low is not None and found.high is not None
        return Interval(found.low, found.high)


def compared(measure: str, by_seed: Sequence[Mapping[str, Answered]]) -> Compared:
    """The values of a measure for every model and seed. Raises ValueError if the measure has no value for a model."""
    observed: dict[str, list[Observed]] = {model: [] for model in ORDER}
    for answered in by_seed:
        for model in ORDER:
            found = MEASURES[measure].observe(answered[model])
            if found is None:
                raise ValueError(f"{measure} of {model} cannot be measured")
            observed[model].append(found)
    return Compared(measure, observed)


def pooled(by_language: Sequence[Compared]) -> Compared:
    """The same measure over the questions of several languages; each question counts equally, in a loss each token."""
    first = by_language[0]
    seeds = range(len(first.by_model[ORDER[0]]))
    by_model = {
        model: [_joined([one.by_model[model][seed] for one in by_language]) for seed in seeds] for model in ORDER
    }
    return Compared(first.measure, by_model)


def _joined(observed: Sequence[Observed]) -> Observed:
    """The rows of all; a number before the id of a question keeps those of different languages apart."""
    questions = [f"{number} {question}" for number, one in enumerate(observed) for question in one.questions]
    return Observed(questions, np.concatenate([one.sums for one in observed]), observed[0].value)


def _mean(by_seed: Sequence[Observed]) -> Observed:
    first = by_seed[0]
    return Observed(first.questions, np.mean([one.of(first.questions).sums for one in by_seed], axis=0), first.value)


def over_seeds(differences: Array) -> Interval | None:
    """The interval of the mean of paired differences by Student's t; None for a single seed."""
    from scipy.stats import sem, t

    if len(differences) < 2:
        return None
    middle, error = float(differences.mean()), float(sem(differences))
    if error == 0:
        return Interval(middle, middle)
    low, high = t.interval(CONFIDENCE, len(differences) - 1, loc=middle, scale=error)
    return Interval(float(low), float(high))


def rows_of(label: str, found: Sequence[Compared], resamples: int, seed: int) -> list[Row]:
    """Rows that compare each model with the next one in ORDER.

    A last row counts the seeds with which the models have this order in all PROMISED measures.
    """
    rows = [
        Row(
            f"{label}, {one.measure}, {model}",
            UNITS[one.measure],
            float(one.figures(model).mean()),
            float(one.figures(other).mean()),
            _note(one, model, other, resamples, seed),
        )
        for one in found
        for model, other in pairwise(ORDER)
    ]
    promised = [one.in_order() for one in found if one.measure in PROMISED]
    held = ", ".join(f"{one.measure} {int(one.in_order().sum())}" for one in found)
    seeds = len(promised[0])
    total = float(np.all(promised, axis=0).sum())
    return [*rows, Row(f"{label}, {' and '.join(PROMISED)} in order", "seeds", total, float(seeds), f"all; {held}")]


def _note(one: Compared, model: str, other: str, resamples: int, seed: int) -> str:
    differences = one.figures(model) - one.figures(other)
    better = int((one.improvements(model, other) > 0).sum())
    seeds, questions = over_seeds(differences), one.over_questions(model, other, resamples, seed)
    count = len(one.by_model[model][0].questions)
    return (
        f"{other}; difference {differences.mean():+.3f}; 95 % intervals: {_short(seeds)} over seeds (t), "
        f"{_short(questions)} over {count} questions (bootstrap); better in {better} of {len(differences)} seeds"
    )


def _short(interval: Interval | None) -> str:
    return f"{interval.low:+.3f} to {interval.high:+.3f}" if interval else "unknown"
