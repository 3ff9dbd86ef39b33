"""The sample has 40 seeds per language, and 30 more in Swahili that are only for measuring. No split shares any."""

from __future__ import annotations

import json
import re
from itertools import combinations

import polars as pl
import pytest

from stages.params import load_settings
from stages.seed_pairs.seed_files import read_seeds
from stages.seed_pairs.stage import transform
from tests.conftest import ROOT
from x_instruction.language.identification import identify, is_english
from x_instruction.language.length import word_count
from x_instruction.language.names import load_names
from x_instruction.language.settings import load_language
from x_instruction.runner.shards import Split

LANGUAGES = list(load_names(ROOT / "languages"))
COMMON, MIN_CHARACTERS, MAX_CHARACTERS = 10, 100, 800
PAIRS = dict.fromkeys(LANGUAGES, 40) | {"sw": 70}


@pytest.fixture(scope="module")
def splits() -> dict[str, Split]:
    """The stage's result for each language's seed file, with the settings of params.yaml."""
    settings = load_settings(ROOT / "params.yaml").seed_pairs
    pages = {code: load_language(code, ROOT / "languages") for code in LANGUAGES}
    return {
        code: transform(read_seeds(ROOT, settings.sources[0], code), settings, page) for code, page in pages.items()
    }


@pytest.fixture(scope="module")
def seeds(splits: dict[str, Split]) -> pl.DataFrame:
    return pl.concat(split.kept for split in splits.values())


@pytest.fixture(scope="module")
def instructions(seeds: pl.DataFrame) -> list[str]:
    return sorted(set(seeds["instruction"]))


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+", text.lower()))


def similarity(first: str, second: str) -> float:
    """Jaccard similarity of two instructions' words."""
    return len(words(first) & words(second)) / len(words(first) | words(second))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_pair_of_a_language_is_kept(splits: dict[str, Split], language: str) -> None:
    assert splits[language].dropped["reason"].to_list() == []
    assert splits[language].kept.height == PAIRS[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_responses_are_in_the_language_and_its_script(splits: dict[str, Split], language: str) -> None:
    page, responses = load_language(language, ROOT / "languages"), splits[language].kept["response"]
    assert set(identify(responses, page)["judged"]) <= page.accepted
    letters, script = (responses.str.count_matches(rf"\p{{{kind}}}") for kind in ("L", page.script))
    marks = responses.str.count_matches(r"\p{M}")
    assert ((script / (letters + marks)) > 0.95).all()


@pytest.mark.parametrize("language", LANGUAGES)
def test_responses_have_20_to_120_words(splits: dict[str, Split], language: str) -> None:
    page, seeds = load_language(language, ROOT / "languages"), splits[language].kept
    assert seeds.select(word_count(page, "response")).to_series().is_between(20, 120).all()
    assert seeds["response"].str.len_chars().is_between(MIN_CHARACTERS, MAX_CHARACTERS).all()


def test_languages_share_ten_instructions_and_the_others_are_in_one_language(seeds: pl.DataFrame) -> None:
    languages = seeds.group_by("instruction").agg(pl.col("language").n_unique())["language"]
    assert languages.value_counts().sort("language").rows() == [
        (1, sum(pairs - COMMON for pairs in PAIRS.values())),
        (len(LANGUAGES), COMMON),
    ]


def test_at_least_340_of_430_instructions_are_different(seeds: pl.DataFrame) -> None:
    assert seeds.height == 430
    assert seeds["instruction"].n_unique() >= 340
    assert seeds["response"].n_unique() == 430


def test_instructions_are_complete_english_sentences(instructions: list[str]) -> None:
    assert is_english(pl.Series(instructions)).all()
    assert [text for text in instructions if not re.fullmatch(r"[A-Z][^\n]{10,150}[.?]", text)] == []


def test_no_two_instructions_are_nearly_the_same(instructions: list[str]) -> None:
    prompts = [json.loads(line)["prompt"] for line in (ROOT / "data/sample/eval_prompts.jsonl").open(encoding="utf-8")]
    pairs = combinations([*instructions, *prompts], 2)
    assert [pair for pair in pairs if similarity(*pair) > 0.5] == []


def test_no_instruction_is_in_two_splits_over_all_languages(seeds: pl.DataFrame) -> None:
    assert seeds.group_by("instruction").agg(pl.col("split").n_unique())["split"].max() == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_enough_pairs_in_every_split(splits: dict[str, Split], language: str) -> None:
    counts = dict(splits[language].kept.group_by("split").len().iter_rows())
    # params.yaml plans half of the seeds for training, three tenths for measuring and a fifth for calibration.
    assert counts["train"] >= 16 and counts["held_out"] >= 8 and counts["calibration"] >= 5
    assert counts["train"] <= 28  # similar numbers, so that a small model answers no language in another one
