"""Vectors of instructions: those that candidate_pairs holds, or those of another encoder.

The mean vector of the language is subtracted, as for the similarity of a response: all vectors of multilingual-e5 have
a cosine of 0.79 on average, and those of MiniLM one of 0.09, but after the subtraction both have none, and one
bound on the similarity of two instructions serves both.
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

# Candidates that the mean is taken over. With 20, unrelated instructions have a cosine of 0.04 on average, and with
# 40 one of 0.02.
MEAN_OF = 200
ENCODED_ROWS = 10_000  # that an interrupted run loses at most
ROWS = 5_000  # whose vectors are worked on at once: they fit into the processor's cache
MIN_NORM = 1e-9


def centred_vectors(job: Job, pairs: pl.DataFrame) -> Vectors:
    """Unit vectors of the instructions without the mean of the language, shape (pairs, dimensions).

    The frame has `id` (of candidate_pairs, each once) and `instruction`. The mean is that of candidates, drawn by their
    ids, which are hashes: in a set of near-identical instructions their own mean would be what they share. Raises
    InputError if candidate_pairs lacks one of the pairs.
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
        vectors = _encoded(job, texts, LazyEncoder(encoder, job.root))
    mean = vectors[wanted["id"].is_in(first["id"].implode()).to_numpy()].mean(axis=0)
    return centred(vectors[: pairs.height], mean)


def encoder_of(job: Job) -> Encoder:
    """The encoder of instructions that the settings name."""
    return job.section(DiversifiedSet).encoder or job.section(Embeddings)


def centred(vectors: Vectors, mean: Vectors) -> Vectors:
    """The vectors less the mean, of length 1; in place, because they are the largest array of the stage."""
    for start in range(0, len(vectors), ROWS):
        part = vectors[start : start + ROWS]
        part -= mean
        part /= np.sqrt(np.einsum("nd,nd->n", part, part))[:, None].clip(MIN_NORM)
    return vectors


def _read(job: Job, wanted: pl.DataFrame) -> Vectors:
    """The vectors in candidate_pairs of the frame's `id`, each in its `row`."""
    found, size = None, 0
    for frame in job.rows("candidate_pairs", job.language).frames(["id", INSTRUCTION]):
        chosen = frame.join(wanted, on="id")
        for part in chosen.iter_slices(ROWS):
            if found is None:
                found = np.empty((wanted.height, dimensions_of(part)), np.float32)
            found[part["row"].to_numpy()] = vectors_of(part[INSTRUCTION], found.shape[1])
        size += chosen.height
    _refuse_missing(job, wanted.height - size)
    return np.empty((0, 1), np.float32) if found is None else found


def _encoded(job: Job, texts: pl.DataFrame, encoder: LazyEncoder) -> Vectors:
    """The vectors of the encoder; finished parts of the texts come from the work store."""
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
