"""A stage that is forked from the preloaded process behaves like a stage in a new Python process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from dvc_project import prefork
from dvc_project.prefork import start
from tests.miniature import ROOT, edit
from tests.processes import has_ended, wait_for_text, wait_until
from x_instruction.runner.delegate import SOCKET, delegated

# This code replaces `stages/__main__.py`. Its arguments are the seconds to sleep, and `dies`, `raises` or an exit code.
STAGE = """
import os, sys, time
from pathlib import Path
from x_instruction.runner.delegate import delegated

def main(arguments):
    Path("begun").write_text(f"{os.getppid()} {os.getpid()} {os.environ['WORD']}")
    print("arguments", *arguments, os.getcwd(), flush=True)
    time.sleep(float(arguments[0]))
    Path("ended").write_text("")
    if arguments[1] == "dies":
        os.kill(os.getpid(), 9)
    if arguments[1] == "raises":
        raise ValueError("a bug in the stage")
    return int(arguments[1])

if __name__ == "__main__":
    status = delegated(sys.argv[1:])
    sys.exit(main(sys.argv[1:]) if status is None else status)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name in ("dvc_project", "x_instruction"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    edit(folder / "dvc_project/prefork.py", "in LIBRARIES:", "in ():")
    (folder / "stages").mkdir()
    (folder / "stages/__main__.py").write_text(STAGE, encoding="utf-8")
    return folder


@pytest.fixture
def server(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    monkeypatch.setenv(SOCKET, "")  # `start` sets this variable, and monkeypatch removes it after the test
    process = start(project, tmp_path / "socket", 1)
    yield process
    process.kill()
    process.wait()


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stages", *arguments],
        cwd=project,
        env={**os.environ, "WORD": "passed on"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def begun(project: Path) -> list[str]:
    return wait_for_text(project / "begun").split()


def test_a_forked_stage_has_its_callers_arguments_folder_environment_and_streams(
    project: Path, server: subprocess.Popen[bytes]
) -> None:
    ended = run(project, "0", "0")

    assert (ended.returncode, ended.stdout) == (0, f"arguments 0 0 {project}\n")
    parent, _, *words = begun(project)
    assert (int(parent), words) == (server.pid, ["passed", "on"])


def test_a_forked_stage_loads_the_present_code(project: Path, server: subprocess.Popen[bytes]) -> None:
    assert run(project, "0", "0").returncode == 0
    with (project / "x_instruction/runner/process.py").open("a", encoding="utf-8") as file:
        file.write("print('the present code', os.getpid())\n")

    ended = run(project, "0", "0")

    assert f"the present code {begun(project)[1]}\n" in ended.stdout


@pytest.mark.parametrize(("how", "status", "message"), [("3", 3, ""), ("raises", 1, "a bug in the stage")])
def test_the_caller_gets_the_status_of_the_stage(
    project: Path, server: subprocess.Popen[bytes], how: str, status: int, message: str
) -> None:
    ended = run(project, "0", how)

    assert ended.returncode == status
    assert message in ended.stderr


def test_a_killed_stage_is_reported_as_an_error_with_a_reason(project: Path, server: subprocess.Popen[bytes]) -> None:
    ended = run(project, "0", "dies")

    assert ended.returncode == 1
    assert "error: the process of `0 dies` ended without a result" in ended.stderr


def test_a_stage_ends_if_its_caller_is_killed(project: Path, server: subprocess.Popen[bytes]) -> None:
    command = [sys.executable, "-m", "stages", "60", "0"]
    caller = subprocess.Popen(command, cwd=project, env={**os.environ, "WORD": "passed on"})
    stage = begun(project)[1]

    caller.send_signal(signal.SIGKILL)
    caller.wait()

    wait_until(lambda: has_ended(int(stage)), "the stage is still running")
    assert not (project / "ended").exists()


def test_without_the_preloaded_process_the_stage_runs_in_its_callers_process(
    project: Path, server: subprocess.Popen[bytes]
) -> None:
    server.kill()
    server.wait()

    assert run(project, "0", "0").returncode == 0
    assert int(begun(project)[0]) == os.getpid()


def test_preloading_starts_no_thread_and_loads_no_module_of_the_stages() -> None:
    code = (
        "import importlib, os, sys\n"
        "import dvc_project.prefork as prefork\n"
        "prefork.quiet_libraries(1)\n"
        "for name in prefork.LIBRARIES: importlib.import_module(name)\n"
        "print({open(f'/proc/self/task/{task}/comm').read().strip() for task in os.listdir('/proc/self/task')}\n"
        "      - {'python', 'python3', 'python3.11', 'jemalloc_bg_thd'})\n"
        "print(sorted(name for name in sys.modules if name.startswith(('stages', 'x_instruction.'))))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    loaded = "['x_instruction.runner', 'x_instruction.runner.delegate', 'x_instruction.runner.process']"
    assert done.stdout.splitlines() == ["set()", loaded]


def test_the_folders_of_killed_runs_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefork, "gettempdir", lambda: str(tmp_path))
    killed, running, foreign = (tmp_path / name for name in ("x-instruction-a", "x-instruction-b", "other-c"))
    for folder in (killed, running, foreign):
        folder.mkdir()
        (folder / "lock").touch()
    with FileLock(running / "lock"):
        prefork._remove_leftovers()
    assert sorted(tmp_path.iterdir()) == [foreign, running]


def test_only_the_owner_can_use_the_socket_whatever_the_umask(project: Path, tmp_path: Path) -> None:
    code = f"""
import os, stat, pathlib
from dvc_project.prefork import start
os.umask(0)
path = pathlib.Path({str(tmp_path / "open")!r})
process = start(pathlib.Path.cwd(), path, 1)
process.kill()
print(oct(stat.S_IMODE(path.stat().st_mode)))
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert ended.stdout == "0o600\n"


def test_a_stage_is_not_sent_to_another_users_socket(
    project: Path, server: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A stage sends its environment, which may contain secret keys, only to a process of the same user.

    Here the stage seems to belong to another user.
    """
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert delegated(["0", "0"]) is None
    assert "arguments" not in capfd.readouterr().out
