"""What makes an evaluator's ratings of its label probabilities: a temperature, or weights of them and of signals.

Fitted beside the evaluator (stages/evaluator/fitting.py), kept as calibration.json, used wherever it rates.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.rating.signals import LIKELIHOODS
from x_instruction.runner.files import read_json, write_json

LEVELS = ("best", "flawed", "worst")
LEAST_PROBABILITY = 1e-9
NAME = "calibration.json"
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """A multinomial logistic regression; `coefficients` are of the levels × (two log-odds of labels, then the signals).

    `usual` is the median of each signal among true pairs, `most` the most it was met beyond that, to the worse side. A
    signal is how far a pair lies beyond, between 0 and `most`: what is better than the median true pair speaks no more
    for it than that (a model finds instructions of its own likelier than people's), and nothing is extrapolated.
    """

    signals: list[str]
    usual: list[float]
    most: list[float]
    coefficients: list[list[float]]
    intercepts: list[float]


@dataclass(frozen=True)
class Calibration:
    temperature: float = 1.0
    weights: Weights | None = None

    def applied(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with its columns best, flawed and worst calibrated; the signals of the weights are columns too."""
        if self.weights is None:
            return with_temperature(frame, self.temperature)
        logits = features(frame, self.weights) @ np.array(self.weights.coefficients).T + self.weights.intercepts
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return frame.with_columns(pl.Series(level, shares[:, number]) for number, level in enumerate(LEVELS))

    def write(self, folder: Path) -> None:
        write_json(folder / NAME, asdict(self))


def calibration_of(evaluator: Path) -> Calibration:
    found: dict[str, Any] = read_json(evaluator / NAME)
    weights = found["weights"]
    return Calibration(float(found["temperature"]), Weights(**weights) if weights else None)


def features(frame: pl.DataFrame, weights: Weights) -> Matrix:
    """Of each row: log-odds of best and flawed against worst, then how far each signal lies beyond the usual."""
    labels = np.log(frame.select(LEVELS).to_numpy().clip(LEAST_PROBABILITY, 1.0))
    beyond = [
        (worse_side(frame[signal], signal) - usual).clip(0.0, most)
        for signal, usual, most in zip(weights.signals, weights.usual, weights.most, strict=True)
    ]
    return np.column_stack([labels[:, 0] - labels[:, 2], labels[:, 1] - labels[:, 2], *beyond])


def worse_side(values: pl.Series, signal: str) -> Matrix:
    """The signal turned so that more is worse."""
    return values.to_numpy() * (-1.0 if signal in LIKELIHOODS else 1.0)


def with_temperature(frame: pl.DataFrame, temperature: float) -> pl.DataFrame:
    """The probabilities scaled (Guo et al. 2017): above 1 less sure, below 1 surer; their order stays."""
    if temperature == 1.0:
        return frame
    scaled = frame.with_columns(pl.col(level) ** (1 / temperature) for level in LEVELS)
    total = pl.sum_horizontal(LEVELS)
    return scaled.with_columns(pl.col(level) / total for level in LEVELS)
