"""Reads pairs of instruction and response, and makes training examples from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from x_instruction.models.examples import Example
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts
from x_instruction.runner.job import Job

PAIR_COLUMNS = ["id", "instruction", "response"]


@dataclass(frozen=True)
class Pair:
    """A pair with its language. `style` is the style tag in the prompt, which distinguishes seeds from web text."""

    id: str
    language: str
    instruction: str
    response: str
    style: str


def seed_pairs(job: Job, split: str, languages: list[str] | None = None) -> list[Pair]:
    """The seeds of a split (`train`, `calibration` or `held_out`) in the given languages, by default in all.

    A train seed is left out if its instruction is among the calibration or held-out seeds of another language.
    """
    pairs: list[Pair] = []
    unseen = _unseen(_all_seeds(job)) if split == "train" else []
    for language in languages or job.settings.languages:
        table = job.rows("seed_pairs", language).table()
        chosen = table.filter(pl.col("split") == split, ~pl.col("instruction_id").is_in(unseen))
        pairs += pairs_of(chosen, language, job.section(Prompts).style_seed)
    return pairs


def english_pairs(job: Job, per_native: float) -> list[Pair]:
    """English seeds for the instruction model: at most `per_native` times the number of train seeds of all languages.

    A pair is left out if its instruction is among the calibration or held-out seeds of a language.
    """
    table = _all_seeds(job)
    allowed = round(per_native * table.filter(pl.col("split") == "train").height)
    # Each language has the same English pairs. Ids are hashes, so sorting by id shuffles the pairs.
    english = table.filter(pl.col("split") == "english", ~pl.col("instruction_id").is_in(_unseen(table)))
    return list(pairs_of(english.unique("id").sort("id").head(allowed), "en", job.section(Prompts).style_seed))


def _all_seeds(job: Job) -> pl.DataFrame:
    return pl.concat(job.rows("seed_pairs", language).table() for language in job.settings.languages)


def _unseen(seeds: pl.DataFrame) -> list[str]:
    """The ids of the instructions from which no model may learn."""
    return seeds.filter(pl.col("split").is_in(["calibration", "held_out"]))["instruction_id"].to_list()


def web_pairs(job: Job, artifact: str, languages: list[str] | None = None) -> list[Pair]:
    """All pairs of an artifact in the given languages, by default in all."""
    pairs: list[Pair] = []
    for language in languages or job.settings.languages:
        table = job.rows(artifact, language).table(PAIR_COLUMNS)
        pairs += pairs_of(table, language, job.section(Prompts).style_web)
    return pairs


def pairs_of(table: pl.DataFrame, language: str, style: str) -> Iterator[Pair]:
    for identifier, instruction, response in table.select(PAIR_COLUMNS).iter_rows():
        yield Pair(identifier, language, instruction, response, style)


def response_examples(pairs: Iterable[Pair], encoder: PromptEncoder, names: Mapping[str, str]) -> list[Example]:
    """Examples whose prompt asks for the response to an instruction. `names` are the languages' English names."""
    return [
        Example(
            encoder.write_response(pair.instruction, names[pair.language], pair.style),
            encoder.completed(pair.response),
        )
        for pair in pairs
    ]


def instruction_examples(pairs: Iterable[Pair], encoder: PromptEncoder) -> list[Example]:
    """Examples whose prompt asks for the instruction that the response answers."""
    return [Example(encoder.write_instruction(pair.response), encoder.completed(pair.instruction)) for pair in pairs]
