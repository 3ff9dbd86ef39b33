"""A wait for a run counts the processor time of its descendants, and ends when a given time is used up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.benchmarks.processor_time import processor_seconds

SPIN = "import time\nwhile time.process_time() < {seconds}: pass"
BELOW = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', {code!r}])"


def test_the_time_of_a_process_below_is_counted() -> None:
    code = BELOW.format(code=SPIN.format(seconds=1.0))
    running = subprocess.Popen([sys.executable, "-c", code])
    assert processor_seconds(running, every=0.02) > 0.5
    assert running.returncode == 0


def test_the_wait_ends_when_the_time_is_used_up() -> None:
    running = subprocess.Popen([sys.executable, "-c", SPIN.format(seconds=600)], start_new_session=True)
    assert processor_seconds(running, at_most=0.3, every=0.02) >= 0.3
    assert running.poll() is None
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
