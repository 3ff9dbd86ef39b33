"""Exact Jaccard similarity of texts, from sets of shingles in a file."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import numpy as np
import polars as pl

from stages.filtered_text.duplicates.shingles import shingles
from x_instruction.language.settings import LanguageSettings
from x_instruction.runner.disk_arrays import Array, append, neighbours
from x_instruction.words.units import Places, slices, units, units_of_words

# Shingles compared at a time. Each takes 8 bytes in each of about six arrays.
AT_ONCE = 2_000_000


class ShingleSets:
    """A file with each text's set of 32-bit shingle hashes. Texts are numbered in the order in which they are added."""

    def __init__(self, path: Path, words: int, language: LanguageSettings) -> None:
        self.path, self.size, self.language = path, units_of_words(words, language), language
        self._sizes: list[Array] = []
        path.touch()

    def add(self, texts: pl.Series) -> None:
        for part in slices(texts):
            hashes, offsets = shingles(*units(part, self.language), self.size)
            text = np.repeat(np.arange(len(part), dtype=np.uint64), np.diff(offsets))
            # Sorting 64-bit numbers is 50 times as fast as np.unique, which hashes them.
            keys = np.sort((text << np.uint64(32)) | (hashes >> np.uint64(32)))
            keys = keys[~neighbours(keys)[0]]
            append(self.path, (keys & np.uint64(0xFFFFFFFF)).astype("<u4"))
            self._sizes.append(np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(part)))

    def __enter__(self) -> ShingleSets:
        self.sizes = np.concatenate([np.zeros(0, np.int64), *self._sizes])
        self.begins = np.cumsum(self.sizes) - self.sizes
        self._file = os.open(self.path, os.O_RDONLY)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._file)

    def jaccard(self, left: Places, right: Places) -> Array:
        """Similarity of each pair of texts, given by their numbers."""
        ends = np.cumsum(self.sizes[left] + self.sizes[right])
        parts, start = [np.zeros(0)], 0
        while start < len(left):
            before = ends[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, before + AT_ONCE, side="right")))
            parts.append(self._jaccard(left[start:stop], right[start:stop]))
            start = stop
        return np.concatenate(parts)

    def _jaccard(self, left: Places, right: Places) -> Array:
        texts = np.unique(np.concatenate([left, right]))
        sets = [os.pread(self._file, 4 * self.sizes[text], 4 * self.begins[text]) for text in texts]
        hashes = np.frombuffer(b"".join(sets), "<u4").astype(np.uint64)
        begins = np.cumsum(self.sizes[texts]) - self.sizes[texts]
        # Both sides are sorted already, and the stable sort is fast on sorted runs.
        both = np.concatenate([self._keys(side, texts, begins, hashes) for side in (left, right)])
        both.sort(kind="stable")
        shared = both[1:][both[1:] == both[:-1]] >> np.uint64(32)
        common = np.bincount(shared.astype(np.int64), minlength=len(left))
        union = self.sizes[left] + self.sizes[right] - common
        return common / np.maximum(union, 1)

    def _keys(self, side: Places, texts: Places, begins: Places, hashes: Array) -> Array:
        """One number for each shingle of the texts `side`: the pair's number in the high bits, the hash in the low."""
        sizes = self.sizes[side]
        ends = np.cumsum(sizes)
        at = np.repeat(begins[np.searchsorted(texts, side)] - (ends - sizes), sizes) + np.arange(ends[-1])
        pair = np.repeat(np.arange(len(side), dtype=np.uint64), sizes)
        return (pair << np.uint64(32)) | hashes[at]
