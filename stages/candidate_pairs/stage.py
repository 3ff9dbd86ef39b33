"""Candidate pairs: for every filtered text, English instructions that it may answer (step I of X-Instruction).

The instruction model writes `samples` instructions for each text. The usable ones are kept, or only the `kept_samples`
likeliest of them. This stage also computes the inputs of `rating.signals` that are the same in every iteration: the
vectors of instruction and response, and the likelihoods of the instruction, which come from the instruction model.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl

from stages.candidate_pairs.likeliest import LESS_LIKELY, likeliest
from stages.candidate_pairs.rules import english, normal_form, reasons
from stages.candidate_pairs.settings import CandidatePairs
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.settings import Embeddings
from x_instruction.embeddings.vectors import add_vectors, without_vectors
from x_instruction.generation.interface import Generated, Sampling
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.returned_text import Wanted, usable
from x_instruction.generation.settings import TextGeneration
from x_instruction.language.settings import load_language
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts
from x_instruction.rating.likelihoods import add_likelihoods, without_likelihoods
from x_instruction.rating.settings import Rating
from x_instruction.rating.signals import likelihoods_wanted, similarities_wanted
from x_instruction.runner.content_ids import content_ids, wrong_ids
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job, frame_hash
from x_instruction.runner.metrics import greatest, mean
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.published import read_manifest
from x_instruction.runner.second_pass import drop_staged, staged_repeated
from x_instruction.runner.shards import Split, in_parts

PARTITION = ("language",)

COLUMNS = [
    "id", "text_id", "document_id", "language", "instruction", "response", "title", "url", "source", "record",
    "date", "license", "source_id", "extractor", "finish_reason", "text_cut", "sample",
]  # fmt: skip


def run(job: Job) -> Outcome:
    assert job.language is not None
    model, settings = job.input("instruction_model"), job.section(CandidatePairs)
    language = load_language(job.language, job.language_pages)
    content = read_manifest(model)["content"]
    rating = job.section(Rating)
    other_texts = rating.other_texts if likelihoods_wanted(rating) else 0
    text_encoder = LazyEncoder(job.section(Embeddings), job.root) if similarities_wanted(rating) else None
    with LazyEngine(model, job.section(TextGeneration), job.settings.seed) as engine:
        outcome = job.map_frames(
            in_parts(job.rows("filtered_text", job.language).frames(), job.section(TextGeneration).texts_per_shard),
            partial(
                write_instructions,
                engine=engine,
                settings=settings,
                prompts=job.section(Prompts),
                seed=job.settings.seed,
                other_texts=other_texts,
                text_encoder=text_encoder,
                pages=job.language_pages,
            ),
            settings=[settings, job.section(Prompts), job.section(TextGeneration), job.settings.seed],
            depends_on=f"{content} {other_texts} {text_encoder and text_encoder.identity} {language.model_dump_json()}",
        )
        facts, made_by = engine.facts() | (text_encoder.facts() if text_encoder else {}), engine.provenance()
    drop_staged(job, too_similar(job, settings.max_similar), temporary=["form"], text="response")
    # Each text gives `samples` rows, and each of these is kept or dropped, so all of them count as rows that came in.
    return replace(outcome, rows_in=(outcome.rows_in or 0) * settings.samples, facts=facts, made_by=made_by)


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    table = job.staged.table(["id", "text_id", "language", "instruction", "response"])
    rows_in = outcome.rows_in or 0
    usable_rows = table.height + job.staged.drop_counts().get(LESS_LIKELY, 0)
    alike = table.group_by(normal_form("instruction").alias("form")).agg(pl.col("text_id").n_unique().alias("texts"))
    return {
        "usable_share": usable_rows / max(1, rows_in),
        "texts_kept": table["text_id"].n_unique(),
        "english_share": mean(english(table["instruction"])),
        "distinct_share": table["instruction"].n_unique() / max(1, table.height),
        "most_similar": greatest(alike["texts"]),
        "mean_instruction_words": mean(table["instruction"].str.split(" ").list.len()),
        "wrong_ids": wrong_ids(table, "language", "instruction", "response"),
    }


def write_instructions(
    frame: pl.DataFrame,
    engine: LazyEngine,
    settings: CandidatePairs,
    prompts: Prompts,
    seed: int,
    other_texts: int,
    text_encoder: LazyEncoder | None,
    pages: Path,
) -> Split:
    """Writes instructions for each row's `text`. An instruction that is not usable gives a dropped row.

    If `other_texts` is 0, no likelihoods are computed. Without a `text_encoder`, no vectors are computed.
    """
    encoder = PromptEncoder(
        engine.tokenizer, prompts, budget=prompts.max_response_tokens, room=engine.room(settings.max_new_tokens)
    )
    sampling = Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_new_tokens=settings.max_new_tokens,
        stop=encoder.stop,
        # The seed depends on the shard's content, so a change of other shards does not change this shard's samples.
        seed=(seed + int(frame_hash(frame)[:7], 16)) % 2**31,
        repetition_penalty=settings.repetition_penalty,
        stop_strings=(*encoder.stop_strings, *settings.stop_strings),
        candidates=settings.samples,
    )
    cut, questions = [], []
    for text in frame["text"]:
        cut.append(encoder.shortens(text))
        questions.append(encoder.write_instruction(text))
    written = engine.generate(questions, sampling)
    texts = frame.with_columns(pl.Series("text_cut", cut, dtype=pl.Boolean))
    split = transform(texts, written, settings, prompts)
    tokens = {"prompt_tokens": sum(map(len, questions)), "generated_tokens": sum(text.tokens for text in written)}
    counts = {**tokens, **split.counts}
    kept, dropped = without_likelihoods(split.kept), split.dropped
    if other_texts:
        kept = add_likelihoods(split.kept, engine, prompts, other_texts, pages)
    if settings.kept_samples is not None:
        chosen = likeliest(kept, settings.kept_samples)
        kept, dropped = chosen.kept, pl.concat([dropped, chosen.dropped])
    kept = add_vectors(kept, text_encoder, pages) if text_encoder else without_vectors(kept)
    return Split(kept, dropped, counts)


def transform(frame: pl.DataFrame, written: list[Generated], settings: CandidatePairs, prompts: Prompts) -> Split:
    """Pairs each text with its `samples` instructions, and drops those that are not usable English instructions.

    The kept rows have COLUMNS and `form`, which `too_similar` needs. That column is removed at the end of the stage.
    """
    returned = [usable(text.text, Wanted("instruction"), text.finish_reason != "length") for text in written]
    # The dropped row of a refused instruction shows what the model wrote.
    shown = [usable_text.text or text.text for usable_text, text in zip(returned, written, strict=True)]
    rows = pl.Series([row for row in range(frame.height) for _ in range(settings.samples)], dtype=pl.UInt32)
    pairs = frame.select(pl.all().gather(rows)).rename({"id": "text_id", "text": "response"})
    pairs = pairs.with_columns(
        pl.Series("written", shown, dtype=pl.String),
        pl.Series("refused", [text.refused for text in returned], dtype=pl.String),
        pl.Series("finish_reason", [text.finish_reason for text in written], dtype=pl.String),
        (pl.int_range(pl.len()) % settings.samples + 1).cast(pl.UInt8).alias("sample"),
    ).with_columns(pl.col("written").str.replace_all(r"\s+", " ").alias("instruction"))
    pairs = pairs.with_columns(
        content_ids(pairs, "language", "instruction", "response"),
        english(pairs["instruction"]).alias("english"),
    )
    pairs = pairs.with_columns(
        normal_form("instruction").alias("form"),
        reasons(settings, prompts).alias("reason"),
        pl.col("instruction").alias("value"),
    )
    removed = Counter(f"instructions_without_{kind}" for text in returned for kind in text.removed)
    split = Split.of(pairs.select(*COLUMNS, "form", "reason", "value"), text="response")
    return replace(split, counts=dict(removed))


def too_similar(job: Job, limit: int) -> pl.DataFrame:
    """The rows to drop because their instruction was written for more than `limit` texts: shard, row, reason and value.

    The first `limit` texts in the order of their ids keep the instruction. The samples of one text count once, because
    refined_pairs keeps at most one of them.
    """
    table = staged_repeated(job, "form", ["text_id", "instruction"])
    return table.filter(pl.col("text_id").rank("dense").over("form") > limit).select(
        "shard",
        "row",
        pl.lit("similar_instructions").alias("reason"),
        pl.col("instruction").alias("value"),
    )
