"""Reads pages in a process that is ended if a page takes too long.

A process cannot stop its own parser, which is a single call in C. So the kernel ends the process when the processor
time of the page is used up. Processor time hardly depends on other programs, so a busy and an idle machine refuse
the same pages.
"""

from __future__ import annotations

import multiprocessing
import signal
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from x_instruction.pages.limits import LimitError, Limits, check_size
from x_instruction.pages.main_text import ExtractionError, NestingError, Page, extract_page

# A process that only waits uses no processor time. So it is also ended when a page has taken this many times its
# allowed seconds by the clock.
PATIENCE = 20
Answer = Page | ExtractionError | NestingError


class Extractor:
    """Extracts pages in a separate process. If that process was ended, a new one is forked within milliseconds."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["x_instruction.pages.main_text"])
        self._process: ForkServerProcess | None = None
        self._connection: Connection | None = None

    def extract(self, text: str, limits: Limits) -> Page:
        """Main text and provenance of an HTML page. Raises LimitError, NestingError and ExtractionError."""
        check_size(text, limits)
        answer = self._asked(text, limits)
        if isinstance(answer, Page):
            return answer
        raise answer

    def _asked(self, text: str, limits: Limits) -> Answer:
        seconds = limits.seconds(text)
        connection = self._started()
        try:
            connection.send((text, limits, seconds))
            if connection.poll(PATIENCE * seconds):
                answer: Answer = connection.recv()
                return answer
        except (EOFError, ConnectionError):
            pass
        code = self._end()
        if code in (-signal.SIGPROF, None):
            raise LimitError(f"more than {seconds:g} s of processor time")
        raise ExtractionError(f"the process that read the page ended with code {code}")

    def _started(self) -> Connection:
        if self._connection is None or self._process is None or not self._process.is_alive():
            self._connection, theirs = self._context.Pipe()
            self._process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
        return self._connection

    def _end(self) -> int | None:
        """Ends the process. Returns the exit code if the process had already ended, otherwise None."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        assert process is not None and connection is not None
        connection.close()
        process.join(timeout=1)
        code = process.exitcode
        process.kill()
        process.join()
        return code


@cache
def extractor() -> Extractor:
    """The extractor of this process."""
    return Extractor()


def _serve(connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches this process too, but the stage ends it
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    while True:
        try:
            text, limits, seconds = connection.recv()
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answer = _answer(text, limits)
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.send(answer)


def _answer(text: str, limits: Limits) -> Answer:
    try:
        return extract_page(text, limits.max_nesting)
    except (ExtractionError, NestingError) as error:
        return error
