"""Reads the questions that every compared model is asked: those of the files in the settings, and the held-out seeds.

A question is in English or in the evaluated language, and the prompt asks for an answer in the evaluated language. The
models of this pipeline are trained on English questions only. Files of Vicuna-80 and MT-Bench are read as they are. If
a question has several turns, only the first is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from stages.eval_scores.settings import SEEDS, Questions
from x_instruction.runner.content_ids import content_ids
from x_instruction.runner.errors import InputError
from x_instruction.runner.shards import drops
from x_instruction.words.evaluation_prompts import rows_of

ENGLISH, UNKNOWN = "en", "unknown"
CODE = re.compile(r"[a-z]{2}")
FIELDS = ("prompt", "question", "instruction", "text", "turns")
REFERENCES = ("reference", "answer", "response")
SCHEMA = {
    "language": pl.String, "kind": pl.String, "questions": pl.String, "asked_in": pl.String,
    "instruction": pl.String, "reference": pl.String, "reason": pl.String, "value": pl.String, "url": pl.String,
}  # fmt: skip


def all_questions(
    sets: Sequence[Questions], seeds: pl.DataFrame, language: str, root: Path
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the questions, and the dropped rows, which have no question, repeat one, or name an unknown language.

    The columns are question_id, language, kind (open, held_out), questions (name of the set), asked_in (code),
    instruction and reference ("" if there is none). `seeds` are the held-out seeds of the language. Raises InputError
    for a file that cannot be read or has no question at all.
    """
    held_out = seeds.select(
        language=pl.lit(language),
        kind=pl.lit("held_out"),
        questions=pl.lit(SEEDS),
        asked_in=pl.lit(ENGLISH),
        instruction="instruction",
        reference="response",
        reason=pl.lit(None, pl.String),
        value=pl.lit(""),
        url=pl.lit(""),
    )
    table = pl.concat([*(_of_set(questions, language, root) for questions in sets), _repeats_marked(held_out)])
    table = table.with_columns(content_ids(table, "language", "kind", "questions", "instruction", "reference"))
    left_out = table.filter(pl.col("reason").is_not_null())
    left_out = left_out.with_columns(id=pl.format("{}-{}", "id", pl.int_range(pl.len())))
    kept = table.filter(pl.col("reason").is_null()).rename({"id": "question_id"}).drop("reason", "value", "url")
    return kept, drops(left_out, text="instruction")


def _of_set(questions: Questions, language: str, root: Path) -> pl.DataFrame:
    """Rows of SCHEMA for the questions in English and in `language`. `reason` is set for rows that are not asked."""
    path, setting = root / questions.path, f"eval_scores.questions.{questions.name}"
    if not path.exists():
        raise InputError(f"{setting}: {path} does not exist; give a JSONL file with a column `prompt`")
    rows = list(_read(path, setting, questions, language))
    if not any(row["instruction"] for row in rows):
        raise InputError(
            f"{setting}: {path} has no row with a text in one of the columns {', '.join(FIELDS)}; rename the column of "
            "the questions"
        )
    table = pl.DataFrame(rows, schema=SCHEMA)
    asked = _repeats_marked(table.filter(pl.col("asked_in").is_in([ENGLISH, language, UNKNOWN])))
    usable = pl.col("reason").is_null()
    limit = questions.limit or asked.height
    return asked.filter(~usable | (usable.cum_sum().over("asked_in") <= limit))


def _repeats_marked(table: pl.DataFrame) -> pl.DataFrame:
    """Sets the reason of each usable row that repeats an earlier one."""
    again = pl.col("reason").is_null() & ~pl.struct("instruction", "reference", "reason").is_first_distinct()
    return table.with_columns(
        reason=pl.when(again).then(pl.lit("asked_before")).otherwise("reason"),
        value=pl.when(again).then("instruction").otherwise("value"),
    )


def _read(path: Path, setting: str, questions: Questions, language: str) -> Iterator[dict[str, Any]]:
    for number, row in rows_of(path, setting):
        named = _text(row, ("language", "lang")) or questions.language or ENGLISH
        asked_in, question = _code_of(named, language), _text(row, FIELDS)
        reason, value = None, ""
        if not question:
            reason, value = "no_question", f"line {number} has the columns {', '.join(row)}"
        elif asked_in == UNKNOWN:
            reason, value = (
                "unknown_language",
                f"line {number} names the language {named}: write a code such as {language}",
            )
        yield {
            "language": language,
            "kind": "open",
            "questions": questions.name,
            "asked_in": asked_in,
            "instruction": question,
            "reference": _reference(row, asked_in, language),
            "reason": reason,
            "value": value[:200],
            "url": f"{path.name}#{number}",
        }


def _code_of(named: str, language: str) -> str:
    """The code of a language that is named in any usual way; UNKNOWN if it is neither `language` nor a code.

    `FI`, `fi-FI` and `fi_Latn` name `fi`. A `language` with a region or script, such as `pt-BR`, must be named with it.
    """
    plain, code = (text.lower().replace("_", "-") for text in (named, language))
    first = plain.partition("-")[0]
    if code in (plain, first):
        return language
    return first if CODE.fullmatch(first) else UNKNOWN


def _reference(row: dict[str, Any], asked_in: str, language: str) -> str:
    """The reference answer if it is in `language`, else "".

    A reference without `reference_language` is in the language of the question.
    """
    named = _text(row, ("reference_language",))
    return _text(row, REFERENCES) if (_code_of(named, language) if named else asked_in) == language else ""


def _text(row: dict[str, Any], columns: Sequence[str]) -> str:
    """The text of the first column that has one. If a column has a list, only its first item counts."""
    for column in columns:
        value = row.get(column)
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, str) and first.strip():
            return first.strip()
    return ""
