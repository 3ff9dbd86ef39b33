"""Lets the preloaded process (dvc_project/prefork.py), which has already loaded the libraries, run a stage."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from pathlib import Path

from x_instruction.runner.process import die_with_run

SOCKET = "XI_PRELOADED"
STARTED = b"+"  # sent to the caller when the stage begins; the exit status is sent when the stage ends
# Loading the libraries took 8 s, and a minute on a busy machine.
LONGEST_START = 300.0  # seconds


def same_user(connection: socket.socket) -> bool:
    """Whether the process at the other end of a Unix socket runs as the same user as this one.

    On systems other than Linux, nothing is checked, and the answer is True.
    """
    if sys.platform != "linux":
        return True
    _, user, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    )
    return bool(user == os.geteuid())


def delegated(arguments: list[str]) -> int | None:
    """Lets the preloaded process run the stage. Returns the stage's exit status, or None if this process must run it.

    The result is None if there is no preloaded process, if it belongs to another user, or if it does not begin the
    stage within LONGEST_START seconds.
    """
    path = os.environ.get(SOCKET)
    if not path:
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            return None
        if not same_user(connection):  # the environment may have access keys, so no other user may receive it
            return None
        die_with_run()
        socket.send_fds(connection, [b"0"], [0, 1, 2])
        request = {"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)}
        connection.sendall(json.dumps(request).encode() + b"\n")
        if not _has_started(connection):
            print(
                f"the process with the loaded libraries gave no answer for {LONGEST_START:.0f} s, so this process "
                "loads them",
                file=sys.stderr,
            )
            return None
        answer = connection.recv(1)  # this comes after the work, which may take days
    if not answer:
        print(
            f"error: the process of `{' '.join(arguments)}` ended without a result; it was killed or ran out of memory",
            file=sys.stderr,
        )
    return answer[0] if answer else 1


def _has_started(connection: socket.socket) -> bool:
    """Waits until the stage begins or has already ended. Returns False after LONGEST_START seconds without either."""
    connection.settimeout(LONGEST_START)
    try:
        connection.recv(1)
    except TimeoutError:
        return False
    finally:
        connection.settimeout(None)
    return True
