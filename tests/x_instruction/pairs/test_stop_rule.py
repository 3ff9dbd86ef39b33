"""The stop rule rejects an iteration that is clearly worse than the best one before it, and all later iterations."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from stages.params import Settings
from x_instruction.pairs.stop_rule import accepted_iteration, decide
from x_instruction.runner.errors import InputError
from x_instruction.runner.job import Job

MakeJob = Callable[..., Job]


@pytest.mark.parametrize(
    ("precisions", "accepted"),
    [
        ([0.5], 1),
        ([0.5, 0.6], 2),
        ([0.5, 0.49], 2),  # the fall is within the tolerance
        ([0.5, 0.47], 1),
        ([0.5, 0.4, 0.9], 1),  # later iterations are rejected, since they learned from worse pairs
        ([0.5, 0.6, 0.59, 0.57], 3),  # the last iteration is compared with the best, not with the previous one
    ],
)
def test_an_iteration_whose_precision_fell_is_not_used(precisions: list[float], accepted: int) -> None:
    named = {f"iteration_{number}": value for number, value in enumerate(precisions, start=1)}
    assert decide(named, 0.02).iteration == f"iteration_{accepted}"


def test_the_decision_says_in_which_iteration_precision_fell_and_by_how_much() -> None:
    why = decide({"iteration_1": 0.6, "iteration_2": 0.4}, 0.02).why
    expected = "held-out precision fell from 0.600 to 0.400 in iteration_2, by more than 0.02"
    assert why == f"{expected}, and iteration_1 is the last iteration before this fall"


def test_the_decision_says_that_precision_did_not_fall() -> None:
    assert decide({"iteration_1": 0.5, "iteration_2": 0.49}, 0.02).why.startswith("it is the last iteration, ")


def with_scores(job: Job, *precisions: float) -> Job:
    for number, precision in enumerate(precisions, start=1):
        path = job.root / f"data/metrics/evaluator/iteration_{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"precision": precision}))
    return job


def test_the_evaluators_metrics_decide_the_accepted_iteration(make_job: MakeJob) -> None:
    assert accepted_iteration(with_scores(make_job("refined_pairs"), 0.5, 0.4)) == "iteration_1"


def test_the_tolerance_is_a_setting(make_job: MakeJob, settings: Settings) -> None:
    lenient = settings.refined_pairs.model_copy(update={"max_precision_fall": 0.2})
    assert accepted_iteration(with_scores(make_job("refined_pairs", refined_pairs=lenient), 0.5, 0.4)) == "iteration_2"


def test_a_missing_metrics_file_is_named(make_job: MakeJob) -> None:
    with pytest.raises(InputError, match=r"iteration_2.json does not exist: .* run `make graph`"):
        accepted_iteration(with_scores(make_job("refined_pairs"), 0.5))
