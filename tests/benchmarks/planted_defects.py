"""Planted defects in real text: what an evaluator of all ten languages can tell, by kind of defect.

Pairs of known quality, of the sample's held-out seeds and of excerpts of the real-text collection. These have no
instruction: all are asked the same, which any text answers, so that nothing of them is swapped or strays.

The evaluator learns from the sample's train seeds and from excerpts of other documents (tests/benchmarks/
real_documents.py); without the collection from the seeds alone, and the table says so. Settings were chosen on
excerpts that are neither learned nor measured here. XI_PLANTED_DEFECTS names a folder to keep the project in.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from stages.evaluator.held_out import frame_of
from stages.evaluator.measures import scores
from stages.evaluator.rating_set import held_out_set
from stages.params import Settings, load_settings
from tests.benchmarks.project_copy import copy_project, run_python
from tests.benchmarks.real_documents import Excerpts, excerpts, write_pages, write_seeds
from tests.benchmarks.table import ROOT, Row, SkippedError
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.language.names import load_names
from x_instruction.pairs.training_pairs import Pair
from x_instruction.rating.calibration import read_calibration
from x_instruction.rating.rate import add_ratings
from x_instruction.rating.signals import add_surface_signals
from x_instruction.runner.shards import read_partition

LANGUAGES = list(load_names(ROOT / "languages"))
SIGNALS = ("repeated_share", "short_run", "open_end", "other_language_share")
SURFACE = ("wrong_language", "partly_foreign", "cut", "repeated", "boilerplate")
CASES = {"measured": "real text", "other_site": "a site not learned from"}
ASKED = "Write a short text as it would stand on a web page."
NOTES = {
    **dict.fromkeys(SURFACE, "at least"),
    "boilerplate": "at least; phrases that were not learned from, in the looks that were",
    "swapped": "chance: that a text fits its instruction is knowledge of the world, which 200 seeds do not give; "
    "a real base model is needed",
    "strays": "chance, as for swapped responses",
}
SEEDS, PAGES = "data/real/seeds", "data/real/pages"


def training(**changed: Any) -> dict[str, Any]:
    usual = {"epochs": 1, "learning_rate": 0.003, "batch_size": 8, "weight_decay": 0.1, "dropout": 0.0}
    return {**usual, "max_tokens": 384, **changed}


def settings(collection: bool) -> dict[str, Any]:
    """What params.yaml is changed to; `collection` says whether there are excerpts to learn from."""
    folders = ["data/sample/seeds", *([SEEDS] if collection else [])]
    return {
        "languages": list(LANGUAGES),
        "seed_pairs": {"sources": [{"folder": folder, "suffix": ".jsonl"} for folder in folders]},
        "base_model": {
            "corpus": PAGES,
            "architecture": {"vocabulary": 6144, "hidden": 128, "layers": 4, "heads": 4, "intermediate": 384},
            "training": training(),
        },
        # No instruction model is made here, and an embedded one's likelihoods tell nothing of real text.
        "rating": {"signals": list(SIGNALS)},
        "evaluator": {
            "start_from": "base_model",
            "loss_over": "labels",
            "batches": "in_order",
            "rated_pairs": 21500,
            "whole_share": 0.8,
            "open_instructions": [ASKED],
            # Twice as many cut ones: with as many as of the others, in batches of 16, they were told with 0.77 to 0.82.
            "defects": {
                **dict.fromkeys(SURFACE, 1),
                "cut": 2,
                "strays": 0,
                "model_answer": 0,
                "drift": 0,
                "swapped": 0.1,
            },
            # In batches of 8 at 0.0015, the language before the response, nothing was learned of 6,000 pairs: AUC of a
            # wrong language 0.58, against 0.97 in batches of 16 at 0.001 (one run each, on excerpts to choose by).
            "training": training(learning_rate=0.001, batch_size=32, max_tokens=448),
        },
    }


def make_project(project: Path, found: dict[str, Excerpts]) -> None:
    """A copy of this project with settings of its own and, where there are excerpts, seeds and pages of them."""
    copy_project(project, settings(bool(found)), also=("data/sample/",))
    shutil.copytree(project / "data/sample/web", project / PAGES)
    for language, own in found.items():
        write_seeds(language, own.parts["learned"], ASKED, project / SEEDS)
        write_pages(own.parts["learned"], project / PAGES / language)


def collected() -> dict[str, Excerpts]:
    try:
        return {language: excerpts(language) for language in LANGUAGES}
    except SkippedError as reason:
        print(f"real text left out, learned from the sample alone: {reason}")
        return {}


def seeds(project: Path, settings: Settings) -> list[Pair]:
    pairs = []
    for language in settings.languages:
        table = read_partition(project / "data" / "seed_pairs" / language).filter(pl.col("split") == "held_out")
        for identifier, instruction, response in table.select("id", "instruction", "response").iter_rows():
            pairs.append(Pair(identifier, language, instruction, response, settings.prompts.style_seed))
    return pairs


def documents(found: dict[str, Excerpts], part: str, settings: Settings) -> list[Pair]:
    return [
        Pair(f"{language}{number}", language, ASKED, text, settings.prompts.style_web)
        for language, own in found.items()
        for number, text in enumerate(own.parts[part])
    ]


def measured(case: str, pairs: list[Pair], evaluator: Path, settings: Settings, pages: Path) -> list[Row]:
    """AUC of each kind of defect over all languages."""
    held_out = held_out_set(pairs, settings.seed, pages, settings.evaluator.open_instructions)
    judging = (read_calibration(evaluator), settings.rating, settings.prompts, load_names(pages))
    with LazyEngine(evaluator, settings.text_generation, settings.seed) as engine:
        rated = add_ratings(add_surface_signals(frame_of(held_out), pages), engine, *judging)
    found = scores(rated, settings.refined_pairs.min_rating)["auc_by_defect"]
    return [
        Row(f"{case}: {defect}", "AUC", auc, 0.95 if defect in SURFACE else 0.5, NOTES[defect])
        for defect, auc in found.items()
        if auc is not None
    ]


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(os.environ.get("XI_PLANTED_DEFECTS") or scratch)
        found = collected()
        if not (project / "params.yaml").exists():
            make_project(project, found)
        evaluator = project / "data" / "evaluator" / "iteration_1"
        for names in [*(("seed_pairs", code) for code in LANGUAGES), ("base_model",), ("evaluator", "iteration_1")]:
            if not project.joinpath("data", *names, "manifest.json").exists():
                run_python(project, "-m", "stages", *names)
        settings = load_settings(project / "params.yaml")
        judge = (evaluator, settings, project / "languages")
        rows = measured("sample", seeds(project, settings), *judge)
        for part, case in CASES.items() if found else ():
            rows += measured(case, documents(found, part, settings), *judge)
        return rows
