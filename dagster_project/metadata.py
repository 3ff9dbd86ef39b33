"""The metadata of a published partition in Dagster, read from the files that its stage wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import polars.selectors as cs

from dagster_project.explained import explained_metadata
from dagster_project.plots import plots_metadata
from dagster_project.report_page import report_metadata
from dvc_project.graph import Stage
from x_instruction.runner.files import read_json

PLOTS = Path("data", "plots")
SAMPLE_ROWS = 5
SAMPLE_CHARACTERS = 120
ID_CHARACTERS = 32  # a longer hash or address is cut: it would not wrap and would make the column of the text narrow
# Unicode's first-strong isolate and its end, so that Urdu text in a cell does not reverse the rest of the row.
ISOLATE, END_ISOLATE = "\u2068", "\u2069"


def published_metadata(root: Path, stage: Stage, version: str | None) -> dict[str, Any]:
    """What Dagster shows of a partition, such as its rows, schema, dropped rows and plots, if its files have them."""
    folder = root / stage.output
    manifest = _read(folder / "manifest.json")
    table = sample_table(folder)
    metadata: dict[str, Any] = {"sample_rows": dg.MetadataValue.md(table)} if table else {}
    metadata |= (
        explained_metadata(root, stage) | report_metadata(stage) | _rows(manifest) | _run_log(root, stage, manifest)
    )
    metadata |= plots_metadata(root / PLOTS / stage.artifact / partition_path(stage, whole=""))
    metadata |= {"path": dg.MetadataValue.path(stage.output), "dvc_hash": version or ""}
    return metadata | ({"manifest": dg.MetadataValue.json(manifest)} if manifest else {})


def _rows(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "rows" in manifest:
        found["dagster/row_count"] = int(manifest["rows"])
    if schema := manifest.get("schema"):
        columns = [dg.TableColumn(name, type=kind) for name, kind in schema.items()]
        found["dagster/column_schema"] = dg.TableSchema(columns=columns)
    if reasons := manifest.get("drop_reasons"):
        rows = [[reason, str(count)] for reason, count in reasons.items()]
        found["dropped_rows_by_reason"] = dg.MetadataValue.md(markdown_table(["reason", "rows"], rows))
    return found


def _run_log(root: Path, stage: Stage, manifest: dict[str, Any]) -> dict[str, Any]:
    """The run log of the run that made this content; empty if the log is about other content."""
    path = Path("data", "runs", stage.artifact, f"{partition_path(stage)}.json")
    log = _read(root / path)
    if not log or log.get("content") != manifest.get("content"):
        return {}
    return {name: value for name, value in log.items() if name != "content" and isinstance(value, int | float | str)}


def partition_path(stage: Stage, whole: str = "all") -> str:
    return "/".join(part for part in (stage.iteration, stage.language) if part) or whole


def sample_table(folder: Path) -> str:
    """First rows of the first shard as a Markdown table, without binary columns (vectors); empty without shards."""
    shards = sorted(folder.glob("part-*.parquet"))
    if not shards:
        return ""
    frame = pl.scan_parquet(shards[0], n_rows=SAMPLE_ROWS).select(~cs.binary()).collect()
    return markdown_table(frame.columns, [[_cell(value) for value in row] for row in frame.iter_rows()])


def markdown_table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    """A value on one line, shortened, with the marks of markdown and HTML escaped."""
    text = " ".join(str(value).split())
    limit = ID_CHARACTERS if text.isascii() and " " not in text else SAMPLE_CHARACTERS
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    for character in "\\`*_[]<>|#~$":
        text = text.replace(character, f"&#{ord(character)};")
    return f"{ISOLATE}{text}{END_ISOLATE}"


def _read(path: Path) -> dict[str, Any]:
    return read_json(path) if path.exists() else {}
