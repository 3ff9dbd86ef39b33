"""The gate checks expectations: critical failures stop publication, warnings are printed, and a report has both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from stages.params import Settings
from tests.conftest import ROOT
from x_instruction.runner.errors import GateFailedError, SettingsError
from x_instruction.runner.gate import Expectation, Metric, Report, judge, load_suite, refuse
from x_instruction.runner.great_expectations import Validator

METRICS: dict[str, Metric] = {
    "low": 1,
    "high": 9.5,
    "name": "a, b",
    "not_a_number": float("nan"),
    "infinite": float("inf"),
    "tenth": 0.1,
}
# The artifacts whose gate checks that no input row is lost.
ROW_ARTIFACTS = (
    "raw_web_text", "filtered_text", "seed_pairs", "candidate_pairs", "rated_pairs", "refined_pairs",
    "diversified_set", "released_set", "eval_scores",
)  # fmt: skip
# The fields of a case are its name, the metric, the bounds, and whether the metric is within the bounds.
CASES: list[tuple[str, str, dict[str, Metric], bool]] = [
    ("at least, above", "high", {"at_least": 9}, True),
    ("at least, equal", "low", {"at_least": 1}, True),
    ("at least, below", "low", {"at_least": 2}, False),
    ("at most, below", "low", {"at_most": 2}, True),
    ("at most, equal", "tenth", {"at_most": 0.1}, True),
    ("at most, above", "high", {"at_most": 9}, False),
    ("between", "high", {"at_least": 9, "at_most": 10}, True),
    ("above between", "high", {"at_least": 1, "at_most": 9}, False),
    ("equals a number", "low", {"equals": 1}, True),
    ("equals another number", "low", {"equals": 0}, False),
    ("equals a text", "name", {"equals": "a, b"}, True),
    ("equals another text", "name", {"equals": "b, a"}, False),
    ("absent", "absent", {"at_most": 5}, False),
    ("not a number", "not_a_number", {"at_most": 5}, False),
    ("infinite", "infinite", {"at_least": 5}, False),
]


@pytest.fixture(scope="module")
def report() -> Report:
    """A report on every case, both as a critical expectation and as a warning. Great Expectations starts only once."""
    suite = [
        Expectation(metric=metric, severity=severity, because=case, **bounds)  # type: ignore[arg-type]
        for severity in ("critical", "warning")
        for case, metric, bounds, _ in CASES
    ]
    with Validator() as validator:
        return judge("some_artifact", "fi", suite, METRICS, validator.validate)


@pytest.mark.parametrize(
    ("number", "passes"), [(n, case[3]) for n, case in enumerate(CASES)], ids=[c[0] for c in CASES]
)
def test_a_metric_passes_only_within_its_bounds(report: Report, number: int, passes: bool) -> None:
    verdict = report.verdicts[number]
    assert (verdict.because, verdict.passed) == (CASES[number][0], passes)


def test_a_verdict_has_the_value_of_its_metric(report: Report) -> None:
    values = {verdict.because: verdict.value for verdict in report.verdicts}
    cases = ("above between", "absent", "not a number", "infinite")
    assert [values[case] for case in cases] == [9.5, None, "nan", "inf"]


def test_critical_failures_are_refused_with_a_line_for_each(report: Report) -> None:
    with pytest.raises(GateFailedError) as caught:
        refuse(report, Path("data/quality/some_artifact/fi.json"))
    first, *lines, last = str(caught.value).split("\n")
    assert first == (
        "the gate of some_artifact fi failed and nothing was published; report: data/quality/some_artifact/fi.json"
    )
    assert len(lines) == sum(not case[3] for case in CASES)
    assert "  expected low at least 2, found 1 (at least, below)" in lines
    assert "  expected high at least 1 and at most 9, found 9.5 (above between)" in lines
    assert "  expected absent at most 5, found None (absent)" in lines
    assert "run again" in last


def test_a_refusal_shows_the_most_frequent_drop(report: Report) -> None:
    with pytest.raises(GateFailedError, match=r"\n  most drops are too_short \(3 rows\)\n  fix the input"):
        refuse(report, Path("report.json"), "most drops are too_short (3 rows)")


def test_a_failed_warning_is_printed_and_refuses_nothing(report: Report) -> None:
    warned = Report(
        report.artifact, report.partition, {}, [one for one in report.verdicts if one.severity == "warning"]
    )
    assert len(warned.warnings) == sum(not case[3] for case in CASES)
    assert warned.failures == []
    refuse(warned, Path("report.json"))


def test_a_report_has_all_metrics_and_verdicts(report: Report, tmp_path: Path) -> None:
    report.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert set(saved) == {"artifact", "partition", "metrics", "verdicts", "passed"}
    assert saved["passed"] is False
    assert saved["metrics"] == {**METRICS, "not_a_number": "nan", "infinite": "inf"}
    assert len(saved["verdicts"]) == 2 * len(CASES)


def test_equal_data_give_equal_reports(report: Report, tmp_path: Path) -> None:
    suite = [Expectation("low", "critical", "because", at_least=1)]
    for name in ("1", "2"):
        with Validator() as validator:
            judge("some_artifact", "fi", suite, {"low": 1}, validator.validate).save(tmp_path / name)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_a_validator_without_input_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with Validator():
        pass
    assert capfd.readouterr().err == ""


def suite_of(tmp_path: Path, **entry: object) -> Path:
    path = tmp_path / "some_artifact.yaml"
    path.write_text(yaml.safe_dump([{"metric": "m", "severity": "critical", "because": "b", **entry}]))
    return path


def test_a_bound_is_taken_from_the_settings(tmp_path: Path, settings: Settings) -> None:
    (one,) = load_suite(suite_of(tmp_path, at_most="$seed_pairs.max_bad_share"), settings)
    assert one.at_most == settings.seed_pairs.max_bad_share
    assert one.rule == f"m at most {settings.seed_pairs.max_bad_share}"


def test_a_bound_that_names_no_setting_is_refused(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"some_artifact.yaml: \$seed_pairs.max_bat_share is not a setting"):
        load_suite(suite_of(tmp_path, at_most="$seed_pairs.max_bat_share"), settings)


@pytest.mark.parametrize("entry", [{}, {"at_mots": 1}, {"at_most": 1, "why": "x"}])
def test_an_expectation_without_a_rule_or_with_an_unknown_rule_is_refused(
    tmp_path: Path, settings: Settings, entry: dict[str, object]
) -> None:
    with pytest.raises(SettingsError, match="needs metric, severity, because and one of at_least, at_most, equals"):
        load_suite(suite_of(tmp_path, **entry), settings)


def test_an_unknown_severity_is_refused(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(SettingsError, match="severity"):
        load_suite(suite_of(tmp_path, at_most=1, severity="critcal"), settings)


SUITES = sorted((ROOT / "stages").glob("*/expectations.yaml"))


@pytest.mark.parametrize("path", SUITES, ids=[path.parent.name for path in SUITES])
def test_each_suite_loads_with_the_real_settings(path: Path, settings: Settings) -> None:
    suite = load_suite(path, settings)
    assert all(one.metric.isidentifier() and one.because for one in suite)
    assert any(one.severity == "critical" for one in suite)


def test_each_artifact_has_a_suite() -> None:
    from stages.__main__ import ARTIFACTS

    assert [path.parent.name for path in SUITES] == sorted(ARTIFACTS)


@pytest.mark.parametrize("artifact", ROW_ARTIFACTS)
def test_the_suite_of_each_artifact_with_rows_refuses_lost_rows(artifact: str, settings: Settings) -> None:
    suite = load_suite(ROOT / "stages" / artifact / "expectations.yaml", settings)
    rules = [(one.severity, one.equals) for one in suite if one.metric == "unaccounted_rows"]
    assert rules == [("critical", 0)]
