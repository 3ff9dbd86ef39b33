"""Checks an artifact against its suite of expectations, before it is published. This check is called the gate.

Stages compute the metrics over all rows with polars, and Great Expectations judges them as a frame of one row. For a
million rows, these steps took 0.2 s and 0.5 GB. When Great Expectations read all rows itself, through pandas, it took
3 s and 1.1 GB. A suite is the file `stages/<artifact>/expectations.yaml`, a list of entries:

    - metric: bad_share                      # a metric that the stage computes
      at_most: $raw_web_text.max_bad_share   # or at_least or equals; the bound is a setting, number or text
      severity: critical                     # a failure blocks publishing; a failed `warning` is only shown
      because: the reason for the bound
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from x_instruction.runner.errors import GateFailedError, SettingsError
from x_instruction.runner.files import write_json
from x_instruction.runner.yaml_files import read_yaml

Metric = float | int | str
RULES = ("at_least", "at_most", "equals")


@dataclass(frozen=True)
class Expectation:
    metric: str
    severity: Literal["critical", "warning"]
    because: str
    at_least: Metric | None = None
    at_most: Metric | None = None
    equals: Metric | None = None

    @property
    def rule(self) -> str:
        parts = [f"{name.replace('_', ' ')} {getattr(self, name)}" for name in RULES if getattr(self, name) is not None]
        return f"{self.metric} {' and '.join(parts)}"


Validate = Callable[[list[Expectation], dict[str, Metric]], list[bool]]


@dataclass(frozen=True)
class Verdict:
    """Whether one expectation passed. `value` is the value of its metric; None if the stage did not compute it."""

    metric: str
    rule: str
    value: Metric | None
    severity: str
    because: str
    passed: bool

    @property
    def sentence(self) -> str:
        return f"expected {self.rule}, found {self.value} ({self.because})"


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
        """Writes the report. It has no times and no run ids, so that equal data give an equal report."""
        write_json(path, {**asdict(self), "passed": not self.failures})


def read_suite(path: Path) -> list[Expectation]:
    """The expectations of a suite, with their bounds as written in the file."""
    expectations = []
    try:
        entries = read_yaml(path) or []
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not readable YAML: {' '.join(str(error).split())}") from None
    for entry in entries if isinstance(entries, list) else [entries]:
        if (
            not isinstance(entry, dict)
            or not set(entry) & set(RULES)
            or set(entry) - set(RULES) != {"metric", "severity", "because"}
        ):
            raise SettingsError(f"{path}: {entry} needs metric, severity, because and one of {', '.join(RULES)}")
        if entry["severity"] not in ("critical", "warning"):
            raise SettingsError(
                f"{path}: severity of {entry['metric']} is {entry['severity']!r}: it must be critical or warning"
            )
        expectations.append(Expectation(**entry))
    return expectations


def load_suite(path: Path, settings: Any) -> list[Expectation]:
    """The expectations of a suite, with the value from the settings in place of a bound such as `$section.key`."""
    return [
        replace(
            expectation,
            at_least=_bound(expectation.at_least, settings, path),
            at_most=_bound(expectation.at_most, settings, path),
            equals=_bound(expectation.equals, settings, path),
        )
        for expectation in read_suite(path)
    ]


def _bound(value: Metric | None, settings: Any, path: Path) -> Any:
    if not (isinstance(value, str) and value.startswith("$")):
        return value
    for key in value[1:].split("."):
        if not hasattr(settings, key):
            raise SettingsError(f"{path}: {value} is not a setting of params.yaml")
        settings = getattr(settings, key)
    return settings


def judge(
    artifact: str, partition: str, suite: list[Expectation], metrics: dict[str, Metric], validate: Validate
) -> Report:
    """Judges every expectation. An expectation of a metric that is missing or not finite counts as failed."""
    usable = {name: value for name, value in metrics.items() if isinstance(value, str) or math.isfinite(value)}
    passed = iter(validate([expectation for expectation in suite if expectation.metric in usable], usable))
    verdicts = [
        Verdict(
            metric=expectation.metric,
            rule=expectation.rule,
            value=_plain(metrics[expectation.metric]) if expectation.metric in metrics else None,
            severity=expectation.severity,
            because=expectation.because,
            passed=next(passed) if expectation.metric in usable else False,
        )
        for expectation in suite
    ]
    return Report(artifact, partition, {name: _plain(value) for name, value in metrics.items()}, verdicts)


def _plain(value: Metric) -> Metric:
    """Rounds a number to six decimals. A number that is not finite becomes text, because JSON has no form for it."""
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else str(value)
    return value


def refuse(report: Report, path: Path, drops: str = "") -> None:
    """Raises GateFailedError if the report has critical failures, with one line for each.

    `drops` is a sentence about the rows that the stage dropped, which often explain the failure.
    """
    if report.failures:
        where = f"{report.artifact} {report.partition}".strip()
        lines = [f"  {verdict.sentence}" for verdict in report.failures]
        raise GateFailedError(
            f"the gate of {where} failed and nothing was published; report: {path}\n"
            + "\n".join([*lines, *([f"  {drops}"] if drops else [])])
            + "\n  fix the input or the setting, then run again; `dvc checkout` brings back the last good version"
        )
