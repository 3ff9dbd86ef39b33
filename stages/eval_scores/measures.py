"""Scores of answers."""

from __future__ import annotations

from typing import Any

import polars as pl

from x_instruction.runner.metrics import mean


def language_share(answers: pl.DataFrame) -> float:
    """Share of answers written in the language asked for; an empty answer is in none."""
    return mean(answers["in_language"])


def chrf(answers: pl.DataFrame) -> float:
    """chrF (Popović 2015), 0-100, of all answers against their references, by sacrebleu."""
    from sacrebleu.metrics import CHRF

    if answers.is_empty():
        return 0.0
    return float(CHRF().corpus_score(answers["response"].to_list(), [answers["reference"].to_list()]).score)


def verdict(first: float, second: float, margin: float) -> int:
    """1 when the first answer is the better one, -1 when the second is, 0 within the margin."""
    return 0 if abs(first - second) <= margin else (1 if first > second else -1)


def pairwise(ours: pl.DataFrame, other: pl.DataFrame, margin: float) -> dict[str, Any]:
    """Wins, ties and losses over the questions, judged in both positions; a verdict that turns with them is a tie.

    The evaluator rates each answer by itself, so its verdicts cannot turn: `turned` is reported all the same,
    since a judge that reads both answers at once can be put in its place. `win_share` counts ties half.
    """
    joined = ours.join(other, on=["kind", "instruction", "reference"], suffix="_other", how="inner")
    counts = {"wins": 0, "ties": 0, "losses": 0, "turned": 0}
    for mine, theirs in joined.select("rating", "rating_other").iter_rows():
        forward, backward = verdict(mine, theirs, margin), -verdict(theirs, mine, margin)
        counts["turned"] += forward != backward
        outcome = forward if forward == backward else 0
        counts[{1: "wins", 0: "ties", -1: "losses"}[outcome]] += 1
    total = max(1, joined.height)
    return {**counts, "win_share": (counts["wins"] + counts["ties"] / 2) / total}
