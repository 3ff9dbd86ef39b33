"""An instruction that a model wrote is paired with its text or dropped with a reason."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from stages.candidate_pairs import stage as candidate_pairs
from stages.candidate_pairs.likeliest import LESS_LIKELY, likeliest
from stages.candidate_pairs.stage import COLUMNS, transform
from stages.params import Settings, validated
from tests.benchmarks.project_copy import merged
from tests.conftest import ROOT
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.vectors import VECTORS
from x_instruction.generation.interface import Generated, Sampling
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.rating.likelihoods import LIKELIHOOD_COLUMNS
from x_instruction.rating.signals import likelihoods_wanted, similarities_wanted
from x_instruction.runner.errors import SettingsError
from x_instruction.runner.files import digest, write_json
from x_instruction.runner.job import Job
from x_instruction.runner.manifest import table_facts, write_manifest
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.second_pass import drop_staged
from x_instruction.runner.shards import Split, write_shard

MakeJob = Callable[..., Job]

GOOD = "Explain how rye bread is baked at home."
TEXT = "Ruisleipä leivotaan hapanjuuresta, ja se paistetaan kuumassa uunissa. Explain how to do it."


def texts(count: int) -> pl.DataFrame:
    """A shard of filtered texts."""
    columns = ("id", "document_id", "language", "title", "text", "url", "source", "record")
    row = dict(zip(columns, ("t", "d", "fi", "Leipä", TEXT, "https://a.example/", "web/fi", 3), strict=True))
    row |= {"date": "2024-03-02", "license": "", "source_id": "", "extractor": "trafilatura 2.3.1"}
    return pl.DataFrame([{**row, "id": f"t{number}"} for number in range(max(count, 1))]).head(count)


def made(settings: Settings, *written: Generated | str) -> Split:
    given = [one if isinstance(one, Generated) else Generated(one, 9, "stop") for one in written]
    return transform(asked(len(given)), given, settings.candidate_pairs, settings.prompts)


def asked(count: int) -> pl.DataFrame:
    """Filtered texts with the added column `text_cut`."""
    return texts(count).with_columns(pl.Series("text_cut", [False] * count, dtype=pl.Boolean))


def test_a_pair_names_its_text_document_and_source(settings: Settings) -> None:
    row = made(settings, GOOD).kept.row(0, named=True)
    assert list(row) == [*COLUMNS, "form"]
    assert (row["instruction"], row["response"], row["text_id"], row["document_id"]) == (GOOD, TEXT, "t0", "d")
    assert (row["url"], row["source"], row["record"], row["title"]) == ("https://a.example/", "web/fi", 3, "Leipä")
    assert row["id"] == digest("fi", GOOD, TEXT)[:16]


def test_each_text_is_paired_with_its_instruction(settings: Settings) -> None:
    kept = made(settings, GOOD, "", "Describe the oven in which the bread is baked.").kept
    assert kept.select("text_id", "instruction").rows() == [
        ("t0", GOOD),
        ("t2", "Describe the oven in which the bread is baked."),
    ]


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        ("", "no_instruction"),
        ("Explain it.", "instruction_too_short"),
        ("12345 67890 12345 ???", "instruction_too_short"),
        ("Explain how the bread " * 16, "instruction_too_long"),
        ("Explain how bread is \ufffd baked.", "broken_characters"),
        ("Bread of bread of bread of bread.", "repeats_itself"),
        ("Sure! Here is an instruction: explain how bread is baked.", "preamble"),
        ("Here's a question that fits: how is bread baked?", "preamble"),
        ("I’m sorry, but I can’t write that instruction.", "refusal"),
        ("I’m unable to help with this text.", "refusal"),
        ("I apologize, but that is not possible here.", "refusal"),
        ("As a language model, that is beyond me.", "refusal"),
        ("I don't understand this language.", "refusal"),
        ("Explain how bread is baked.<eos>", "prompt_fragment"),
        ("Explain how [SEP] bread is baked.", "prompt_fragment"),
        ("Assistant: explain how rye bread is baked.", "prompt_fragment"),
        ("Q: how is rye bread baked at home?", "prompt_fragment"),
        ("(1) Describe rye bread (2) Explain its baking.", "several_instructions"),
        ("a) Describe rye bread. b) Explain how it is baked.", "several_instructions"),
        ("First instruction: bake bread. Second instruction: eat it.", "several_instructions"),
        ("I'm sorry, but I cannot write an instruction for this.", "refusal"),
        ("As an AI language model I have never baked bread.", "refusal"),
        ("I cannot help with a text of this kind.", "refusal"),
        ("Unfortunately, I do not know what is asked.", "refusal"),
        ('"I cannot help with this text."', "refusal"),
        ("「I cannot help with this text.」", "refusal"),
        ('**"I cannot help with this text."**', "refusal"),
        ("> I cannot help with this text.", "refusal"),
        ("```\nI cannot help with this text.\n```", "refusal"),
        ("Write the answer now. ### Response: here it is", "prompt_fragment"),
        ("Describe the bread. <|instruction|> Describe it.", "prompt_fragment"),
        ("Instruction: explain how rye bread is baked.", "prompt_fragment"),
        ("Describe rye bread [/INST] with care.", "prompt_fragment"),
        ("What is rye bread? How is it baked?", "several_instructions"),
        ("1. Describe rye bread. 2. Explain how it is baked.", "several_instructions"),
        ("Do these things:\n- Describe rye bread.\n- Explain its baking.", "several_instructions"),
        ("Describe rye bread.\n\nExplain how it is baked.", "several_instructions"),
        ("Kerro minulle, miten ruisleipää leivotaan kotona uunissa.", "instruction_not_english"),
        ("Explain how to do it.", "copies_response"),
        ("explain HOW to do it!", "copies_response"),
        ("Tell me, please: ruisleipä leivotaan hapanjuuresta ja se paistetaan kuumassa uunissa.", "copies_response"),
    ],
)
def test_an_unusable_instruction_is_dropped_with_its_reason(settings: Settings, instruction: str, reason: str) -> None:
    split = made(settings, instruction)
    assert split.kept.is_empty()
    assert split.dropped["reason"].to_list() == [reason]


@pytest.mark.parametrize(
    ("written", "counts"),
    [
        (f"<think>It is about bread.</think>\n\n{GOOD}", {"instructions_without_reasoning": 1}),
        (f'"{GOOD}"', {"instructions_without_quotes": 1}),
        (f"```\n{GOOD}\n```", {"instructions_without_fence": 1}),
        (f"Here is the instruction:\n{GOOD}", {"instructions_without_preface": 1}),
        (GOOD, {}),
    ],
)
def test_text_that_a_chat_model_puts_around_an_instruction_is_removed_and_counted(
    settings: Settings, written: str, counts: dict[str, int]
) -> None:
    split = made(settings, written)
    assert (split.kept["instruction"].to_list(), split.counts) == ([GOOD], counts)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (f"<think>It may be this: {GOOD}", "reasoning_unfinished"),
        (f"Option 1: {GOOD}\nOption 2: Describe it.", "two_versions"),
    ],
)
def test_an_instruction_that_cannot_be_unwrapped_is_dropped(settings: Settings, written: str, reason: str) -> None:
    dropped = made(settings, written).dropped
    assert (dropped["reason"].to_list(), dropped["value"].to_list()) == ([reason], [" ".join(written.split())])


@pytest.mark.parametrize(
    "instruction",
    [
        "Okay, so I have a dog: how do I train it?",
        "Of course you know Python! Write a hello world program.",
        "Sure-fire ways to lose weight: list three of them.",
        "Here is a question about history: who was the first president of Finland?",
        "Here's my question: why is the sky blue?",
        "Here is a writing prompt. Write a story about a dragon.",
        "How does BERT differ from GPT as a language model?",
        "I can't understand this text, please explain it in simple words.",
        "I apologize for my English, but can you explain how bread is made?",
        "I am an AI assistant developer. How do I test my bot?",
        "Compare (1) solar power and (2) wind power for a village.",
        "A. Einstein is famous for what, and what is B. Riemann known for?",
        "What does the [PAD] token do in BERT?",
        "System: describe the human digestive system.",
        "Text: messages or calls, which is better?",
        "I cannot sleep at night, what helps?",
        "I am unable to bake bread at home, what am I doing wrong?",
        "“I cannot sleep” is a song: who wrote it?",
        "What is rye bread, and how is it baked?",
        "Explain in 3 steps how rye bread is baked.",
        "Describe why rye bread takes well-kept sourdough - and time.",
        "Explain how to do it well.",
        "Calculate 15% of 500.",
        "Replace the <mask> token in the sentence with proper words.",
        "Find the false one: the earth goes round the moon, the moon round the sun, the sun round the earth.",
        "I don’t understand how to knead, what do I do wrong?",
        "I'm sorry for my friend who lost a dog, what do I say?",
        "Explain why the user should certainly see the prompt: it tells what is asked.",
        "Compare the bread of the north and the bread of the south.",
        "Choose between (a) rye bread and (b) wheat bread, and say why.",
    ],
)
def test_a_good_instruction_that_resembles_a_bad_one_is_kept(settings: Settings, instruction: str) -> None:
    assert made(settings, instruction).kept["instruction"].to_list() == [instruction]


def test_several_words_of_the_template_are_a_prompt_fragment(settings: Settings) -> None:
    prompts = settings.prompts.model_copy(update={"write_instruction": "{response}\nWhat was asked here:"})
    written = [Generated("What was asked here: how is bread baked?", 9, "stop")]
    split = transform(asked(1), written, settings.candidate_pairs, prompts)
    assert split.dropped["reason"].to_list() == ["prompt_fragment"]


def test_a_single_word_of_the_template_is_not_a_prompt_fragment(settings: Settings) -> None:
    prompts = settings.prompts.model_copy(update={"write_instruction": "{response} Explain"})
    split = transform(asked(1), [Generated(GOOD, 9, "stop")], settings.candidate_pairs, prompts)
    assert split.kept["instruction"].to_list() == [GOOD]


def sampled(settings: Settings, *written: str, texts: int = 1) -> Split:
    section = settings.candidate_pairs.model_copy(update={"samples": len(written) // texts})
    return transform(asked(texts), [Generated(one, 9, "stop") for one in written], section, settings.prompts)


def test_each_sample_of_a_text_is_a_pair(settings: Settings) -> None:
    kept = sampled(settings, GOOD, "Describe the oven.", "Describe the sourdough.", "", texts=2).kept
    assert kept.select("text_id", "sample", "instruction").rows() == [
        ("t0", 1, GOOD),
        ("t0", 2, "Describe the oven."),
        ("t1", 1, "Describe the sourdough."),
    ]


def test_equal_samples_of_a_text_are_kept_once(settings: Settings) -> None:
    split = sampled(settings, GOOD, GOOD, "Describe the oven.")
    assert (split.kept.height, split.dropped["reason"].to_list()) == (2, ["same_as_another_sample"])


def test_an_instruction_cut_at_the_token_limit_is_dropped(settings: Settings) -> None:
    assert made(settings, Generated(GOOD, 48, "length")).dropped["reason"].to_list() == ["instruction_unfinished"]


def test_a_drop_shows_the_generated_text(settings: Settings) -> None:
    assert made(settings, "Explain it.").dropped["value"].to_list() == ["Explain it."]


def test_line_breaks_in_an_instruction_become_spaces(settings: Settings) -> None:
    assert (
        made(settings, "Explain how rye\n bread  is baked.").kept["instruction"].item()
        == "Explain how rye bread is baked."
    )


def test_a_shard_without_texts_gives_a_shard_without_pairs(settings: Settings) -> None:
    split = made(settings)
    assert (split.kept.height, split.kept.columns) == (0, [*COLUMNS, "form"])


def staged(make_job: MakeJob, settings: Settings, *shards: list[str], max_similar: int) -> Job:
    """A job whose staging folder has one shard of pairs for each list of instructions."""
    section = settings.candidate_pairs.model_copy(update={"max_similar": max_similar})
    job = make_job("candidate_pairs", candidate_pairs=section)
    for number, instructions in enumerate(shards):
        written = [Generated(one, 9, "stop") for one in instructions]
        named = asked(len(written)).with_columns(pl.format("{}{}", pl.lit(f"s{number}"), "id").alias("id"))
        split = transform(named, written, section, settings.prompts)
        write_shard(split.kept, job.staging / f"part-{number:05d}.parquet")
        write_shard(split.dropped, job.staging / "__drops__" / f"part-{number:05d}.parquet")
    return job


def limited(job: Job) -> list[str]:
    limit = job.settings.candidate_pairs.max_similar
    drop_staged(job, candidate_pairs.too_similar(job, limit), temporary=["form"], text="response")
    return job.staged.table(["instruction"])["instruction"].to_list()


def test_near_identical_instructions_of_a_language_are_limited_over_all_shards(
    make_job: MakeJob, settings: Settings
) -> None:
    alike = ["Explain how bread is baked.", "Please explain how the bread is baked!", "explain how bread is baked"]
    job = staged(
        make_job, settings, [alike[0], "Describe the oven."], [*alike[1:], "Describe the bread."], max_similar=2
    )
    kept = limited(job)
    assert len(kept) == 4 and {"Describe the oven.", "Describe the bread."} < set(kept)
    assert job.staged.drop_counts() == {"similar_instructions": 1}
    assert candidate_pairs.measure(job, Outcome(rows_in=5))["most_similar"] == 2


def test_instructions_that_differ_in_a_number_are_near_identical(make_job: MakeJob, settings: Settings) -> None:
    job = staged(make_job, settings, ["Give 3 tips on baking.", "Give 12 tips on baking."], max_similar=1)
    assert len(limited(job)) == 1


def test_no_row_is_lost(make_job: MakeJob, settings: Settings) -> None:
    job = staged(make_job, settings, [GOOD, GOOD, "", "Explain it."], [GOOD], max_similar=1)
    limited(job)
    assert table_facts(job, Outcome(rows_in=5))["unaccounted_rows"] == 0


def test_a_partly_shown_text_is_marked_and_every_sample_is_accounted_for(
    make_job: MakeJob, settings: Settings, taught_model: Path, tmp_path: Path
) -> None:
    section = settings.candidate_pairs.model_copy(update={"samples": 2, "max_new_tokens": 5})
    prompts = settings.prompts.model_copy(update={"max_response_tokens": 60})
    job = make_job("candidate_pairs", candidate_pairs=section, prompts=prompts)
    shutil.copytree(taught_model, job.input("instruction_model"))
    write_json(
        job.input("instruction_model") / "manifest.json", {"artifact": "instruction_model", "content": "of the model"}
    )
    long_and_short = texts(2).with_columns(pl.Series("text", ["Ruisleipä leivotaan. " * 9, "Ruisleipä leivotaan."]))
    write_shard(long_and_short, job.input("filtered_text", "fi") / "part-00000.parquet")
    write_json(job.input("filtered_text", "fi") / "manifest.json", {})
    outcome = candidate_pairs.run(job)
    facts, manifest = table_facts(job, outcome), write_manifest(job, outcome)
    assert (outcome.rows_in, facts["unaccounted_rows"]) == (4, 0)
    assert manifest["counts"]["generated_tokens"] > 0 and manifest["counts"]["prompt_tokens"] > 60
    assert manifest["made_by"]["engine"] == "transformers" and manifest["made_by"]["model"] == "of the model"
    again = make_job("candidate_pairs", candidate_pairs=section, prompts=prompts)
    for path in [*job.staging.rglob("*.parquet"), job.staging / "manifest.json"]:
        path.unlink()
    outcome = candidate_pairs.run(again)
    assert outcome.facts["prompts"] == 0 and write_manifest(again, outcome) == manifest  # no engine was loaded


def compared(*values: tuple[str, float, float]) -> pl.DataFrame:
    """One pair per tuple: a text's id, and the likelihoods of the instruction after this text and after others."""
    rows = [
        {"id": f"p{number}", "url": "u", "text_id": text, "instruction": f"i{number}", "response": TEXT}
        | {"likelihood": own, "part_likelihood": own, "other_likelihood": other}
        for number, (text, own, other) in enumerate(values)
    ]
    return pl.DataFrame(rows)


