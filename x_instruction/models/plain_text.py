"""Encodes plain text as token ids, so that no control string in it becomes a token that structures a prompt.

Added tokens of white space, such as the line breaks of Gemma's tokenizer, are not control tokens: the model knows a
paragraph break as one token.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

BYTE = re.compile(r"<0x[0-9A-F]{2}>")  # in some vocabularies, a token for one byte
BLANK = re.compile(r"[\s▁]+")  # SentencePiece writes a space as ▁


class PlainText:
    """Encodes plain text with one tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, without any of `control_ids`."""
        bare, renumbered = self._bare
        ids: list[int] = bare.encode(text, add_special_tokens=False).ids
        if renumbered:
            ids = [renumbered.get(token, token) for token in ids]
        if not self.control_ids & set(ids):
            return ids
        # A control string of the text is also an ordinary word of the vocabulary, so each control string is cut in two.
        pieces = _cut_inside(self._pattern, text)
        return [token for piece in pieces for token in self.tokenizer(piece, add_special_tokens=False)["input_ids"]]

    def has_control_strings(self, text: str) -> bool:
        """Whether the tokenizer might read a part of the text as a control token or as a byte."""
        return bool(BYTE.search(text) or (self._pattern and self._pattern.search(text)))

    @cached_property
    def control_ids(self) -> frozenset[int]:
        """The ids of the tokens that structure a prompt: special tokens, and added tokens that are not white space.

        The token for unknown characters is among them only if it has another role too: GPT-2 has the same token for
        unknown characters and for the end of a text.
        """
        added = self.tokenizer.get_added_vocab()
        ids = {added[string] for string in _controls(self.tokenizer) if string in added}
        roles = {string for role, string in self.tokenizer.special_tokens_map.items() if role != "unk_token"}
        unknown = set() if self.tokenizer.unk_token in roles else {self.tokenizer.unk_token_id}
        return frozenset({*ids, *self.tokenizer.all_special_ids} - unknown)

    @cached_property
    def _bare(self) -> tuple[Any, dict[int, int]]:
        return _without_controls(self.tokenizer)

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        longest_first = sorted(_controls(self.tokenizer), key=lambda string: (-len(string), string))
        return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _controls(tokenizer: Any) -> set[str]:
    special = set(tokenizer.all_special_tokens)
    return special | {string for string in tokenizer.get_added_vocab() if not BLANK.fullmatch(string)}


# For each tokenizer, the same tokenizer without control tokens. It is kept, because making it took 11 s with Gemma's
# 262,144 tokens.
_BARE: WeakKeyDictionary[Any, tuple[Any, dict[int, int]]] = WeakKeyDictionary()


def _without_controls(tokenizer: Any) -> tuple[Any, dict[int, int]]:
    """The tokenizer without its control tokens, so that it encodes control strings as plain characters.

    The second value maps the ids of its white-space tokens to their ids in the original tokenizer, if they differ:
    added tokens get new numbers when others are removed.
    """
    from tokenizers import Tokenizer

    if tokenizer not in _BARE:
        parts, strings = json.loads(tokenizer.backend_tokenizer.to_str()), _controls(tokenizer)
        kept = [token for token in parts["added_tokens"] if token["content"] not in strings]
        changed = {
            "model": _without(parts["model"], strings),
            "added_tokens": kept,
            "truncation": None,
            "padding": None,
        }
        bare = Tokenizer.from_str(json.dumps({**parts, **changed}))
        numbers = [(bare.token_to_id(token["content"]), token["id"]) for token in kept]
        _BARE[tokenizer] = bare, {number: wanted for number, wanted in numbers if number not in (None, wanted)}
    return _BARE[tokenizer]


def _without(model: dict[str, Any], strings: set[str]) -> dict[str, Any]:
    """The tokenizer's model, changed so that it never forms one of the strings.

    In a BPE model, the merges that form these strings are removed. In a Unigram model, the strings get a score that
    never wins. Strings such as `<0x0A>` get this score too, because the model would read them as a byte. A model of
    another type is not changed.
    """
    if model["type"] == "BPE":
        return {**model, "merges": [pair for pair in model["merges"] if "".join(pair) not in strings]}
    if model["type"] == "Unigram":
        return {
            **model,
            "vocab": [
                (word, -1e6 if word in strings or BYTE.fullmatch(word) else score) for word, score in model["vocab"]
            ],
        }
    return model


def _cut_inside(strings: re.Pattern[str] | None, text: str) -> list[str]:
    """Cuts the text into pieces without any of the strings, by a cut after the first character of each string."""
    if strings is None:
        return [text]
    pieces: list[str] = []
    start = 0
    while match := strings.search(text, start):
        cut = match.start() + 1
        pieces.append(text[start:cut])
        # A control string of a single character would stay whole, but no tokenizer in use has such a string.
        start = cut
    return [piece for piece in [*pieces, text[start:]] if piece]
