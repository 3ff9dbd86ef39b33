"""The benchmark planted_world counts right and wrong pairs correctly on pages whose content is written by hand."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest

from tests.benchmarks.artificial_world import TONGUES, Topic, World
from tests.benchmarks.planted_world import DATA, content_accuracy, kept_rightly, named_rightly

WORLD = World(concepts=4, families=2, languages=1)
TONGUE = TONGUES[0]
RIGHT, WRONG = Topic("looks", "lantern"), Topic("making", "basket")
# For each page, its kind and its candidate pair's text and topic. The filter dropped "lost", so this page has no pair.
PAGES = {
    "named": ("good", "Tona kala.", RIGHT),
    "misnamed": ("good", "Tona kala.", WRONG),
    "lost": ("good", None, RIGHT),
    "whole_sentences": ("cut", "Tona kala.", RIGHT),
    "cut": ("cut", "Tona ka", RIGHT),
    "repeated": ("repeated", "Tona kala.", RIGHT),
}


def write(project: Path, artifact: str, rows: list[dict[str, str]]) -> None:
    folder = project / "data" / artifact / TONGUE.code
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows).write_parquet(folder / "part-00000.parquet")


def pair(name: str) -> dict[str, str]:
    _, text, topic = PAGES[name]
    source = f"{DATA}/web/{TONGUE.code}/{name}.html"
    return {"source": source, "instruction": topic.instruction(0), "response": text or ""}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    truth = [
        {"page": f"{TONGUE.code}/{name}.html", "kind": kind, "family": RIGHT.family, "concept": RIGHT.concept}
        for name, (kind, _, _) in PAGES.items()
    ]
    (tmp_path / DATA).mkdir(parents=True)
    (tmp_path / DATA / "truth.jsonl").write_text("".join(json.dumps(row) + "\n" for row in truth))
    write(tmp_path, "candidate_pairs", [pair(name) for name in PAGES if name != "lost"])
    return tmp_path


def test_good_pages_with_the_right_instruction_count_and_dropped_pages_are_wrong(project: Path) -> None:
    assert named_rightly(project, WORLD) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("kept", "good", "of_good_pages"),
    [
        (["named"], 1, 1),
        (["named", "misnamed"], 1 / 2, 1 / 2),
        (["named", "whole_sentences"], 1, 1 / 2),
        (["named", "cut"], 1 / 2, 1 / 2),
        (["named", "whole_sentences", "repeated"], 2 / 3, 1 / 3),
    ],
)
def test_kept_pairs_are_counted_with_and_without_whole_sentences_of_cut_pages(
    project: Path, kept: list[str], good: float, of_good_pages: float
) -> None:
    write(project, "refined_pairs", [pair(name) for name in kept])
    found = kept_rightly(project, WORLD)
    assert (found.good, found.of_good_pages) == pytest.approx((good, of_good_pages))
    assert (found.pairs, found.candidates) == (len(kept), 2)


def test_an_answer_is_scored_by_the_facts_of_its_topic(project: Path) -> None:
    right, wrong = (" ".join(WORLD.response(topic, TONGUE, random.Random(1))) for topic in (RIGHT, WRONG))
    rows = [
        {"model": model, "kind": kind, "language": TONGUE.code, "instruction": RIGHT.instruction(2), "response": text}
        for model, kind, text in (
            ("tuned", "held_out", right),
            ("tuned", "held_out", wrong),
            ("tuned", "open", right),  # only held-out questions count
            ("base", "held_out", ""),
        )
    ]
    write(project, "eval_scores", rows)
    assert content_accuracy(project, WORLD, "tuned") == pytest.approx(1 / 2)
    assert content_accuracy(project, WORLD, "base") == 0
