"""The model by which pyvi makes words of Vietnamese syllables, read as data: no code of the package runs.

pyvi (MIT) keeps a conditional random field of crfsuite inside a pickle. The pickle is not loaded: its strings are
walked through up to the one that is the model's file, and that is read by its published layout
(chokkan/crfsuite, lib/crf/src/crf1d_model.c; its names lie in a constant quark database, lib/cqdb). Beside it lies a
list of 25,000 words of two and of three syllables, which the model asks for.
"""

from __future__ import annotations

import pickletools
import struct
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from x_instruction.runner.errors import InputError
from x_instruction.words.packaged_data import packaged_file

PACKAGE, VERSION, PICKLE, COMPOUNDS = "pyvi", "0.1.1", "pyvi/models/pyvi3.pkl", "pyvi/models/words.txt"
INSIDE = "I_W"  # the label of a syllable that goes on with the word before it
# What the model looks at that is true or false, by its own names. Of syllables it knows the weight at each place.
FLAGS = [
    *("bias", "word.isupper()", "word.istitle()", "word.isdigit()"),
    *("-1:word.isupper()", "-1:word.istitle()", "-1:word.bi_gram()", "-2:word.tri_gram()"),
    *("+1:word.isupper()", "+1:word.istitle()", "+1:word.bi_gram()", "+2:word.tri_gram()"),
]
PLACES = ("word.lower():", "-1:word.lower():", "+1:word.lower():")
Weights = npt.NDArray[np.float64]


class Model(NamedTuple):
    """Weights for going on with a word, less those for beginning one; `steps` are from label to label (0 begins).

    `flags` are by FLAGS; `syllables[name]` holds those of a syllable as the one judged, the one before it and the one
    behind it.
    """

    flags: Weights
    syllables: dict[str, Weights]
    steps: Weights
    compounds: list[tuple[str, ...]]


@cache
def load_model() -> Model:
    """Raises InputError where the package does not hold what it should."""
    crf = model_file(packaged_file(PACKAGE, VERSION, PICKLE).read_bytes())
    lines = packaged_file(PACKAGE, VERSION, COMPOUNDS).read_text(encoding="utf-8").split("\n")
    compounds = [tuple(line.split(" ")) for line in lines]
    return _weights(crf, [one for one in compounds if len(one) in (2, 3)])


def model_file(pickle: bytes) -> bytes:
    """The value of `__FILE_RESOURCE_DATA__`: a string that is put into bytes by latin-1."""
    wanted = False
    for operation, argument, _ in pickletools.genops(pickle):
        if isinstance(argument, str):
            if wanted:
                return argument.encode("latin-1")
            wanted = argument == "__FILE_RESOURCE_DATA__" and operation.name == "BINUNICODE"
    raise InputError(f"{PACKAGE}: {PICKLE} holds no model; install the version that the requirements pin")


def _weights(crf: bytes, compounds: list[tuple[str, ...]]) -> Model:
    magic, _, kind, _, _, _, attributes, *places = struct.unpack_from("<4sI4s9I", crf)
    at_features, at_labels, at_names, _, at_references = places
    if magic != b"lCRF" or kind != b"FOMC":
        raise InputError(f"{PACKAGE}: {PICKLE} holds a model of another kind; install the pinned version")
    features = _features(crf, at_features)
    labels = {name: number for number, name in _names(crf, at_labels).items()}
    inside = labels[INSIDE]
    if len(labels) != 2:
        raise InputError(f"{PACKAGE}: the model knows {len(labels)} labels, not 2; install the pinned version")
    steps, by_name = np.zeros((2, 2)), {}
    names = _names(crf, at_names)
    for feature in features[features["type"] == 1]:
        steps[int(feature["from"] == inside), int(feature["to"] == inside)] = feature["weight"]
    offsets = np.frombuffer(crf, "<u4", attributes, at_references + 12)
    for number, offset in enumerate(offsets):
        weight = 0.0
        for one in np.frombuffer(crf, "<u4", struct.unpack_from("<I", crf, offset)[0], int(offset) + 4):
            weight += features[one]["weight"] * (1 if features[one]["to"] == inside else -1)
        by_name[names[number]] = weight
    return _sorted(by_name, steps, compounds)


def _sorted(by_name: dict[str, float], steps: Weights, compounds: list[tuple[str, ...]]) -> Model:
    syllables: dict[str, Weights] = {}
    for name, weight in by_name.items():
        for place, prefix in enumerate(PLACES):
            if name.startswith(prefix):
                syllables.setdefault(name.removeprefix(prefix), np.zeros(3))[place] = weight
    return Model(np.array([by_name.get(flag, 0.0) for flag in FLAGS]), syllables, steps, compounds)


def _features(crf: bytes, at: int) -> npt.NDArray[np.void]:
    count = struct.unpack_from("<I", crf, at + 8)[0]
    layout = np.dtype([("type", "<u4"), ("from", "<u4"), ("to", "<u4"), ("weight", "<f8")])
    return np.frombuffer(crf, layout, count, at + 12)


def _names(crf: bytes, at: int) -> dict[int, str]:
    """Of a constant quark database: name by number."""
    count, backward = struct.unpack_from("<2I", crf, at + 16)
    names = {}
    for number, offset in enumerate(np.frombuffer(crf, "<u4", count, at + backward)):
        if offset:
            size = struct.unpack_from("<I", crf, at + int(offset) + 4)[0]
            names[number] = crf[at + int(offset) + 8 : at + int(offset) + 7 + size].decode("utf-8")
    return names
