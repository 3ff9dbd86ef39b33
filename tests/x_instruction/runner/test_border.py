"""Any error that is not a bug of this project is reported in one sentence with a remedy; a bug keeps its traceback."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import filelock
import jinja2
import pyarrow
import pytest
from dvc.rwlock import RWLockFileCorruptedError
from safetensors import SafetensorError

from x_instruction.runner.border import SHARDS_ARE_KEPT, at_the_border, sentence_of
from x_instruction.runner.errors import DamagedError, SettingsError

SENTENCES = {
    "full disk": (OSError(errno.ENOSPC, "No space left on device", "data/x"), "data/x: there is no room .*: free some"),
    "full disk in Rust": (RuntimeError("I/O error: write failed (os error 28)"), "no room left on the disk: free some"),
    "full disk in safetensors": (SafetensorError("IoError(No space left on device)"), "no room left on the disk"),
    "quota": (OSError(errno.EDQUOT, "Disk quota exceeded"), "there is no room left on the disk"),
    "read-only": (
        OSError(errno.EROFS, "Read-only file system", "data"),
        "data: Read-only .*: make it writable",
    ),
    "permission": (PermissionError(errno.EACCES, "Permission denied", b"data"), "data: Permission denied: change its"),
    "broken connection": (BrokenPipeError(errno.EPIPE, "Broken pipe"), "Broken pipe: check this path or address"),
    "too many files": (OSError(errno.EMFILE, "Too many open files", "x"), "raise the limit of open files"),
    "no network": (
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        "refused: check this path",
    ),
    "no memory": (MemoryError(), "the memory of this machine or GPU does not suffice .*lower execution.workers"),
    "no memory in torch": (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "does not suffice"),
    "no memory on a GPU": (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "does not suffice"),
    "no memory in Arrow": (pyarrow.ArrowMemoryError("malloc of size 9 failed"), "memory of this machine"),
    "killed worker": (BrokenProcessPool("terminated abruptly"), "a worker process was killed, most likely because"),
    "weights": (SafetensorError("header too large"), "safetensors reports: header too large; fix what it names"),
    "template": (
        jinja2.TemplateSyntaxError("unexpected '}'", 3),
        r"^a chat template \(Jinja\) reports: unexpected '}' in line 3; fix what it names, then run again$",
    ),
    "template of two sentences": (
        jinja2.TemplateSyntaxError("Unexpected end of template. Jinja was looking for: 'endfor'.", 2),
        r"reports: Unexpected end of template in line 2; fix",
    ),
    "table": (pyarrow.ArrowInvalid("not a parquet file"), "Arrow reports: not a parquet file; fix what it names"),
    "lock": (filelock.Timeout("data/.work/lock"), "data/.work/lock"),
    "lock of DVC": (RWLockFileCorruptedError(".dvc/tmp/rwlock"), "DVC reports: Unable to read RWLock-file .*corrupted"),
    "ours": (SettingsError("params.yaml: `seed` is missing"), "^params.yaml: `seed` is missing$"),
    "damaged": (DamagedError(Path("data/x")), "data/x is damaged: .*run `python -m dvc_project.doctor --verify"),
}


@pytest.mark.parametrize(("error", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_an_error_is_one_sentence(error: Exception, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise error

    assert at_the_border(work) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and printed.count("\n") == 1 and len(printed) < 600
    assert re.search(sentence, printed.removeprefix("error: ").strip()), printed


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("bad"), json.JSONDecodeError("x", "", 0), TypeError("x")])
def test_a_bug_is_announced_in_one_line_and_keeps_its_traceback(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert sentence_of(error) is None
    assert at_the_border(work) == 1
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: this is a bug of X-Instruction ({type(error).__name__})")
    assert "Please report it in" in first
    assert second == "Traceback (most recent call last):"


def test_a_traceback_can_be_requested(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise MemoryError

    monkeypatch.setenv("XI_TRACEBACK", "1")
    assert at_the_border(work) == 1
    assert "Traceback" in capsys.readouterr().err


def interrupted() -> int:
    raise KeyboardInterrupt


def test_an_interrupt_has_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert at_the_border(interrupted, SHARDS_ARE_KEPT) == 130
    assert capsys.readouterr().err == ("interrupted: finished shards are kept, and the next run continues from them\n")


def test_an_interrupted_command_is_not_said_to_have_shards(capsys: pytest.CaptureFixture[str]) -> None:
    assert at_the_border(interrupted) == 130
    assert capsys.readouterr().err == "interrupted: the command did not finish: run it again\n"


def test_work_without_an_error_returns_its_status() -> None:
    assert at_the_border(lambda: 3) == 3


@pytest.mark.parametrize(("result", "status"), [("0", 0), ("1", 1)])
def test_a_command_that_was_started_without_an_output_keeps_its_status(result: str, status: int) -> None:
    program = (
        f"import sys; from x_instruction.runner.border import at_the_border; sys.exit(at_the_border(lambda: {result}))"
    )
    done = subprocess.run(["sh", "-c", '"$0" -c "$1" >&-', sys.executable, program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, "")


def test_an_error_is_printed_although_nobody_reads_the_output() -> None:
    program = """
import sys
from x_instruction.runner.border import at_the_border
from x_instruction.runner.errors import InputError

def work():
    print("a line")
    raise InputError("the file is empty")

sys.exit(at_the_border(work))
"""
    reader, writer = os.pipe()
    os.close(reader)
    # If the output were not buffered, `print` would fail before the InputError is raised.
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=environment)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "error: the file is empty\n")
