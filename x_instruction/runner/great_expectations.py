"""Validates a suite of expectations with Great Expectations, on a frame of one row with a column for each metric.

Only this module uses the library. Its import takes 2 to 4 s, as long as the work of a small stage. So a separate
process imports it while the stage works, and then validates. If the library is already loaded, no separate process is
started.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from x_instruction.runner.errors import InputError
from x_instruction.runner.gate import Expectation, Metric

# The import takes 2 to 4 s and a verdict 0.2 s.
LONGEST_VERDICT = 900.0  # seconds


class Validator:
    """A context manager that validates a suite. When the context ends, it kills its separate process."""

    def __enter__(self) -> Validator:
        self._process = None
        if "great_expectations" not in sys.modules:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def validate(self, suite: list[Expectation], metrics: dict[str, Metric]) -> list[bool]:
        """Returns for each expectation whether it passed. Numbers among the metrics must be finite."""
        if self._process is None:
            return _validate(suite, metrics)
        question = json.dumps({"metrics": metrics, "suite": [asdict(expectation) for expectation in suite]})
        try:
            answer, _ = self._process.communicate(question, timeout=LONGEST_VERDICT)
        except subprocess.TimeoutExpired:
            raise InputError(
                f"process {self._process.pid} (Great Expectations) gave no verdict for {LONGEST_VERDICT:.0f} s, so "
                "nothing was published: finished shards are kept; run again when the machine is less busy"
            ) from None
        if self._process.returncode:
            raise RuntimeError(f"the process of Great Expectations ended with {self._process.returncode}")
        return list(json.loads(answer))


def _validate(suite: list[Expectation], metrics: dict[str, Metric]) -> list[bool]:
    """Returns for each expectation whether it passed. The library's output goes to standard error."""
    if not suite:
        return []
    import great_expectations as gx
    import pandas as pd

    with contextlib.redirect_stdout(sys.stderr):
        return _results(gx, suite, pd.DataFrame([metrics]))


def _results(gx: Any, suite: list[Expectation], metrics: Any) -> list[bool]:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("metrics")
        .add_dataframe_asset("metrics")
        .add_batch_definition_whole_dataframe("metrics")
        .get_batch({"dataframe": metrics})
    )
    native = [_native(gx, expectation, number) for number, expectation in enumerate(suite)]
    result = batch.validate(gx.ExpectationSuite(name="suite", expectations=native))
    passed = {single.expectation_config.meta["number"]: bool(single.success) for single in result.results}
    return [passed[number] for number in range(len(suite))]


def _native(gx: Any, expectation: Expectation, number: int) -> Any:
    shared = {"column": expectation.metric, "severity": expectation.severity, "meta": {"number": number}}
    if expectation.equals is not None:
        return gx.expectations.ExpectColumnValuesToBeInSet(value_set=[expectation.equals], **shared)
    return gx.expectations.ExpectColumnValuesToBeBetween(
        min_value=expectation.at_least, max_value=expectation.at_most, **shared
    )


def _serve() -> None:
    """Imports Great Expectations, then validates the one suite that comes on standard input."""
    import great_expectations  # noqa: F401

    question = sys.stdin.read()
    if question:  # empty if the stage ended before it sent a suite
        asked = json.loads(question)
        print(json.dumps(_validate([Expectation(**entry) for entry in asked["suite"]], asked["metrics"])))


if __name__ == "__main__":
    _serve()
