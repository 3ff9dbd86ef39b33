"""Signatures: what a text shares with its copies. One number of all its words, and one of each MinHash band.

MinHash: Broder 1997; bands: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, ch. 3. Signatures come from
rensa, from token hashes of ours, so that they do not depend on how a process hashes strings.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from rensa import RMinHash

from stages.filtered_text.duplicates.shingles import Numbers, Places, mix, runs, shingle_size, shingles, slices, units
from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings

SEED = 42
# Of pairs just at the threshold, the share that banding must find.
RECALL = 0.99
ALGORITHM = f"rensa {RMinHash.ALGORITHM_VERSION}"


def band_rows(permutations: int, threshold: float) -> int:
    """The most rows a band can have and still find RECALL of the pairs just at the threshold."""
    found = [rows for rows in range(1, permutations + 1) if _found(permutations, rows, threshold) >= RECALL]
    return max(found, default=1)


def _found(permutations: int, rows: int, similarity: float) -> float:
    return 1 - (1 - similarity**rows) ** (permutations // rows)


def keys(settings: FilteredText) -> int:
    """Numbers in a signature: that of all words, then one a band."""
    permutations = settings.minhash_permutations
    return 1 + permutations // band_rows(permutations, settings.near_duplicate_jaccard)


def signatures(texts: pl.Series, settings: FilteredText, language: LanguageSettings) -> pl.Series:
    """`keys` unsigned 64-bit numbers a text: two texts that share one are candidates for being duplicates."""
    rows = np.concatenate([_signatures(some, settings, language) for some in slices(texts)])
    return pl.Series("signature", rows, dtype=pl.Array(pl.UInt64, rows.shape[1]))


def _signatures(texts: pl.Series, settings: FilteredText, language: LanguageSettings) -> Numbers:
    values, begins = units(texts, language)
    hashes, offsets = shingles(values, begins, shingle_size(settings.shingle_words, language))
    whole = runs(values, begins[:-1], begins[1:])
    return np.column_stack([whole, _bands(hashes, offsets, settings)])


def _bands(hashes: Numbers, offsets: Places, settings: FilteredText) -> Numbers:
    bands = keys(settings) - 1
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        hashes, offsets.astype(np.uint64), settings.minhash_permutations, SEED
    )
    minima = np.array(matrix.to_rows(), np.uint64).reshape(len(offsets) - 1, settings.minhash_permutations)
    rows = settings.minhash_permutations // bands
    found = np.zeros((len(minima), bands), np.uint64)
    for row in range(rows):
        found = mix(found + minima[:, row : bands * rows : rows])
    return found
