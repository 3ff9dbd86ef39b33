"""Sets up a stage's process before any library is loaded, and ends the process when the run that started it ends."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
from contextlib import suppress

# Environment variable with the id of the DVC process that `make run` or Dagster started. When that process ends, the
# stage must end too.
RUN = "XI_RUN"


def die_with_parent(parent: int | None = None) -> None:
    """Asks Linux to end this process together with its parent, because an orphan could publish later.

    `parent` is the id of the process that started this one. If that process has already ended, this one ends at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 = PR_SET_PDEATHSIG
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def die_with_run() -> None:
    """Ends this process when its parent or the process with the id in XI_RUN ends (on Linux).

    Watching the parent is not enough: DVC starts a stage through a shell, which waits for the stage even if DVC is
    killed. Without XI_RUN, stages went on for 7 to 17 s after `make run` was killed.
    """
    die_with_parent()
    number = os.environ.get(RUN, "")
    if not number.isdigit() or sys.platform != "linux":
        return
    try:
        run = os.pidfd_open(int(number))
    except ProcessLookupError:
        os.kill(os.getpid(), signal.SIGTERM)
    except OSError:  # a kernel before 5.3, or a container that forbids the call
        return
    threading.Thread(target=_end_after, args=(run,), daemon=True).start()


def _end_after(run: int) -> None:
    with suppress(OSError):
        ended = select.poll()
        ended.register(run, select.POLLIN)
        ended.poll()
        os.kill(os.getpid(), signal.SIGTERM)


def quiet_libraries(threads: int) -> None:
    """Sets environment variables of libraries, unless the user has set them.

    Telemetry is off. The number of threads is fixed, because the last bits of a sum depend on it.
    """
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    for name in ("HF_HUB_DISABLE_TELEMETRY", "DISABLE_TELEMETRY", "DO_NOT_TRACK", "VLLM_NO_USAGE_STATS"):
        os.environ.setdefault(name, "1")
    # Waiting threads must leave their core to other threads. Without this variable, training beside the Dagster UI on
    # two cores was ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
