"""Adds three columns of vectors to pairs: for the instruction, for the response, and for the parts of the response.

A response is encoded sentence by sentence, so that a sentence that occurs in several responses is encoded once.
The vector of a response, or of a part, is the mean of its sentences' vectors, weighted by their lengths.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.embeddings.encoder import Vectors
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.parts import sentences_in_parts
from x_instruction.embeddings.settings import Embeddings

INSTRUCTION, RESPONSE, PARTS = VECTORS = ("instruction_vector", "response_vector", "part_vectors")
ROWS = 5_000  # rows of a frame that are read at once: the vectors of their sentences take about 100 MB
# Half precision changes a cosine by 0.00001 and halves the size of the file.
STORED = np.float16


def add_vectors(pairs: pl.DataFrame, encoder: LazyEncoder, pages: Path) -> pl.DataFrame:
    """Adds the columns of VECTORS (binary, half precision). `pairs` has `language`, `instruction` and `response`.

    In `part_vectors`, the vectors of a response's parts follow one another. `pages` is the folder of the language
    pages.
    """
    slices = [pairs.slice(start, ROWS) for start in range(0, pairs.height, ROWS)]
    return pl.concat([without_vectors(pairs.clear()), *(_with_vectors(part, encoder, pages) for part in slices)])


def add_instruction_vectors(pairs: pl.DataFrame, encoder: LazyEncoder) -> pl.DataFrame:
    """Adds the column INSTRUCTION (binary, half precision). `pairs` has `instruction`."""
    vectors = _stored(encoder.instructions(pairs["instruction"].to_list()))
    return pairs.with_columns(pl.Series(INSTRUCTION, vectors, pl.Binary))


def without_vectors(pairs: pl.DataFrame) -> pl.DataFrame:
    """Adds the columns of VECTORS with empty values, for settings in which ratings do not use similarities."""
    return pairs.with_columns(pl.lit(b"").alias(name) for name in VECTORS)


def vectors_of(column: pl.Series, dimensions: int) -> Vectors:
    """The vectors stored in a column of VECTORS, shape (vectors, dimensions), in single precision."""
    values = column.cast(pl.Binary).to_arrow().buffers()[-1]  # the bytes of all values, one after another
    flat = np.frombuffer(values, STORED) if values else np.empty(0, STORED)
    return flat.reshape(-1, dimensions).astype(np.float32)


def dimensions_of(pairs: pl.DataFrame) -> int:
    return len(pairs[INSTRUCTION][0]) // np.dtype(STORED).itemsize


def _with_vectors(pairs: pl.DataFrame, encoder: LazyEncoder, pages: Path) -> pl.DataFrame:
    assert isinstance(encoder.settings, Embeddings)
    sentences = sentences_in_parts(pairs, encoder.settings, pages)
    rows, parts = sentences["row"].to_numpy(), sentences["part"].to_numpy()
    vectors, lengths = encoder.responses(sentences["sentence"].to_list()), sentences["length"].to_numpy()
    starts_of_rows = np.flatnonzero(np.diff(rows, prepend=-1))
    starts_of_parts = np.flatnonzero(np.diff(rows, prepend=-1) | np.diff(parts, prepend=-1))
    of_parts = _stored(_weighted_means(vectors, lengths, starts_of_parts))
    table = pl.DataFrame({"row": rows[starts_of_parts], PARTS: of_parts}, schema_overrides={PARTS: pl.Binary})
    joined = table.group_by("row", maintain_order=True).agg(pl.col(PARTS))[PARTS]
    columns = {
        INSTRUCTION: _stored(encoder.instructions(pairs["instruction"].to_list())),
        RESPONSE: _stored(_weighted_means(vectors, lengths, starts_of_rows)),
        PARTS: [b"".join(of_response) for of_response in joined],
    }
    return pairs.with_columns(pl.Series(name, values, pl.Binary) for name, values in columns.items())


def _weighted_means(vectors: Vectors, weights: npt.NDArray[Any], starts: npt.NDArray[np.int64]) -> Vectors:
    """Weighted means of groups of vectors, shape (groups, dimensions). A group begins at each of the `starts`."""
    weights = weights[:, None].astype(np.float32)
    means: Vectors = np.add.reduceat(vectors * weights, starts) / np.add.reduceat(weights, starts)
    return means


def _stored(vectors: Vectors) -> list[bytes]:
    return [vector.tobytes() for vector in vectors.astype(STORED)]
