"""Chooses the iteration to use: the last one before the evaluator's precision on held-out seeds falls too far."""

from __future__ import annotations

from dataclasses import dataclass

from x_instruction.pairs.settings import RefinedPairs
from x_instruction.runner.errors import InputError
from x_instruction.runner.job import Job
from x_instruction.runner.published import read_metrics


@dataclass(frozen=True)
class Decision:
    """The iteration whose ratings are used, and the reason in one sentence."""

    iteration: str
    why: str


def accepted_iteration(job: Job) -> str:
    """The last iteration before precision falls by more than `max_precision_fall`, or the last one if it never does."""
    return decision(job).iteration


def decision(job: Job) -> Decision:
    precisions = {}
    for name in job.settings.iterations:
        path = job.root / "data" / "metrics" / "evaluator" / f"{name}.json"
        if not path.exists():
            raise InputError(
                f"{path} does not exist: after a change of `iterations` run `make graph`, then `dvc repro`"
            )
        precisions[name] = float(read_metrics(path, job.input("evaluator", iteration=name))["precision"])
    return decide(precisions, job.section(RefinedPairs).max_precision_fall)


def decide(precisions: dict[str, float], tolerance: float) -> Decision:
    """Accepts iterations in order, until a precision is more than `tolerance` below the best precision before it."""
    (accepted, best), *later = precisions.items()
    for name, precision in later:
        if precision < best - tolerance:
            fall = f"held-out precision fell from {best:.3f} to {precision:.3f} in {name}, by more than {tolerance}"
            return Decision(accepted, f"{fall}, and {accepted} is the last iteration before this fall")
        accepted, best = name, max(best, precision)
    values = ", ".join(f"{value:.3f}" for value in precisions.values())
    why = f"it is the last iteration, and held-out precision ({values}) never fell by more than {tolerance}"
    return Decision(accepted, why)
