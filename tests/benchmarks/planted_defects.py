"""Planted defects in real text: what the embedded evaluator of all ten languages can tell, by kind of defect.

Pairs of known quality, once of the sample's held-out seeds and once of the real-text collection, whose documents
have no instruction: there all are asked the same, and nothing can be swapped.
XI_PLANTED_DEFECTS names a folder to keep the project and its models in.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
from pathlib import Path

import polars as pl

from stages.evaluator.held_out import frame_of
from stages.evaluator.measures import scores
from stages.evaluator.rating_set import SENTENCE, RatedPair, held_out_set
from stages.languages import load_language
from stages.pairs import Pair
from stages.rating import add_ratings, temperature_of
from stages.settings import LANGUAGES, Settings, load_settings
from stages.shards import read_partition
from stages.text_generation.lazy import LazyEngine
from tests.benchmarks.project_copy import copy_project, run_python
from tests.benchmarks.table import Row, SkippedError, real_text

SURFACE = ("wrong_language", "partly_foreign", "cut", "repeated", "boilerplate")
NOTES = {
    **dict.fromkeys(SURFACE, "at least"),
    "swapped": "chance: so small a model has seen too little language to know; a real base model is needed",
    "strays": "chance, as for swapped responses",
}
ASKED = "Write a short text as it would stand on a web page."
DOCUMENTS = 40  # of a language
CHARACTERS = (150, 450)  # as long as the seeds' responses


def with_boilerplate(pair: Pair, choose: random.Random) -> RatedPair:
    """The beginning of the response, then phrases of cookie notices and rights in its language."""
    sentences = [match.strip() for match in SENTENCE.findall(pair.response) if match.strip()]
    phrases = choose.sample(load_language(pair.language).boilerplate, 4)
    kept = sentences[: max(1, len(sentences) // 2)]
    text = " ".join([*kept, *(f"{phrase.capitalize()}." for phrase in phrases)])
    return RatedPair(pair, text, "flawed", "boilerplate")


def planted(pairs: list[Pair], seed: int) -> list[RatedPair]:
    """Every pair as it is and with each defect."""
    choose = random.Random(seed)
    return [*held_out_set(pairs, seed), *(with_boilerplate(pair, choose) for pair in pairs)]


def seeds(project: Path, settings: Settings) -> list[Pair]:
    pairs = []
    for language in settings.languages:
        table = read_partition(project / "data" / "seed_pairs" / language).filter(pl.col("split") == "held_out")
        for identifier, instruction, response in table.select("id", "instruction", "response").iter_rows():
            pairs.append(Pair(identifier, language, instruction, response, settings.prompts.style_seed))
    return pairs


def documents(settings: Settings) -> list[Pair]:
    """The first sentences of documents of the real-text collection, as many as a seed's response has."""
    pairs = []
    for language in settings.languages:
        table = pl.read_ndjson(real_text("web", f"{language}.jsonl.zst"), infer_schema_length=None)
        texts = filter(None, map(beginning, table["text"]))
        for number, text in zip(range(DOCUMENTS), texts, strict=False):
            pairs.append(Pair(f"{language}{number}", language, ASKED, text, settings.prompts.style_web))
    return pairs


def beginning(document: str) -> str:
    """Whole sentences of a document's first long paragraph; empty where it has none of the wanted length."""
    least, most = CHARACTERS
    for paragraph in re.split(r"\n+", document):
        text = ""
        for match in SENTENCE.findall(paragraph):
            if len(text) + len(match) > most:
                break
            text += match
        if len(text.strip()) >= least and len(SENTENCE.findall(text)) > 1:
            return text.strip()
    return ""


def measured(case: str, pairs: list[Pair], evaluator: Path, settings: Settings) -> list[Row]:
    """AUC of each kind of defect over all languages."""
    with LazyEngine(evaluator, settings.text_generation, settings.seed) as engine:
        rated = add_ratings(frame_of(planted(pairs, settings.seed)), engine, settings, temperature_of(evaluator))
    found = scores(rated, settings.refined_pairs.min_rating)["auc_by_defect"]
    return [
        Row(f"{case}: {defect}", "AUC", auc, 0.95 if defect in SURFACE else 0.5, NOTES[defect])
        for defect, auc in found.items()
        if auc is not None
    ]


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(os.environ.get("XI_PLANTED_DEFECTS") or scratch)
        if not (project / "params.yaml").exists():
            copy_project(project, {"languages": list(LANGUAGES)}, also=("data/sample/",))
        evaluator = project / "data" / "evaluator" / "iteration_1"
        stages = [*(("seed_pairs", code) for code in LANGUAGES), ("base_model",), ("response_model", "iteration_1")]
        for names in [*stages, ("evaluator", "iteration_1")]:
            if not project.joinpath("data", *names, "manifest.json").exists():
                run_python(project, "-m", "stages", *names)
        settings = load_settings(project / "params.yaml")
        rows = measured("sample", seeds(project, settings), evaluator, settings)
        try:
            return [*rows, *measured("real text", documents(settings), evaluator, settings)]
        except SkippedError as reason:
            print(f"real text left out: {reason}")
            return rows
