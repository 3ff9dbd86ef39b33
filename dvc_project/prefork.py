"""A process that has the libraries loaded and forks every stage from itself.

Imports cost a stage 4 to 8 s of a core (transformers' models 5 s, Great Expectations 3 s), more than most stages of a
small graph work, and some 40 stages pay them. Who runs many stages starts this process once (`make run`, `make ui`).
`python -m stages` finds its socket in XI_PRELOADED, hands over arguments, folder, environment and streams, and ends
as the stage ends; where there is no such process it does the work itself. Only libraries are loaded ahead, no module
of this project: what a stage runs is what lies on disk.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from x_instruction.runner.delegate import SOCKET
from x_instruction.runner.process import die_with_parent, quiet_libraries

# What stages import, heaviest first. A fork keeps only the thread that calls it, so none may run by then but those of
# jemalloc (in pyarrow), which mends itself in the child. Polars starts one of its own, and is loaded in 0.15 s.
LIBRARIES = (
    "transformers.models.llama.modeling_llama",
    "trl.trainer.sft_trainer",
    "great_expectations",
    "sentence_transformers",
    "datasets",
    "pandas",
    "pyarrow.parquet",
    "pydantic",
    "yaml",
    "numba",
    "trafilatura",
    "tqdm",
)


@contextlib.contextmanager
def preloaded(root: Path, threads: int) -> Iterator[None]:
    """While this is open, stages that are started in `root` from here are forked from a process made ready."""
    with TemporaryDirectory(prefix="x-instruction-") as folder:  # only its owner may enter
        process = start(root, Path(folder, "socket"), threads)
        try:
            yield
        finally:
            os.environ.pop(SOCKET, None)
            process.kill()
            process.wait()


def start(root: Path, path: Path, threads: int) -> subprocess.Popen[bytes]:
    """Start the process, which ends with this one, and tell those started from here where its socket is."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        # Who connects from now on waits until the libraries are there, and does not load them once more.
        listener.listen(128)
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", __name__, str(listener.fileno()), str(threads)],
            cwd=root,
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
        )
    os.environ[SOCKET] = str(path)
    return process


def serve(listener: socket.socket) -> None:
    """Load the libraries, then fork a process for each stage that is asked for."""
    for name in LIBRARIES:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forked ones
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _make_stage(connection)
        connection.close()


def _make_stage(connection: socket.socket) -> None:
    """In the forked process: take over what the asking process is, do the work, tell how it ended, and end."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        arguments = _become(connection)
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        from stages.__main__ import main

        status = main(arguments)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        with contextlib.suppress(OSError):
            connection.sendall(bytes([status]))
        os._exit(status)


def _become(connection: socket.socket) -> list[str]:
    """Take the streams, folder and environment of the asking process. Returns its arguments."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    with connection.makefile("rb", buffering=0) as lines:
        asked = json.loads(lines.readline())
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.path[0] = asked["folder"]
    return list(asked["arguments"])


def _end_with(connection: socket.socket) -> None:
    """End this process and those it started once the asking process is gone, which is how a stage is cancelled."""
    with contextlib.suppress(OSError):
        connection.recv(1)
    os.killpg(0, signal.SIGTERM)


def main() -> None:
    die_with_parent()
    quiet_libraries(int(sys.argv[2]))
    with contextlib.suppress(KeyboardInterrupt):
        serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
