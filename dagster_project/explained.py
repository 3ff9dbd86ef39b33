"""Shows the explanation of a released row as a table on the page of the asset `row_index` in Dagster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from dvc_project.graph import Stage
from dvc_project.project import read_settings
from x_instruction.runner.errors import XInstructionError

INDEX = "row_index"


def explained_metadata(root: Path, stage: Stage) -> dict[str, Any]:
    """For `row_index`: explains the released row with the lowest id. Ids are hashes, so the row is arbitrary."""
    if stage.artifact != INDEX or (sampled := _sampled(root, str(stage.language))) is None:
        return {}
    # Only this asset needs the code that cleans and judges texts, and importing it takes a second.
    from commands.explain.explanation import explain
    from commands.explain.section import as_markdown

    try:
        table = as_markdown(explain(root, read_settings(root), sampled))
    except XInstructionError as error:
        return {"explained_row": dg.MetadataValue.text(str(error))}
    command = f"python -m x_instruction explain {sampled}"
    return {"explained_row": dg.MetadataValue.md(table), "explain_command": dg.MetadataValue.text(command)}


def _sampled(root: Path, language: str) -> str | None:
    shards = sorted((root / "data" / "released_set" / "dataset" / language).glob("*.parquet"))
    lowest = pl.scan_parquet(shards).select(pl.col("id").min()).collect().item() if shards else None
    return str(lowest) if lowest else None
