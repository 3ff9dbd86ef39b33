"""Computes the vectors of an evaluator's calibration pairs and held-out pairs, and each language's mean vectors."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl

from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.settings import Embeddings
from x_instruction.embeddings.similarity import Similarity
from x_instruction.embeddings.vectors import VECTORS, add_vectors
from x_instruction.runner.files import digest
from x_instruction.runner.job import Job, frame_hash
from x_instruction.runner.shards import write_shard

COLUMNS = ["language", "instruction", "response"]
NAME = "vectors.parquet"


def with_vectors(frame: pl.DataFrame, job: Job, evaluator: Path) -> pl.DataFrame:
    """Adds the columns of VECTORS, and writes the mean vectors of the seeds into the evaluator's folder.

    The pairs are the same in every iteration, so only the first iteration that needs their vectors computes them.
    """
    seeds = _seeds(job)
    pairs = pl.concat([seeds, frame.select(COLUMNS)])
    encoder = LazyEncoder(job.section(Embeddings), job.root)
    key = digest(job.code, encoder.identity, frame_hash(pairs))[:32]
    job.shared.fill({key: partial(_write, pairs, encoder, job.language_pages)})
    vectors = pl.read_parquet(job.shared.piece(key) / NAME)
    Similarity.fit(vectors.head(seeds.height)).write(evaluator)
    return frame.hstack(vectors.slice(seeds.height).select(VECTORS))


def _write(pairs: pl.DataFrame, encoder: LazyEncoder, pages: Path, folder: Path) -> None:
    write_shard(add_vectors(pairs, encoder, pages), folder / NAME)


def _seeds(job: Job) -> pl.DataFrame:
    """The pairs over which each language's mean vectors are taken: calibration seeds, then training seeds.

    At most `embeddings.mean_pairs` seeds of a language are taken.
    """
    wanted, limit = ["calibration", "train"], job.section(Embeddings).mean_pairs
    tables = []
    for language in job.settings.languages:
        table = job.rows("seed_pairs", language).table([*COLUMNS[1:], "id", "split"])
        seeds = table.filter(pl.col("split").is_in(wanted)).sort("split", "id").head(limit)
        tables.append(seeds.select(pl.lit(language).alias("language"), *COLUMNS[1:]))
    return pl.concat(tables)
