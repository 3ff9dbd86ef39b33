"""The stop rule: an iteration whose evaluator's held-out precision fell is not used."""

from __future__ import annotations

from stages.errors import InputError
from stages.files import read_json
from stages.job import Job


def accepted_iteration(job: Job) -> str:
    """The last iteration before the first whose precision fell by more than `max_precision_fall`."""
    precisions = {}
    for name in job.settings.iterations:
        path = job.input("evaluator", iteration=name) / "scores.json"
        if not path.exists():
            raise InputError(f"{path} is not there: after a change of `iterations` run `make graph`, then `dvc repro`")
        precisions[name] = float(read_json(path)["precision"])
    return last_not_fallen(precisions, job.settings.refined_pairs.max_precision_fall)


def last_not_fallen(precisions: dict[str, float], tolerance: float) -> str:
    """Name of the last entry up to which no value lies more than `tolerance` below the best before it."""
    names = list(precisions)
    accepted, best = names[0], precisions[names[0]]
    for name in names[1:]:
        if precisions[name] < best - tolerance:
            break
        accepted, best = name, max(best, precisions[name])
    return accepted
