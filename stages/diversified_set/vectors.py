"""Reads the vectors of instructions from candidate_pairs, or computes them if they are not there.

The mean vector of the language is subtracted, so that one `max_similarity` fits both encoders that were tried. Without
the subtraction, it would have to be about 0.96 for multilingual-e5-small and 0.85 for all-MiniLM-L6-v2
(docs/experiments.md).
"""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from stages.diversified_set.settings import DiversifiedSet
from x_instruction.embeddings.encoder import Vectors
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.settings import Embeddings, Encoder
from x_instruction.embeddings.vectors import INSTRUCTION, add_instruction_vectors, dimensions_of, vectors_of
from x_instruction.runner.errors import InputError
from x_instruction.runner.job import Job
from x_instruction.runner.shards import Split, no_drops

# The mean is taken over at most this many candidates. With 20, 40 or 310 candidates, the number of instructions
# that were found to be near-identical differed by at most one (docs/experiments.md).
MEAN_OF = 200
ENCODED_ROWS = 10_000  # rows that are encoded and saved at a time; an interrupted run loses at most this many
ROWS = 5_000  # rows that are changed at a time, because their vectors fit into the processor's cache
MIN_NORM = 1e-9


def centred_vectors(job: Job, pairs: pl.DataFrame) -> Vectors:
    """The vectors of the instructions minus the mean of the language, scaled to length 1; shape (pairs, dimensions).

    `pairs` has `id` and `instruction`. The ids come from candidate_pairs, and no id occurs twice. The mean is taken
    over the MEAN_OF candidates with the smallest ids, which are a random sample because ids are hashes. If it were
    taken over `pairs`, a set of near-identical instructions would look diverse. Raises InputError if candidate_pairs
    lacks one of the pairs.
    """
    candidates = pl.scan_parquet(job.rows("candidate_pairs", job.language).paths())
    first = candidates.select("id").bottom_k(MEAN_OF, by="id").collect()
    wanted = pl.concat([pairs.select("id"), first]).unique(maintain_order=True).with_row_index("row")
    encoder = encoder_of(job)
    stored = candidates.select(pl.col(INSTRUCTION).bin.size() > 0).head(1).collect()
    if encoder.gives_the_vectors_of(job.section(Embeddings)) and stored.to_series().any():
        vectors = _read(job, wanted)
    else:
        texts = candidates.select("id", "instruction").join(wanted.lazy(), on="id").sort("row").collect()
        _refuse_missing(job, wanted.height - texts.height)
        vectors = _encoded(job, texts, LazyEncoder(encoder, job.root))
    mean = vectors[wanted["id"].is_in(first["id"].implode()).to_numpy()].mean(axis=0)
    return centred(vectors[: pairs.height], mean)


def encoder_of(job: Job) -> Encoder:
    """The encoder of instructions that the settings name."""
    return job.section(DiversifiedSet).encoder or job.section(Embeddings)


def centred(vectors: Vectors, mean: Vectors) -> Vectors:
    """Subtracts the mean and scales to length 1. The array is changed in place, because it is the stage's largest."""
    for start in range(0, len(vectors), ROWS):
        part = vectors[start : start + ROWS]
        part -= mean
        part /= np.sqrt(np.einsum("nd,nd->n", part, part))[:, None].clip(MIN_NORM)
    return vectors


def _read(job: Job, wanted: pl.DataFrame) -> Vectors:
    """Reads the vectors of the ids in `wanted` from candidate_pairs, in the order of its column `row`."""
    vectors, count = None, 0
    for frame in job.rows("candidate_pairs", job.language).frames(["id", INSTRUCTION]):
        chosen = frame.join(wanted, on="id")
        for part in chosen.iter_slices(ROWS):
            if vectors is None:
                vectors = np.empty((wanted.height, dimensions_of(part)), np.float32)
            vectors[part["row"].to_numpy()] = vectors_of(part[INSTRUCTION], vectors.shape[1])
        count += chosen.height
    _refuse_missing(job, wanted.height - count)
    return np.empty((0, 1), np.float32) if vectors is None else vectors


def _encoded(job: Job, texts: pl.DataFrame, encoder: LazyEncoder) -> Vectors:
    """Computes the vectors with the encoder. Parts that an earlier run finished come from the work store, a cache."""
    parts = job.remembered(
        texts.select("id", "instruction").iter_slices(ENCODED_ROWS),
        partial(_with_vectors, encoder=encoder),
        depends_on=encoder.identity,
    )
    return np.concatenate([vectors_of(part[INSTRUCTION], dimensions_of(part)) for part in parts])


def _with_vectors(frame: pl.DataFrame, encoder: LazyEncoder) -> Split:
    return Split(add_instruction_vectors(frame, encoder), no_drops())


def _refuse_missing(job: Job, missing: int) -> None:
    if missing:
        folder = job.input("candidate_pairs", job.language)
        raise InputError(f"{folder} lacks {missing} of the refined pairs: run its stage again, then refined_pairs")
