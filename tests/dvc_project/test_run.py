"""Stages side by side: the order holds, a failure costs its downstream alone, and nothing outlives an interrupt."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from dvc_project.dvc_command import Groups, reproduce
from dvc_project.graph import read_graph
from dvc_project.run import Log, Outcome, changed_stages, reproduce_all, stages_at_once
from tests.dagster_project.faces import changed_in_dvc


class Work:
    """Stands for the stages: notes when each began and ended, and fails those it is told to."""

    def __init__(self, failing: tuple[str, ...] = ()) -> None:
        self.failing = failing
        self.events: list[tuple[str, str]] = []
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, name: str) -> int:
        with self._lock:
            self.events.append(("began", name))
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.005)
        with self._lock:
            self.events.append(("ended", name))
            self._now -= 1
        return 1 if name in self.failing else 0


def run_all(root: Path, work: Work, at_once: int = 2) -> Outcome:
    graph = read_graph(root)
    return reproduce_all(graph, set(graph.stages), at_once, work, lambda: None)


def test_a_stage_begins_after_all_it_is_made_from(fresh: Path) -> None:
    work = Work()
    outcome = run_all(fresh, work)
    graph = read_graph(fresh)
    assert sorted(outcome.made) == sorted(graph.stages)
    for stage in graph.stages.values():
        for _, maker in stage.upstream:
            assert work.events.index(("ended", maker)) < work.events.index(("began", stage.name))


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_as_many_run_side_by_side_as_asked_for(fresh: Path, at_once: int) -> None:
    work = Work()
    run_all(fresh, work, at_once)
    assert work.most == at_once


def test_a_failed_stage_costs_what_is_made_from_it_and_nothing_else(fresh: Path) -> None:
    outcome = run_all(fresh, Work(failing=("filtered_text@fi",)))
    assert outcome.failed == ["filtered_text@fi"]
    assert "candidate_pairs@fi" in outcome.left_out
    assert "candidate_pairs@ur" in outcome.made
    assert "instruction_model" in outcome.made


def test_an_unchanged_project_has_nothing_to_run(made: Path) -> None:
    assert changed_stages(read_graph(made)) == set()


def test_a_change_takes_its_downstream_along(made: Path) -> None:
    (made / "languages" / "ur.yaml").write_text("name: ur\nmin_rows: 2\n")
    found = changed_stages(read_graph(made))
    assert {"filtered_text@ur", "candidate_pairs@ur", "refined_pairs@ur"} <= found
    assert "filtered_text@fi" not in found


@pytest.mark.slow
def test_what_it_made_is_what_dvc_calls_made(fresh: Path) -> None:
    graph = read_graph(fresh)
    outcome = reproduce_all(
        graph, changed_stages(graph), 2, lambda name: reproduce(fresh, name, Log(name))[0], lambda: None
    )
    assert outcome.failed == []
    assert changed_in_dvc(fresh) == set()


def test_an_interrupt_ends_the_stage_and_leaves_the_lock_alone(made: Path) -> None:
    (made / "languages" / "ur.yaml").write_text("name: ur\nmin_rows: 1\nsleep: 60\n")
    before = (made / "dvc.lock").read_bytes()
    groups = Groups()
    ended: list[int] = []
    running = threading.Thread(
        target=lambda: ended.append(reproduce(made, "filtered_text@ur", lambda line: None, groups)[0])
    )
    running.start()
    mark = made / "data" / "sleeping"
    deadline = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    groups.end()
    running.join(timeout=30)
    assert not running.is_alive()
    assert ended[0] != 0
    # It is told to end and not waited for: on a busy machine it was seen still there, twice in five runs.
    process = Path("/proc", mark.read_text())
    while process.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not process.exists()
    assert (made / "dvc.lock").read_bytes() == before


def test_one_stage_at_a_time_where_each_takes_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # no nvidia-smi
    assert stages_at_once(threads=os.cpu_count() or 1) == 1


def test_a_progress_bar_is_shown_now_and_then_advice_never_and_other_lines_always(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = Log("evaluator")
    log(" 12%|█▏        | 20/168 [00:05<00:34,  4.25it/s]")
    log("To track the changes with git, run:")
    log("warning: expected auc at least 0.8")
    assert capsys.readouterr().out == "[evaluator] warning: expected auc at least 0.8\n"
