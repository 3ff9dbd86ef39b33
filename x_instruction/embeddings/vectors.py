"""Adds three columns of vectors to pairs: for the instruction, for the response, and for the parts of the response.

Each part of a response is encoded as one text. The vector of a response is the mean of its parts' vectors, weighted by
their lengths.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.embeddings.encoder import Vectors
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.parts import parts_of
from x_instruction.embeddings.settings import Embeddings

INSTRUCTION, RESPONSE, PARTS = VECTORS = ("instruction_vector", "response_vector", "part_vectors")
ROWS = 5_000  # rows of a frame that are read at once; with 3 parts of 384 dimensions each, their vectors take 23 MB
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
    parts = parts_of(pairs, encoder.settings, pages)
    vectors = encoder.responses(parts["text"].to_list())
    stored = parts.select("row", pl.Series(PARTS, _stored(vectors), pl.Binary))
    of_rows = stored.group_by("row", maintain_order=True).agg(pl.col(PARTS))[PARTS]
    columns = {
        INSTRUCTION: _stored(encoder.instructions(pairs["instruction"].to_list())),
        RESPONSE: _stored(_weighted_means(vectors, parts["length"].to_numpy(), parts["row"].to_numpy())),
        PARTS: [b"".join(of_response) for of_response in of_rows],
    }
    return pairs.with_columns(pl.Series(name, values, pl.Binary) for name, values in columns.items())


def _weighted_means(vectors: Vectors, weights: npt.NDArray[Any], groups: npt.NDArray[np.int64]) -> Vectors:
    """Weighted means of groups of vectors, shape (groups, dimensions). `groups` has each vector's group number."""
    weights, starts = weights[:, None].astype(np.float32), np.flatnonzero(np.diff(groups, prepend=-1))
    means: Vectors = np.add.reduceat(vectors * weights, starts) / np.add.reduceat(weights, starts)
    return means


def _stored(vectors: Vectors) -> list[bytes]:
    return [vector.tobytes() for vector in vectors.astype(STORED)]
