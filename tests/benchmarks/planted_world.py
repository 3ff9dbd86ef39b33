"""The planted world: the unchanged pipeline on artificial languages, held to a truth that is known.

    python -m tests.benchmarks planted_world

A copy of the project is given the world's pages, seeds and language files, and settings; then `dvc repro` runs in it.
XI_PLANTED_WORLD names a folder to keep it in; without it, it is made anew in a temporary one.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tests.benchmarks.artificial_world import World, write_world
from tests.benchmarks.iterations import differences
from tests.benchmarks.project_copy import copy_project, run_python
from tests.benchmarks.table import Row
from x_instruction.runner.files import read_json

DATA = "data/world"
# No answers of the response model: some say the right facts, and would be taught to be flawed.
# Which of two languages a text is in is learned late: at 0.7 and 0.5 those two were told with AUC 0.88 and 0.63.
FLAWED = {"cut": 1, "repeated": 1.3, "partly_foreign": 1.2, "strays": 1.3, "model_answer": 0}
DEFECTS = {**FLAWED, "swapped": 2, "wrong_language": 1, "drift": 0}


def training(epochs: float, **changed: Any) -> dict[str, Any]:
    usual = {"learning_rate": 0.002, "batch_size": 4, "weight_decay": 0.1, "dropout": 0.1, "max_tokens": 192}
    return {"epochs": epochs, **usual, **changed}


ANSWERING = training(5, batch_size=8, learning_rate=0.003)


def settings(world: World) -> dict[str, Any]:
    """What params.yaml is changed to; all else stays as it is."""
    return {
        "languages": [tongue.code for tongue in world.tongues],
        # The response comes first, as in the prompts that the reversed model learned from.
        "prompts": {"rate": "<|response|>{response}<|instruction|>{instruction}<|rating|>{language}"},
        "rating": {
            "labels": ["A", "B", "C"],  # no page has " A", so the embedded tokenizer has no token for it
            # The languages are made up: language identification knows none of them. By the labels alone swapped
            # responses were told with AUC 0.5 to 0.9, whatever the batches, the rate and the order of what is learned.
            "signals": ["likelihood", "part_likelihood", "repeated_share", "short_run", "open_end"],
        },
        "raw_web_text": {"sources": [{"path": f"{DATA}/web/{{language}}"}]},
        "filtered_text": {
            "min_words": 8,
            "max_repeated_paragraph_share": 1.0,  # repeated and mixed pages are left for the evaluator to find
            "near_duplicate_jaccard": 0.99,
            "shingle_words": 3,
        },
        "seed_pairs": {
            "sources": [{"folder": f"{DATA}/seeds", "suffix": ".jsonl"}],
            "held_out_share": 0.2,
            "calibration_share": 0.1,
        },
        "base_model": {
            "corpus": f"{DATA}/web",
            "architecture": {"vocabulary": 2048, "hidden": 128, "layers": 4, "heads": 4, "intermediate": 384},
            "training": training(6, learning_rate=0.003, dropout=0.0, max_tokens=128),
        },
        "instruction_model": {"training": training(6)},
        "candidate_pairs": {"temperature": 0.1, "max_new_tokens": 24},
        "response_model": {"training": ANSWERING},  # as the tuned model: the first is what that is compared with
        "evaluator": {
            "start_from": "instruction_model",
            "loss_over": "labels",
            "rated_pairs": 30000,
            "batches": "in_order",
            "whole_share": 0.3,
            "defects": DEFECTS,
            "training": training(1, batch_size=32, learning_rate=0.001, dropout=0.0),
        },
        "refined_pairs": {"min_rating": 0.8, "top_share": 1.0},
        "diversified_set": {"pairs": 1000, "decontaminate_against": [f"{DATA}/eval_prompts.jsonl"]},
        "tuned_model": {"training": ANSWERING},
        "eval_scores": {"prompts": f"{DATA}/eval_prompts.jsonl"},
        "decoding": {"temperature": 0.1, "max_new_tokens": 96, "no_repeat_ngram": 0},
    }


def make_project(project: Path, world: World, changed: dict[str, Any]) -> None:
    """A copy of this project with the world's data, settings and languages, a repository of its own."""
    copy_project(project, changed)
    write_world(world, project / DATA, project / "languages")


