"""Writes the manifest of a published partition, and computes the metrics that every artifact with rows has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from x_instruction.runner.checksums import FILES, checksum, checksums, write_sealed
from x_instruction.runner.disk_arrays import append, repeated
from x_instruction.runner.files import hash_paths
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.published import MANIFEST, METRICS

SCORES = "scores.json"  # the figures that a stage writes beside its artifact; they are published as its metrics


def table_facts(job: Job, outcome: Outcome) -> dict[str, Metric]:
    """Computes the metrics that every artifact with rows has. The result is empty for other artifacts.

    Ids are compared as 64-bit hashes on disk, because 10 million ids took 1 GB in polars. `unaccounted_rows` is the
    number of input rows that are neither kept nor dropped. It is left out if the stage does not report the number of
    input rows.
    """
    if not job.staged.paths():
        return {}
    rows = nulls = 0
    with job.scratch() as folder:
        for frame in job.staged.frames():
            rows += frame.height
            nulls += sum(frame.null_count().row(0))
            append(folder / "ids", frame["id"].hash().to_numpy())
        duplicates = sum(len(places) - len(np.unique(groups)) for places, groups in repeated(folder / "ids"))
    dropped = sum(job.staged.drop_counts().values())
    facts: dict[str, Metric] = {
        "rows": rows,
        "dropped": dropped,
        "duplicate_ids": duplicates,
        "null_values": nulls,
        "columns": ", ".join(frame.columns),
    }
    if outcome.rows_in is not None:
        facts["unaccounted_rows"] = outcome.rows_in - rows - dropped
    return facts


def write_manifest(job: Job, outcome: Outcome, figures: Path | None = None) -> dict[str, Any]:
    """Writes the staged partition's manifest, with the checksum of the metrics file in `figures` if there is one.

    The manifest has no times, so equal content gives an equal manifest.
    """
    paths = job.staged.paths()
    content = hash_paths([path for path in job.staging.iterdir() if path.name != MANIFEST])
    manifest: dict[str, Any] = {"artifact": job.artifact, "partition": job.partition, "content": content}
    if paths:
        table = pl.scan_parquet(paths)
        rows = table.select(pl.len()).collect().item()
        reasons = job.staged.drop_counts()
        manifest |= {
            "rows": rows,
            "rows_in": outcome.rows_in,
            "dropped": sum(reasons.values()),
            "drop_reasons": reasons,
            "schema": {name: str(kind) for name, kind in table.collect_schema().items()},
            "summary": f"{rows} rows, {sum(reasons.values())} dropped",
        }
        manifest |= {
            name: value
            for name, value in (("counts", dict(outcome.counts)), ("made_by", dict(outcome.made_by)))
            if value
        }
    else:
        size = sum(path.stat().st_size for path in job.staging.rglob("*") if path.is_file())
        manifest |= {"summary": f"{size / 1e6:.1f} MB"}
    # Only the check of the metrics reads this checksum, so it is not part of `content`.
    if figures and (figures / SCORES).exists():
        manifest[METRICS] = checksum(figures / SCORES)
    manifest[FILES] = checksums(job.staging, leave_out=[MANIFEST])
    write_sealed(job.staging / MANIFEST, manifest)
    return manifest


def write_part_manifest(job: Job, folder: Path, name: str) -> None:
    """Writes a manifest into a part of the staged artifact that can be used by itself, such as a language's model."""
    content = hash_paths([path for path in folder.iterdir() if path.name != MANIFEST])
    files = checksums(folder, leave_out=[MANIFEST])
    write_sealed(folder / MANIFEST, {"artifact": job.artifact, "partition": name, "content": content, FILES: files})
