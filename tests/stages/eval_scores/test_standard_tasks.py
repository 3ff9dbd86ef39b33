"""The figures of standard tasks equal those of lm-eval, which reads data sets in the hub's layout without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
import yaml
from packaging.requirements import Requirement

from stages.eval_scores import stage, standard_tasks
from stages.eval_scores.settings import StandardTasks
from stages.eval_scores.standard_tasks import PACKAGES, SCHEMA, TASKS, check_tasks, run_tasks, tasks_of
from tests.benchmarks.table import SkippedError, real_text
from tests.test_requirements import normal, pins
from x_instruction.runner.errors import InputError, SettingsError
from x_instruction.runner.files import read_json
from x_instruction.runner.job import Job

MakeJob = Callable[..., Job]
COLUMNS = ("premise", "choice1", "choice2", "question", "label", "idx", "changed")


def settings(*tasks: str, **changed: Any) -> StandardTasks:
    return StandardTasks.model_validate({"tasks": tasks, "data": None, "few_shot": 0, "limit": None, **changed})


@pytest.fixture(scope="module")
def xcopa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with XCOPA in the hub's layout. Its rows are made up if the real data set is missing."""
    folder = tmp_path_factory.mktemp("data")
    data = folder / "cambridgeltl/xcopa/data"
    data.mkdir(parents=True)
    parts = []
    for code in ("id", "sw"):
        lines = [json.dumps({name: row[name] for name in COLUMNS}) for row in xcopa_rows() if row["lang"] == code]
        (data / f"{code}.jsonl").write_text("\n".join(lines[:30]))
        splits = "".join(f"\n  - {{split: {split}, path: data/{code}.jsonl}}" for split in ("validation", "test"))
        parts.append(f"- config_name: {code}\n  data_files:{splits}")
    (data.parent / "README.md").write_text("---\nconfigs:\n" + "\n".join(parts) + "\n---\n")
    return folder


def xcopa_rows() -> list[dict[str, Any]]:
    try:
        with pa.input_stream(str(real_text("eval", "xcopa_val.jsonl.zst")), compression="zstd") as file:
            return [json.loads(line) for line in file.read().decode().splitlines()]
    except SkippedError:
        sentences = ("Mtoto alilia sana.", "Alianguka chini.", "Alicheka kwa furaha.")
        return [
            dict(zip(COLUMNS, (*sentences, question, label, number, False), strict=True)) | {"lang": code}
            for code in ("id", "sw")
            for number, (question, label) in enumerate([("cause", 0), ("effect", 1), ("cause", 1)])
        ]


def results_of_command(model: Path, data: Path, out: Path) -> dict[str, dict[str, Any]]:
    """Runs the command of lm-eval and returns its results."""
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "hf", "--model_args", f"pretrained={model}"]
    command += ["--tasks", "xcopa_id,xcopa_sw", "--batch_size", "32", "--output_path", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES), "HF_DATASETS_CACHE": str(out / "datasets")}
    subprocess.run(command, cwd=data, env=environment, check=True, capture_output=True)
    found: dict[str, dict[str, Any]] = read_json(next(out.rglob("results_*.json")))["results"]
    return found


def test_the_figures_equal_those_of_the_command_lm_eval(tiny_model: Path, xcopa: Path, tmp_path: Path) -> None:
    tasks = pl.DataFrame({"task": ["xcopa_id", "xcopa_sw"]})
    ours = run_tasks(tasks, tiny_model, settings("xcopa"), xcopa, batch_size=32).kept
    theirs = results_of_command(tiny_model, xcopa, tmp_path)
    assert ours.select("task", "metric", "value").rows() == [
        (task, "acc", theirs[task]["acc,none"]) for task in ("xcopa_id", "xcopa_sw")
    ]
    halves = [(high - low) / 2 for low, high in ours.select("low", "high").iter_rows()]
    assert halves == pytest.approx([1.96 * theirs[task]["acc_stderr,none"] for task in ("xcopa_id", "xcopa_sw")])
    assert ours["samples"].to_list() == [theirs[task]["sample_len"] for task in ("xcopa_id", "xcopa_sw")]


