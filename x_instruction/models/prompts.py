"""Encodes prompts as token ids: templates with special tokens, and plain text in their placeholders.

Only the words of a template may become special tokens. A control string in a document, such as `</s>` or `<|im_end|>`,
is encoded as ordinary characters, so a document cannot end a turn or begin a section. Engines get token ids and never
strings, in which they would find special tokens again.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from x_instruction.language.sentences import marks, sentence_end
from x_instruction.models.chat_template import ChatTurn, chat_turn
from x_instruction.models.plain_text import PlainText
from x_instruction.models.settings import PLACEHOLDER, Prompts

OF_SETTINGS = ("language", "style")  # placeholders whose values come from the settings, not from a document
SENTENCE_END = re.compile(sentence_end(marks(), space=r"(?=\s)") + r"|\n")


class PromptEncoder:
    """Encodes the prompts of one tokenizer.

    `budget`: limit of tokens for a response in a prompt, and for a completion; 0: none. `fitted` cuts a longer text.
    `room`: limit of tokens for the whole prompt; 0: none.
    `cut`: number of prompts that were cut to fit into `room`.
    """

    def __init__(self, tokenizer: Any, prompts: Prompts, budget: int = 0, room: int = 0) -> None:
        self.tokenizer = tokenizer
        self.prompts = prompts
        self.budget = budget
        self.room = room
        self.cut = 0
        self._text = PlainText(tokenizer)
        self._last: tuple[str, list[int]] = ("", [])

    def plain(self, text: str) -> list[int]:
        """Token ids of a plain text. No token that structures a prompt is among them."""
        # One prompt may need the ids of its text three times: to check the length, to cut the text, and to fill the
        # template.
        if text != self._last[0]:
            self._last = (text, self._text.encode(text))
        return list(self._last[1])

    @cached_property
    def end(self) -> list[int]:
        """The tokens that end a completion."""
        return self._turn.end if self._turn else self._structure(self.prompts.end)

    @property
    def stop(self) -> tuple[int, ...]:
        """The token that ends a text, in a tuple: the first special or added token of `end`, or its only token.

        If `end` consists of several ordinary tokens, the tuple is empty, and `stop_strings` is used.
        """
        special = {*self.tokenizer.all_special_ids, *self.tokenizer.get_added_vocab().values()}
        ends = [token for token in self.end if token in special] or self.end[: len(self.end) == 1]
        return tuple(ends[:1])

    @property
    def stop_strings(self) -> tuple[str, ...]:
        return () if self.stop else (self.prompts.end,)

    @cached_property
    def _turn(self) -> ChatTurn | None:
        return chat_turn(self.tokenizer) if self.prompts.chat_template else None

    @cached_property
    def start(self) -> list[int]:
        """The first tokens of every prompt: the opening of a chat, or the BOS token if the tokenizer adds one."""
        if self._turn:
            return self._turn.before
        ids: list[int] = self.tokenizer("", add_special_tokens=True)["input_ids"]
        bos = self.tokenizer.bos_token_id
        return [bos] if bos is not None and bos in ids else []

    @property
    def after(self) -> list[int]:
        """The last tokens of every prompt, which open the answer in a chat; none without a chat template."""
        return self._turn.after if self._turn else []

    def _structure(self, part: str) -> list[int]:
        ids: list[int] = self.tokenizer(part, add_special_tokens=False)["input_ids"] if part else []
        return ids

    def fill(self, template: str, values: dict[str, str]) -> list[int]:
        """Token ids of the prompt from a template, with plain text in its placeholders."""
        parts = parts_of(template, values)
        texts = [values[part] if number % 2 else part for number, part in enumerate(parts)]
        pieces = [self.plain(text) if number % 2 else self._structure(text) for number, text in enumerate(texts)]
        limit = self._limit_of_texts(pieces)
        if any(len(piece) > limit for piece in pieces[1::2]):
            self.cut += 1
            for number in range(1, len(parts), 2):
                if len(pieces[number]) > limit:
                    pieces[number] = self.plain(self.fitted(texts[number], limit))[:limit]
            ids = [token for piece in pieces for token in piece]
        else:
            ids = self._as_running_text(texts, pieces)
        return [*self.start, *ids, *self.after]

    def _limit_of_texts(self, pieces: list[list[int]]) -> int:
        """The most tokens that a text may have, so that the prompt fits into `room`. Template words are never cut."""
        if not self.room:
            return sys.maxsize
        structure = sum(map(len, [self.start, *pieces[::2], self.after]))
        return _limit([len(piece) for piece in pieces[1::2]], self.room - structure)

    def _as_running_text(self, texts: list[str], pieces: list[list[int]]) -> list[int]:
        """The token ids of the joined texts, or those of the single pieces.

        The single pieces are used if the text of a document would become a control token in the joined texts, or if the
        joined texts would not fit into `room`. Otherwise the texts are joined, because models know "Instruction: How"
        with one token for " How".
        """
        apart = [token for piece in pieces for token in piece]
        if any(map(self._text.has_control_strings, texts[1::2])):
            return apart
        whole = self._structure("".join(texts))
        structure = [token for piece in pieces[::2] for token in piece]
        fits = not self.room or len(self.start) + len(whole) + len(self.after) <= self.room
        return whole if fits and self._controls(whole) == self._controls(structure) else apart

    def _controls(self, ids: list[int]) -> list[int]:
        return [token for token in ids if token in self._text.control_ids]

    def shortens(self, response: str) -> bool:
        """Whether a prompt that asks for an instruction has room for only a part of the response."""
        if self.fitted(response) != response:
            return True
        return bool(self.room) and self._overhead + len(self.plain(response)) > self.room

    @cached_property
    def _overhead(self) -> int:
        """Number of tokens of a prompt that asks for an instruction, without those of the response."""
        words = parts_of(self.prompts.write_instruction, {})[::2]
        return sum(map(len, [self.start, *map(self._structure, words), self.after]))

    def fitted(self, text: str, budget: int | None = None) -> str:
        """The text; if it has more tokens than the budget, only its beginning, up to the last sentence end that fits.

        If the second half of what fits has no sentence end, the text is cut exactly at the budget.
        """
        budget = self.budget or None if budget is None else budget
        if budget is None:
            return text
        ids = self.plain(text)
        if len(ids) <= budget:
            return text
        cut = str(self.tokenizer.decode(ids[:budget], skip_special_tokens=False)).rstrip("\ufffd")
        # The whole text is searched for sentence ends, because in the cut text, the point of "12.50" could look like
        # one.
        ends = [match.end() for match in SENTENCE_END.finditer(text, 0, len(cut) + 1) if match.end() <= len(cut)]
        return cut[: ends[-1]] if ends and ends[-1] > len(cut) // 2 else cut

    def write_instruction(self, response: str) -> list[int]:
        return self.fill(self.prompts.write_instruction, {"response": self.fitted(response)})

    def write_response(self, instruction: str, language: str, style: str) -> list[int]:
        """Prompt for a response. `language` is an English name; `style` is one of the style tags of the settings."""
        return self.fill(
            self.prompts.write_response, {"instruction": instruction, "language": language, "style": style}
        )

    def rate(self, instruction: str, response: str, language: str) -> list[int]:
        values = {"instruction": instruction, "response": self.fitted(response), "language": language}
        return self.fill(self.prompts.rate, values)

    def completed(self, text: str) -> list[int]:
        """A completion for training: the tokens of the text, then those that end a completion."""
        return [*self.plain(self.fitted(text)), *self.end]


def parts_of(template: str, values: Mapping[str, str]) -> list[str]:
    """The parts of a template: its words and the names of its placeholders in turn, with words first and last.

    The language's name and the style come from the settings, so they are joined with the words around them. If " in "
    and "Finnish" were encoded apart, there would be a token for the space alone, and the prompts of only 80 of the
    sample's 400 seeds would have the same tokens as with the saved chat template; when they are joined, all have.
    """
    first, *rest = PLACEHOLDER.split(template)
    parts = [first]
    for name, structure in zip(rest[::2], rest[1::2], strict=True):
        if name in OF_SETTINGS:
            parts[-1] += values[name] + structure
        else:
            parts += [name, structure]
    return parts


def _limit(lengths: list[int], room: int) -> int:
    """The largest number of tokens that each text may have so that all texts together fit into `room`."""
    for number, length in enumerate(sorted(lengths)):
        share = max(room, 0) // (len(lengths) - number)
        if length > share:
            return share
        room -= length
    return max(lengths, default=0)
