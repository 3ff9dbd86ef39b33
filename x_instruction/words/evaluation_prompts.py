"""Reads the texts of evaluation sets: JSONL files whose rows contain prompts, questions, passages or messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from x_instruction.runner.errors import InputError

# Names of columns that count as prompts, in the order in which an error message lists them.
FIELDS = ("prompt", "question", "instruction", "text", "turns", "messages")


# Keys of two counts in the manifest: all rows of the evaluation files, and those whose texts are too short to be
# compared.
EVALUATION_ROWS, UNPROTECTED_ROWS = "evaluation_rows", "evaluation_rows_unprotected"


class Text(NamedTuple):
    """A text in line `row` of the file. `is_prompt` says whether its column is one of FIELDS."""

    row: int
    text: str
    is_prompt: bool


def prompts_of(path: Path, setting: str) -> list[Text]:
    """All texts of a file, in all columns and nested lists.

    Raises InputError, which names the setting, if the file cannot be read, is not JSONL, or has neither a prompt nor
    another text of at least two words.
    """
    texts = [text for number, row in rows_of(path, setting) for text in _texts(number, row)]
    if not any(text.is_prompt or len(text.text.split()) > 1 for text in texts):
        raise InputError(
            f"{setting}: {path} has none of the columns {', '.join(FIELDS)} with a text; "
            "rename the column of the prompts"
        )
    return texts


def rows_of(path: Path, setting: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSONL file with their line numbers.

    Raises InputError, which names the setting, if the file cannot be read or a line is not a JSON object.
    """
    number = 0
    try:
        for number, line in enumerate(_read(path, setting).split("\n"), start=1):
            if line.strip():
                row = _storable(json.loads(line))
                if not isinstance(row, dict):
                    raise ValueError(f"an object was expected, not {type(row).__name__}")
                yield number, row
    except (ValueError, RecursionError) as error:
        cause = " ".join(str(error).split())[:200]
        raise InputError(
            f"{setting}: line {number} of {path} is not JSONL: {cause}; write one JSON object per line"
        ) from None


def _read(path: Path, setting: str) -> str:
    """Reads the text of a file. Raises InputError if the path is not a file with UTF-8 text.

    A pipe, for example, is refused, because reading it might never end.
    """
    if not path.exists():
        raise InputError(f"{setting}: {path} does not exist; remove it from the setting or add the file")
    if not path.is_file():
        raise InputError(f"{setting}: {path} is not a file but a folder, pipe or device: name a JSONL file")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        cause = " ".join(str(error).split())[:200]
        raise InputError(f"{setting}: {path} cannot be read as text ({cause}): give JSON Lines in UTF-8") from None


def _storable(value: Any) -> Any:
    """The value with "?" in place of each lone surrogate, which JSON strings may contain, but polars strings cannot."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_storable(part) for part in value]
    return {_storable(name): _storable(part) for name, part in value.items()} if isinstance(value, dict) else value


def _texts(number: int, row: dict[str, Any]) -> Iterator[Text]:
    for column, value in row.items():
        yield from (Text(number, text, column in FIELDS) for text in _strings(value) if text.strip())


def _strings(value: Any) -> Iterator[str]:
    """The strings in a value, also in lists of turns and in messages."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)