def outcome(project: Path, world: World) -> list[Row]:
    """The pipeline's own figures, and its pairs and answers held to the truth."""
    named = named_rightly(project, world)
    rows = [Row("instructions that name task and concept", "share", named, 0.9, "at least")]
    folders = [project / f"data/evaluator/iteration_{number}" for number in (1, 2)]
    evaluators = [read_json(project / f"data/metrics/evaluator/iteration_{number}.json") for number in (1, 2)]
    chance = differences(
        *(pl.read_parquet(folder / "held_out.parquet") for folder in folders), min_rating=evaluators[0]["threshold"]
    )
    for number, found in enumerate(evaluators, 1):
        for defect, auc in found["auc_by_defect"].items():
            rows.append(Row(f"evaluator {number}, {defect}", "AUC", auc, 0.95, "at least"))
        rows += [
            Row(
                f"evaluator {number}, {defect}, labels alone",
                "AUC",
                found["labels_alone"]["auc_by_defect"][defect],
                found["auc_by_defect"][defect],
                "joined with the signs",
            )
            for defect in ("strays", "swapped")
        ]
    kept = kept_rightly(project, world)
    rows += [
        Row("kept pairs that are good", "share", kept.good, 0.95, "at least; whole sentences of a cut page are good"),
        Row("kept pairs of good pages", "share", kept.strictly, 0.95, "the same with all of cut pages counted as bad"),
        Row("kept pairs", "pairs", kept.pairs, kept.candidates, "good candidates, whole sentences of cut pages too"),
        *(
            Row(
                f"evaluator 2, {figure}",
                "share",
                evaluators[1][figure],
                evaluators[0][figure],
                f"iteration 1; the difference lies between {interval} (95 %)",
            )
            for figure, interval in chance.items()
        ),
    ]
    facts = {name: content_accuracy(project, world, name) for name in ("base", "seed_only", "tuned")}
    return [
        *rows,
        Row("facts in answers, tuned", "share", facts["tuned"], facts["seed_only"], "seed-only"),
        Row("facts in answers, seed-only", "share", facts["seed_only"], facts["base"], "base"),
    ]


def _truth(project: Path) -> dict[str, dict[str, str]]:
    return {row["page"]: row for row in pl.read_ndjson(project / DATA / "truth.jsonl").iter_rows(named=True)}


def _pairs(project: Path, artifact: str, world: World) -> pl.DataFrame:
    folders = [project / "data" / artifact / tongue.code for tongue in world.tongues]
    return pl.concat([pl.read_parquet(path) for folder in folders for path in sorted(folder.glob("part-*.parquet"))])


def judged(pairs: pl.DataFrame, project: Path, world: World) -> pl.DataFrame:
    """The pairs with `kind` of the page they come from, and `named`: the instruction asks for what the page says.

    Of a page that is cut off the filter takes off what is left of its last sentence; whole sentences stay, of which
    each is true. What is so left is `mended`.
    """
    truth = _truth(project)
    rows = []
    for source, instruction, response in pairs.select("source", "instruction", "response").iter_rows():
        page = truth["/".join(source.split("/")[-2:])]
        asked = world.topic_of(instruction)
        kind = "mended" if page["kind"] == "cut" and response.endswith(".") else page["kind"]
        rows.append((kind, bool(asked and (asked.family, asked.concept) == (page["family"], page["concept"]))))
    return pairs.with_columns(pl.DataFrame(rows, schema={"kind": pl.String, "named": pl.Boolean}, orient="row"))


def named_rightly(project: Path, world: World) -> float:
    """Of the good texts, the share whose instruction names the right task and concept; dropped ones count as wrong."""
    good = judged(_pairs(project, "candidate_pairs", world), project, world).filter(pl.col("kind") == "good")
    return float(good["named"].sum()) / sum(page["kind"] == "good" for page in _truth(project).values())


@dataclass(frozen=True)
class Kept:
    """Shares of the kept pairs, their number, and that of the good candidates. All good ones are named rightly.

    `good`: of good pages, or whole sentences of cut ones; `strictly`: of good pages alone.
    """

    good: float
    strictly: float
    pairs: int
    candidates: int


def kept_rightly(project: Path, world: World) -> Kept:
    kept = judged(_pairs(project, "refined_pairs", world), project, world)
    candidates = judged(_pairs(project, "candidate_pairs", world), project, world)
    good = pl.col("kind").is_in(["good", "mended"]) & pl.col("named")
    strictly = (pl.col("kind") == "good") & pl.col("named")
    shares = [kept.filter(rule).height / max(1, kept.height) for rule in (good, strictly)]
    return Kept(*shares, kept.height, candidates.filter(good).height)


def content_accuracy(project: Path, world: World, model: str) -> float:
    """Share of the asked topics' facts that the answers to held-out instructions hold, said of the right concept."""
    answers = _pairs(project, "eval_scores", world).filter((pl.col("model") == model) & (pl.col("kind") == "held_out"))
    tongues = {tongue.code: tongue for tongue in world.tongues}
    found = said = 0
    for code, instruction, response in answers.select("language", "instruction", "response").iter_rows():
        topic = world.topic_of(instruction)
        assert topic is not None
        facts = world.facts(topic, tongues[code])
        words = {word.strip(".").lower() for word in response.split()}
        found += sum(fact in words for fact in facts)
        said += len(facts)
    return found / said


def run(world: World | None = None, changed: dict[str, Any] | None = None) -> list[Row]:
    world = world or World()
    kept = os.environ.get("XI_PLANTED_WORLD")
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(kept or scratch)
        if not (project / "params.yaml").exists():
            make_project(project, world, changed or settings(world))
            run_python(project, "-m", "dvc", "init", "-q")
            run_python(project, "-m", "dvc_project.generated_lines")
        started = time.monotonic()
        run_python(project, "-m", "dvc_project.run")
        minutes = (time.monotonic() - started) / 60
        return [*outcome(project, world), Row("whole pipeline", "minutes", minutes, 15.0, "at most, two idle cores")]
