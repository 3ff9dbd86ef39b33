"""How an iteration's evaluator rated a pair: the label probabilities, and what each input adds to the rating."""

from __future__ import annotations

from pathlib import Path

from commands.explain.log_odds import Input, Split, below_least, split
from commands.explain.rows import Row
from commands.explain.section import Section, Table, number
from x_instruction.rating.calibration import LEVELS, MIN_PROBABILITY, Calibration, read_calibration
from x_instruction.rating.settings import Rating
from x_instruction.rating.signals import SIGNALS
from x_instruction.runner.published import content_of

BEST, FLAWED, WORST = LEVELS
HEADER = ["input", "value", "worse by", "weight", f"adds to {BEST}:{WORST}", "weight", f"adds to {FLAWED}:{WORST}"]
SUM = "sum"
LEGEND = [
    ("worse by", "distance of a signal from the median of the best pairs; 0 if it is better than the median"),
    ("adds", "weight × value for labels, weight × worse by for signals, to the log-odds against worst"),
    (SUM, "softmax of both sums and 0 gives the probabilities of best, flawed and worst"),
]


def rating_section(row: Row, rating: Rating, root: Path) -> Section:
    """The rating of one iteration, with a table of what each input adds to the log-odds of best and flawed."""
    evaluator = root / "data" / "evaluator" / row.iteration
    calibration = read_calibration(evaluator)
    values, parts = row.values, split(row.values, calibration)
    levels = [f"{level} {values[level]:.4f} × {value:g}" for level, value in zip(LEVELS, rating.values, strict=True)]
    facts = [
        ("rating", f"{values['rating']:.4f} = {' + '.join(levels)}"),
        ("evaluator", content_of(evaluator)[:16]),
        *_labels(parts, [level for level in LEVELS if not values[level]]),
        ("calibrated by", _calibrated(calibration)),
        *LEGEND,
    ]
    unweighed = [] if calibration.regression else [[name, number(values.get(name)), *["–"] * 5] for name in SIGNALS]
    rows = [*map(_line, parts.inputs), [SUM, *["–"] * 3, number(parts.sums[0]), "–", number(parts.sums[1])]]
    return Section(f"rated_pairs, {row.iteration}", "rated", facts, Table(HEADER, [*rows, *unweighed]))


def _labels(parts: Split, zero: list[str]) -> list[tuple[str, str]]:
    """The label probabilities, or why they are unknown. `zero` are the levels with the stored probability 0."""
    name = "label probabilities"
    if zero:
        return [(name, f"unknown, because the stored probability of {' and '.join(zero)} is 0, which has no log-odds")]
    if parts.labels is None:
        return [(name, "unknown, because the calibration cannot be inverted; `labels` is all that they add")]
    shown = ", ".join(f"{level} {number(value)}" for level, value in parts.labels.items())
    facts = [(name, f"{shown} (raw, recovered by inverting the calibration)")]
    least = f"a probability below {MIN_PROBABILITY:g} counts as {MIN_PROBABILITY:g}"
    return [*facts, ("", least)] if below_least(parts.labels) else facts


def _calibrated(calibration: Calibration) -> str:
    if calibration.regression is None:
        return f"a temperature of {calibration.temperature:.3g}; the signals have no weight"
    return "a regression on the labels' log-odds and the signals"


def _line(part: Input) -> list[str]:
    weights = [number(weight) for weight in part.weights] if part.weights else ["–", "–"]
    adds = [number(value) for value in part.adds]
    return [part.name, number(part.value), number(part.worse_by), weights[0], adds[0], weights[1], adds[1]]