def test_the_samples_that_their_text_makes_likeliest_are_kept() -> None:
    # `i1` is likelier than `i0` after this text, but it is likely after any text.
    split = likeliest(compared(("t0", -2.0, -4.0), ("t0", -1.8, -1.9), ("t1", -3.0, -3.0), ("t0", -2.5, -3.0)), 1)
    assert split.kept["instruction"].to_list() == ["i0", "i2"]
    assert split.dropped.select("id", "reason", "value").rows() == [(f"p{n}", LESS_LIKELY, f"i{n}") for n in (1, 3)]


@pytest.mark.parametrize("none", [math.nan, -math.inf, None])
def test_a_likelihood_that_is_no_number_is_the_lowest(none: float | None) -> None:
    pairs = compared(("t0", -9.0, -1.0), ("t0", -1.0, -1.0)).with_columns(
        likelihood=pl.Series([none, -1.0], dtype=pl.Float64), other_likelihood=pl.Series([none, -1.0], dtype=pl.Float64)
    )
    assert likeliest(pairs, 1).kept["instruction"].to_list() == ["i1"]


def test_of_equally_likely_samples_the_earlier_one_is_kept() -> None:
    assert likeliest(compared(*[("t0", -1.0, -1.0)] * 3), 2).kept["instruction"].to_list() == ["i0", "i1"]


