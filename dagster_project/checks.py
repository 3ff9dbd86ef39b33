"""Asset checks: one per expectation of an artifact's suite.

The results come from the saved report of the gate, which checks an artifact before it is published.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.naming import asset_key, check_name
from dvc_project.graph import REPORTS, Artifact, Stage
from x_instruction.runner.gate import RULES, Verdict, read_suite

REFUSED = Path("data", "refused")


@dataclass(frozen=True)
class Check:
    """The check of one expectation. `place` is the index of this expectation among those of the same metric."""

    name: str
    metric: str
    place: int
    description: str
    critical: bool

    @property
    def severity(self) -> dg.AssetCheckSeverity:
        return dg.AssetCheckSeverity.ERROR if self.critical else dg.AssetCheckSeverity.WARN


def checks_of(root: Path, artifact: str) -> list[Check]:
    path = root / "stages" / artifact / "expectations.yaml"
    if not path.exists():
        return []
    places: Counter[str] = Counter()
    names: Counter[str] = Counter()
    checks = []
    for expectation in read_suite(path):
        name = check_name(expectation.metric, [rule for rule in RULES if getattr(expectation, rule) is not None])
        names[name] += 1
        unique = name if names[name] == 1 else f"{name}_{names[name]}"
        sentence = f"{expectation.rule}: {expectation.because}"
        critical = expectation.severity == "critical"
        checks.append(Check(unique, expectation.metric, places[expectation.metric], sentence, critical))
        places[expectation.metric] += 1
    return checks


def check_specs(root: Path, artifact: Artifact, partitions: dg.PartitionsDefinition | None) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            check.name,
            asset=asset_key(artifact),
            description=check.description,
            blocking=check.critical,
            partitions_def=partitions,
        )
        for check in checks_of(root, artifact.name)
    ]


def read_report(root: Path, stage: Stage) -> dict[str, Any]:
    """The gate's saved report; empty if there is none."""
    path = root / stage.report if stage.report else None
    return json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}


def _refusal(root: Path, stage: Stage) -> Path | None:
    """Path of the report of a failed gate. It is not an output of DVC, unlike the report of a gate that passed."""
    return root / REFUSED / Path(stage.report).relative_to(REPORTS) if stage.report else None


def read_refusal(root: Path, stage: Stage) -> dict[str, Any]:
    """The report of a failed gate; empty if there is none."""
    path = _refusal(root, stage)
    return json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}


def refusal_mark(root: Path, stage: Stage) -> tuple[int, int] | None:
    """A value that changes whenever the report of a failed gate is written."""
    path = _refusal(root, stage)
    return (path.stat().st_ino, path.stat().st_mtime_ns) if path and path.exists() else None


def check_results(root: Path, stage: Stage, report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the arguments of an `AssetCheckResult` or `AssetCheckEvaluation` for each check of the artifact."""
    verdicts = [Verdict(**verdict) for verdict in report.get("verdicts", [])]
    for check in checks_of(root, stage.artifact):
        of_metric = [verdict for verdict in verdicts if verdict.metric == check.metric]
        yield {
            "asset_key": asset_key(stage),
            "check_name": check.name,
            "severity": check.severity,
            **_result(of_metric[check.place] if check.place < len(of_metric) else None, stage),
        }


def _result(verdict: Verdict | None, stage: Stage) -> dict[str, Any]:
    if verdict is None:
        return {"passed": False, "description": "the saved report does not contain this expectation", "metadata": {}}
    metadata = {"value": verdict.value, "report": dg.MetadataValue.path(stage.report or "")}
    return {"passed": verdict.passed, "description": verdict.sentence, "metadata": metadata}
