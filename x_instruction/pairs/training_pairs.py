"""Pairs of instruction and response as training examples, and which pairs an iteration learns from."""

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
    """`style` is the style tag of the prompts: what tells seeds from web text."""

    id: str
    language: str
    instruction: str
    response: str
    style: str


def seed_pairs(job: Job, split: str, languages: list[str] | None = None) -> list[Pair]:
    """Seeds of the languages (all by default), of `train`, `calibration` or `held_out`."""
    pairs: list[Pair] = []
    for language in languages or job.settings.languages:
        table = job.rows("seed_pairs", language).table().filter(pl.col("split") == split)
        pairs += pairs_of(table, language, job.section(Prompts).style_seed)
    return pairs


def web_pairs(job: Job, artifact: str) -> list[Pair]:
    """Pairs of all languages of an artifact that holds only pairs to learn from."""
    pairs: list[Pair] = []
    for language in job.settings.languages:
        table = job.rows(artifact, language).table(PAIR_COLUMNS)
        pairs += pairs_of(table, language, job.section(Prompts).style_web)
    return pairs


def pairs_of(table: pl.DataFrame, language: str, style: str) -> Iterator[Pair]:
    for identifier, instruction, response in table.select(PAIR_COLUMNS).iter_rows():
        yield Pair(identifier, language, instruction, response, style)


def response_examples(pairs: Iterable[Pair], encoder: PromptEncoder, names: Mapping[str, str]) -> list[Example]:
    """Instruction to response. `names` are the English names of the languages."""
    return [
        Example(
            encoder.write_response(pair.instruction, names[pair.language], pair.style),
            encoder.completed(pair.response),
        )
        for pair in pairs
    ]


def instruction_examples(pairs: Iterable[Pair], encoder: PromptEncoder) -> list[Example]:
    """Response to instruction: the seeds turned round."""
    return [Example(encoder.write_instruction(pair.response), encoder.completed(pair.instruction)) for pair in pairs]
