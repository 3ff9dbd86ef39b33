"""Data are not published if their input changed while they were made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import yaml

from dvc_project.graph import read_graph
from stages.__main__ import main
from stages.params import load_settings
from tests.conftest import ROOT
from tests.x_instruction.runner.test_shell import change, files
from x_instruction.runner.errors import InputError
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.readings import PARAMETER, Readings
from x_instruction.runner.shards import write_shard
from x_instruction.runner.shell import run_stage

GRAPH = {
    "stages": {
        "texts": {
            "foreach": "${languages}",
            "do": {"params": ["texts"], "deps": ["pages/${item}.yaml", "code", "${texts.sources[0].folder}/${item}"]},
        },
        "judge": {
            "foreach": "${iterations}",
            "do": {"params": ["seed", "iterations.${key}"], "deps": ["data/${item.learns_from}"]},
        },
        "rated": {
            "matrix": {"iteration": ["iteration_1"], "language": "${languages}"},
            "deps": ["data/${item.iteration}/${item.language}"],
        },
        "model": {"params": ["seed"], "deps": ["code"]},
    }
}
PARAMS = {
    "languages": ["fi", "sw"],
    "iterations": {"iteration_1": {"learns_from": "seeds"}, "iteration_2": {"learns_from": "rated/iteration_1"}},
    "seed": 17,
    "texts": {"min_words": 5, "sources": [{"folder": "web"}]},
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_yaml(tmp_path / "dvc.yaml", GRAPH)
    write_yaml(tmp_path / "params.yaml", PARAMS)
    for name in ("pages/fi.yaml", "code/stage.py", "code/deep/rule.py", "web/fi/1.html", "web/sw/1.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def write_yaml(path: Path, values: object) -> None:
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


@pytest.mark.parametrize(
    ("names", "listed"),
    [
        (("texts", "fi"), {f"{PARAMETER}texts", "pages/fi.yaml", "code", "web/fi"}),
        (
            ("judge", "iteration_2"),
            {f"{PARAMETER}seed", f"{PARAMETER}iterations.iteration_2", "data/rated/iteration_1"},
        ),
        (("rated", "iteration_1", "sw"), {"data/iteration_1/sw"}),
        (("model",), {f"{PARAMETER}seed", "code"}),
        (("unknown",), set()),
    ],
)
def test_every_input_that_the_graph_lists_for_a_partition_is_read(
    project: Path, names: tuple[str, ...], listed: set[str]
) -> None:
    assert set(Readings.of(project, names[0], names[1:]).states) == listed


def test_the_readings_of_this_project_are_the_dependencies_that_dvc_finds() -> None:
    for found in read_graph(ROOT).stages.values():
        names = [name for name in (found.iteration, found.language) if name]
        states = Readings.of(ROOT, found.artifact, names).states
        paths = {name for name in states if not name.startswith(PARAMETER)}
        reports = {
            path for path in paths if path.startswith("data/quality/")
        }  # of gates; the graph has no edge for them
        assert paths - reports == {path for path, _ in found.upstream} | set(found.sources), found.name
        assert reports <= {f"data/quality/{stage.artifact}" for stage in read_graph(ROOT).stages.values()}


CHANGES: dict[str, Callable[[Path], object]] = {
    f"{PARAMETER}texts": lambda root: change(root, lambda values: values["texts"].update(min_words=6)),
    "pages/fi.yaml": lambda root: (root / "pages/fi.yaml").write_text("other"),
    "code": lambda root: (root / "code/deep/rule.py").write_text("other"),
    "web/fi": lambda root: (root / "web/fi/2.html").write_text("new"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_input_is_named(project: Path, name: str) -> None:
    before = Readings.of(project, "texts", ["fi"])
    before.refuse_changes()
    CHANGES[name](project)
    with pytest.raises(InputError, match=f"{name} changed while texts fi was made from it.*: run again"):
        before.refuse_changes()


def test_inputs_of_other_partitions_may_change(project: Path) -> None:
    before = Readings.of(project, "texts", ["fi"])
    change(project, lambda values: values.update(seed=18))
    (project / "web/sw/1.html").write_text("other")
    (project / "code/__pycache__").mkdir()
    (project / "code/__pycache__/rule.pyc").write_text("compiled")
    before.refuse_changes()


def test_folders_behind_links_are_not_walked(project: Path) -> None:
    """DVC does not hash linked folders either, and a link to a parent folder would be followed again and again."""
    (project / "web/fi/up").symlink_to("..")
    (project / "elsewhere").mkdir()
    (project / "web/fi/elsewhere").symlink_to(project / "elsewhere")
    before = Readings.of(project, "texts", ["fi"])
    (project / "elsewhere/2.html").write_text("new")
    before.refuse_changes()


def test_without_a_graph_nothing_is_compared(project: Path) -> None:
    (project / "dvc.yaml").unlink()
    assert not Readings.of(project, "texts", ["fi"]).states


class Slow:
    """A stage that edits the settings while it runs."""

    def __init__(self, edit: Callable[[], object]) -> None:
        self.edit = edit

    def run(self, job: Job) -> Outcome:
        table = pl.DataFrame({"id": ["a"], "text": [str(self.edit())]})
        write_shard(table, job.staging / "part-00000.parquet")
        return Outcome(rows_in=1)

    def measure(self, job: Job, outcome: Outcome) -> dict[str, Metric]:
        return {}


def test_a_stage_whose_settings_were_edited_keeps_the_last_good_version(
    project: Path, make_job: Callable[..., Job]
) -> None:
    suite = project / "suite.yaml"
    suite.write_text("- metric: rows\n  at_least: 1\n  severity: critical\n  because: none is useless\n")
    job = make_job("texts", root=project)
    run_stage(job, Slow(lambda: "first"), suite, Readings.of(project, "texts", ["fi"]))
    published = files(job.target)

    def edit() -> None:
        change(project, lambda values: values["texts"].update(min_words=7))

    with pytest.raises(InputError, match=r"params\.yaml: texts changed while"):
        run_stage(job, Slow(edit), suite, Readings.of(project, "texts", ["fi"]))
    assert files(job.target) == published


def test_the_command_takes_the_readings_before_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Readings] = []
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("stages.params.load_settings", lambda path: taken.clear() or load_settings(path))
    monkeypatch.setattr(Readings, "of", lambda *arguments: taken.append(arguments) or "readings")
    found: list[object] = []
    monkeypatch.setattr("x_instruction.runner.shell.run_stage", lambda *arguments: found.extend(arguments))
    assert main(["seed_pairs", "fi"]) == 0
    assert found[-1] == "readings" and not taken  # the readings were taken before the settings were loaded