def test_every_configured_task_is_a_task_of_lm_eval() -> None:
    known = set()
    for path in (PACKAGES / "lm_eval" / "tasks").rglob("*.yaml"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(("task: ", "group: ")):
                known.add(line.split(": ", 1)[1].strip("'\" "))
    named = {name for by_language in TASKS.values() for name in by_language.values()}
    assert named - known == set()
    assert set(TASKS["belebele"]) == {"bn", "fi", "hi", "id", "sw", "ta", "th", "tr", "ur", "vi"}


def test_the_packages_of_lm_eval_fit_each_other_and_the_core() -> None:
    """lm-eval runs with its own packages and with those of requirements-cpu.txt, so all must be compatible."""
    installed = {normal(one.metadata["Name"]): one for one in distributions(path=[str(PACKAGES)])}
    assert {name: one.version for name, one in installed.items()} == pins("lm-eval")
    seen = {**pins("cpu"), **pins("lm-eval")}
    wanted = [Requirement(text) for one in installed.values() for text in one.requires or []]
    needed = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    unmet = [one for one in needed if not one.specifier.contains(seen.get(normal(one.name), "0"), prereleases=True)]
    assert unmet == []


def test_a_language_takes_the_tasks_that_have_it() -> None:
    chosen = settings("xcopa", "xnli", "belebele", "global_mmlu")
    assert tasks_of(chosen, "fi") == ["belebele_fin_Latn"]
    assert tasks_of(chosen, "sw") == ["xcopa_sw", "xnli_sw", "belebele_swh_Latn", "global_mmlu_sw"]


def test_an_unknown_task_and_missing_packages_are_refused_before_anything_is_asked(
    make_scores_job: MakeJob, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def job(**changed: Any) -> Job:
        return make_scores_job(standard_tasks=settings("belebele", **changed).model_dump())

    with pytest.raises(ValueError, match="mmlu is not one of the tasks xcopa, "):
        settings("mmlu")
    with pytest.raises(InputError, match=r"standard_tasks\.data: .*nowhere is not a folder"):
        check_tasks(job(data="nowhere"))
    monkeypatch.setattr(standard_tasks, "PACKAGES", tmp_path / "none")
    with pytest.raises(SettingsError, match="run `make lm_eval`"):
        check_tasks(job())
    assert check_tasks(make_scores_job()) == []


def test_a_failing_task_does_not_affect_other_results(
    make_scores_job: MakeJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the process of lm-eval is replaced here."""

    def ended(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        config = yaml.safe_load(Path(command[-1]).read_text())
        if config["model_args"]["pretrained"].endswith("base_model"):
            return subprocess.CompletedProcess(command, 1, "", "…\nRuntimeError: no such data\n\n")
        out = Path(config["output_path"], "results_1.json")
        out.parent.mkdir(parents=True)
        figures = {"alias": "b", "acc,none": 0.5, "acc_stderr,none": 0.25, "acc_norm,none": 1, "sample_len": 4}
        out.write_text(json.dumps({"results": {config["tasks"][0]: figures}}))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(standard_tasks.subprocess, "run", ended)
    job = make_scores_job(standard_tasks=settings("belebele", "xcopa").model_dump())
    outcome = stage.run(job)
    warning = "warning: base has no figures of belebele_fin_Latn: lm-eval failed on"
    assert warning in (printed := capsys.readouterr().err) and "RuntimeError: no such data" in printed
    table = pl.read_parquet(job.staging / "tables/tasks.parquet")
    assert table.schema == SCHEMA
    assert table.filter(pl.col("model") == "tuned").rows() == [
        ("tuned", "belebele_fin_Latn", "acc", 0.5, 0.5 - 1.96 / 4, 0.5 + 1.96 / 4, 4),
        ("tuned", "belebele_fin_Latn", "acc_norm", 1.0, None, None, 4),
    ]
    assert set(table["model"]) == {"tuned", "seed_only"}
    assert stage.measure(job, outcome)["task_figures_missing"] == 1
    assert read_json(job.staging / "scores.json")["tasks"]["tuned"]["belebele_fin_Latn_acc"] == 0.5
