"""A process that loads the libraries once and forks each stage from itself.

The imports of a stage take 4 to 8 s, which is longer than the work of most stages of the sample. So `make ui`, and
`make run` if at least four stages run, start this process once. `python -m stages` finds the socket of the process in
XI_PRELOADED, sends its arguments, folder, environment and streams, and ends with the stage's status. If there is no
such process, `python -m stages` does the work itself. Of the project's code, the process loads only this module,
delegate.py and process.py. A forked stage loads all code from disk.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from types import ModuleType

from filelock import FileLock, Timeout

from x_instruction.runner.delegate import LONGEST_START, SOCKET, STARTED, same_user
from x_instruction.runner.process import die_with_parent, quiet_libraries

# Libraries that stages import, the slowest first. A forked process has only one thread. So libraries that start
# threads when they are imported, such as Polars, are left out. Only jemalloc (in pyarrow) may start threads, because it
# starts them again in the forked process.
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
PREFIX = "x-instruction-"


@contextlib.contextmanager
def preloaded(root: Path, threads: int) -> Iterator[None]:
    """While this context is open, the stages that are started in `root` are forked from a preloaded process."""
    _remove_leftovers()
    # No other user may enter the folder. Its lock shows other runs that this run is alive.
    with TemporaryDirectory(prefix=PREFIX) as folder, FileLock(Path(folder, "lock")):
        process = start(root, Path(folder, "socket"), threads)
        try:
            yield
        finally:
            os.environ.pop(SOCKET, None)
            process.kill()
            process.wait()


def _remove_leftovers() -> None:
    """Removes the folders of killed runs, which are those whose lock is free."""
    for lock in Path(gettempdir()).glob(f"{PREFIX}*/lock"):
        with contextlib.suppress(Timeout, OSError), FileLock(lock, blocking=False):
            shutil.rmtree(lock.parent, ignore_errors=True)


def start(root: Path, path: Path, threads: int) -> subprocess.Popen[bytes]:
    """Start the preloaded process. It ends when this process ends. Child processes find its socket in XI_PRELOADED."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)  # whoever connects can run commands, but nobody can connect before `listen`
        # A stage that connects from now on waits until the process has loaded the libraries.
        listener.listen(128)
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", __name__, str(listener.fileno()), str(threads), str(os.getpid())],
            cwd=root,
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
        )
    os.environ[SOCKET] = str(path)
    return process


def serve(listener: socket.socket) -> None:
    """Load the libraries, then fork a process for each request."""
    for name in LIBRARIES:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel then removes forked processes that have ended
    while True:
        connection, _ = listener.accept()
        if not same_user(connection):
            connection.close()
            continue
        if os.fork() == 0:
            listener.close()
            _make_stage(connection)
        connection.close()


def _make_stage(connection: socket.socket) -> None:
    """Runs the caller's stage in the forked process, sends its exit status, and ends the process."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        connection.settimeout(LONGEST_START)  # a caller may stop in the middle of its request
        arguments = _become(connection)
        connection.settimeout(None)
        connection.sendall(STARTED)
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        # `multiprocessing` imports the main module in a spawned process, and the stage's folder may lack this module.
        sys.modules["__main__"] = ModuleType("__main__")
        for name in [name for name in sys.modules if name.startswith("x_instruction")]:
            del sys.modules[name]  # this process may have loaded it before an edit
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
    """Take over the caller's streams, folder and environment. Returns its arguments."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    with connection.makefile("rb", buffering=0) as lines:
        request = json.loads(lines.readline())
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0] = request["folder"]
    return list(request["arguments"])


def _end_with(connection: socket.socket) -> None:
    """End this process and its children when the caller is gone. The caller is killed if the run is cancelled."""
    with contextlib.suppress(OSError):
        connection.recv(1)
    os.killpg(0, signal.SIGTERM)


def main() -> None:
    die_with_parent(int(sys.argv[3]))
    quiet_libraries(int(sys.argv[2]))
    with contextlib.suppress(KeyboardInterrupt):
        serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
