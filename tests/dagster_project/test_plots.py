"""Dagster's metadata of a published artifact show its plots as images."""

from __future__ import annotations

import base64
from pathlib import Path

import polars as pl

from dagster_project.plots import drawn, plots_metadata

PNG = b"\x89PNG\r\n"


def test_each_plot_is_an_embedded_image(tmp_path: Path) -> None:
    (tmp_path / "reliability.csv").write_text("predicted,best_share,language\n0.1,0.2,fi\n0.9,0.8,fi\n")
    found = plots_metadata(tmp_path)
    assert list(found) == ["plot_reliability"]
    head, encoded = found["plot_reliability"].value.removesuffix(")").split(";base64,")
    assert head == "![reliability](data:image/png"
    assert base64.b64decode(encoded).startswith(PNG)


def test_an_artifact_without_plots_has_no_images(tmp_path: Path) -> None:
    assert plots_metadata(tmp_path) == {}


def test_names_are_drawn_as_bars_and_numbers_as_lines() -> None:
    bars = drawn(pl.DataFrame({"defect": ["cut", "swapped"], "auc": [0.9, 0.5], "language": ["fi", "sw"]}), "auc")
    lines = drawn(pl.DataFrame({"share": [0.0, 1.0], "rating": [0.9, 0.5]}), "curve")
    assert bars.startswith(PNG) and lines.startswith(PNG) and bars != lines


def test_equal_figures_give_the_same_image() -> None:
    frame = pl.DataFrame({"x": [0.0, 1.0], "y": [0.9, 0.5]})
    assert drawn(frame, "curve") == drawn(frame, "curve")
