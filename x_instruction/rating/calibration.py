"""Calibrates an evaluator's label probabilities, by a temperature or by a regression that also reads the signals.

stages/evaluator/fitting.py fits the calibration on seeds of the calibration split. The evaluator's folder contains it
as calibration.json, and every rating by that evaluator uses it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.rating.likelihoods import compared
from x_instruction.rating.signals import HIGHER_IS_BETTER
from x_instruction.runner.files import other_version, read_json, write_json
from x_instruction.runner.published import checked

LEVELS = ("best", "flawed", "worst")
MIN_PROBABILITY = 1e-9
NAME = "calibration.json"
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Regression:
    """A multinomial logistic regression on two log-odds of the labels and the distances of the signals.

    The distance of a signal says by how much it is worse than its median among the best pairs (`medians`). A signal
    that is better than the median, or null, has the distance 0. Otherwise an instruction that a model wrote would have
    an advantage, because the model finds it likelier than an instruction by a person. The distance is at most the
    largest one in the fit (`limits`), so that distances are never extrapolated. `coefficients` has a row for each
    level, and `intercepts` a number for each level. Before the distances are computed, the instruction's mean
    likelihood after other texts, times `subtracted`, is subtracted from the likelihoods.
    """

    signals: list[str]
    medians: list[float]
    limits: list[float]
    coefficients: list[list[float]]
    intercepts: list[float]
    subtracted: float


@dataclass(frozen=True)
class Calibration:
    temperature: float = 1.0
    regression: Regression | None = None

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Replaces the columns `best`, `flawed` and `worst` by calibrated values. A regression also reads signals."""
        if self.regression is None:
            return with_temperature(frame, self.temperature)
        coefficients = np.array(self.regression.coefficients)
        logits = features(frame, self.regression) @ coefficients.T + self.regression.intercepts
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return frame.with_columns(pl.Series(level, shares[:, number]) for number, level in enumerate(LEVELS))

    def write(self, folder: Path) -> None:
        write_json(folder / NAME, asdict(self))


def read_calibration(evaluator: Path) -> Calibration:
    """Reads the calibration of an evaluator. Raises InputError if another version made it, so that its keys differ."""
    path = checked(evaluator, NAME)
    values: dict[str, Any] = read_json(path, ours=True)
    try:
        regression = values["regression"]
        return Calibration(float(values["temperature"]), Regression(**regression) if regression else None)
    except TypeError:
        raise other_version(path) from None


def features(frame: pl.DataFrame, regression: Regression) -> Matrix:
    """Inputs of the regression: log-odds of best and of flawed against worst, distances; shape (pairs, 2 + signals)."""
    frame = compared(frame, regression.subtracted)
    labels = np.log(frame.select(LEVELS).to_numpy().clip(MIN_PROBABILITY, 1.0))
    distances = [
        np.where(frame[signal].is_null(), 0.0, badness(frame[signal], signal) - median).clip(0.0, limit)
        for signal, median, limit in zip(regression.signals, regression.medians, regression.limits, strict=True)
    ]
    return np.column_stack([labels[:, 0] - labels[:, 2], labels[:, 1] - labels[:, 2], *distances])


def badness(values: pl.Series, signal: str) -> Matrix:
    """The values of a signal, negated if low values are worse, so that high values are always worse."""
    return values.to_numpy() * (-1.0 if signal in HIGHER_IS_BETTER else 1.0)


def with_temperature(frame: pl.DataFrame, temperature: float) -> pl.DataFrame:
    """Temperature scaling (Guo et al. 2017): above 1, probabilities become less certain; below 1, more certain."""
    if temperature == 1.0:
        return frame
    scaled = frame.with_columns(pl.col(level) ** (1 / temperature) for level in LEVELS)
    total = pl.sum_horizontal(LEVELS)
    return scaled.with_columns(pl.col(level) / total for level in LEVELS)
