"""Runs vLLM's OpenAI-compatible server on this machine for tests and benchmarks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.table import ROOT
from x_instruction.generation.endpoint_engine import NGRAM_RULE

SERVER_SECONDS = 180  # the server starts in 25 to 60 s on two cores
NAME = "tiny"  # the name of the served model


@contextmanager
def served(
    model: Path, log: Path, options: Sequence[str] = (), seconds: float = SERVER_SECONDS
) -> Iterator[Callable[[], str]]:
    """Starts the server of a model in float32, with the given vLLM `options`.

    Yields a function that waits at most `seconds` until the server answers, and returns the server's address.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += [
        "--served-model-name",
        NAME,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--enforce-eager",
        "--dtype",
        "float32",
        *NGRAM_RULE.split(),
        *options,
    ]
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"}
    with log.open("w") as sink:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT)

    def address() -> str:
        _await(f"http://127.0.0.1:{port}/health", process, log, seconds)
        return f"http://127.0.0.1:{port}/v1"

    try:
        yield address
    finally:
        process.terminate()
        process.wait(60)


def _await(address: str, process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    raise RuntimeError(f"vllm serve did not start: {log.read_text()[-2000:]}")
