"""The stop rule: an iteration whose evaluator's held-out precision fell is not used."""

from __future__ import annotations

from dataclasses import dataclass

from x_instruction.pairs.settings import RefinedPairs
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json
from x_instruction.runner.job import Job


@dataclass(frozen=True)
class Decision:
    """The iteration whose ratings are used, and why in one sentence."""

    iteration: str
    why: str


def accepted_iteration(job: Job) -> str:
    """The last iteration before the first whose precision fell by more than `max_precision_fall`."""
    return decision(job).iteration


def decision(job: Job) -> Decision:
    precisions = {}
    for name in job.settings.iterations:
        path = job.root / "data" / "metrics" / "evaluator" / f"{name}.json"
        if not path.exists():
            raise InputError(f"{path} is not there: after a change of `iterations` run `make graph`, then `dvc repro`")
        precisions[name] = float(read_json(path)["precision"])
    return decided(precisions, job.section(RefinedPairs).max_precision_fall)


def decided(precisions: dict[str, float], tolerance: float) -> Decision:
    """The last entry up to which no value lies more than `tolerance` below the best before it."""
    names = list(precisions)
    accepted, best = names[0], precisions[names[0]]
    for name in names[1:]:
        if precisions[name] < best - tolerance:
            why = (
                f"held-out precision fell from {best:.3f} to {precisions[name]:.3f} in {name}, by more than {tolerance}"
            )
            return Decision(accepted, f"{why}: {accepted} is the last before it")
        accepted, best = name, max(best, precisions[name])
    listed = ", ".join(f"{value:.3f}" for value in precisions.values())
    return Decision(
        accepted, f"the last iteration; held-out precision ({listed}) fell nowhere by more than {tolerance}"
    )
