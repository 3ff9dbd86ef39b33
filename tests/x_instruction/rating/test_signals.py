"""The signals of a pair are computed from its response, from vectors, and from likelihoods of its instruction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from stages.params import Settings
from tests.conftest import ROOT
from x_instruction.embeddings.similarity import SIMILARITIES, Similarity
from x_instruction.embeddings.vectors import VECTORS
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.language.names import load_names
from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.prompts import PromptEncoder
from x_instruction.rating.likelihoods import LIKELIHOOD_COLUMNS, LIKELIHOODS, add_likelihoods, compared
from x_instruction.rating.signals import SIGNALS, add_signals, without_fit
from x_instruction.rating.surface import SURFACE, add_surface_signals
from x_instruction.runner.job import Job

PAGES = ROOT / "languages"
LANGUAGES = list(load_names(PAGES))
FINNISH = (
    "Leipä paistetaan kuumassa uunissa noin tunnin ajan. Se jäähtyy sitten liinan alla pöydällä yön yli! "
    "Aamulla se syödään voin ja juuston kanssa."
)
URDU = "روٹی تندور میں پکائی جاتی ہے۔ وہ کپڑے کے نیچے ٹھنڈی ہوتی ہے۔ پھر ہم اسے مکھن کے ساتھ کھاتے ہیں۔"
THAI = "ขนมปังอบในเตาจนหอม แล้วพักไว้ใต้ผ้าให้เย็นลง จากนั้นจึงกินกับเนย"


def frame(*rows: tuple[str, str]) -> pl.DataFrame:
    schema = ["language", "response"]
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(instruction=pl.lit("Tell of bread."))


def signals(language: str, response: str) -> dict[str, float]:
    return add_surface_signals(frame((language, response)), PAGES).select(SURFACE).row(0, named=True)


@pytest.mark.parametrize(("language", "text"), [("fi", FINNISH), ("ur", URDU), ("th", THAI)])
def test_all_signals_of_a_good_text_are_0(language: str, text: str) -> None:
    assert set(signals(language, text).values()) == {0.0}


@pytest.mark.parametrize("language", LANGUAGES)
def test_most_signals_of_the_samples_seeds_are_0(language: str) -> None:
    seeds = pl.read_ndjson(ROOT / "data" / "sample" / "seeds" / f"{language}.jsonl")
    found = add_surface_signals(seeds.select(pl.lit(language).alias("language"), "response"), PAGES)
    assert found.select(pl.col(SURFACE).median()).row(0) == (0.0, 0.0, 0.0, 0.0)
    assert found["other_language_share"].mean() < 0.03  # type: ignore[operator]


@pytest.mark.parametrize(
    ("response", "share"),
    [
        ("Leipä paistetaan uunissa. Leipä paistetaan uunissa.", 0.5),
        ("Leipä paistetaan uunissa. LEIPÄ  paistetaan uunissa!", 0.5),  # case, spaces and punctuation are ignored
        ("Leipä paistetaan uunissa.\nLeipä paistetaan uunissa.\nLeipä paistetaan uunissa.", 2 / 3),
        ("Leipä on hyvää. Leipä on. Leipä on.", 0.0),  # a sentence this short may occur twice
    ],
)
def test_the_repeated_share_is_a_share_of_the_characters(response: str, share: float) -> None:
    assert signals("fi", response)["repeated_share"] == pytest.approx(share)


def test_a_sentence_of_another_text_is_not_repeated() -> None:
    assert add_surface_signals(frame(("fi", FINNISH), ("fi", FINNISH)), PAGES)["repeated_share"].to_list() == [0, 0]


@pytest.mark.parametrize(
    "notices",
    ["Kirjaudu. Luo tili. Jaa tämä. Seuraa meitä.", "Kirjaudu\nLuo tili\nJaa\nSeuraa", "Kirjaudu | Luo | Jaa | Seuraa"],
)
def test_notices_are_a_run_of_short_items(notices: str) -> None:
    assert signals("fi", f"{FINNISH} {notices}")["short_run"] >= 4


def test_separated_notices_are_not_a_run() -> None:
    assert signals("fi", f"Kirjaudu. {FINNISH} Luo tili.")["short_run"] == 1


@pytest.mark.parametrize(
    ("language", "response", "open_end"),
    [
        ("fi", "Leipä paistetaan uunis", 1),
        ("fi", 'Hän sanoi: "Leipä paistetaan."', 0),
        ("ur", URDU[:-6], 1),
        ("hi", "रोटी बनती है।", 0),
        ("th", "ขนมปังอบในเตา", 0),  # Thai does not mark sentence ends
        ("fi", "", 1),
    ],
)
def test_a_text_that_does_not_end_like_a_sentence_has_an_open_end(language: str, response: str, open_end: int) -> None:
    assert signals(language, response)["open_end"] == open_end


def test_the_share_of_another_language_is_a_share_of_the_characters() -> None:
    swahili = "Mkate huokwa katika tanuri la moto kisha huachwa upoe chini ya kitambaa safi."
    half = signals("fi", f"{FINNISH} {swahili}")["other_language_share"]
    assert 0.3 < half < 0.7
    assert signals("fi", swahili)["other_language_share"] == 1.0


def test_rows_of_several_languages_keep_their_order() -> None:
    rows = [("ur", URDU), ("fi", FINNISH), ("ur", URDU[:-6]), ("fi", FINNISH[:-4])]
    found = add_surface_signals(frame(*rows), PAGES)
    assert found.select("language", "response").rows() == rows
    assert found["open_end"].to_list() == [0, 0, 1, 1]


def test_a_frame_without_rows_gets_the_columns() -> None:
    found = add_surface_signals(frame(("fi", FINNISH)).clear(), PAGES)
    assert found.is_empty() and set(SURFACE) < set(found.columns)


@pytest.fixture
def likelihoods(taught_model: Path, settings: Settings) -> pl.DataFrame:
    """Likelihoods from a model that learned to answer "one" with "uno, dos, tres" and "three" with "kissa istuu"."""
    prompts = settings.prompts.model_copy(
        update={"write_instruction": "<|instruction|>{response}<|response|>", "chat_template": False}
    )
    pairs = pl.DataFrame(
        {
            "language": ["fi"] * 3,
            "instruction": ["kissa istuu", "kissa istuu", "uno, dos, tres"],
            "response": ["three", "one", "three"],
        }
    )
    with LazyEngine(taught_model, settings.text_generation, 1) as engine:
        return add_likelihoods(pairs, engine, prompts, 2, PAGES)


def test_a_responses_own_instruction_is_likelier_than_another(likelihoods: pl.DataFrame) -> None:
    right, *wrong = likelihoods["likelihood"]
    assert all(other < right - 1 for other in wrong)


def test_a_response_of_one_sentence_has_no_parts(likelihoods: pl.DataFrame) -> None:
    assert likelihoods["part_likelihood"].to_list() == pytest.approx(likelihoods["likelihood"].to_list(), abs=1e-5)


class LengthEngine:
    """An engine for which the likelihood of a completion is the negative length of its prompt."""

    def __init__(self, tokenizer: object) -> None:
        self.tokenizer = tokenizer
        self.prompts: list[list[int]] = []
        self.completions: list[list[int]] = []
        self.context = 1000

    def room(self, tokens: int) -> int:
        return self.context - tokens

    def likelihood(self, prompts: list[list[int]], completions: list[list[int]]) -> list[float]:
        self.prompts, self.completions = prompts, completions
        return [-float(len(prompt)) for prompt in prompts]


@pytest.fixture
def engine(taught_model: Path) -> LengthEngine:
    return LengthEngine(load_tokenizer(taught_model))


@pytest.mark.parametrize(
    ("sentences", "parts"),
    [
        (1, []),
        (2, ["0.", "1."]),
        (3, ["0.", "1.", "2."]),
        (4, ["0. 1.", "2. 3."]),
        (5, ["0. 1.", "2. 3.", "4."]),
        (7, ["0. 1. 2.", "3. 4. 5.", "6."]),
    ],
)
def test_parts_are_whole_sentences(sentences: int, parts: list[str], engine: LengthEngine, settings: Settings) -> None:
    response = " ".join(f"{number}." for number in range(sentences))
    add_likelihoods(frame(("fi", response)), engine, settings.prompts, 2, PAGES)  # type: ignore[arg-type]
    encoder = PromptEncoder(engine.tokenizer, settings.prompts)
    assert engine.prompts == [
        encoder.write_instruction(text) for text in (response, *parts, "")
    ]  # the last text is empty, because there is no other text


def test_the_part_likelihood_is_the_lowest_of_the_parts(engine: LengthEngine, settings: Settings) -> None:
    rows = [("ur", URDU), ("fi", "Lyhyt. Tämä on pisin lauseista. Keskimmäinen."), ("fi", "Yksi lause.")]
    found = add_likelihoods(frame(*rows), engine, settings.prompts, 2, PAGES)  # type: ignore[arg-type]
    *lengths, urdu, finnish = [-float(len(prompt)) for prompt in engine.prompts]  # the last two prompts have no text
    assert found["likelihood"].to_list() == lengths[:3]
    assert found["part_likelihood"].to_list() == [min(lengths[3:6]), min(lengths[6:9]), lengths[2]]
    assert found["other_likelihood"].to_list() == [urdu, finnish, finnish]


def test_the_likelihood_is_compared_with_its_mean_after_other_texts_of_the_language(
    engine: LengthEngine, settings: Settings
) -> None:
    rows = [("fi", f"{'a' * number}.") for number in (1, 5, 20)]
    pairs = frame(*rows, ("ur", URDU)).with_columns(instruction=pl.Series(["A.", "B.", "C.", "D."]))
    found = add_likelihoods(pairs, engine, settings.prompts, 2, PAGES)  # type: ignore[arg-type]
    # Every additional byte of a text makes the prompt one token longer. The Urdu text has no other text to be
    # compared with, so an empty one is used.
    differences = [(5 + 20) / 2 - 1, (1 + 20) / 2 - 5, (1 + 5) / 2 - 20, -len(URDU.encode()) + 0]
    assert compared(found, 1.0)["likelihood"].to_list() == differences
    halves = (found["likelihood"] - found["other_likelihood"] / 2).to_list()
    assert compared(found, 0.5)["likelihood"].to_list() == halves
    assert compared(found, 0.0).equals(found) and found.columns == [*pairs.columns, *LIKELIHOOD_COLUMNS]


def test_an_instruction_is_scored_once_after_other_texts(engine: LengthEngine, settings: Settings) -> None:
    pairs = frame(*[("fi", f"{'a' * number}.") for number in range(6)])
    pairs = pairs.with_columns(instruction=pl.Series(["A.", "A.", "B.", "B.", "C.", "C."]))
    add_likelihoods(pairs, engine, settings.prompts, 2, PAGES)  # type: ignore[arg-type]
    encoder = PromptEncoder(engine.tokenizer, settings.prompts)
    firsts = [encoder.write_instruction(f"{'a' * number}.") for number in (0, 2, 4)]
    assert engine.prompts[6:] == [firsts[n] for n in (1, 2, 2, 0, 0, 1)]


@pytest.mark.parametrize("response", ["Leipä paistetaan.\n\n", "\n Leipä paistetaan.", "Leipä paistetaan."])
def test_an_empty_line_is_not_a_part(response: str, engine: LengthEngine, settings: Settings) -> None:
    add_likelihoods(frame(("fi", response)), engine, settings.prompts, 2, PAGES)  # type: ignore[arg-type]
    assert len(engine.prompts) == 2  # the instruction is scored once with the response and once without it


def test_no_model_is_loaded_unless_a_signal_needs_it(
    make_job: Callable[..., Job], settings: Settings, tmp_path: Path
) -> None:
    def job(*names: str) -> Job:
        """A job in a project without models."""
        return make_job("evaluator", rating=settings.rating.model_copy(update={"signals": names}))

    pairs = frame(("fi", FINNISH))
    assert add_signals(pairs, job(), tmp_path).equals(pairs)
    assert set(add_signals(pairs, job("open_end"), tmp_path).columns) == {*pairs.columns, *SURFACE}
    assert set(SIGNALS) == {*SIMILARITIES, *LIKELIHOODS, *SURFACE}


def test_similarities_come_from_the_means_in_the_evaluators_folder(
    make_job: Callable[..., Job], settings: Settings, tmp_path: Path
) -> None:
    rating = settings.rating.model_copy(update={"signals": ("similarity",)})
    vector = np.zeros(384, np.float32)
    Similarity({"fi.instructions": vector, "fi.responses": vector}).write(tmp_path)
    pairs = frame(("fi", FINNISH), ("fi", "Joukkue voitti ottelun vieraskentällä."))
    found = add_signals(pairs, make_job("evaluator", rating=rating), tmp_path)
    assert found.columns == [*pairs.columns, *SIMILARITIES]
    assert found["similarity"][0] > found["similarity"][1] + 0.02
    known = pairs.with_columns(pl.lit(np.ones(384, np.float16).tobytes()).alias(name) for name in VECTORS)
    again = add_signals(known, make_job("evaluator", rating=rating), tmp_path)
    assert again["similarity"].to_list() == pytest.approx([1.0, 1.0])  # the stored, equal vectors are used


def test_a_response_is_cut_to_leave_room_for_its_instruction_and_one_more_token(
    engine: LengthEngine, settings: Settings
) -> None:
    engine.context = 150
    pairs = frame(("th", THAI * 4), ("fi", "Yksi lause.")).with_columns(
        instruction=pl.Series(["Tell.", "Tell me " * 12])
    )
    add_likelihoods(pairs, engine, settings.prompts, 2, PAGES)  # type: ignore[arg-type]
    lengths = [len(prompt) + len(end) for prompt, end in zip(engine.prompts, engine.completions, strict=True)]
    assert 140 < max(lengths) <= 149  # a Thai character, which has three tokens, is not divided
    before = engine.prompts[0]
    shorter = pairs.with_columns(instruction=pl.lit("Tell."))
    add_likelihoods(shorter, engine, settings.prompts, 2, PAGES)  # type: ignore[arg-type]
    assert engine.prompts[0] == before  # the instruction of another pair has no effect


def test_similarities_and_likelihoods_of_an_open_instruction_are_null() -> None:
    pairs = pl.DataFrame({"instruction": ["Write a text.", "Tell of bread."], "similarity": [0.1, 0.2]}).with_columns(
        likelihood=pl.lit(-1.0), repeated_share=pl.lit(0.5)
    )
    found = without_fit(pairs, ["Write a text."])
    assert found["similarity"].to_list() == [None, 0.2] and found["likelihood"].to_list() == [None, -1.0]
    assert found["repeated_share"].to_list() == [0.5, 0.5]
    assert without_fit(pairs, []).equals(pairs)
