"""Shingles: runs of words, or of characters if no spaces separate words, as 64-bit hashes."""

from __future__ import annotations

import numpy as np

from x_instruction.words.units import Numbers, Places, runs


def shingles(values: Numbers, begins: Places, size: int) -> tuple[Numbers, Places]:
    """Hashes of the runs of `size` units inside each text, and the places at which the hashes of each text begin.

    A text of fewer units is one shingle.
    """
    lengths = np.maximum(np.diff(begins) - size + 1, 1)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    starts = np.repeat(begins[:-1] - offsets[:-1], lengths) + np.arange(offsets[-1])
    return runs(values, starts, np.minimum(starts + size, np.repeat(begins[1:], lengths))), offsets
