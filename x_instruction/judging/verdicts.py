"""Makes verdicts on pairs of answers to one question: which of two models answered better, according to a judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

WIN, TIE, LOSS = VERDICTS = ("win", "tie", "loss")
PAIR = ["question_id", "model", "against"]
SCHEMA = {
    "judge": pl.String, "question_id": pl.String, "model": pl.String, "against": pl.String, "lead": pl.Float64,
    "verdict": pl.String, "shown_first": pl.String, "shown_second": pl.String, "failure": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class Opinion:
    """A judge's opinion on a pair, shown in both orders. A lead (-1 to 1) is above 0 if `model` beats `against`.

    `shown_first` is the lead when the model's answer was shown first. `failure` says why there is no verdict, or is "".
    """

    shown_first: float | None = None
    shown_second: float | None = None
    failure: str = ""


def pairs_of(answers: pl.DataFrame, model: str, other: str) -> pl.DataFrame:
    """Joins the answers of two models to the same questions. `against` names the other model.

    Names of columns from the other model's answers end with `_other`.
    """
    ours, theirs = (answers.filter(pl.col("model") == name) for name in (model, other))
    joined = ours.join(theirs, on="question_id", suffix="_other", how="inner", maintain_order="left")
    return joined.rename({"model_other": "against"})


def by_column(pairs: pl.DataFrame, judge: str, column: str, margin: float) -> pl.DataFrame:
    """Makes verdicts by comparing a number of each answer, which is in `column`; returns rows of SCHEMA.

    The order of the answers does not matter. If the two numbers differ by at most `margin`, the pair ties. If one of
    them is not finite, there is no verdict.
    """
    known = _finite(pl.col(column) - pl.col(f"{column}_other"))
    return pairs.select(
        pl.lit(judge).alias("judge"),
        *PAIR,
        known.alias("lead"),
        verdict_of(known, margin).alias("verdict"),
        shown_first=pl.lit(None, pl.String),
        shown_second=pl.lit(None, pl.String),
        failure=pl.when(known.is_null()).then(pl.lit(f"the answers have no {column}")).otherwise(pl.lit("")),
    )


def by_opinions(pairs: pl.DataFrame, judge: str, opinions: Sequence[Opinion], margin: float) -> pl.DataFrame:
    """Makes verdicts from the opinions of a judge that saw both orders; returns rows of SCHEMA.

    A model wins only if it wins in both orders; otherwise the pair ties (Zheng et al., arXiv 2306.05685). `lead` is the
    mean over both orders. A pair without an opinion (a failure), or with a lead that is not finite, has neither a
    verdict nor a lead.
    """
    leads = pl.DataFrame(
        [(opinion.shown_first, opinion.shown_second, opinion.failure) for opinion in opinions],
        schema={"first": pl.Float64, "second": pl.Float64, "failure": pl.String},
        orient="row",
    )
    marked = pairs.select(*PAIR).hstack(leads).with_columns(
        shown_first=verdict_of(pl.col("first"), margin), shown_second=verdict_of(pl.col("second"), margin)
    )  # fmt: skip
    agreed = pl.col("shown_first") == pl.col("shown_second")
    return marked.select(
        pl.lit(judge).alias("judge"),
        *PAIR,
        _finite((pl.col("first") + pl.col("second")) / 2).alias("lead"),
        pl.when(agreed).then("shown_first").when(agreed.is_not_null()).then(pl.lit(TIE)).alias("verdict"),
        "shown_first",
        "shown_second",
        "failure",
    )


def verdict_of(lead: pl.Expr, margin: float) -> pl.Expr:
    """The verdict for a lead; null if the lead is null or not finite."""
    known = _finite(lead)
    tie = pl.when(known.is_not_null()).then(pl.lit(TIE))
    return pl.when(known > margin).then(pl.lit(WIN)).when(known < -margin).then(pl.lit(LOSS)).otherwise(tie)


def _finite(lead: pl.Expr) -> pl.Expr:
    """The lead, or null if it is NaN or infinite. Polars takes NaN for greater than every number."""
    return pl.when(lead.is_finite()).then(lead)


def no_verdicts() -> pl.DataFrame:
    return pl.DataFrame(schema=SCHEMA)
