"""The measures by which the compared models are scored. A new measure is a function and its line in MEASURES.

The gate, the metrics and the summary of `make run` read the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from x_instruction.models import measures
from x_instruction.models.examples import Example
from x_instruction.runner.metrics import mean


@dataclass(frozen=True)
class Answered:
    """A compared model and its answers.

    The columns are kind, instruction, reference, response, in_language, similarity and rating.

    `held_out` are the held-out seeds of the language as examples of its prompts.
    """

    folder: Path
    answers: pl.DataFrame
    held_out: Sequence[Example]


@dataclass(frozen=True)
class Measure:
    """`better` is the direction in which a model improves; None if neither direction is better."""

    compute: Callable[[Answered], float | None]
    better: Literal["higher", "lower"] | None


def language_share(model: Answered) -> float:
    """Share of answers written in the language asked for; an empty answer counts as another language."""
    return mean(model.answers["in_language"])


def held_out_loss(model: Answered) -> float:
    """Mean loss in nats per token of the held-out responses."""
    return measures.held_out_loss(model.folder, model.held_out)


def chrf(model: Answered) -> float:
    """chrF (Popović 2015), 0 to 100, of the answers to held-out instructions against their references, by sacrebleu."""
    from sacrebleu.metrics import CHRF

    answers = model.answers.filter(pl.col("kind") == "held_out")
    if answers.is_empty():
        return 0.0
    return float(CHRF().corpus_score(answers["response"].to_list(), [answers["reference"].to_list()]).score)


def mean_characters(model: Answered) -> float:
    return mean(model.answers["response"].str.len_chars())


def mean_rating(model: Answered) -> float:
    return mean(model.answers["rating"])


def similarity(model: Answered) -> float | None:
    """Mean similarity of question and answer across languages; None if the ratings do not use it."""
    found = mean(model.answers["similarity"])
    return found if math.isfinite(found) else None


MEASURES = {
    "language_share": Measure(language_share, better="higher"),
    "held_out_loss": Measure(held_out_loss, better="lower"),
    "chrf": Measure(chrf, better="higher"),
    "mean_characters": Measure(mean_characters, better=None),
    "similarity": Measure(similarity, better="higher"),
    "mean_rating": Measure(mean_rating, better="higher"),
}


def pairwise(ours: pl.DataFrame, other: pl.DataFrame, margin: float) -> dict[str, Any]:
    """Wins, ties and losses over the questions by rating; `win_share` counts a tie as half a win.

    Ratings that differ by no more than `margin` tie. The evaluator rates each answer alone, so that the order in which
    two answers are shown cannot matter.
    """
    joined = ours.join(other, on=["kind", "instruction", "reference"], suffix="_other", how="inner")
    lead = joined["rating"] - joined["rating_other"]
    wins, losses = int((lead > margin).sum()), int((lead < -margin).sum())
    ties = joined.height - wins - losses
    return {"wins": wins, "ties": ties, "losses": losses, "win_share": (wins + ties / 2) / max(1, joined.height)}
