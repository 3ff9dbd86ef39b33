"""Reads the scores of the compared models, with their intervals, from the tables of eval_scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from x_instruction.runner.job import Job
from x_instruction.runner.published import checked

BETTER = {"higher": "higher is better", "lower": "lower is better"}
TUNED = "tuned"
ALL, ENGLISH = "all", "en"  # values of asked_in
# The page's words for the figures of a comparison.
MORE = {
    "win_share": "win share",
    "low": "lower bound",
    "high": "upper bound",
    "length_controlled": "win share at equal length",
    "order_disagreement": "verdicts that change with the order",
    "failures": "pairs without a verdict",
}
MEANINGS = {
    "language_share": "share of answers in the language asked for",
    "empty_share": "share of empty answers",
    "repeated_share": "share of an answer in sentences that repeat an earlier sentence, mean over the answers",
    "repeated_question_share": "share of answers that only repeat their question",
    "cut_share": "share of answers that were cut off at the largest number of tokens",
    "held_out_loss": "mean loss of the held-out responses, in nats per token",
    "chrf_plus_plus": "overlap of the answers with the reference answers in characters and words, from 0 to 100",
    "mean_characters": "mean length of the answers in characters",
    "similarity": "mean similarity of question and answer by a text encoder; 0 if in another language or repeated",
    "mean_rating": "mean rating of the answers by the evaluator, from 0 to 1",
}
# From fewer questions than this, an interval says little. With four, the bootstrap draws only 35 different samples.
MIN_QUESTIONS = 5
NO_INTERVAL = (
    f'Where an interval would look more precise than it is, "few questions" (fewer than {MIN_QUESTIONS}) or '
    '"all equal" (the same value for every question) is shown instead.'
)
MARGIN = 0.06  # share of a scale that is left empty at each end


def spread(row: Mapping[str, Any]) -> str:
    """What is shown in place of an interval that would look precise without being so; "" for any other interval."""
    if row["low"] is None:
        return ""
    questions = row.get("questions", row.get("samples"))  # of a standard task, the number may be unknown
    if questions is not None and questions < MIN_QUESTIONS:
        return "few questions"
    return "all equal" if row["low"] == row["high"] else ""


def measures(job: Job, language: str, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """One dict for each measure, with a row for each model: value and interval, and their places on one scale.

    The places are in percent. If questions were asked in several languages, `parts` of a row has a further row for the
    questions in each language, English first. `names` are the English names of the languages. `equal` is the value of
    a measure that is the same for all models and questions, else None.
    """
    return [
        {
            "name": shown_name(str(name)),
            "better": BETTER.get(rows["better"][0], ""),
            "equal": _equal(rows),
            "models": _by_model(_placed(rows), names),
        }
        for (name,), rows in _table(job, language, "scores").group_by("measure", maintain_order=True)
    ]


def _equal(rows: pl.DataFrame) -> float | None:
    # Values of different questions can have the same mean. Then their intervals have a width.
    certain = rows.select((pl.col("low").is_null() | (pl.col("low") == pl.col("high"))).all()).item()
    same = rows["model"].n_unique() > 1 and rows["value"].n_unique() == 1
    return float(rows["value"][0]) if same and certain else None


def _by_model(rows: list[dict[str, Any]], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows over all questions. Each gets `parts`, the rows of the same model by language of the questions."""

    def parts(model: str) -> list[dict[str, Any]]:
        found = [row for row in rows if row["model"] == model and row["asked_in"] != ALL]
        found.sort(key=lambda row: (row["asked_in"] != ENGLISH, row["asked_in"]))
        return [row | {"asked": asked(row["asked_in"], names)} for row in found] if len(found) > 1 else []

    return [row | {"parts": parts(row["model"])} for row in rows if row["asked_in"] == ALL]


def meanings() -> list[tuple[str, str]]:
    """The page's name of each measure, and what the measure means."""
    return [(shown_name(name), meaning) for name, meaning in MEANINGS.items()]


def asked(code: str, names: Mapping[str, str]) -> str:
    """The English name of the language in which questions are asked."""
    return "English" if code == ENGLISH else names.get(code, code)


