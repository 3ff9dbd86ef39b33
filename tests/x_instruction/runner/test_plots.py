"""The data of plots are binned correctly, and DVC draws them as they are in the files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.conftest import ROOT
from x_instruction.runner.plots import histogram, keep_curve, write_plot


def test_a_histogram_counts_twentieths_including_empty_bins() -> None:
    frame = pl.DataFrame({"rating": [0.0, 0.049, 0.5, 1.0], "language": ["fi", "fi", "sw", "fi"]})
    counted = histogram(frame, "language")
    assert counted.height == 2 * 20
    assert counted.filter(pl.col("pairs") > 0).rows() == [(0.025, 2, "fi"), (0.975, 1, "fi"), (0.525, 1, "sw")]


def test_a_plot_is_written_with_four_decimals(tmp_path: Path) -> None:
    write_plot(tmp_path, "curve", pl.DataFrame({"x": [0.1234567], "y": [1]}))
    assert (tmp_path / "plots" / "curve.csv").read_text() == "x,y\n0.1235,1\n"


def test_the_keep_curve_gives_the_share_that_passes_each_threshold() -> None:
    curve = dict(keep_curve(pl.DataFrame({"rating": [0.1, 0.5, 0.5, 0.9]})).iter_rows())
    assert (curve[0.0], curve[0.5], curve[0.55], curve[1.0]) == (1.0, 0.75, 0.25, 0.0)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Maps two files, a bar plot and a line plot with two series each, to what `dvc plots show` makes of them."""
    folder = tmp_path_factory.mktemp("dvc")
    lines = pl.DataFrame({"rating": [0.1, 0.1], "pairs": [3, 4], "series": ["best", "worst"]})
    bars = pl.DataFrame({"defect": ["cut", "cut"], "auc": [0.9, 0.8], "series": ["fi", "sw"]})
    write_plot(folder, "ratings", lines)
    write_plot(folder, "auc_by_defect", bars)
    axes = {"ratings": "x: rating, y: pairs, template: lines", "auc_by_defect": "x: auc, y: defect, template: bars"}
    entries = [f"  - plots/{name}.csv: {{ {options} }}" for name, options in axes.items()]
    (folder / "dvc.yaml").write_text("\n".join(["plots:", *entries]))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def dvc(*arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        return subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout

    dvc("init", "-q", "--no-scm")
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots", dirs_exist_ok=True)
    found = json.loads(dvc("plots", "show", "--json"))["data"]
    return {Path(name).stem: drawn[0]["content"] for name, drawn in found.items()}


@pytest.mark.parametrize(("name", "x", "y"), [("ratings", "rating", "pairs"), ("auc_by_defect", "auc", "defect")])
def test_dvc_draws_each_series_in_a_different_colour(
    shown: dict[str, dict[str, Any]], name: str, x: str, y: str
) -> None:
    axes = shown[name]["encoding"]
    assert (axes["x"]["field"], axes["y"]["field"], axes["color"]["field"]) == (x, y, "series")
    assert len({row["series"] for row in shown[name]["data"]["values"]}) == 2


def test_dvc_draws_bars_of_the_same_name_side_by_side_without_stacking_them(
    shown: dict[str, dict[str, Any]],
) -> None:
    assert shown["auc_by_defect"]["encoding"]["yOffset"]["field"] == "series"
    assert shown["auc_by_defect"]["encoding"]["x"]["stack"] is None
