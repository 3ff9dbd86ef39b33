"""The table of the gates' warnings: expectations that a published artifact does not fulfil."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from stages.params import Settings
from x_instruction.runner.files import read_json


class Rule(NamedTuple):
    """A rule of a gate that was not fulfilled, and the reason for the rule."""

    artifact: str
    expected: str
    because: str


def warnings_table(settings: Settings, data: Path) -> Table | None:
    """The rules that are not fulfilled, with the value found in each partition; None if there is no warning."""
    found: dict[Rule, list[str]] = defaultdict(list)
    for artifact, partition, report in _reports(settings, data / "quality"):
        for verdict in read_json(report, ours=True)["verdicts"]:
            if not verdict["passed"]:
                value = f"{partition}: {verdict['value']}" if partition else str(verdict["value"])
                found[Rule(artifact, verdict["rule"], verdict["because"])].append(value)
    if not found:
        return None
    table = Table(title="Warnings of the gates", title_justify="left")
    for column in ("artifact", "expected", "found", "because"):
        table.add_column(column)
    for rule, values in found.items():
        table.add_row(rule.artifact, rule.expected, "\n".join(values), rule.because)
    return table


def _reports(settings: Settings, quality: Path) -> Iterator[tuple[str, str, Path]]:
    """Artifact, partition and file of each report. The reports of a language that was removed are left out."""
    iterations = [f"{iteration}/{code}" for iteration in settings.iterations for code in settings.languages]
    partitions = ["all", *settings.languages, *settings.iterations, *iterations]
    for folder in sorted(quality.glob("*/")):
        for partition in partitions:
            report = folder / f"{partition}.json"
            if report.exists():
                yield folder.name, "" if partition == "all" else partition, report
