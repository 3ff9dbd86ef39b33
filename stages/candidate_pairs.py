"""Candidate pairs: for every filtered text, the English instruction that it answers (METHOD: I. Generation)."""

from __future__ import annotations

from functools import partial

import polars as pl

from stages.figures import mean
from stages.files import digest, read_json
from stages.gate import Metric
from stages.job import Job, frame_hash
from stages.language_id import is_english
from stages.prompts import PromptEncoder
from stages.settings import CandidatePairs, Settings
from stages.shards import Split, shard_frames
from stages.text_generation import Generated, Sampling
from stages.text_generation.lazy import LazyEngine

COLUMNS = [
    "id", "text_id", "document_id", "language", "instruction", "response", "title", "url", "source", "record",
    "license", "finish_reason",
]  # fmt: skip
# Openings of an answer that is none, and words of the prompt; ours.
REFUSAL = r"(?i)^(i'?m sorry|i am sorry|i cannot|i can't|as an ai)\b|### (instruction|response)"


def run(job: Job) -> None:
    assert job.language is not None
    model = job.input("instruction_model")
    with LazyEngine(model, job.settings.text_generation, job.settings.seed) as engine:
        job.map_frames(
            job.read_shards("filtered_text", job.language),
            partial(write_instructions, engine=engine, settings=job.settings),
            settings=["candidate_pairs", "prompts", "text_generation", "seed"],
            depends_on=read_json(model / "manifest.json")["content"],
        )
        job.facts.update(engine.facts())


def measure(job: Job) -> dict[str, Metric]:
    table = pl.concat(list(shard_frames(job.staging, ["id", "language", "instruction", "response"])))
    rows_in = int(job.facts["rows_in"])
    english = is_english(table["instruction"])
    wrong = sum(
        identifier != digest(language, instruction, response)[:16]
        for identifier, language, instruction, response in table.iter_rows()
    )
    return {
        "kept_share": table.height / max(1, rows_in),
        "english_share": mean(english),
        "distinct_share": table["instruction"].n_unique() / max(1, table.height),
        "mean_instruction_words": mean(table["instruction"].str.split(" ").list.len()),
        "wrong_ids": wrong,
    }


def write_instructions(frame: pl.DataFrame, engine: LazyEngine, settings: Settings) -> Split:
    """An instruction for each row's `text`; rows whose instruction is none go to the drops."""
    own = settings.candidate_pairs
    encoder = PromptEncoder(engine.tokenizer, settings.prompts, budget=own.max_prompt_tokens)
    sampling = Sampling(
        temperature=own.temperature,
        top_p=own.top_p,
        max_new_tokens=own.max_new_tokens,
        stop=tuple(encoder.end),
        # The shard's own seed: the same instruction whether it is made alone or among others.
        seed=(settings.seed + int(frame_hash(frame)[:7], 16)) % 2**31,
    )
    written = engine.generate([encoder.write_instruction(text) for text in frame["text"]], sampling)
    return transform(frame, written, own)


def transform(frame: pl.DataFrame, written: list[Generated], settings: CandidatePairs) -> Split:
    """Pair texts and instructions; drop what is no English instruction, with the reason."""
    frame = frame.rename({"id": "text_id", "text": "response"}).with_columns(
        pl.Series("instruction", [one.text for one in written], dtype=pl.String).str.replace_all(r"\s+", " "),
        pl.Series("finish_reason", [one.finish_reason for one in written], dtype=pl.String),
    )
    words = pl.col("instruction").str.split(" ").list.len()
    frame = frame.with_columns(
        pl.struct("language", "instruction", "response")
        .map_elements(lambda row: digest(*row.values())[:16], return_dtype=pl.String)
        .alias("id"),
        is_english(frame["instruction"]).alias("english"),
    )
    reason = (
        pl.when(pl.col("instruction") == "").then(pl.lit("no_instruction"))
        .when(pl.col("finish_reason") == "length").then(pl.lit("instruction_unfinished"))
        .when(words < settings.min_instruction_words).then(pl.lit("instruction_too_short"))
        .when(words > settings.max_instruction_words).then(pl.lit("instruction_too_long"))
        .when(pl.col("instruction").str.contains(REFUSAL)).then(pl.lit("refusal_or_prompt"))
        .when(~pl.col("english")).then(pl.lit("instruction_not_english"))
        .when(pl.col("response").str.contains(pl.col("instruction"), literal=True)).then(pl.lit("copies_response"))
    )  # fmt: skip
    frame = frame.with_columns(reason.alias("reason"), pl.col("instruction").alias("value"))
    return Split.of(frame.select(*COLUMNS, "reason", "value"), text="response")
