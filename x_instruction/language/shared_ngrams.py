"""Finds texts that share a run of words with an evaluation set."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from x_instruction.runner.errors import InputError

WORD = re.compile(r"\w+")
Ngrams = set[tuple[str, ...]]
FIELDS = ("prompt", "question", "instruction", "text")


def evaluation_ngrams(paths: list[Path], size: int, setting: str = "decontaminate_against") -> Ngrams:
    """Word n-grams of the prompts in JSONL files; a prompt shorter than `size` words is one n-gram.

    Raises InputError, which names the setting, if a file does not exist or holds no prompts.
    """
    found: Ngrams = set()
    for path in paths:
        for text in _prompts(path, setting):
            words = _words(text)
            if words:
                found |= {tuple(words[i : i + size]) for i in range(max(1, len(words) - size + 1))}
    return found


def overlap(text: str, ngrams: Ngrams, size: int) -> str | None:
    """The first n-gram of the text that is among `ngrams`, as words; None if there is none."""
    words = _words(text)
    lengths = sorted({len(ngram) for ngram in ngrams})
    for length in lengths:
        # A very short prompt ("Why?") occurs in many texts by chance. The limit of four words is ours.
        if length < min(4, size):
            continue
        for i in range(len(words) - length + 1):
            if tuple(words[i : i + length]) in ngrams:
                return " ".join(words[i : i + length])
    return None


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def _prompts(path: Path, setting: str) -> list[str]:
    if not path.exists():
        raise InputError(f"{setting}: {path} does not exist; remove it from the setting or add the file")
    try:
        table = pl.read_ndjson(path, infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{setting}: {path} is not JSONL: {' '.join(str(error).split())[:200]}") from None
    field = next((name for name in FIELDS if name in table.columns), None)
    if field is None:
        raise InputError(
            f"{setting}: {path} has none of the columns {', '.join(FIELDS)}; rename the column of the prompts"
        )
    return [text for text in table[field].to_list() if text]