class Writer(LazyEngine):
    """An engine that writes the same instruction for every text and counts the requested likelihoods."""

    asked = 0

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        return [Generated(GOOD, 9, "stop") for _ in range(len(prompts) * sampling.candidates)]

    def likelihood(self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        self.asked += len(prompts)
        return [-1.0 for _ in prompts]


def test_a_cut_text_is_marked(settings: Settings, taught_model: Path) -> None:
    prompts = settings.prompts.model_copy(update={"max_response_tokens": 60})
    frame = texts(2).with_columns(pl.Series("text", ["Ruisleipä leivotaan. " * 9, "Ruisleipä leivotaan."]))
    with Writer(taught_model, settings.text_generation, 1) as engine:
        split = candidate_pairs.write_instructions(
            frame, engine, settings.candidate_pairs, prompts, 1, 0, None, ROOT / "languages"
        )
    assert split.kept["text_cut"].to_list() == [True, False]


@pytest.mark.parametrize(
    ("signals", "asked"), [((), 0), (("open_end",), 0), (("likelihood",), 2), (("part_likelihood",), 2)]
)
def test_likelihoods_are_computed_only_if_a_signal_needs_them(
    settings: Settings, taught_model: Path, signals: tuple[str, ...], asked: int
) -> None:
    likelihoods = likelihoods_wanted(settings.rating.model_copy(update={"signals": signals}))
    frame = texts(1).with_columns(text=pl.lit("Ruisleipä leivotaan."))
    with Writer(taught_model, settings.text_generation, 1) as engine:
        kept = candidate_pairs.write_instructions(
            frame, engine, settings.candidate_pairs, settings.prompts, 1, likelihoods * 2, None, ROOT / "languages"
        ).kept
    assert engine.asked == asked
    assert kept.columns == [*COLUMNS, "form", *LIKELIHOOD_COLUMNS, *VECTORS]
    assert kept.select(pl.col(LIKELIHOOD_COLUMNS).is_nan().all()).row(0) == (asked == 0,) * 3
    assert not any(kept.null_count().row(0))


@pytest.mark.parametrize(("signals", "sizes"), [(("similarity",), (768, 768, 1536)), (("likelihood",), (0, 0, 0))])
def test_vectors_are_stored_only_if_a_signal_needs_them(
    settings: Settings, taught_model: Path, signals: tuple[str, ...], sizes: tuple[int, ...]
) -> None:
    wanted = similarities_wanted(settings.rating.model_copy(update={"signals": signals}))
    encoder = LazyEncoder(settings.embeddings, ROOT) if wanted else None
    frame = texts(1).with_columns(text=pl.lit("Ruisleipä leivotaan uunissa. " * 8))
    with Writer(taught_model, settings.text_generation, 1) as engine:
        kept = candidate_pairs.write_instructions(
            frame, engine, settings.candidate_pairs, settings.prompts, 1, 0, encoder, ROOT / "languages"
        ).kept
    # A vector has 384 numbers of 2 bytes. The last column has a vector for each of two parts of the text.
    assert kept.select(pl.col(VECTORS).bin.size()).row(0) == sizes


KILLED = """
import json
import sys
from pathlib import Path
from stages.candidate_pairs import stage as candidate_pairs
from stages.params import validated
from x_instruction.runner.job import Job

root = Path(sys.argv[1])
settings = validated(json.loads((root / "settings.json").read_text()), root / "params.yaml")
job = Job("candidate_pairs", "fi", None, settings, root, root / "staging", root / "work", "code")
candidate_pairs.run(job)
"""


def generating(root: Path, settings: Settings, model: Path, shards: int = 10, frames: int | None = None) -> Job:
    """A job that must write instructions for several shards of texts.

    The texts are in as many input shards, or in `frames` input shards, which the stage must divide.
    """
    section = settings.candidate_pairs.model_copy(update={"samples": 2, "temperature": 2.0, "max_new_tokens": 40})
    generation = settings.text_generation.model_copy(update={"texts_per_shard": 6})
    job = Job(
        artifact="candidate_pairs",
        language="fi",
        iteration=None,
        settings=settings.model_copy(update={"candidate_pairs": section, "text_generation": generation}),
        root=root,
        staging=root / "staging",
        work=root / "work",
        code="code",
    )
    root.mkdir(exist_ok=True)
    (root / "languages").symlink_to(ROOT / "languages")
    shutil.copytree(model, job.input("instruction_model"))
    write_json(
        job.input("instruction_model") / "manifest.json", {"artifact": "instruction_model", "content": "of the model"}
    )
    given = frames or shards
    for number in range(given):
        named = texts(6 * shards // given).with_columns(pl.format("{}-{}", pl.lit(number), "id").alias("id"))
        write_shard(named, job.input("filtered_text", "fi") / f"part-{number:05d}.parquet")
    write_json(job.input("filtered_text", "fi") / "manifest.json", {})
    (root / "settings.json").write_text(job.settings.model_dump_json(), encoding="utf-8")
    return job


@pytest.mark.parametrize("frames", [1, 10])
def test_generation_killed_twice_gives_the_bytes_of_an_undisturbed_run(
    settings: Settings, taught_model: Path, tmp_path: Path, frames: int
) -> None:
    undisturbed = generating(tmp_path / "undisturbed", settings, taught_model, frames=frames)
    expected = write_manifest(undisturbed, candidate_pairs.run(undisturbed))
    job = generating(tmp_path / "killed", settings, taught_model, frames=frames)
    finished: dict[Path, int] = {}
    for shards in (2, 5):
        shutil.rmtree(job.staging, ignore_errors=True)
        command = [sys.executable, "-c", KILLED, str(job.root)]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        while len(list(job.work.glob("*/sealed.json"))) < shards:
            assert process.poll() is None
            time.sleep(0.002)
        process.kill()
        process.wait()
        # This run left the shards of the previous run unchanged, and at most one shard is unfinished.
        now = {path: path.stat().st_mtime_ns for path in job.work.glob("*/sealed.json")}
        assert finished.items() <= now.items() and len(now) < 10
        assert len([path for path in job.work.iterdir() if path.is_dir()]) <= len(now) + 1
        finished = now
    shutil.rmtree(job.staging, ignore_errors=True)
    outcome = candidate_pairs.run(job)
    assert finished.items() <= {path: path.stat().st_mtime_ns for path in job.work.glob("*/sealed.json")}.items()
    staged = ({path.name: path.read_bytes() for path in one.staging.rglob("*.parquet")} for one in (undisturbed, job))
    assert next(staged) == next(staged) != {}
    assert write_manifest(job, outcome) == expected


CHANGES: dict[str, dict[str, Any]] = {
    "prompts": {"write_instruction": "{response}<|instruction|>"},
    "candidate_pairs": {"top_p": 0.5},
    "rating": {"signals": ()},
    "text_generation": {"batch_size": 5},
}


@pytest.mark.parametrize("changed", ["model", "seed", *CHANGES])
def test_a_change_of_model_prompt_setting_or_seed_makes_every_shard_again(
    settings: Settings, taught_model: Path, tmp_path: Path, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A stand-in replaces the engine, because only the keys of the shards are compared.
    monkeypatch.setattr(candidate_pairs, "LazyEngine", Writer)
    job = generating(tmp_path, settings, taught_model, shards=2)
    candidate_pairs.run(job)
    before = set(job.used)
    update: dict[str, Any] = {}
    if changed == "model":
        write_json(job.input("instruction_model") / "manifest.json", {"content": "of another model"})
    elif changed == "seed":
        update = {"seed": settings.seed + 1}
    else:
        update = {changed: getattr(job.settings, changed).model_copy(update=CHANGES[changed])}
    shutil.rmtree(job.staging)
    again = replace(job, settings=job.settings.model_copy(update=update), used=set())
    candidate_pairs.run(again)
    assert len(again.used) == len(before) == 2 and not again.used & before


class Sampler(Writer):
    """Writes two different instructions for every text; the second one is likelier."""

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        return [Generated(one, 9, "stop") for _ in prompts for one in (GOOD, "Describe the oven.")]

    def likelihood(self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        return [-float(len(completion)) for completion in completions]


def several(count: int) -> pl.DataFrame:
    """Filtered texts that differ, because pairs with the same text would have the same ids."""
    return texts(count).with_columns(text=pl.format("{} {}", "text", pl.int_range(pl.len())))


def test_a_sample_that_is_not_chosen_counts_as_usable(
    make_job: MakeJob, settings: Settings, taught_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = settings.candidate_pairs.model_copy(update={"samples": 2, "kept_samples": 1})
    rating = settings.rating.model_copy(update={"signals": ("likelihood",)})
    job = make_job("candidate_pairs", candidate_pairs=section, rating=rating)
    shutil.copytree(taught_model, job.input("instruction_model"))
    write_json(job.input("instruction_model") / "manifest.json", {"artifact": "instruction_model", "content": "c"})
    write_shard(several(3), job.input("filtered_text", "fi") / "part-00000.parquet")
    write_json(job.input("filtered_text", "fi") / "manifest.json", {})
    monkeypatch.setattr(candidate_pairs, "LazyEngine", Sampler)
    outcome = candidate_pairs.run(job)
    assert job.staged.table(["instruction"])["instruction"].to_list() == ["Describe the oven."] * 3
    assert job.staged.drop_counts() == {LESS_LIKELY: 3}
    assert table_facts(job, outcome)["unaccounted_rows"] == 0
    assert candidate_pairs.measure(job, outcome)["usable_share"] == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"candidate_pairs": {"samples": 2, "kept_samples": 3}}, r"kept_samples is 3, but `samples` is 2"),
        (
            {"candidate_pairs": {"kept_samples": 1}, "rating": {"signals": ["similarity"]}},
            r"`candidate_pairs\.kept_samples` chooses by likelihood, but `rating\.signals` has none",
        ),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(changed: dict[str, Any], message: str) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    with pytest.raises(SettingsError, match=message):
        validated(merged(params, changed), ROOT / "params.yaml")
