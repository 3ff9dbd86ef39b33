"""Reads how many rows the artifacts of a language kept, and why they dropped the other rows."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from x_instruction.runner.job import Job
from x_instruction.runner.published import read_manifest

ARTIFACTS = ("raw_web_text", "filtered_text", "candidate_pairs", "refined_pairs", "diversified_set")
REASONS = 6


def funnel(job: Job, language: str) -> list[dict[str, Any]]:
    """One dict for each of ARTIFACTS, in the order of the pipeline, and one for the release.

    `rows` is the number of kept rows, and `width` is that number in percent of the largest one. `reasons` has the
    REASONS most frequent reasons for dropping rows, with their counts. `more` is the number of the other reasons.
    """
    manifests = {name: read_manifest(job.input(name, language)) for name in ARTIFACTS}
    steps = [_step(name, int(manifest["rows"]), manifest["drop_reasons"]) for name, manifest in manifests.items()]
    released = job.input("released_set") / "dataset" / language
    steps.append(_step("released_set", sum(pq.read_metadata(path).num_rows for path in released.glob("*.parquet")), {}))
    longest = max(1, *(step["rows"] for step in steps))
    return [step | {"width": round(100 * step["rows"] / longest, 1)} for step in steps]


def without_license(job: Job, language: str) -> int:
    """The number of released pairs whose page names no licence, or none that SPDX lists."""
    shards = sorted((job.input("released_set") / "dataset" / language).glob("*.parquet"))
    return sum(pl.read_parquet(path, columns=["spdx"]).filter(pl.col("spdx") == "").height for path in shards)


def _step(artifact: str, rows: int, reasons: dict[str, int]) -> dict[str, Any]:
    listed = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    rest = len(listed) - REASONS
    return {
        "artifact": artifact,
        "rows": rows,
        "dropped": sum(reasons.values()),
        "reasons": [(reason.replace("_", " "), count) for reason, count in listed[:REASONS]],
        "more": max(0, rest),
    }
