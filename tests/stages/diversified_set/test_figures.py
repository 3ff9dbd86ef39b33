"""The figures of a draw (clusters, distinct n-grams, neighbour distances, task types) are right."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from stages.diversified_set import figures
from stages.diversified_set.figures import distinct, diversity, nearest_neighbour_distance
from stages.diversified_set.task_types import parsed, task_types
from tests.stages.diversified_set.test_near_identical import angles


def words(*texts: str) -> pl.Series:
    return pl.Series([text.split() for text in texts], dtype=pl.List(pl.String))


def test_distinct_words_and_pairs_of_words_are_shares_of_all() -> None:
    texts = words("a b a b", "a c")
    assert distinct(texts, 1) == 3 / 6
    assert distinct(texts, 2) == 3 / 4  # the pairs are ab, ba, ab and ac; none spans both texts
    assert distinct(words("", "a"), 2) == 0.0


def test_the_distance_to_the_nearest_neighbour_is_one_minus_the_cosine(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = angles(0, 60, 180)
    expected = 1 - np.cos(np.radians([60, 60, 120])).mean()
    assert nearest_neighbour_distance(vectors, np.arange(3)) == pytest.approx(expected, abs=1e-6)
    monkeypatch.setattr(figures, "COMPARED", 2)
    assert nearest_neighbour_distance(vectors, np.arange(3)) == pytest.approx(expected, abs=1e-6)


def test_only_drawn_pairs_count_as_neighbours() -> None:
    assert nearest_neighbour_distance(angles(0, 1, 180), np.array([0, 2])) == pytest.approx(2)
    assert nearest_neighbour_distance(angles(0, 1), np.array([0])) == 0.0


def test_the_figures_of_different_draws_differ() -> None:
    pairs = pl.DataFrame(
        {"instruction": ["Bake bread.", "Bake a bread.", "Sing a song.", "Bake bread."], "cluster": [0, 0, 1, 0]}
    )
    draws = {"drawn": np.array([True, False, True, False]), "random": np.array([True, False, False, True])}
    found = diversity(draws, pairs, angles(0, 1, 180, 0))
    assert (found["drawn"]["clusters"], found["random"]["clusters"]) == (2, 1)
    assert (found["drawn"]["task_types"], found["random"]["task_types"]) == (2, 1)
    assert found["drawn"]["distinct_1"] == 1 > found["random"]["distinct_1"]
    assert found["drawn"]["nearest_neighbour_distance"] == pytest.approx(2)
    assert found["random"]["nearest_neighbour_distance"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("Write a short formal letter to the landlord.", ("write", "letter")),
        ("Please write letters to your parents.", ("write", "letter")),
        ("Could you please give me three quick tips for saving water?", ("give", "tip")),
        ("Describe the history of Finland's parliament.", ("describe", "history")),
        ("Write a letter asking an employer for leave.", ("write", "letter")),
        ("Tell about a boy who sells tea.", ("tell", "boy")),
        ("Explain why the sky is blue.", ("explain", "why")),
        ("What is the capital of Kenya?", ("what", "capital")),
        ("What's the difference between a lake and a pond?", ("what", "difference")),
        ("Is coffee healthy?", ("is", "healthy")),
        ("How do you make rye bread?", ("how", "bread")),
        ('List 12 "cities" of Turkey', ("list", "city")),
        ("In two sentences, summarise the story.", ("summarise", "story")),
        ("Using plain words, please explain the tax.", ("explain", "tax")),
        ("In Kenya, what is the capital?", ("what", "capital")),
        ("Please, in two sentences, explain photosynthesis.", ("explain", "photosynthesis")),
        ("After baking, what is the result?", ("what", "result")),
        ("1. Write a poem", ("write", "poem")),
        ("b) Write a poem", ("write", "poem")),
        ("Sing", ("sing", "")),
        ("...", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_task_type_is_a_verb_and_a_noun(instruction: str, expected: tuple[str, str]) -> None:
    assert parsed(instruction) == expected
    assert task_types(pl.Series([instruction])).row(0) == expected
