"""A stage ends if its run is killed, even if DVC started it with a shell, and a run ends if its `make` is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.miniature import ROOT, dvc, with_package
from tests.processes import has_ended, wait_for_text, wait_until

WATCHED = "from x_instruction.runner.process import die_with_run\ndie_with_run()\n"
# This code makes one stage as `make run` does, but without a preloaded process.
RUN = "from pathlib import Path; from dvc_project.dvc_command import reproduce\nreproduce(Path(), {!r}, print)"
# A script that calls the main function of `make run`, but sleeps for ten minutes instead of running stages.
LONG = """
import os, time
from pathlib import Path
from dvc_project import run

def work(root, at_once):
    Path(os.environ["MARK"]).write_text(str(os.getpid()))
    time.sleep(600)

run._make_all = work
run.main([])
"""


def kill_when_marked(command: list[str], folder: Path, mark: Path, **environment: str) -> int:
    """Kills the command as soon as one of its processes has written its process id to `mark`. Returns this id."""
    started = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    number = wait_for_text(mark)
    started.send_signal(signal.SIGKILL)
    started.wait()
    return int(number)


def test_a_stage_ends_if_its_run_is_killed(fresh: Path) -> None:
    module = with_package(fresh) / "stages/filtered_text/stage.py"
    module.write_text(WATCHED + module.read_text())
    (fresh / "languages/ur.yaml").write_text("name: ur\nmin_rows: 1\nsleep: 600\n")
    dvc(fresh, "repro", "--single-item", "raw_web_text@ur")
    command = [sys.executable, "-c", RUN.format("filtered_text@ur")]
    # DVC starts a stage with this shell, which may stay as the parent of the stage.
    stage = kill_when_marked(command, fresh, fresh / "data/sleeping", SHELL="/bin/sh")
    wait_until(lambda: has_ended(stage), "the stage is still running")
    assert not (fresh / "data/filtered_text/ur").exists()
    assert "filtered_text@ur" not in (fresh / "dvc.lock").read_text()


def test_a_run_ends_if_its_make_is_killed(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text(LONG)
    (tmp_path / "Makefile").write_text(f"SHELL := bash\nrun:\n\t{sys.executable} long.py\n")
    mark = tmp_path / "mark"
    run = kill_when_marked(["make", "run"], tmp_path, mark, MARK=str(mark), PYTHONPATH=str(ROOT))
    wait_until(lambda: has_ended(run), "the run has not ended")


def test_a_process_ends_if_its_parent_ended_before_the_process_could_ask() -> None:
    code = "from x_instruction.runner.process import die_with_parent\ndie_with_parent({})\nprint('still here')"
    ended_parent = subprocess.Popen([sys.executable, "-c", ""])
    ended_parent.wait()
    for parent, expected in ((ended_parent.pid, ""), (os.getpid(), "still here\n")):
        done = subprocess.run(
            [sys.executable, "-c", code.format(parent)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.stdout == expected
