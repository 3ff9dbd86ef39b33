"""Reads the answers of all models, the tuned model's worst first, and the lowest rated pairs of the release."""

from __future__ import annotations

from typing import Any

import polars as pl

from x_instruction.runner.job import Job

TUNED = "tuned"
# What the page needs of an answer. In a run of this stage alone, the answers may be those of another version.
COLUMNS = [
    "question_id", "model", "kind", "asked_in", "instruction", "response", "reference", "in_language", "finish_reason",
    "repeats_question", "repeated_share", "rating",
]  # fmt: skip
REPEATED = 0.3  # an answer is flagged if at least this share of it is in repeated sentences


def answers(job: Job, language: str, limit: int) -> list[dict[str, Any]]:
    """At most `limit` questions with the answers of the models that answered them.

    Questions to which the tuned model gave an empty answer come first, then those that it answered in another language,
    then the rest from the lowest to the highest rating.
    """
    table = job.rows("eval_scores", language).table(COLUMNS)
    tuned = table.filter(pl.col("model") == TUNED)
    empty = pl.col("response").str.strip_chars() == ""
    worst = tuned.sort(~empty, "in_language", "rating", "question_id").head(limit)
    return [_question(table.filter(pl.col("question_id") == name)) for name in worst["question_id"]]


def _question(rows: pl.DataFrame) -> dict[str, Any]:
    """A question with the answers of all models, the tuned model's first."""
    ordered = rows.sort(pl.col("model") != TUNED, maintain_order=True).to_dicts()
    first = ordered[0]
    return {
        "instruction": first["instruction"],
        "asked_in": first["asked_in"],
        "reference": first["reference"],
        "kind": "held-out seed" if first["kind"] == "held_out" else "open question",
        "answers": [row | {"flags": _flags(row)} for row in ordered],
    }


def _flags(row: dict[str, Any]) -> list[str]:
    if not row["response"].strip():
        return ["empty"]
    flags = {
        "other language": not row["in_language"],
        "cut off": row["finish_reason"] == "length",
        "repeats itself": row["repeated_share"] >= REPEATED,
        "repeats the question": row["repeats_question"],
    }
    return [name for name, is_set in flags.items() if is_set]


def released(job: Job, language: str, limit: int) -> list[dict[str, Any]]:
    """At most `limit` released pairs, those with the lowest ratings."""
    shards = sorted((job.input("released_set") / "dataset" / language).glob("*.parquet"))
    if not shards:
        return []
    columns = ("id", "instruction", "response", "url", "rating")
    return pl.scan_parquet(shards).select(columns).sort("rating", "id").head(limit).collect().to_dicts()
