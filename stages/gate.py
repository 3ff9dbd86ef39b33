"""The gate: an artifact's expectation suite, judged before anything is published.

Metrics are computed by polars over all rows; Great Expectations judges the one-row frame of them
(1 M rows in 0.2 s and 0.5 GB, against 3 s and 1.1 GB through pandas, measured). A suite is
`stages/expectations/<artifact>.yaml`: a list of

    - metric: bad_share          # a metric the stage computes
      at_most: $raw_web_text.max_bad_share   # or a number; also at_least, equals
      severity: critical         # blocks; `warning` is shown and blocks nothing
      because: why the bound stands
"""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from stages.errors import GateFailedError, SettingsError
from stages.files import write_json

Metric = float | int | str
RULES = ("at_least", "at_most", "equals")


@dataclass(frozen=True)
class Expectation:
    metric: str
    severity: Literal["critical", "warning"]
    because: str
    at_least: float | None = None
    at_most: float | None = None
    equals: Metric | None = None

    @property
    def rule(self) -> str:
        parts = [f"{name.replace('_', ' ')} {getattr(self, name)}" for name in RULES if getattr(self, name) is not None]
        return f"{self.metric} {' and '.join(parts)}"


@dataclass(frozen=True)
class Verdict:
    """One expectation judged. `met` is the value the metric had."""

    metric: str
    rule: str
    met: Metric | None
    severity: str
    because: str
    passed: bool


@dataclass(frozen=True)
class Report:
    artifact: str
    partition: str
    metrics: dict[str, Metric]
    verdicts: list[Verdict]

    @property
    def failures(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if not verdict.passed and verdict.severity == "critical"]

    @property
    def warnings(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if not verdict.passed and verdict.severity == "warning"]

    def save(self, path: Path) -> None:
        """Holds no times and no run ids: equal data gives an equal report."""
        write_json(path, {**asdict(self), "passed": not self.failures})


def load_suite(path: Path, settings: Any) -> list[Expectation]:
    """Read a suite; `$section.key` takes a bound from the settings."""
    expectations = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        bounds: dict[str, Any] = {name: _bound(entry.pop(name), settings, path) for name in RULES if name in entry}
        if not bounds or set(entry) != {"metric", "severity", "because"}:
            raise SettingsError(f"{path.name}: {entry} needs metric, severity, because and one of {', '.join(RULES)}")
        if entry["severity"] not in ("critical", "warning"):
            raise SettingsError(
                f"{path.name}: severity of {entry['metric']} is {entry['severity']!r}: it is critical or warning"
            )
        expectations.append(Expectation(**entry, **bounds))
    return expectations


def _bound(value: Any, settings: Any, path: Path) -> Metric:
    if not (isinstance(value, str) and value.startswith("$")):
        return value
    for key in value[1:].split("."):
        if not hasattr(settings, key):
            raise SettingsError(f"{path.name}: {value} names no setting of params.yaml")
        settings = getattr(settings, key)
    return settings


class Judge:
    """Great Expectations: as it was loaded ahead, or in a process of its own, started when the stage starts.

    Its import takes 2-4 s, about as long as a small stage's own imports and work; beside them it costs nothing.
    """

    def __enter__(self) -> Judge:
        self._process = None
        if "great_expectations" not in sys.modules:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stages.gate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def report(self, artifact: str, partition: str, suite: list[Expectation], metrics: dict[str, Metric]) -> Report:
        """Have every expectation judged. A metric that is absent or not finite fails."""
        usable = {name: value for name, value in metrics.items() if isinstance(value, str) or math.isfinite(value)}
        judged = [expectation for expectation in suite if expectation.metric in usable]
        passed = iter(self._passed(judged, usable))
        verdicts = [
            Verdict(
                metric=one.metric,
                rule=one.rule,
                met=_plain(metrics[one.metric]) if one.metric in metrics else None,
                severity=one.severity,
                because=one.because,
                passed=next(passed) if one.metric in usable else False,
            )
            for one in suite
        ]
        return Report(artifact, partition, {name: _plain(value) for name, value in metrics.items()}, verdicts)

    def _passed(self, suite: list[Expectation], metrics: dict[str, Metric]) -> list[bool]:
        if self._process is None:
            return _validate(suite, metrics)
        question = json.dumps({"metrics": metrics, "suite": [asdict(one) for one in suite]})
        answer, _ = self._process.communicate(question)
        if self._process.returncode:
            raise RuntimeError(f"the judging process ended with {self._process.returncode}")
        return list(json.loads(answer))


def _plain(value: Metric) -> Metric:
    """Rounded to what a reader can use; non-finite numbers as text, since JSON has none."""
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else str(value)
    return value


def _validate(suite: list[Expectation], metrics: dict[str, Metric]) -> list[bool]:
    """Success of each expectation on the one-row metrics frame. What GX prints goes to standard error."""
    if not suite:
        return []
    import great_expectations as gx
    import pandas as pd

    with contextlib.redirect_stdout(sys.stderr):
        return _judged(gx, suite, pd.DataFrame([metrics]))


def _judged(gx: Any, suite: list[Expectation], metrics: Any) -> list[bool]:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("metrics")
        .add_dataframe_asset("metrics")
        .add_batch_definition_whole_dataframe("metrics")
        .get_batch({"dataframe": metrics})
    )
    result = batch.validate(
        gx.ExpectationSuite(name="suite", expectations=[_native(gx, one, number) for number, one in enumerate(suite)])
    )
    order = {one.expectation_config.meta["number"]: bool(one.success) for one in result.results}
    return [order[number] for number in range(len(suite))]


def _native(gx: Any, expectation: Expectation, number: int) -> Any:
    meta = {"number": number}
    if expectation.equals is not None:
        return gx.expectations.ExpectColumnValuesToBeInSet(
            column=expectation.metric, value_set=[expectation.equals], severity=expectation.severity, meta=meta
        )
    return gx.expectations.ExpectColumnValuesToBeBetween(
        column=expectation.metric,
        min_value=expectation.at_least,
        max_value=expectation.at_most,
        severity=expectation.severity,
        meta=meta,
    )


def refuse(report: Report, path: Path) -> None:
    """Raise GateFailedError with one line per critical failure."""
    if report.failures:
        where = f"{report.artifact} {report.partition}".strip()
        lines = [f"  expected {verdict.rule}, met {verdict.met} ({verdict.because})" for verdict in report.failures]
        raise GateFailedError(
            f"gate of {where} failed, nothing was published; report: {path}\n"
            + "\n".join(lines)
            + "\n  mend the input or the setting and run again; `dvc checkout` brings back the last good version"
        )


def _serve() -> None:
    """Import Great Expectations, then judge the one question that comes on standard input."""
    import great_expectations  # noqa: F401

    asked = sys.stdin.read()
    if not asked:  # the stage ended before it had anything to judge
        return
    question = json.loads(asked)
    print(json.dumps(_validate([Expectation(**one) for one in question["suite"]], question["metrics"])))


if __name__ == "__main__":
    _serve()
