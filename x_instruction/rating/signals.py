"""Computes the signals of a pair, which a rating uses besides the evaluator's labels. The choice of signals is ours.

surface.py      counted on the response alone
likelihoods.py  how likely the instruction is after the response
x_instruction/embeddings/similarity.py  how similar the vectors of instruction and response are
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import polars as pl

from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.settings import Embeddings
from x_instruction.embeddings.similarity import SIMILARITIES, Similarity
from x_instruction.embeddings.vectors import VECTORS, add_vectors
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.settings import TextGeneration
from x_instruction.models.settings import Prompts
from x_instruction.rating.likelihoods import LIKELIHOODS, add_likelihoods
from x_instruction.rating.settings import Rating
from x_instruction.rating.surface import SURFACE, add_surface_signals
from x_instruction.runner.job import Job

HIGHER_IS_BETTER = (*SIMILARITIES, *LIKELIHOODS)
SIGNALS = (*HIGHER_IS_BETTER, *SURFACE)


def add_signals(frame: pl.DataFrame, job: Job, evaluator: Path) -> pl.DataFrame:
    """Adds the signals that the setting `rating.signals` lists.

    Likelihoods need the instruction model, and similarities the text encoder. The folder `evaluator` contains the mean
    vectors that similarities need. If the frame has no vectors, they are computed for the similarities. Afterwards the
    vectors are removed.
    """
    rating = job.section(Rating)
    if set(rating.signals) & set(SURFACE):
        frame = add_surface_signals(frame, job.language_pages)
    if similarities_wanted(rating):
        if not set(VECTORS) <= set(frame.columns):
            frame = add_vectors(frame, LazyEncoder(job.section(Embeddings), job.root), job.language_pages)
        frame = Similarity.read(evaluator).score(frame).drop(VECTORS)
    if likelihoods_wanted(rating):
        engine_settings = job.section(TextGeneration).of_several
        with LazyEngine(job.input("instruction_model"), engine_settings, job.settings.seed) as engine:
            frame = add_likelihoods(frame, engine, job.section(Prompts), rating.other_texts, job.language_pages)
    return frame


def without_fit(frame: pl.DataFrame, open_instructions: Collection[str]) -> pl.DataFrame:
    """Sets similarities and likelihoods to null for the open instructions, because every text is an answer to these.

    The calibration treats null as the median of the best pairs.
    """
    is_open = pl.col("instruction").is_in(list(open_instructions))
    fits = [name for name in HIGHER_IS_BETTER if name in frame.columns]
    return frame.with_columns(pl.when(~is_open).then(pl.col(name)).alias(name) for name in fits)


def likelihoods_wanted(rating: Rating) -> bool:
    return not set(rating.signals).isdisjoint(LIKELIHOODS)


def similarities_wanted(rating: Rating) -> bool:
    return not set(rating.signals).isdisjoint(SIMILARITIES)
