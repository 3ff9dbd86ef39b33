"""Measures how far judges agree: Cohen's kappa for two judges, Krippendorff's alpha for two or more."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import polars as pl

ALL = "all"
SCHEMA = {
    "judge": pl.String, "other": pl.String, "kind": pl.String, "kappa": pl.Float64, "alpha": pl.Float64,
    "items": pl.Int64,
}  # fmt: skip
Labels = Mapping[str, str]  # the labels of a judge, by item


def agreement(judges: Mapping[str, Labels], scale: Sequence[str], kind: str) -> pl.DataFrame:
    """Returns a row of SCHEMA for each pair of judges and, with more than two judges, a row `all` for all of them.

    Rows without common items are left out. `scale` lists the labels in order, because alpha is ordinal: a win is
    farther from a loss than from a tie. A figure that is not defined is null: kappa in the
    row `all`, and kappa and alpha if the judges give every item the same label.
    """
    rows = [_pair(first, second, judges, scale, kind) for first, second in combinations(judges, 2)]
    if len(judges) > 2:
        items = _shared(list(judges.values()))
        rows.append(_row(ALL, ALL, kind, None, alpha(list(judges.values()), scale), len(items)))
    return pl.DataFrame([row for row in rows if row["items"]], schema=SCHEMA)


def _pair(first: str, second: str, judges: Mapping[str, Labels], scale: Sequence[str], kind: str) -> dict[str, Any]:
    both = [judges[first], judges[second]]
    items = sorted(both[0].keys() & both[1].keys())
    value = kappa([both[0][item] for item in items], [both[1][item] for item in items], scale)
    shared = [{item: labels[item] for item in items} for labels in both]
    return _row(first, second, kind, value, alpha(shared, scale), len(items))


def _row(judge: str, other: str, kind: str, kappa: float | None, alpha: float | None, items: int) -> dict[str, Any]:
    return {"judge": judge, "other": other, "kind": kind, "kappa": kappa, "alpha": alpha, "items": items}


def _shared(judges: list[Labels]) -> list[str]:
    """The items that at least two judges labelled; other items say nothing about agreement."""
    counts: dict[str, int] = {}
    for labels in judges:
        for item in labels:
            counts[item] = counts.get(item, 0) + 1
    return sorted(item for item, count in counts.items() if count > 1)


def kappa(first: Sequence[str], second: Sequence[str], scale: Sequence[str]) -> float | None:
    """Cohen's kappa (1960) of two judges' labels of the same items; None if it is not defined."""
    from sklearn.metrics import cohen_kappa_score

    if not first:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn would warn if all labels are the same
        value = float(cohen_kappa_score(list(first), list(second), labels=list(scale)))
    return value if math.isfinite(value) else None


def alpha(judges: Sequence[Labels], scale: Sequence[str]) -> float | None:
    """Krippendorff's ordinal alpha; None if it is not defined. A judge may have labelled only some of the items."""
    import krippendorff

    items = _shared(list(judges))
    numbers = {label: float(number) for number, label in enumerate(scale)}
    table = [[numbers[labels[item]] if item in labels else math.nan for item in items] for labels in judges]
    values = {value for row in table for value in row if not math.isnan(value)}
    if len(values) < 2:
        return None
    return float(krippendorff.alpha(table, level_of_measurement="ordinal"))
