"""Writes made-up files of a run for the report. Most of the answers are responses of the sample's seeds."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tests.conftest import ROOT
from x_instruction.runner.files import write_atomically, write_json
from x_instruction.runner.shards import write_shard

COUNTS = {"raw_web_text": 100, "filtered_text": 60, "candidate_pairs": 50, "refined_pairs": 30, "diversified_set": 20}
MODELS = ("base", "seed_only", "tuned")
# The number of questions written in each of these languages; all other languages have only English questions.
NATIVE = {"fi": 4, "ur": 4}
SCORES = {"language_share": (0.6, "higher"), "held_out_loss": (2.5, "lower"), "mean_characters": (240.0, "none")}


def reported_run(root: Path, languages: tuple[str, ...], questions: int = 3) -> None:
    """Writes the files that the report reads, for all `languages`, into the folder `data` of `root`."""
    for name in ("iteration_1", "iteration_2"):
        _evaluator(root, name, languages)
    write_json(root / "data/base_model/base.json", {"name": "embedded"})
    for code in languages:
        seeds = pl.read_ndjson(ROOT / f"data/sample/seeds/{code}.jsonl").head(questions)
        for artifact, rows in COUNTS.items():
            reasons = {"too_short": 100 - rows, "cluster_full": 3}
            write_json(root / f"data/{artifact}/{code}/manifest.json", {"rows": rows, "drop_reasons": reasons})
        _answers(root, code, seeds)
        _scores(root, code)
        released = seeds.select("instruction", "response", id=pl.lit("0" * 16), spdx=pl.lit(""), url=pl.lit("https://a.example/x"),
                                rating=pl.int_range(pl.len()) / 10 + 0.5)  # fmt: skip
        write_shard(released, root / f"data/released_set/dataset/{code}/train-00000.parquet")


def _evaluator(root: Path, name: str, languages: tuple[str, ...]) -> None:
    counts = {"best": 40, "flawed": 8, "worst": 2}
    figures = {
        "precision": 0.81, "recall": 0.7, "auc": 0.9, "auc_surface": 0.95, "expected_calibration_error": 0.04,
        "pairs": 150, "auc_by_defect": {"cut": 0.97, "swapped": 0.71, "drift": None},
        "by_language": {code: {"auc": 0.8} for code in languages},
        "confusion": dict.fromkeys(("best", "flawed", "worst"), counts),
    }  # fmt: skip
    write_json(root / f"data/metrics/evaluator/{name}.json", figures)
    rows = [f"{x},{min(1, x * 1.1):.2f},{series}" for series in ("all", *languages) for x in (0.05, 0.35, 0.65, 0.95)]
    text = "\n".join(["predicted,best_share,series", *rows]) + "\n"
    write_atomically(root / f"data/plots/evaluator/{name}/reliability.csv", text.encode())


def _answers(root: Path, code: str, seeds: pl.DataFrame) -> None:
    """Writes the answers of all models.

    The tuned model answers the second question in English, and the third one with an empty text.
    """
    rows = []
    for number, (instruction, response) in enumerate(seeds.select("instruction", "response").iter_rows()):
        for model in MODELS:
            tuned = model == "tuned"
            text = {1: "I can only answer this in English.", 2: ""}.get(number, response) if tuned else response
            rows.append(
                {
                    "id": f"{code}{number}{model}", "question_id": f"{code}{number}", "language": code, "model": model,
                    "kind": "held_out", "asked_in": "en", "repeated_share": 0.0,
                    "repeats_question": False,
                    "instruction": instruction, "response": text, "reference": response,
                    "in_language": text == response,
                    "finish_reason": "length" if model == "base" else "stop", "rating": 0.9 - number / 10,
                }
            )  # fmt: skip
    write_shard(pl.DataFrame(rows), root / f"data/eval_scores/{code}/part-00000.parquet")
    write_json(root / f"data/eval_scores/{code}/manifest.json", {"rows": len(rows), "content": code})


def _asked(code: str, measure: str) -> list[tuple[str, int, float]]:
    """The rows of a measure: language of the questions, their number, and what is subtracted from the measure's value.

    `held_out_loss` has no row for questions in `code`, since the instructions of held-out seeds are English.
    """
    native = [(code, NATIVE[code], 0.3)] if code in NATIVE and measure != "held_out_loss" else []
    return [("all", 20 + (NATIVE[code] if native else 0), 0.0), ("en", 20, 0.0), *native]


def _scores(root: Path, code: str) -> None:
    values = {model: {name: value + at / 10 for name, (value, _) in SCORES.items()} for at, model in enumerate(MODELS)}
    counts = {"wins": 12, "ties": 3, "losses": 5, "win_share": 0.675}
    scores = [
        (model, name, asked_in, better, value := values[model][name] - lower, value - 0.05, value + 0.05, count)
        for model in MODELS
        for name, (_, better) in SCORES.items()
        for asked_in, count, lower in _asked(code, name)
    ]
    columns = ["model", "measure", "asked_in", "better", "value", "low", "high", "questions"]
    folder = root / f"data/eval_scores/{code}/tables"
    write_shard(pl.DataFrame(scores, schema=columns, orient="row"), folder / "scores.parquet")
    differences = pl.DataFrame(
        [("tuned", "base", "language_share", "all", "higher", 0.2, 0.05, 0.35, 20),
         ("tuned", "base", "held_out_loss", "all", "lower", 0.2, 0.1, 0.3, 20),
         ("tuned", "seed_only", "language_share", "all", "higher", 0.02, -0.1, 0.1, 20),
         ("tuned", "base", "held_out_loss", "en", "lower", 0.2, 0.1, 0.3, 20),
         *(("tuned", "base", "language_share", asked_in, "higher", 0.2, -0.5, 0.9, count)
           for asked_in, count, _ in _asked(code, "language_share")[1:])],
        schema=["model", "against", "measure", "asked_in", "better", "difference", "low", "high", "questions"],
        orient="row",
    )  # fmt: skip
    write_shard(differences, folder / "differences.parquet")
    more = {
        "low": 0.5,
        "high": 0.8,
        "length_controlled": 0.0,
        "order_disagreement": None,
        "failures": 2,
        "questions": 20,
    }
    comparisons = pl.DataFrame([{"judge": "evaluator", "model": "tuned", "against": "base"} | counts | more])
    agreement = {"judge": "evaluator", "other": "similarity", "kind": "verdicts", "kappa": 0.4321, "alpha": None}
    write_shard(pl.DataFrame([agreement | {"items": 20}]), folder / "agreement.parquet")
    task = {"model": "tuned", "task": "xcopa_ta", "metric": "acc", "value": 0.5432, "low": 0.5, "high": 0.6,
            "samples": 500}  # fmt: skip
    write_shard(pl.DataFrame([task]), folder / "tasks.parquet")
    write_shard(comparisons, folder / "comparisons.parquet")
