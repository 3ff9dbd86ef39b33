"""The tables that `make run` prints at its end show the right figures."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from dvc_project.summary import evaluator_table, main, rows_table, scores_table
from dvc_project.unread_table import unread_table
from dvc_project.warnings_table import warnings_table
from stages.params import Settings
from tests.conftest import ROOT


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def lines(table: Table) -> list[list[str]]:
    output = io.StringIO()
    Console(width=200, file=output).print(table)
    rows = [line.replace("│", " ").split() for line in output.getvalue().splitlines()]
    return [row for row in rows if row]


def row(table: Table, name: str) -> list[str]:
    return next(cells[1:] for cells in lines(table) if cells[0] == name)


def test_numbers_of_rows_are_shown_and_a_missing_partition_is_a_dash(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path / "filtered_text/sw/manifest.json", {"rows": 20, "rows_in": 25})
    assert settings.languages == ["fi", "sw", "ur"]
    assert row(rows_table(settings, tmp_path), "filtered_text") == ["–", "25", "→", "20", "–"]


def test_every_artifact_with_rows_and_every_iteration_is_shown(settings: Settings, tmp_path: Path) -> None:
    shown = {cells[0] for cells in lines(rows_table(settings, tmp_path))}
    assert {"raw_web_text", "seed_pairs", "rated_pairs/iteration_2", "diversified_set"} <= shown


def test_evaluators_are_shown_by_iteration(settings: Settings, tmp_path: Path) -> None:
    figures = {"precision": 0.5, "recall": 0.25, "auc": 0.875, "auc_surface": None, "auc_by_defect": {"swapped": 0.5}}
    for iteration in settings.iterations:
        write(tmp_path / f"metrics/evaluator/{iteration}.json", figures)
    assert row(evaluator_table(settings, tmp_path), "iteration_2") == ["0.500", "0.250", "0.875", "–", "0.500"]


def test_scores_show_the_wins_of_the_tuned_model(settings: Settings, tmp_path: Path) -> None:
    figures = {
        "language_share": 1.0,
        "held_out_loss": 2.5,
        "chrf_plus_plus": 11.0,
        "mean_characters": 640.4,
        "mean_rating": 0.5,
    }
    figures |= {"similarity": None, "empty_share": 0.0}  # the table does not show `empty_share`
    against = {"tuned_against_base": {"wins": 3, "ties": 2, "losses": 1}}
    for language in settings.languages:
        write(
            tmp_path / f"metrics/eval_scores/{language}.json",
            {"models": {"base": figures, "tuned": figures}, "pairwise": {"evaluator": against}},
        )
    table = scores_table(settings, tmp_path)
    assert row(table, "fi") == ["base", "1.000", "2.500", "11.0", "640.4", "–", "0.500", "3/2/1"]


def test_unread_input_is_shown_by_cause_and_language(settings: Settings, tmp_path: Path) -> None:
    raw: dict[str, dict[str, Any]] = {
        "fi": {
            "drop_reasons": {"unread_file": 2, "broken_file": 1, "empty_page": 3, "not_html": 7, "other_records": 1},
            "counts": {
                "bytes_read": 3000,
                "bytes_lost_unread_file": 700,
                "bytes_lost_broken_file": 300,
                "bytes_doubtful": 1200,
            },
        },
        "sw": {"drop_reasons": {"drops_of_an_artifact": 4, "exact_duplicate": 2}, "counts": {"bytes_read": 9}},
        "ur": {"drop_reasons": {}},
    }
    for language, manifest in raw.items():
        write(tmp_path / f"raw_web_text/{language}/manifest.json", manifest)
    counts = {"evaluation_rows": 80, "evaluation_rows_unprotected": 5, "segments": 2}
    write(tmp_path / "filtered_text/ur/manifest.json", {"counts": counts})
    table = unread_table(settings, tmp_path)
    assert table
    shown = {" ".join(cells).replace("–", "").split("  ")[0] for cells in lines(table)}
    assert {
        "unread file 2 (700 B)",
        "broken file 1 (300 B)",
        "empty page 3",
        "other records 1",
        "unread share of the bytes 25.0%",
        "read from damaged parts 1.2 kB",
    } <= {text.strip() for text in shown}
    assert next(cells for cells in lines(table) if cells[0] == "drops")[-3:] == ["–", "4", "–"]
    assert next(cells for cells in lines(table) if cells[0] == "evaluation")[-3:] == ["5", "of", "80"]
    assert not {"not", "exact"} & {cells[0] for cells in lines(table)[2:]}


def test_there_is_no_table_if_all_input_was_read(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path / "raw_web_text/fi/manifest.json", {"drop_reasons": {"not_html": 2}, "counts": {"bytes_read": 5}})
    assert unread_table(settings, tmp_path) is None


def test_warnings_are_shown_by_rule_with_the_value_of_each_partition(settings: Settings, tmp_path: Path) -> None:
    def report(place: str, value: float, passed: bool) -> None:
        verdict = {"metric": "share", "rule": "share at least 0.9", "because": "it should be high", "value": value}
        write(tmp_path / f"quality/{place}.json", {"verdicts": [verdict | {"passed": passed}]})

    report("eval_scores/fi", 0.5, passed=False)
    report("eval_scores/sw", 0.95, passed=True)
    report("eval_scores/ur", 0.25, passed=False)
    assert not {"hi", "xx"} & set(settings.languages)
    report("eval_scores/hi", 0.1, passed=False)  # from a run with other languages
    report("rated_pairs/iteration_1/sw", 0.75, passed=False)
    report("released_set/all", 0.125, passed=False)
    table = warnings_table(settings, tmp_path)
    assert table
    shown = [" ".join(cells) for cells in lines(table)][2:]
    assert [text for text in shown if "0." in text] == [
        "eval_scores share at least 0.9 fi: 0.5 it should be high",
        "ur: 0.25",
        "rated_pairs share at least 0.9 iteration_1/sw: 0.75 it should be high",
        "released_set share at least 0.9 0.125 it should be high",
    ]


def test_there_is_no_table_without_warnings(settings: Settings, tmp_path: Path) -> None:
    verdict = {"metric": "rows", "rule": "rows at least 1", "because": "", "value": 3, "passed": True}
    write(tmp_path / "quality/released_set/all.json", {"verdicts": [verdict]})
    assert warnings_table(settings, tmp_path) is None


def test_before_the_first_run_an_error_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "languages", tmp_path / "languages")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main() == 1
    assert capsys.readouterr().err == "error: data/eval_scores/ur/manifest.json does not exist: run `make run` first\n"
