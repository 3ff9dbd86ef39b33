"""Every input row is kept or dropped, and a stage that loses a row or a shard publishes nothing."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from stages.params import Settings
from tests.conftest import ROOT
from x_instruction.embeddings.similarity import Similarity
from x_instruction.embeddings.vectors import VECTORS
from x_instruction.pairs.learned_pairs import learned_pairs
from x_instruction.rating.calibration import Calibration
from x_instruction.runner import job as jobs
from x_instruction.runner.errors import GateFailedError, InputError
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import Partition, Split, write_shard
from x_instruction.runner.shell import run_stage

SOURCES = ("raw_web_text", "filtered_text", "seed_pairs")
RATED = ("rated_pairs", "refined_pairs", "diversified_set")
SHARDS, ROWS = 2, 6


def candidates(shard: int) -> pl.DataFrame:
    names = [f"{shard}.{number}" for number in range(ROWS)]
    return pl.DataFrame(
        {"id": names, "text_id": names, "document_id": names, "language": ["fi"] * ROWS}
        | {"instruction": [f"Say {name} in a few words." for name in names]}
        | {"response": [f"Leipä numero {name} paistetaan uunissa." for name in names], "title": [""] * ROWS}
        | {"url": [f"https://{name}.example/" for name in names], "source": ["web/fi"] * ROWS, "record": [0] * ROWS}
        | {name: [""] * ROWS for name in ("date", "license", "source_id", "extractor")}
        | {"finish_reason": ["stop"] * ROWS, "text_cut": [False] * ROWS, "sample": [1] * ROWS}
        | {"likelihood": [-1.0] * ROWS, "part_likelihood": [-2.0] * ROWS, "other_likelihood": [-3.0] * ROWS}
        | {
            name: [np.arange(number, number + 4, dtype=np.float16).tobytes() for number in range(ROWS)]
            for name in VECTORS
        }
    )


def publish(folder: Path, shards: list[pl.DataFrame]) -> None:
    for number, shard in enumerate(shards):
        write_shard(shard, folder / f"part-{number:05d}.parquet")
    write_json(folder / "manifest.json", {"rows": sum(shard.height for shard in shards)})


@pytest.fixture(scope="module")
def small(settings: Settings) -> Settings:
    """Settings that keep pairs with any rating. The labels are single bytes, as the tiny model's tokens are."""
    rating = settings.rating.model_copy(update={"labels": ["A", "B", "C"], "max_response_tokens": 144})
    refined = settings.refined_pairs.model_copy(update={"min_rating": 0.0})
    return settings.model_copy(update={"rating": rating, "refined_pairs": refined})


def job_of(root: Path, artifact: str, settings: Settings) -> Job:
    iteration = "iteration_1" if artifact == "rated_pairs" else None
    staging, work = (root / "data" / name / artifact for name in (".staging", ".work"))
    return Job(artifact, "fi", iteration, settings, root, staging, work, "code")


