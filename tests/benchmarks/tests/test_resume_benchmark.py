"""The benchmark of kills draws its moments from a run's own course, so that the run is still at work at each."""

from __future__ import annotations

import random

import pytest

from tests.benchmarks.resume import KILLS, LAST_SECONDS, moments

COURSE = [0.0, 9.0, 10.0, 12.0, 20.0]  # three shards: the first after loading, the gate after the last


@pytest.mark.parametrize("seed", range(20))
def test_each_moment_is_before_the_next_shard_of_the_undisturbed_run(seed: int) -> None:
    drawn = moments(COURSE, random.Random(seed))
    assert len(drawn) == KILLS and drawn == sorted(drawn)
    for shards, seconds in drawn:
        assert 0 <= seconds <= COURSE[shards + 1] - COURSE[shards]
    assert drawn[-1][1] + COURSE[drawn[-1][0]] <= COURSE[-1] - LAST_SECONDS


def test_all_of_the_run_is_met() -> None:
    met = {shards for seed in range(20) for shards, _ in moments(COURSE, random.Random(seed))}
    assert met == {0, 1, 2, 3}
