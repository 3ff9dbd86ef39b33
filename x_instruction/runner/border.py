"""Runs a command and prints its errors, with a traceback only for a bug of this project or if XI_TRACEBACK is set."""

from __future__ import annotations

import errno
import os
import re
import select
import sys
import traceback
from collections.abc import Callable
from typing import TextIO

from x_instruction.runner.errors import XInstructionError, in_one_line

OUTPUT_CLOSED = 128 + 13  # the exit status of a program that the signal SIGPIPE ended
REPORT = "the project's issue tracker"
FREE_SPACE = "free some space, or move the project to a larger disk, then run again"
# Maps an error number of the operating system to what the user can do.
REMEDIES = {
    errno.ENOSPC: FREE_SPACE,
    errno.EDQUOT: FREE_SPACE,
    errno.EFBIG: FREE_SPACE,
    errno.EROFS: "make it writable, then run again",
    errno.EACCES: "change its permissions or its owner, then run again",
    errno.EPERM: "change its permissions or its owner, then run again",
    errno.EMFILE: "raise the limit of open files (`ulimit -n 65536`), then run again",
    errno.ENFILE: "close other programs, then run again",
    errno.EIO: "the disk may be failing: copy the project to another disk, then run again",
}
# Errors of libraries in Rust and C++ may have no error number, only these words in their message.
DISK_FULL = re.compile(r"os error (27|28|122)\b|No space left on device|Disk quota exceeded")
NO_MEMORY = re.compile(
    r"out of memory|(can't|cannot|could not|unable to) allocate (memory|\d+ bytes)|memory allocation of|bad_alloc", re.I
)
# Maps the package that defines an error to the name of the library in the message. Such an error counts as a problem of
# the library's input, and not as a bug of this project.
LIBRARIES = {
    "dvc": "DVC",
    "safetensors": "safetensors",
    "safetensors_rust": "safetensors",
    "jinja2": "a chat template (Jinja)",
    "pyarrow": "Arrow",
    "filelock": "a lock",
    "huggingface_hub": "the model hub",
    "ray": "Ray",
    "zc": "a lock",
    "flufl": "a lock",
}
INTERRUPTED = "the command did not finish: run it again"
SHARDS_ARE_KEPT = "finished shards are kept, and the next run continues from them"  # for runs of stages
LESS_MEMORY = "close other programs, lower execution.workers, rows_per_shard or a batch_size, then run again"


def at_the_border(work: Callable[[], int], interrupted: str = INTERRUPTED) -> int:
    """Does the work and returns its exit status. Prints the message of an error.

    The traceback follows for a bug of this project, and for any error if XI_TRACEBACK=1 is set. `interrupted` tells a
    person who interrupts the work what to do. If nobody reads the output any more, as in `COMMAND | head`, the command
    ends without a message.
    """
    try:
        return _status_of(work, interrupted)
    except BrokenPipeError as error:
        return OUTPUT_CLOSED if _drop_unread_output() else _printed(error)
    finally:
        _drop_unread_output()  # at exit, Python would try to write the rest and print a traceback


def _status_of(work: Callable[[], int], interrupted: str) -> int:
    try:
        status = work()
        _flush()
        return status
    except SystemExit:  # for example after --help
        _flush()
        raise
    except KeyboardInterrupt:
        print(f"interrupted: {interrupted}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:
        return _printed(error)


def _flush() -> None:
    if sys.stdout:  # None if the command has no standard output
        sys.stdout.flush()  # if this failed at exit instead, Python would print a traceback


def _printed(error: Exception) -> int:
    sentence = sentence_of(error)
    print(f"error: {sentence or _bug(error)}", file=sys.stderr)
    if sentence is None or os.environ.get("XI_TRACEBACK"):
        traceback.print_exception(error)
    return 1


def _drop_unread_output() -> bool:
    """Discards further output to standard streams whose pipe is closed. Returns whether any is closed."""
    closed = [stream for stream in (sys.stdout, sys.stderr) if _is_closed_pipe(stream)]
    for stream in closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return bool(closed)


def _is_closed_pipe(stream: TextIO | None) -> bool:
    if stream is None:
        return False
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
    except (OSError, ValueError):  # the stream is not a file, or is closed
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def sentence_of(error: BaseException) -> str | None:
    """A message that says what is wrong, where, and what to do; None for a bug of this project."""
    if isinstance(error, XInstructionError):
        return str(error)
    text = in_one_line(error)
    if DISK_FULL.search(text):
        return f"{_place(error)}there is no room left on the disk: {FREE_SPACE}"
    if isinstance(error, MemoryError) or NO_MEMORY.search(text):
        return f"the memory of this machine or GPU does not suffice ({text or 'MemoryError'}): {LESS_MEMORY}"
    if _class_of(error, "concurrent.futures.process"):
        return f"a worker process was killed, most likely because the memory does not suffice: {LESS_MEMORY}"
    if isinstance(error, OSError):
        remedy = REMEDIES.get(error.errno or 0, "check this path or address, then run again")
        return f"{_place(error)}{error.strerror or text or type(error).__name__}: {remedy}"
    for package, name in LIBRARIES.items():
        if _class_of(error, package):
            return f"{name} reports: {text or type(error).__name__}; fix what it names, then run again"
    return None


def _bug(error: BaseException) -> str:
    return (
        f"this is a bug of X-Instruction ({type(error).__name__}); nothing was published. Please report it in {REPORT} "
        "with the command and the lines below"
    )


def _class_of(error: BaseException, package: str) -> bool:
    """Whether the error's class, or one that it inherits from, is defined in the package."""
    return any(f"{kind.__module__}.".startswith(f"{package}.") for kind in type(error).__mro__)


def _place(error: BaseException) -> str:
    name = getattr(error, "filename2", None) or getattr(error, "filename", None)
    return f"{os.fsdecode(name) if isinstance(name, bytes) else name}: " if name else ""