def run(job: Job) -> None:
    stage = importlib.import_module(f"stages.{job.artifact}.stage")
    run_stage(job, stage, ROOT / "stages" / job.artifact / "expectations.yaml")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, small: Settings, tiny_model: Path) -> Path:
    """A project with the artifacts of `SOURCES` and `RATED`. Its candidate pairs are made up."""
    import great_expectations  # noqa: F401 - so that the checks start no process

    root = tmp_path_factory.mktemp("made")
    for name in ("languages", "data/sample/web/fi", "data/sample/seeds"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("eval_prompts.jsonl", "eval_native.jsonl"):
        shutil.copy(ROOT / "data/sample" / name, root / "data/sample")
    publish(root / "data/candidate_pairs/fi", [candidates(shard) for shard in range(SHARDS)])
    for number, precision in ((1, 0.5), (2, 0.1)):
        folder = shutil.copytree(tiny_model, root / f"data/evaluator/iteration_{number}")
        Calibration().write(folder)
        Similarity.fit(candidates(0)).write(folder)
        write_json(root / f"data/metrics/evaluator/iteration_{number}.json", {"precision": precision})
        write_json(folder / "manifest.json", {"content": "tiny"})
    for artifact in (*SOURCES, *RATED):
        run(job_of(root, artifact, small))
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A copy of `made` without the work stores. A test may damage this copy."""
    return shutil.copytree(made, tmp_path / "project", ignore=shutil.ignore_patterns(".work"))


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every transform lose its last kept row or, if it keeps no row, its last dropped row."""
    finish: Callable[..., Any] = jobs._finish

    def forgetful(frame: pl.DataFrame, *, transform: Callable[[pl.DataFrame], Split], **named: Any) -> Any:
        def lossy(frame: pl.DataFrame) -> Split:
            whole = transform(frame)
            if whole.kept.is_empty():
                return Split(whole.kept, whole.dropped.head(-1), whole.counts)
            return Split(whole.kept.head(-1), whole.dropped, whole.counts)

        return finish(frame, transform=lossy, **named)

    monkeypatch.setattr(jobs, "_finish", forgetful)


@pytest.mark.parametrize("artifact", [*SOURCES, *RATED])
def test_all_rows_are_accounted_for(made: Path, artifact: str) -> None:
    folder = job_of(made, artifact, Settings.model_construct()).target
    manifest = read_json(folder / "manifest.json")
    assert manifest["rows_in"] == manifest["rows"] + manifest["dropped"] > 0


@pytest.mark.parametrize("artifact", [*SOURCES, "candidate_pairs", *RATED])
def test_a_stage_that_loses_a_row_publishes_nothing(
    project: Path, small: Settings, tiny_model: Path, losing: None, artifact: str
) -> None:
    job = job_of(project, artifact, small)
    shutil.rmtree(job.target)
    if artifact == "candidate_pairs":
        write_json(shutil.copytree(tiny_model, project / "data/instruction_model") / "manifest.json", {"content": ""})
    lost = SHARDS if artifact == "rated_pairs" else 1  # each shard loses a row; all other stages have one shard here
    with pytest.raises(GateFailedError, match=f"unaccounted_rows equals 0, found {lost} "):
        run(job)
    assert not job.target.exists()


@pytest.mark.parametrize("artifact", RATED)
def test_a_shard_lost_between_two_stages_is_noticed(project: Path, small: Settings, artifact: str) -> None:
    before = {"rated_pairs": "candidate_pairs/fi", "refined_pairs": "rated_pairs/iteration_1/fi"}
    folder = project / "data" / before.get(artifact, "refined_pairs/fi")
    rows = sum(pl.read_parquet(path).height for path in Partition(folder).paths())
    last = Partition(folder).paths()[-1]
    left = rows - pl.read_parquet(last).height
    last.unlink()
    with pytest.raises(InputError, match=f"has {left} rows but its manifest lists {rows}: a shard is missing"):
        run(job_of(project, artifact, small))


def test_the_gate_fails_for_a_pair_whose_rating_is_not_a_number(
    project: Path, small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Calibration, "apply", lambda self, frame: frame.with_columns(best=float("nan")))
    job = job_of(project, "rated_pairs", small)
    with pytest.raises(GateFailedError, match="rows_without_rating equals 0, found 12 "):
        run(job)


def test_the_metrics_say_which_iteration_was_accepted_and_why(made: Path) -> None:
    metrics = read_json(made / "data/quality/refined_pairs/fi.json")["metrics"]
    assert metrics["accepted_iteration"] == "iteration_1"
    assert metrics["accepted_because"].startswith("held-out precision fell from 0.500 to 0.100 in iteration_2")


def test_an_unused_iteration_is_a_warning_of_the_gate(
    project: Path, small: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    run(job_of(project, "refined_pairs", small))
    warning = "warning: expected unused_iterations equals 0, found 1 (the evaluator's precision on held-out pairs fell"
    assert warning in capsys.readouterr().err
    write_json(project / "data/metrics/evaluator/iteration_2.json", {"precision": 0.6})
    shutil.copytree(project / "data/rated_pairs/iteration_1", project / "data/rated_pairs/iteration_2")
    run(job_of(project, "refined_pairs", small))
    assert "unused_iterations" not in capsys.readouterr().err


@pytest.mark.parametrize("always_kept", [0, 3])
def test_pairs_kept_whatever_their_rating_are_a_warning(
    project: Path, small: Settings, capsys: pytest.CaptureFixture[str], always_kept: int
) -> None:
    refined = small.refined_pairs.model_copy(update={"min_rating": 1.0, "always_kept": always_kept, "min_pairs": 1})
    job = job_of(project, "refined_pairs", small.model_copy(update={"refined_pairs": refined}))
    if not always_kept:
        with pytest.raises(GateFailedError, match=r"expected rows at least 1, found 0"):
            run(job)
        return
    run(job)
    assert "warning: expected below_min_rating equals 0, found 3" in capsys.readouterr().err


@pytest.mark.parametrize(("least", "short"), [(1, 0), (2, 1)])
def test_a_language_with_too_few_kept_pairs_is_counted(project: Path, small: Settings, least: int, short: int) -> None:
    refined = small.refined_pairs.model_copy(update={"min_pairs": least, "max_pairs": 1})
    job = job_of(project, "response_model", small.model_copy(update={"refined_pairs": refined, "languages": ["fi"]}))
    _, counted = learned_pairs(replace(job, language=None, iteration="iteration_2"))
    assert counted == short


def test_dvc_yaml_lists_the_plots_of_the_refined_pairs(made: Path) -> None:
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["refined_pairs"]["do"]
    listed = {Path(name).stem for plot in graph["plots"] for name in plot}
    assert {path.stem for path in (made / "data/plots/refined_pairs/fi").iterdir()} == listed
