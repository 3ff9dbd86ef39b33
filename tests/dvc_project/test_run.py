"""A stage starts after its upstream stages, a failure skips only downstream stages, and an interrupt ends a stage."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dvc_project import run
from dvc_project.dvc_command import Groups, reproduce
from dvc_project.graph import Graph, read_graph
from dvc_project.refusals import refuse_early, refuse_unusable
from dvc_project.run import Log, Outcome, changed_stages, reproduce_all, stages_at_once
from stages.eval_scores.settings import Questions
from stages.params import Settings
from tests.miniature import dvc
from x_instruction.runner.errors import InputError, SettingsError

SECTIONS = frozenset(Settings.model_fields)


class Work:
    """Replaces the work of the stages: records when each began and ended, and lets the stages in `failing` fail."""

    def __init__(self, failing: tuple[str, ...] = ()) -> None:
        self.failing = failing
        self.events: list[tuple[str, str]] = []
        self.max_at_once = 0
        self._running = 0
        self._lock = threading.Lock()

    def __call__(self, name: str) -> int:
        with self._lock:
            self.events.append(("began", name))
            self._running += 1
            self.max_at_once = max(self.max_at_once, self._running)
        time.sleep(0.005)
        with self._lock:
            self.events.append(("ended", name))
            self._running -= 1
        return 1 if name in self.failing else 0


def run_all(root: Path, work: Work, at_once: int = 2) -> Outcome:
    graph = read_graph(root)
    return reproduce_all(graph, set(graph.stages), at_once, work, lambda: None)


def test_a_stage_begins_after_everything_that_it_is_made_from(fresh: Path) -> None:
    work = Work()
    outcome = run_all(fresh, work)
    graph = read_graph(fresh)
    assert sorted(outcome.made) == sorted(graph.stages)
    for stage in graph.stages.values():
        for _, maker in stage.upstream:
            assert work.events.index(("ended", maker)) < work.events.index(("began", stage.name))


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_the_requested_number_of_stages_runs_in_parallel(fresh: Path, at_once: int) -> None:
    work = Work()
    run_all(fresh, work, at_once)
    assert work.max_at_once == at_once


def test_a_failed_stage_skips_what_is_made_from_it_and_nothing_else(fresh: Path) -> None:
    outcome = run_all(fresh, Work(failing=("filtered_text@fi",)))
    assert outcome.failed == ["filtered_text@fi"]
    assert "candidate_pairs@fi" in outcome.skipped
    assert "candidate_pairs@ur" in outcome.made
    assert "instruction_model" in outcome.made


def test_a_missing_input_of_a_stage_is_refused_before_any_stage_runs(settings: Settings, fresh: Path) -> None:
    graph = read_graph(fresh)
    refuse_early(graph, settings, graph.stages.values())
    missing = next(name for name in graph.stages["seed_pairs@fi"].sources if name.startswith("data/"))
    (fresh / missing).unlink()
    with pytest.raises(InputError, match=rf"{missing}, an input of seed_pairs@fi, does not exist: add it, or correct"):
        refuse_early(graph, settings, graph.stages.values())
    refuse_early(graph, settings, [graph.stages["seed_pairs@ur"]])


@pytest.mark.parametrize("section", ["eval_scores", "filtered_text", "diversified_set"])
def test_unreadable_prompts_are_refused_before_any_stage_runs(settings: Settings, tmp_path: Path, section: str) -> None:
    (tmp_path / "bad.csv").write_text("prompt\nSay.\n")
    own = {"questions": [Questions(name="own", path="bad.csv")]}
    update = own if section == "eval_scores" else {"decontaminate_against": ["bad.csv"]}
    changed = settings.model_copy(update={section: getattr(settings, section).model_copy(update=update)})
    with pytest.raises(
        InputError, match=rf"{section}\.\w+.*: line 1 of .*bad.csv is not JSONL: .*; write one JSON object"
    ):
        refuse_unusable(changed, tmp_path, {section})
    refuse_unusable(changed, tmp_path, SECTIONS - {section})


@pytest.mark.parametrize("section", ["rating", "diversified_set"])
def test_an_unknown_encoder_is_refused_before_any_stage_runs(settings: Settings, tmp_path: Path, section: str) -> None:
    embeddings = settings.embeddings.model_copy(update={"encoder": "intfloat/multilingual-e5-base"})
    changed = settings.model_copy(update={"embeddings": embeddings})
    with pytest.raises(InputError, match=r"embeddings\.encoder: intfloat/\S+ is not a folder here; for a hub id set"):
        refuse_unusable(changed, tmp_path, {section})
    refuse_unusable(changed, tmp_path, SECTIONS - {"rating", "diversified_set"})


def test_vllm_is_refused_before_any_stage_runs_if_it_is_not_installed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("x_instruction.generation.open_engine.find_spec", lambda name: None)
    changed = settings.model_copy(
        update={"text_generation": settings.text_generation.model_copy(update={"backend": "vllm"})}
    )
    with pytest.raises(SettingsError, match=r"text_generation\.backend: vllm needs vLLM, which is not installed"):
        refuse_unusable(changed, tmp_path, {"text_generation"})
    refuse_unusable(changed, tmp_path, SECTIONS - {"text_generation"})


def test_an_unchanged_project_has_nothing_to_run(made: Path) -> None:
    assert changed_stages(read_graph(made)) == set()


def test_everything_downstream_of_a_change_is_changed(made: Path) -> None:
    (made / "languages" / "ur.yaml").write_text("name: ur\nmin_rows: 2\n")
    found = changed_stages(read_graph(made))
    assert {"filtered_text@ur", "candidate_pairs@ur", "refined_pairs@ur"} <= found
    assert "filtered_text@fi" not in found


def test_dvc_calls_made_stages_up_to_date(fresh: Path) -> None:
    graph = read_graph(fresh)
    names = {name for name in graph.stages if name.startswith(("raw_web_text", "filtered_text"))}
    outcome = reproduce_all(graph, names, 2, lambda name: reproduce(fresh, name, Log(name))[0], lambda: None)
    assert set(outcome.made) == names
    assert "filtered_text" not in dvc(fresh, "status", *sorted(names))


def test_an_interrupt_ends_the_stage_and_leaves_dvc_lock_unchanged(made: Path) -> None:
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
    # The signal is sent without waiting for the stage to end, so the stage may still exist for a moment.
    process = Path("/proc", mark.read_text())
    while process.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not process.exists()
    assert (made / "dvc.lock").read_bytes() == before


def test_after_an_interrupt_no_stage_is_said_to_have_failed(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def one_stage(root: Path, name: str, log: Callable[[str], None], groups: Groups) -> tuple[int, list[str]]:
        log(f"a line of {name}")
        return int(name != "first"), []

    def interrupted(
        graph: Graph, names: list[str], at_once: int, work: Callable[[str], int], stop: Callable[[], None]
    ) -> None:
        work("first")
        work("bad")
        stop()
        assert work("second") == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(run.signal, "signal", lambda *_: None)
    monkeypatch.setattr(run, "reproduce", one_stage)
    monkeypatch.setattr(run, "reproduce_all", interrupted)
    with pytest.raises(SystemExit, match="130"):
        run._run(read_graph(fresh), ["first", "bad", "second"], 1)
    printed = capsys.readouterr()
    assert "second" not in printed.out and "1/3 first made" in printed.out and "2/3 bad failed" in printed.out
    assert printed.err.startswith("interrupted: finished stages and shards are kept")


def test_stages_that_use_every_core_run_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # so that nvidia-smi is not found
    assert stages_at_once(threads=os.cpu_count() or 1) == 1


def test_progress_is_shown_rarely_advice_never_and_other_lines_always(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = Log("evaluator")
    log(" 12%|█▏        | 20/168 [00:05<00:34,  4.25it/s]")
    log("To track the changes with git, run:")
    log("warning: expected auc at least 0.8")
    assert capsys.readouterr().out == "[evaluator] warning: expected auc at least 0.8\n"
