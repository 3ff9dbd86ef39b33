"""The resume benchmark plans its kills from the times of an undisturbed run, so that each kill hits a running stage."""

from __future__ import annotations

import random

import pytest

from tests.benchmarks.resume import KILLS, LAST_SECONDS, moments

TIMES = [0.0, 9.0, 10.0, 12.0, 20.0]  # three shards end at 9, 10 and 12 s, the run at 20 s


@pytest.mark.parametrize("seed", range(20))
def test_each_moment_is_before_the_next_shard_of_the_undisturbed_run(seed: int) -> None:
    drawn = moments(TIMES, random.Random(seed))
    assert len(drawn) == KILLS and drawn == sorted(drawn)
    for shards, seconds in drawn:
        assert 0 <= seconds <= TIMES[shards + 1] - TIMES[shards]
    assert drawn[-1][1] + TIMES[drawn[-1][0]] <= TIMES[-1] - LAST_SECONDS


def test_kills_are_spread_over_the_whole_run() -> None:
    reached = {shards for seed in range(20) for shards, _ in moments(TIMES, random.Random(seed))}
    assert reached == {0, 1, 2, 3}
