"""Computes signatures of texts: one hash of all words, and one hash of each MinHash band.

Texts with the same words have equal signatures. Similar texts usually have the same hash of at least one band.

MinHash: Broder 1997; bands: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, ch. 3. rensa computes the minima
from hashes of the shingles. These hashes are the same in every process.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from rensa import RMinHash

from stages.filtered_text.duplicates.shingles import shingles
from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings
from x_instruction.words.units import Numbers, Places, mix, runs, slices, units, units_of_words

SEED = 42
# Banding must find this share of the pairs whose similarity is exactly the threshold.
RECALL = 0.99
ALGORITHM = f"rensa {RMinHash.ALGORITHM_VERSION}"


def band_rows(permutations: int, threshold: float) -> int:
    """The largest number of rows per band with which banding still finds RECALL of the pairs at the threshold."""
    enough = [rows for rows in range(1, permutations + 1) if _recall(permutations, rows, threshold) >= RECALL]
    return max(enough, default=1)


def _recall(permutations: int, rows: int, similarity: float) -> float:
    return 1 - (1 - similarity**rows) ** (permutations // rows)


def keys(settings: FilteredText) -> int:
    """How many numbers a signature has: one for all words, then one for each band."""
    permutations = settings.minhash_permutations
    return 1 + permutations // band_rows(permutations, settings.near_duplicate_jaccard)


def signatures(texts: pl.Series, settings: FilteredText, language: LanguageSettings) -> pl.Series:
    """A signature of `keys` unsigned 64-bit numbers for each text. Two texts that share a number may be duplicates."""
    rows = np.concatenate([_signatures(part, settings, language) for part in slices(texts)])
    return pl.Series("signature", rows, dtype=pl.Array(pl.UInt64, rows.shape[1]))


def _signatures(texts: pl.Series, settings: FilteredText, language: LanguageSettings) -> Numbers:
    values, begins = units(texts, language)
    hashes, offsets = shingles(values, begins, units_of_words(settings.shingle_words, language))
    whole = runs(values, begins[:-1], begins[1:])
    return np.column_stack([whole, _bands(hashes, offsets, settings)])


def _bands(hashes: Numbers, offsets: Places, settings: FilteredText) -> Numbers:
    bands = keys(settings) - 1
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        hashes, offsets.astype(np.uint64), settings.minhash_permutations, SEED
    )
    minima = np.array(matrix.to_rows(), np.uint64).reshape(len(offsets) - 1, settings.minhash_permutations)
    rows = settings.minhash_permutations // bands
    hashes_of_bands = np.zeros((len(minima), bands), np.uint64)
    for row in range(rows):
        hashes_of_bands = mix(hashes_of_bands + minima[:, row : bands * rows : rows])
    return hashes_of_bands
