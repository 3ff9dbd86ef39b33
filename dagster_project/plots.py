"""Plots of a partition, drawn from its CSV files. The columns are x, y and, if there is a third, the series."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

SIZE = (6.0, 3.2)  # inches; as wide as Dagster's side panel
DOTS_PER_INCH = 80
COLOURS = 10  # number of colours in matplotlib's default cycle


def plots_metadata(folder: Path) -> dict[str, Any]:
    """A picture for each file, embedded in the metadata because Dagster does not serve files of a project."""
    return {
        f"plot_{path.stem}": dg.MetadataValue.md(f"![{path.stem}](data:image/png;base64,{_encoded(path)})")
        for path in sorted(folder.glob("*.csv"))
    }


def _encoded(path: Path) -> str:
    return base64.b64encode(drawn(pl.read_csv(path), path.stem.replace("_", " "))).decode("ascii")


def drawn(frame: pl.DataFrame, title: str) -> bytes:
    """A PNG file with lines if x is a number, or with bars if x is a name."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    x, y, *rest = frame.columns
    series = {name: rows for (name,), rows in frame.group_by(rest[0], maintain_order=True)} if rest else {"": frame}
    if len(series) > COLOURS:
        axes.set_prop_cycle(color=[colormaps["tab20"](number) for number in range(2 * COLOURS)])
    draw = _lines if frame[x].dtype.is_numeric() else _bars
    draw(axes, {str(name): (rows[x].to_list(), rows[y].to_list()) for name, rows in series.items()})
    axes.set(xlabel=x, ylabel=y, title=title)
    if rest:
        figure.legend(loc="outside right upper", fontsize="small")  # inside the axes, a long legend would hide the bars
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    return buffer.getvalue()


def _lines(axes: Any, series: dict[str, tuple[list[float], list[float]]]) -> None:
    for name, (xs, ys) in series.items():
        axes.plot(xs, ys, marker=".", label=name)


def _bars(axes: Any, series: dict[str, tuple[list[str], list[float]]]) -> None:
    """Draws a group of bars for each name, with one bar for each series."""
    names = list(dict.fromkeys(name for xs, _ in series.values() for name in xs))
    width = 0.8 / max(1, len(series))
    for number, (label, (xs, ys)) in enumerate(series.items()):
        axes.bar([names.index(name) + number * width for name in xs], ys, width, label=label)
    middle = width * (len(series) - 1) / 2
    labels = [name.replace("_", "\n") for name in names]  # a name such as "wrong_language" is wider than its bars
    axes.set_xticks([place + middle for place in range(len(names))], labels, fontsize="small")
