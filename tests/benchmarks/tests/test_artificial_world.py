"""The planted world's recorded truth is correct, and the filter accepts its languages."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from stages.filtered_text.stage import transform
from stages.params import Settings, load_settings
from stages.seed_pairs.seed_files import OF_LINE, OF_TRANSLATION
from stages.seed_pairs.settings import SeedPairs
from stages.seed_pairs.stage import transform as split_seeds
from tests.benchmarks import planted_world
from tests.benchmarks.artificial_world import DEFECTS, SENTENCES, TONGUES, Tongue, Topic, World, write_world
from tests.benchmarks.project_copy import merged
from tests.conftest import ROOT
from x_instruction.language.identification import in_language, is_english
from x_instruction.language.names import load_names
from x_instruction.language.settings import load_language
from x_instruction.pages.main_text import extract_page

WORLD = World(concepts=6, families=3, languages=2)
TOPIC = Topic("looks", "lantern")


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_world(WORLD, folder / "data", folder / "languages")
    return folder / "languages"


def response(topic: Topic, tongue: Tongue, seed: int = 1) -> str:
    return " ".join(WORLD.response(topic, tongue, random.Random(seed)))


@pytest.mark.parametrize("tongue", TONGUES, ids=lambda tongue: tongue.code)
def test_a_response_states_the_facts_of_its_topic(tongue: Tongue) -> None:
    words = response(TOPIC, tongue).lower().split()
    facts = WORLD.facts(TOPIC, tongue)
    assert len(facts) == SENTENCES and set(facts) <= set(words)


@pytest.mark.parametrize("tongue", TONGUES, ids=lambda tongue: tongue.code)
def test_every_sentence_names_the_concept_so_any_part_of_a_text_can_be_rated(tongue: Tongue) -> None:
    sentences = WORLD.response(TOPIC, tongue, random.Random(1))
    assert all(tongue.lexicon["noun lantern"] in sentence.lower() for sentence in sentences)


@pytest.mark.parametrize("tongue", TONGUES, ids=lambda tongue: tongue.code)
def test_no_word_has_two_meanings(tongue: Tongue) -> None:
    assert len({*tongue.lexicon.values(), *tongue.stop_words}) == len(tongue.lexicon) + len(tongue.stop_words)


def test_an_instruction_determines_its_topic() -> None:
    for topic in WORLD.topics:
        assert {WORLD.topic_of(topic.instruction(wording)) for wording in range(3)} == {topic}
    assert WORLD.topic_of("Describe the sea.") is None


def test_instructions_are_identified_as_english() -> None:
    instructions = pl.Series([topic.instruction(wording) for topic in World().topics for wording in range(2)])
    assert is_english(instructions).mean() > 0.97  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["good", *DEFECTS])
def test_the_world_has_every_kind_of_page(kind: str) -> None:
    assert kind in {page[1] for page in WORLD.pages(TONGUES[0])}


def test_a_defective_page_differs_from_the_good_page() -> None:
    pages = list(WORLD.pages(TONGUES[0]))
    assert len({text for _, _, _, text in pages}) == len(pages)


def test_a_page_shows_its_text_and_not_its_topic(tmp_path: Path) -> None:
    write_world(WORLD, tmp_path, tmp_path / "languages")
    tongue = TONGUES[0]
    for name, _, _, text in WORLD.pages(tongue):
        html = (tmp_path / "web" / tongue.code / f"{name}.html").read_text()
        assert extract_page(html).text.split() == text.split()


def test_every_seed_topic_has_a_good_page() -> None:
    topics = {topic for _, kind, topic, _ in WORLD.pages(TONGUES[0]) if kind == "good"}
    assert {WORLD.topic_of(row["instruction"]) for row in WORLD.seeds(TONGUES[0])} <= topics


def test_every_concept_is_taught(tmp_path: Path) -> None:
    world = World()
    write_world(WORLD, tmp_path, tmp_path / "languages")
    chosen = merged(
        load_settings(ROOT / "params.yaml").seed_pairs.model_dump(), planted_world.settings(world)["seed_pairs"]
    )
    seeds = pl.DataFrame(world.seeds(TONGUES[0])).with_columns(
        *(pl.lit("").alias(name) for name in ("translator", "source", *OF_TRANSLATION, *OF_LINE)),
        origin=pl.lit("native"),
        measure_only=pl.lit(False),
    )
    kept = split_seeds(seeds, SeedPairs.model_validate(chosen), load_language("xa", tmp_path / "languages")).kept
    topics = [world.topic_of(text) for text in kept.filter(pl.col("split") == "train")["instruction"]]
    assert {topic and topic.concept for topic in topics} == {topic.concept for topic in world.topics}


def test_the_languages_are_identified(languages: Path) -> None:
    for tongue in WORLD.tongues:
        texts = pl.Series([response(TOPIC, other) for other in WORLD.tongues])
        expected = [other is tongue for other in WORLD.tongues]
        assert in_language(texts, load_language(tongue.code, languages)).to_list() == expected


def test_the_settings_of_the_world_are_valid_and_keep_the_other_settings(tmp_path: Path) -> None:
    planted_world.make_project(tmp_path, WORLD, planted_world.settings(WORLD))
    made = load_settings(tmp_path / "params.yaml")
    assert made.languages == ["xa", "xb"]
    assert load_names(tmp_path / "languages")["xb"] == "Borian"
    assert made.decoding.top_p == load_settings(ROOT / "params.yaml").decoding.top_p


def test_the_filter_keeps_good_pages_and_drops_pages_in_another_language(languages: Path, settings: Settings) -> None:
    lenient = settings.filtered_text.model_copy(update={"min_words": 8, "max_repeated_paragraph_share": 1.0})
    texts = [*(text for _, kind, _, text in WORLD.pages(TONGUES[0]) if kind == "good"), response(TOPIC, TONGUES[1])]
    frame = pl.DataFrame({"text": texts}).with_columns(
        *(pl.lit("").alias(name) for name in ("title", "url", "source", "source_id", "date", "license", "extractor")),
        id=pl.int_range(pl.len()).cast(pl.String),
        language=pl.lit("xa"),
        record=pl.lit(0),
    )
    split = transform(frame, lenient, load_language("xa", languages))
    assert split.kept.height == len(texts) - 1
    assert split.dropped["reason"].to_list() == ["wrong_language"]