def _placed(rows: pl.DataFrame) -> list[dict[str, Any]]:
    shown = [row | {"spread": spread(row)} for row in rows.iter_rows(named=True)]
    intervals = [row for row in shown if row["low"] is not None and not row["spread"]]
    ends = [*rows["value"], *(row[name] for row in intervals for name in ("low", "high"))]
    low, span = min(ends, default=0.0), (max(ends, default=1.0) - min(ends, default=0.0)) or 1.0

    def place(value: float) -> float:
        return round(100 * (MARGIN + (1 - 2 * MARGIN) * (value - low) / span), 1)

    return [
        row
        | {"at": place(row["value"])}
        | ({"left": place(row["low"]), "width": place(row["high"]) - place(row["low"])} if row in intervals else {})
        for row in shown
    ]


def differences(job: Job, language: str, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The tuned model's paired differences from each other model, with `sure`, the result of `_sure`.

    `asked` is the language of the questions, or "" for the difference over all questions. If all questions are in one
    language, only the difference over all questions is listed.
    """
    over_all = pl.col("asked_in") == ALL
    several = (pl.col("asked_in") != ALL) & (pl.col("asked_in").n_unique().over("measure") > 2)
    shown = _table(job, language, "differences").filter(over_all | several)
    return [
        row
        | {
            "measure": shown_name(row["measure"]),
            "sure": _sure(row),
            "spread": spread(row),
            "asked": "" if row["asked_in"] == ALL else asked(row["asked_in"], names),
        }
        for row in shown.iter_rows(named=True)
    ]


def shown_name(measure: str) -> str:
    """The page's name of a measure."""
    return measure.replace("_plus_plus", "++").replace("chrf", "chrF").replace("_", " ")


def _sure(row: dict[str, Any]) -> str:
    """`better`, `worse` or `differs` (no direction is better).

    "" if the interval contains 0 or is unknown, or if there are fewer than MIN_QUESTIONS questions.
    """
    if row["low"] is None or row["low"] <= 0 <= row["high"] or row["questions"] < MIN_QUESTIONS:
        return ""
    if row["better"] not in BETTER:
        return "differs"
    return "better" if (row["low"] > 0) == (row["better"] == "higher") else "worse"


def comparisons(job: Job, language: str) -> list[dict[str, Any]]:
    """Wins, ties and losses of the tuned model by judge and other model, with their shares in percent.

    `more` lists the other figures that are known for the judge, each with its words in MORE.
    """
    # People may also compare two models of which neither is the tuned one. The page does not show these comparisons.
    rows = _table(job, language, "comparisons").filter(pl.col("model") == TUNED).to_dicts()
    return [row | _shares(row) | {"more": _more(row), "spread": spread(row)} for row in rows]


def _more(row: dict[str, Any]) -> list[tuple[str, float]]:
    """The figures that the judge has. Failures are left out if there were none, and so are the ends of no interval."""
    hidden = ("low", "high") if spread(row) else ()
    figures = [(key, row[key]) for key in MORE if key not in hidden]
    return [(MORE[key], value) for key, value in figures if value is not None and (key, value) != ("failures", 0)]


def agreements(job: Job, language: str) -> list[dict[str, Any]]:
    """The agreement of every two judges, and of all judges; empty if no two judges judged the same pairs or answers."""
    return _table(job, language, "agreement").to_dicts()


def tasks(job: Job, language: str) -> list[dict[str, Any]]:
    """Figures of the standard tasks by model; empty if no task was run in the language."""
    rows = _table(job, language, "tasks").sort("task", "metric", "model").to_dicts()
    return [row | {"spread": spread(row)} for row in rows]


def _table(job: Job, language: str, name: str) -> pl.DataFrame:
    return pl.read_parquet(checked(job.input("eval_scores", language), f"tables/{name}.parquet"))


def _shares(row: dict[str, Any]) -> dict[str, float]:
    total = max(1, row["wins"] + row["ties"] + row["losses"])
    return {f"{name}_width": round(100 * row[name] / total, 1) for name in ("wins", "ties", "losses")}
