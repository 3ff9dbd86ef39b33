"""Asset checks: one per expectation of an artifact's suite, its result taken from the gate's saved report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from dagster_project.graph import REPORTS, Artifact, Stage
from dagster_project.naming import asset_key, check_name

RULES = ("at_least", "at_most", "equals")
SUITES = Path("stages", "expectations")
REFUSED = Path("data", "refused")


@dataclass(frozen=True)
class Check:
    """An expectation as a check. `place`: the how-manieth of its metric, which finds its verdict in a report."""

    name: str
    metric: str
    place: int
    description: str
    critical: bool

    @property
    def severity(self) -> dg.AssetCheckSeverity:
        return dg.AssetCheckSeverity.ERROR if self.critical else dg.AssetCheckSeverity.WARN


def checks_of(root: Path, artifact: str) -> list[Check]:
    path = root / SUITES / f"{artifact}.yaml"
    if not path.exists():
        return []
    places: Counter[str] = Counter()
    names: Counter[str] = Counter()
    checks = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")) or []:
        name = check_name(entry["metric"], [rule for rule in RULES if rule in entry])
        names[name] += 1
        unique = name if names[name] == 1 else f"{name}_{names[name]}"
        critical = entry["severity"] == "critical"
        checks.append(Check(unique, entry["metric"], places[entry["metric"]], _description(entry), critical))
        places[entry["metric"]] += 1
    return checks


def _description(entry: dict[str, Any]) -> str:
    rules = " and ".join(f"{rule.replace('_', ' ')} {entry[rule]}" for rule in RULES if rule in entry)
    return f"{entry['metric']} {rules}: {entry.get('because', '')}"


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
    """The gate's saved report; empty where there is none."""
    path = root / stage.report if stage.report else None
    return json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}


def _refusal(root: Path, stage: Stage) -> Path | None:
    """Where the stage leaves the report of a failed gate; DVC's outputs hold those of passed ones only."""
    return root / REFUSED / Path(stage.report).relative_to(REPORTS) if stage.report else None


def read_refusal(root: Path, stage: Stage) -> dict[str, Any]:
    """The report of a failed gate; empty where there is none."""
    path = _refusal(root, stage)
    return json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}


def refusal_mark(root: Path, stage: Stage) -> tuple[int, int] | None:
    """Tells one writing of a failed gate's report from another."""
    path = _refusal(root, stage)
    return (path.stat().st_ino, path.stat().st_mtime_ns) if path and path.exists() else None


def judged(root: Path, stage: Stage, report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What `AssetCheckResult` and `AssetCheckEvaluation` both take, for each check of the stage's artifact."""
    verdicts = report.get("verdicts", [])
    for check in checks_of(root, stage.artifact):
        own = [verdict for verdict in verdicts if verdict["metric"] == check.metric]
        verdict = own[check.place] if check.place < len(own) else None
        yield {
            "asset_key": asset_key(stage),
            "check_name": check.name,
            "passed": bool(verdict and verdict["passed"]),
            "severity": check.severity,
            "description": _met(verdict) if verdict else "the saved report does not hold this expectation",
            "metadata": {"met": verdict["met"], "report": dg.MetadataValue.path(stage.report or "")} if verdict else {},
        }


def _met(verdict: dict[str, Any]) -> str:
    return f"expected {verdict['rule']}, met {verdict['met']} ({verdict['because']})"
