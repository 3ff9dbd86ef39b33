"""Plots as data: bins are counted, and the file holds what is drawn."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from stages.plots import histogram, keep_curve, write_plot


def test_a_histogram_counts_twentieths_and_names_the_empty_ones() -> None:
    frame = pl.DataFrame({"rating": [0.0, 0.049, 0.5, 1.0], "language": ["fi", "fi", "sw", "fi"]})
    counted = histogram(frame, "language")
    assert counted.height == 2 * 20
    assert counted.filter(pl.col("pairs") > 0).rows() == [(0.025, 2, "fi"), (0.975, 1, "fi"), (0.525, 1, "sw")]


def test_a_plot_is_written_with_four_decimals(tmp_path: Path) -> None:
    write_plot(tmp_path, "curve", pl.DataFrame({"x": [0.1234567], "y": [1]}))
    assert (tmp_path / "plots" / "curve.csv").read_text() == "x,y\n0.1235,1\n"


def test_the_keep_curve_says_which_share_passes_a_threshold() -> None:
    curve = dict(keep_curve(pl.DataFrame({"rating": [0.1, 0.5, 0.5, 0.9]})).iter_rows())
    assert (curve[0.0], curve[0.5], curve[0.55], curve[1.0]) == (1.0, 0.75, 0.25, 0.0)
