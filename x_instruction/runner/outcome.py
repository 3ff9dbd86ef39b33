"""What a stage's `run` reports about its work, besides the artifact that it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from x_instruction.runner.gate import Metric


@dataclass(frozen=True)
class Outcome:
    """What `run` returns. `rows_in` is the number of input rows; None for an artifact without rows.

    `facts`, such as durations and numbers of tokens, are written to the run log and given to `measure`. `counts` are
    summed over new and stored shards, and `made_by` names the engine and the model, or the encoder. Both are written to
    the manifest, so neither may contain a time.
    """

    rows_in: int | None = None
    facts: Mapping[str, Metric] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    made_by: Mapping[str, str] = field(default_factory=dict)
