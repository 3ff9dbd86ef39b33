"""Reads PyThaiNLP's dictionary (62,000 words, CC0) as a table that compiled code can follow symbol by symbol."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from x_instruction.words.compiled import compiled
from x_instruction.words.hashing import Keys, slot_of, table_size

Symbols = npt.NDArray[np.uint8]
Nodes = npt.NDArray[np.int32]


class Dictionary(NamedTuple):
    """The dictionary as a tree, in which each symbol of a word leads from one node to the next.

    `steps` is a hash table with the key `node * 128 + symbol` for each step. `nodes` has, in the same slot, the next
    node times 2, plus 1 if a word ends there. `symbols` gives the symbol of a code point, or 0 if no word has it.
    """

    steps: Keys
    nodes: Nodes
    symbols: Symbols


@cache
def dictionary() -> Dictionary:
    from pythainlp.corpus import thai_words  # imported only for Thai text, as it takes half a second

    usable = sorted(word.strip() for word in thai_words() if word.strip())
    characters = sorted(set("".join(usable)))
    symbols = np.zeros(ord(characters[-1]) + 1, np.uint8)
    symbols[[ord(character) for character in characters]] = range(1, len(characters) + 1)
    points = np.frombuffer("".join(usable).encode("utf-32-le"), "<u4")
    ends = np.cumsum([len(word) for word in usable])
    return Dictionary(*_tree(symbols[points], ends), symbols)


@compiled
def step_from(steps: Keys, node: int, symbol: int) -> np.int64:
    """The slot of a step, given by its node and symbol, or the free slot where the step belongs."""
    return slot_of(steps, steps.size, np.uint64(node * 128 + symbol))


@compiled
def _tree(symbols: Symbols, ends: npt.NDArray[np.int64]) -> tuple[Keys, Nodes]:
    size = table_size(symbols.size)
    steps, nodes, count, start = np.zeros(size, np.uint64), np.zeros(size, np.int32), 1, 0
    for end in ends:
        node, slot = 1, np.int64(0)
        for at in range(start, end):
            symbol = int(symbols[at])
            slot = step_from(steps, node, symbol)
            if steps[slot] == 0:
                count += 1
                steps[slot], nodes[slot] = np.uint64(node * 128 + symbol), count * 2
            node = int(nodes[slot]) >> 1
        nodes[slot] |= 1
        start = end
    return steps, nodes
