"""Plots as data: bins are counted, and the file holds what is drawn."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from stages.plots import histogram, write_plot


def test_a_histogram_counts_twentieths_and_names_the_empty_ones() -> None:
    frame = pl.DataFrame({"rating": [0.0, 0.049, 0.5, 1.0], "language": ["fi", "fi", "sw", "fi"]})
    counted = histogram(frame, "language")
    assert counted.height == 2 * 20
    assert counted.filter(pl.col("pairs") > 0).rows() == [(0.025, 2, "fi"), (0.975, 1, "fi"), (0.525, 1, "sw")]


def test_a_plot_is_written_with_four_decimals(tmp_path: Path) -> None:
    write_plot(tmp_path, "curve", pl.DataFrame({"x": [0.1234567], "y": [1]}))
    assert (tmp_path / "plots" / "curve.csv").read_text() == "x,y\n0.1235,1\n"
