"""Computes signals of a pair with the instruction model: how likely the instruction is after the response.

A small evaluator is poor at comparing a response with its instruction. On the artificial languages of
docs/evaluator.md, AUC in detecting responses to another instruction was 0.5 to 0.9 with the labels, and 1.00 with
these likelihoods.

If an instruction is likely after any text, its likelihood says nothing about the response. So its mean likelihood after
other texts of the language is computed too. The calibration subtracts this mean, times the factor from 0 to 1 that fits
best (stages/evaluator/fitting.py). With Gemma 3 270M on held-out Finnish seeds, AUC in detecting responses to another
instruction rose from 0.66 to 0.94 when the mean over two other texts was subtracted with the factor 1. In the
artificial languages, all instructions are equally likely, and AUC fell from 0.999 to 0.96 (docs/experiments.md).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.language.sentences import sentence_a_line
from x_instruction.language.settings import LanguageSettings
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts
from x_instruction.rating.by_language import by_language

# `likelihood` is the mean log-probability, in nats per token, of the instruction after the response, which is cut at
# `prompts.max_response_tokens`. `part_likelihood` is the lowest such value after one of the response's parts (at most
# three). On the artificial languages, AUC in detecting responses that leave the topic was 0.83 with `likelihood` alone,
# and 0.998 together with `part_likelihood` and the labels.
LIKELIHOODS = ("likelihood", "part_likelihood")
# The mean of the instruction's likelihoods after other texts.
OTHER_LIKELIHOOD = "other_likelihood"
LIKELIHOOD_COLUMNS = (*LIKELIHOODS, OTHER_LIKELIHOOD)
PARTS = 3


def add_likelihoods(
    frame: pl.DataFrame, engine: LazyEngine, prompts: Prompts, other_texts: int, pages: Path
) -> pl.DataFrame:
    """Adds the columns of LIKELIHOOD_COLUMNS. The engine's model must be the instruction model, with its prompts.

    `frame` has `language`, `instruction` and `response`; the other texts are responses to other instructions.
    """
    rows = frame.with_row_index("number")
    kinds = {
        "whole": rows.select("number", text="response"),
        "part": _parts(frame, pages),
        "other": _others(rows, other_texts),
    }
    texts = pl.concat(table.with_columns(kind=pl.lit(kind)) for kind, table in kinds.items())
    texts = texts.with_columns(value=_values(texts, frame["instruction"].to_list(), engine, prompts))
    values = texts.group_by("number", "kind").agg(least=pl.col("value").min(), mean=pl.col("value").mean())
    for kind, column in (("whole", "mean"), ("part", "least"), ("other", "mean")):
        of_kind = values.filter(pl.col("kind") == kind).select("number", pl.col(column).alias(kind))
        rows = rows.join(of_kind, on="number", how="left", maintain_order="left")
    other = pl.col("other").max().over("language", "instruction")
    part = pl.col("part").fill_null(pl.col("whole"))
    return rows.select(*frame.columns, likelihood="whole", part_likelihood=part, other_likelihood=other)


def _others(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """Chooses other texts for each instruction: a frame of `number` (the instruction's first row) and `text`.

    The texts are responses to other instructions. They are taken at equal distances in the order of the frame, because
    neighbours may come from one document. If the language has no other response, the text is empty.
    """
    firsts = rows.unique(["language", "instruction"], keep="first", maintain_order=True)
    tables = [rows.clear().select("number", text="response")]
    for of_language in firsts.partition_by("language"):
        pool = of_language["response"].unique(maintain_order=True)
        places = of_language["response"].replace_strict(pool, pl.Series(range(len(pool)))).to_list()
        steps = range(1, min(count, len(pool) - 1) + 1)
        at = [(place + len(pool) * step // (len(steps) + 1)) % len(pool) for place in places for step in steps]
        numbers = of_language["number"].gather([row for row in range(of_language.height) for _ in steps])
        others = pl.DataFrame({"number": numbers, "text": pool.gather(at)})
        tables.append(others if steps else of_language.select("number", text=pl.lit("")))
    return pl.concat(tables)


def _values(texts: pl.DataFrame, instructions: list[str], engine: LazyEngine, prompts: Prompts) -> pl.Series:
    """For each row of `texts`, the likelihood of instruction number `number` after the text `text`."""
    plain = PromptEncoder(engine.tokenizer, prompts)
    completions = [plain.completed(instruction) for instruction in instructions]
    encoder, questions = PromptEncoder(engine.tokenizer, prompts, budget=prompts.max_response_tokens), []
    for number, text in texts.select("number", "text").iter_rows():
        encoder.room = engine.room(len(completions[number]) + 1)  # 1 more, because engines generate a token
        questions.append(encoder.write_instruction(text))
    values = engine.likelihood(questions, [completions[number] for number in texts["number"]])
    return pl.Series(values, dtype=pl.Float64)


def without_likelihoods(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds the columns of LIKELIHOOD_COLUMNS filled with NaN, for settings in which ratings do not use them."""
    return frame.with_columns(pl.lit(float("nan")).alias(name) for name in LIKELIHOOD_COLUMNS)


def compared(frame: pl.DataFrame, share: float) -> pl.DataFrame:
    """Subtracts OTHER_LIKELIHOOD times `share` from the columns of LIKELIHOODS, if the frame has them."""
    if share == 0 or OTHER_LIKELIHOOD not in frame.columns:
        return frame
    return frame.with_columns(pl.col(name) - share * pl.col(OTHER_LIKELIHOOD) for name in LIKELIHOODS)


def _parts(frame: pl.DataFrame, pages: Path) -> pl.DataFrame:
    """The parts of each response of two or more sentences: a frame of `number` (its row in `frame`) and `text`."""
    lines = by_language(frame.select("language", "response"), pages, _with_sentences).with_row_index("number")
    size = (pl.col("sentences").list.len() + PARTS - 1) // PARTS
    cut = [pl.col("sentences").list.slice(size * number, size).list.join(" ") for number in range(PARTS)]
    several = lines.filter(pl.col("sentences").list.len() > 1)
    return several.select("number", text=pl.concat_list(cut)).explode("text").filter(pl.col("text") != "")


def _with_sentences(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    bare = pl.element().str.strip_chars()
    marked = frame.select(text="response").select(sentence_a_line(language)).to_series()
    return frame.with_columns(sentences=marked.str.split("\n").list.eval(bare.filter(bare != "")))
