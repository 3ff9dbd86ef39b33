"""A small finished run of the real stages in a temporary folder, with made-up model outputs.

The real stages extract, filter, select and release the pages. The outputs of models (instructions, ratings, clusters)
are made up here, so that no language model is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from stages.candidate_pairs import stage as candidate_pairs
from stages.filtered_text import stage as filtered_text
from stages.params import Settings
from stages.raw_web_text import stage as raw_web_text
from stages.refined_pairs import stage as refined_pairs
from stages.released_set import stage as released_set
from stages.released_set.card_checks import BY_LANGUAGE
from stages.row_index import stage as row_index
from tests.conftest import ROOT
from x_instruction.embeddings.similarity import without_similarities
from x_instruction.embeddings.vectors import VECTORS, without_vectors
from x_instruction.generation.interface import Generated
from x_instruction.rating.calibration import Calibration, Regression, read_calibration, with_temperature
from x_instruction.rating.likelihoods import without_likelihoods
from x_instruction.rating.rate import with_rating
from x_instruction.rating.surface import add_surface_signals
from x_instruction.runner.files import replace_folder, write_json
from x_instruction.runner.job import Job
from x_instruction.runner.manifest import write_manifest
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import DROPS, Split, write_shard

TEMPERATURE = 1.5
SIGNALS = ["repeated_share", "short_run"]
BASE = {"name": "embedded", "revision": None, "license": "none", "license_link": ""}
REGRESSION = Regression(
    signals=SIGNALS,
    medians=[0.0, 0.0],
    limits=[1.0, 1.0],
    coefficients=[[2.0, 0.5, -3.0, -1.0], [0.0, 1.0, 0.5, 0.0], [-2.0, -1.5, 3.0, 1.0]],
    intercepts=[0.3, 0.1, -0.4],
    subtracted=0.5,
)


def finished_run(root: Path, settings: Settings, languages: tuple[str, ...] = ("fi", "ur")) -> Settings:
    """Makes the run in `root`. Returns its settings."""
    (root / "languages").symlink_to(ROOT / "languages")
    (root / "data").mkdir()
    (root / "data" / "sample").symlink_to(ROOT / "data" / "sample")
    (root / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    chosen = settings.model_copy(update={"languages": list(languages)})
    _models(root)
    for language in languages:
        for stage in (raw_web_text, filtered_text):
            made(new_job(root, chosen, stage.__name__.split(".")[1], language), stage)
        _candidates(new_job(root, chosen, "candidate_pairs", language))
        for number, iteration in enumerate(chosen.iterations):
            _rated(new_job(root, chosen, "rated_pairs", language, iteration), number)
        made(new_job(root, chosen, "refined_pairs", language), refined_pairs)
        _diversified(new_job(root, chosen, "diversified_set", language))
    seeds_and_reports(root, chosen)
    made(new_job(root, chosen, "released_set"), released_set)
    for language in languages:
        made(new_job(root, chosen, "row_index", language), row_index)
    return chosen


def new_job(
    root: Path, settings: Settings, artifact: str, language: str | None = None, iteration: str | None = None
) -> Job:
    work = root / "data" / ".work" / artifact / (language or "all")
    staging = root / "data" / ".staging" / artifact / (language or "all")
    staging.mkdir(parents=True)
    return Job(artifact, language, iteration, settings, root, staging, work, "code")


def made(job: Job, stage: Any) -> None:
    _publish(job, stage.run(job))


def _publish(job: Job, outcome: Outcome) -> None:
    write_manifest(job, outcome)
    replace_folder(job.staging, job.target)


def _split(job: Job, split: Split, rows_in: int) -> None:
    write_shard(split.kept, job.staging / "part-00000.parquet")
    write_shard(split.dropped, job.staging / DROPS / "part-00000.parquet")
    _publish(job, Outcome(rows_in=rows_in))


def _models(root: Path) -> None:
    for name in ("base_model", "instruction_model", "evaluator/iteration_1", "evaluator/iteration_2"):
        write_json(root / "data" / name / "manifest.json", {"content": name.replace("/", "_") * 4})
        write_json(root / "data" / name / "base.json", BASE)
    Calibration(regression=REGRESSION).write(root / "data/evaluator/iteration_1")
    Calibration(temperature=TEMPERATURE).write(root / "data/evaluator/iteration_2")
    for number in (1, 2):
        write_json(
            root / f"data/metrics/evaluator/iteration_{number}.json", {"precision": 0.8, "recall": 0.7, "auc": 0.9}
        )


def seeds_and_reports(root: Path, settings: Settings) -> None:
    """Writes one seed for each language, and the reports of the gates, which found nothing."""
    languages, iterations = settings.languages, list(settings.iterations)
    for code in languages:
        seed = pl.DataFrame({"id": ["1"], "instruction": ["Say yes."], "response": ["Kyllä."], "split": ["held_out"]})
        write_shard(seed, root / f"data/seed_pairs/{code}/part-00000.parquet")
        write_json(root / f"data/seed_pairs/{code}/manifest.json", {"content": "s" * 64, "rows": 1})
    parts = [f"{name}/all" for name in ("base_model", "instruction_model")]
    parts += [f"{name}/{code}" for name in BY_LANGUAGE for code in languages]
    parts += [f"{name}/{iteration}" for name in ("response_model", "evaluator") for iteration in iterations]
    parts += [f"rated_pairs/{iteration}/{code}" for iteration in iterations for code in languages]
    for part in parts:
        write_json(root / f"data/quality/{part}.json", {"metrics": {"accepted_because": "it is last"}, "verdicts": []})


def _candidates(job: Job) -> None:
    """Writes two instructions for each text. The second instruction of the first text is too short and dropped."""
    frame = job.rows("filtered_text", job.language).table()
    settings = job.settings.candidate_pairs.model_copy(update={"samples": 2})  # type: ignore[attr-defined]
    written = []
    for number in range(frame.height):
        topic = f"what the page with the number {number} tells its readers about everyday life in the village"
        second = "so" if number == 0 else f"Write a clear summary for a friend of {topic}."
        written += [Generated(text, 9, "stop") for text in (f"Explain in your own words {topic}.", second)]
    texts = frame.with_columns(text_cut=pl.lit(False))
    split = candidate_pairs.transform(texts, written, settings, job.settings.prompts)  # type: ignore[attr-defined]
    kept = without_vectors(without_likelihoods(split.kept.drop("form")))
    _split(job, Split(kept, split.dropped), 2 * frame.height)


def label_probabilities(rows: int, number: int) -> pl.DataFrame:
    """The probabilities of the labels for all rows, before calibration. `best` falls with every row."""
    best = pl.Series([0.97 - (0.03 + number / 100) * row for row in range(rows)]).clip(0.01, 0.97)
    levels = pl.DataFrame({"best": best, "flawed": (1 - best) * 0.75, "worst": (1 - best) * 0.25})
    return with_temperature(levels, 1 / TEMPERATURE) if number else levels


def _rated(job: Job, number: int) -> None:
    """Writes ratings. In the second iteration, they fall with every row."""
    frame = job.rows("candidate_pairs", job.language).table()
    signals = without_similarities(add_surface_signals(frame.drop(VECTORS), job.language_pages))
    labelled = pl.concat([signals, label_probabilities(frame.height, number)], how="horizontal")
    calibrated = read_calibration(job.root / f"data/evaluator/iteration_{number + 1}").apply(labelled)
    rated = with_rating(calibrated, [1, 0.2, 0])
    _split(
        job, Split(rated, frame.head(0).select(id="id", reason="id", value="id", origin="id", text="id")), frame.height
    )


def _diversified(job: Job) -> None:
    frame = job.rows("refined_pairs", job.language).table()
    reasons = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("cluster_full"))
    drawn = frame.with_columns(cluster=pl.int_range(pl.len()) % 3, reason=reasons, value=pl.lit("cluster 0"))
    _split(job, Split.of(drawn, text="response"), frame.height)
