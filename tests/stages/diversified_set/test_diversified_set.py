"""The released set: without evaluation prompts, and drawn evenly from kinds of instruction."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from stages.diversified_set.clusters import cluster, draw_evenly, embed
from stages.diversified_set.settings import DiversifiedSet
from stages.diversified_set.stage import transform
from tests.conftest import ROOT
from x_instruction.language.settings import load_language
from x_instruction.words.shared_ngrams import Ngrams, evaluation_ngrams

FINNISH = load_language("fi", ROOT / "languages")
PROMPT = "How do you remove a fresh coffee stain from a white shirt?"
COOKING = [
    "Write a recipe for chicken soup.",
    "Tell me how to cook a chicken soup.",
    "Describe how to make soup from a chicken.",
    "Give me a simple recipe for chicken soup with noodles.",
]
FOOTBALL = [
    "Who won the football match yesterday?",
    "Summarise yesterday's football match.",
    "Write a report of the football match.",
    "Explain how the football team won its match.",
]


def clustered(*sizes: int) -> pl.DataFrame:
    """Clusters of the given sizes. The first row of a cluster has its highest rating."""
    rows = [
        {"id": f"{number}-{place:02d}", "cluster": number, "rating": 1 - place / 100}
        for number, size in enumerate(sizes)
        for place in range(size)
    ]
    return pl.DataFrame(rows)


def drawn(frame: pl.DataFrame, pairs: int) -> dict[int, int]:
    counts = Counter(draw_evenly(frame, pairs).filter("drawn")["cluster"])
    return dict(sorted(counts.items()))


@pytest.mark.parametrize(
    ("sizes", "pairs", "expected"),
    [
        ((9, 9, 9), 6, {0: 2, 1: 2, 2: 2}),
        ((1, 9, 9), 7, {0: 1, 1: 3, 2: 3}),
        ((2, 2), 9, {0: 2, 1: 2}),
        ((9,), 3, {0: 3}),
        ((5, 5), 1, {0: 1}),
    ],
)
def test_the_draw_has_the_right_size_and_is_as_even_as_possible(
    sizes: tuple[int, ...], pairs: int, expected: dict[int, int]
) -> None:
    assert drawn(clustered(*sizes), pairs) == expected


def test_the_best_rated_pairs_of_a_cluster_are_drawn() -> None:
    assert draw_evenly(clustered(4, 4), 4).filter("drawn")["id"].sort().to_list() == ["0-00", "0-01", "1-00", "1-01"]


@pytest.mark.parametrize("seed", range(3))
def test_the_draw_does_not_depend_on_the_order_of_rows(seed: int) -> None:
    frame = clustered(3, 4, 5).with_columns(rating=pl.lit(0.5))
    assert draw_evenly(frame, 5).equals(draw_evenly(frame.sample(fraction=1, shuffle=True, seed=seed), 5))


def test_similar_instructions_share_a_cluster() -> None:
    numbers = cluster(embed([*COOKING, *FOOTBALL]), 2, seed=1)
    assert len(set(numbers[:4])) == len(set(numbers[4:])) == 1
    assert numbers[0] != numbers[4]


def test_equal_instructions_share_a_cluster_even_if_there_could_be_more() -> None:
    numbers = cluster(embed([COOKING[0], COOKING[0], FOOTBALL[0]]), 9, seed=1)
    assert numbers[0] == numbers[1] != numbers[2]


def ngrams(size: int) -> Ngrams:
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        json.dump({"prompt": PROMPT}, file)
        file.flush()
        return evaluation_ngrams([Path(file.name)], size, FINNISH)


def released(*instructions: str, pairs: int = 4) -> tuple[list[str], dict[str, str]]:
    """The kept instructions, and the reason of each dropped one."""
    frame = pl.DataFrame({"id": [f"{n}" for n in range(len(instructions))], "instruction": instructions}).with_columns(
        response=pl.lit("vastaus"), url=pl.lit("u"), rating=pl.lit(0.5)
    )
    settings = DiversifiedSet(clusters=2, pairs=pairs, decontaminate_against=[], ngram=8)
    split = transform(frame, settings, ngrams(8), FINNISH, seed=1)
    assert split.kept.columns == ["id", "instruction", "response", "url", "rating", "cluster"]
    reasons = dict(zip(split.dropped["id"], split.dropped["reason"], strict=True))
    return split.kept["instruction"].to_list(), {instructions[int(n)]: reason for n, reason in reasons.items()}


def test_the_set_is_clean_and_even() -> None:
    kept, dropped = released(*COOKING, *FOOTBALL[:2], PROMPT)
    assert (len(set(kept) & set(COOKING)), set(kept) & set(FOOTBALL)) == (2, set(FOOTBALL[:2]))
    assert dropped[PROMPT] == "evaluation_overlap"
    assert sorted(dropped.values()) == ["cluster_full", "cluster_full", "evaluation_overlap"]


def test_an_evaluation_prompt_in_the_response_is_found_too() -> None:
    frame = pl.DataFrame(
        {"id": ["a"], "instruction": [COOKING[0]], "response": [PROMPT], "url": ["u"], "rating": [0.5]}
    )
    settings = DiversifiedSet(clusters=2, pairs=4, decontaminate_against=[], ngram=4)
    split = transform(frame, settings, ngrams(4), FINNISH, 1)
    assert split.dropped["value"].item() == "how do you remove"


def test_a_set_of_evaluation_prompts_is_dropped_whole() -> None:
    assert released(PROMPT) == ([], {PROMPT: "evaluation_overlap"})
