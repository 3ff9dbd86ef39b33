"""Sums up a judge's verdicts on two models: wins, ties, losses, win share, and win share at equal length."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.judging.intervals import estimate, mean_of
from x_instruction.judging.verdicts import LOSS, TIE, WIN

VALUES = {WIN: 1.0, TIE: 0.5, LOSS: 0.0}
SCHEMA = {
    "judge": pl.String, "model": pl.String, "against": pl.String, "wins": pl.Int64, "ties": pl.Int64,
    "losses": pl.Int64, "win_share": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "length_controlled": pl.Float64, "order_disagreement": pl.Float64, "questions": pl.Int64, "failures": pl.Int64,
}  # fmt: skip


def comparisons_of(verdicts: pl.DataFrame, lengths: pl.DataFrame, resamples: int, seed: int) -> pl.DataFrame:
    """Sums up each judge's verdicts on each pair of models in a row of SCHEMA. The rows keep the verdicts' order.

    `verdicts` has the columns of verdicts.SCHEMA. `lengths` has `question_id`, `model` and `characters`.
    """
    longer = lengths.rename({"characters": "characters_other", "model": "against"})
    joined = verdicts.join(lengths, on=["question_id", "model"], how="left", maintain_order="left")
    joined = joined.join(longer, on=["question_id", "against"], how="left", maintain_order="left")
    rows = []
    for (judge, model, against), pairs in joined.group_by("judge", "model", "against", maintain_order=True):
        rows.append({"judge": judge, "model": model, "against": against, **_comparison(pairs, resamples, seed)})
    return pl.DataFrame(rows, schema=SCHEMA)


def _comparison(pairs: pl.DataFrame, resamples: int, seed: int) -> dict[str, Any]:
    """The figures of a row of SCHEMA. `order_disagreement` is the share of pairs whose verdict depends on the order."""
    judged = pairs.filter(pl.col("verdict").is_not_null())
    values = judged["verdict"].replace_strict(VALUES, return_dtype=pl.Float64)
    share = estimate(mean_of(judged["question_id"].to_list(), values.to_numpy()), resamples, seed)
    differ = judged.select((pl.col("shown_first") != pl.col("shown_second")).mean()).item()
    return {
        "wins": int((judged["verdict"] == WIN).sum()),
        "ties": int((judged["verdict"] == TIE).sum()),
        "losses": int((judged["verdict"] == LOSS).sum()),
        "win_share": share.value if share else None,
        "low": share.low if share else None,
        "high": share.high if share else None,
        "length_controlled": length_controlled(
            values.to_numpy(), (judged["characters"] - judged["characters_other"]).to_numpy()
        ),
        "order_disagreement": differ,
        "questions": judged.height,
        "failures": pairs.height - judged.height,
    }


def length_controlled(values: npt.NDArray[np.float64], longer: npt.NDArray[np.float64]) -> float | None:
    """Estimates the win share of answers of equal length, by a logistic regression on the difference in length.

    As in AlpacaEval 2 (Dubois et al., arXiv 2404.04475), the feature is the hyperbolic tangent of the difference
    divided by its standard deviation. AlpacaEval's term for the difficulty of each question is left out, because it
    needs many models. `values` are 1 (win), 0.5 or 0, and `longer` is the difference in characters. Without verdicts,
    returns None. If all verdicts are wins, all are losses, or all differences are equal, returns the plain win share.
    """
    if not len(values):
        return None
    spread = float(np.std(longer))
    wins, losses = values.sum(), (1 - values).sum()
    if not spread or not wins or not losses:
        return float(values.mean())
    from sklearn.linear_model import LogisticRegression

    length = np.tanh(longer / spread)[:, None]
    # A tie is half a win and half a loss.
    model = LogisticRegression().fit(
        np.concatenate([length, length]), np.repeat([1, 0], len(values)), np.concatenate([values, 1 - values])
    )
    return float(model.predict_proba(np.zeros((1, 1)))[0, 1])
