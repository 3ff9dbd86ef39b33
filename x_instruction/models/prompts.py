"""Prompts as token ids: templates are structure, text put into them is plain text.

Only a template's own words may become special tokens. A document that holds `</s>`, `<|im_end|>` or any other
control string of the tokenizer is encoded as the characters it consists of, so it cannot end a turn or open a
section. Every back end is given token ids, never a string it would parse again.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any

from x_instruction.language.sentences import marks, sentence_end
from x_instruction.models.chat_template import ChatTurn, chat_turn
from x_instruction.models.settings import PLACEHOLDER, Prompts

BYTE = re.compile(r"<0x[0-9A-F]{2}>$")
SENTENCE_END = re.compile(sentence_end(marks(), space=r"(?=\s)") + r"|\n")


class PromptEncoder:
    """Encodes the prompts of one tokenizer.

    `budget` is the most tokens the response of a prompt may take, `room` the most that the whole prompt may; 0 is
    no limit. What is too long is cut at a sentence end; `cut` counts the prompts cut to fit into the room.
    """

    def __init__(self, tokenizer: Any, prompts: Prompts, budget: int = 0, room: int = 0) -> None:
        self.tokenizer = tokenizer
        self.prompts = prompts
        self.budget = budget
        self.room = room
        self.cut = 0  # prompts of which a text did not fit into `room`
        self._last: tuple[str, list[int]] = ("", [])

    def plain(self, text: str) -> list[int]:
        """Token ids of text, none of them a special or added token."""
        # A text is asked for up to three times in a row: whether it fits, cut to fit, and put into its prompt.
        if text != self._last[0]:
            self._last = (text, self._plain(text))
        return list(self._last[1])

    def _plain(self, text: str) -> list[int]:
        ids: list[int] = self._bare.encode(text, add_special_tokens=False).ids
        if not self._control_ids & set(ids):
            return ids
        # A vocabulary in which the string is an ordinary word as well.
        pieces = _cut_inside(self._control_strings, text)
        return [token for piece in pieces for token in self.tokenizer(piece, add_special_tokens=False)["input_ids"]]

    @cached_property
    def _bare(self) -> Any:
        """The tokenizer without its added tokens: it reads a text in one piece, and as characters."""
        from tokenizers import Tokenizer

        parts = json.loads(self.tokenizer.backend_tokenizer.to_str())
        strings = {*self.tokenizer.get_added_vocab(), *self.tokenizer.all_special_tokens}
        return Tokenizer.from_str(json.dumps({**parts, "model": _without(parts["model"], strings), "added_tokens": []}))

    @cached_property
    def _control_ids(self) -> set[int]:
        return {*self.tokenizer.get_added_vocab().values(), *self.tokenizer.all_special_ids} - {
            self.tokenizer.unk_token_id
        }

    @cached_property
    def _control_strings(self) -> re.Pattern[str] | None:
        strings = {*self.tokenizer.get_added_vocab(), *self.tokenizer.all_special_tokens}
        longest_first = sorted(strings, key=lambda string: (-len(string), string))
        return re.compile("|".join(map(re.escape, longest_first))) if strings else None

    @cached_property
    def end(self) -> list[int]:
        """Tokens that close a completion."""
        return self._turn.end if self._turn else self._structure(self.prompts.end)

    @property
    def stop(self) -> tuple[int, ...]:
        """The token that ends a text: the first special one of `end`, which no text shows, or the only one.

        Of an end of words none does alone: see `stop_strings`.
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
    def _start(self) -> list[int]:
        """What every prompt begins with: a chat's opening, or the beginning-of-text token a model was trained with."""
        if self._turn:
            return self._turn.before
        ids: list[int] = self.tokenizer("", add_special_tokens=True)["input_ids"]
        bos = self.tokenizer.bos_token_id
        return [bos] if bos is not None and bos in ids else []

    def _structure(self, part: str) -> list[int]:
        ids: list[int] = self.tokenizer(part, add_special_tokens=False)["input_ids"] if part else []
        return ids

    def fill(self, template: str, values: dict[str, str]) -> list[int]:
        """Token ids of a template with plain text in its placeholders."""
        parts = PLACEHOLDER.split(template)  # structure, name, structure, name, …, structure
        pieces = [
            self.plain(values[part]) if number % 2 else self._structure(part) for number, part in enumerate(parts)
        ]
        after = self._turn.after if self._turn else []
        if self.room:
            # Texts give way, so that no question and no document is too long for a model.
            structure = sum(map(len, [self._start, *pieces[::2], after]))
            limit = _limit([len(piece) for piece in pieces[1::2]], self.room - structure)
            self.cut += any(len(piece) > limit for piece in pieces[1::2])
            for number in range(1, len(parts), 2):
                if len(pieces[number]) > limit:
                    pieces[number] = self.plain(self.fitted(values[parts[number]], limit))[:limit]
        return [token for piece in [self._start, *pieces, after] for token in piece]

    def shortens(self, response: str) -> bool:
        """Whether the prompt that asks for an instruction shows only a part of the response."""
        if self.fitted(response) != response:
            return True
        return bool(self.room) and self._overhead + len(self.plain(response)) > self.room

    @cached_property
    def _overhead(self) -> int:
        """Tokens of that prompt without a response."""
        return len(PromptEncoder(self.tokenizer, self.prompts).write_instruction(""))

    def fitted(self, text: str, budget: int | None = None) -> str:
        """The text, cut at the last sentence end within the budget where it is too long.

        Without a sentence end in the second half of the budget it is cut at the budget.
        """
        budget = self.budget or None if budget is None else budget
        if budget is None:
            return text
        ids = self.plain(text)
        if len(ids) <= budget:
            return text
        cut = str(self.tokenizer.decode(ids[:budget], skip_special_tokens=False)).rstrip("\ufffd")
        # Looked for in the whole text: at the cut, the point of "12.50" would end a sentence.
        ends = [match.end() for match in SENTENCE_END.finditer(text, 0, len(cut) + 1) if match.end() <= len(cut)]
        return cut[: ends[-1]] if ends and ends[-1] > len(cut) // 2 else cut

    def write_instruction(self, response: str) -> list[int]:
        return self.fill(self.prompts.write_instruction, {"response": self.fitted(response)})

    def write_response(self, instruction: str, language: str, style: str) -> list[int]:
        """`language` is the English name, `style` one of the style tags of the settings."""
        return self.fill(
            self.prompts.write_response, {"instruction": instruction, "language": language, "style": style}
        )

    def rate(self, instruction: str, response: str, language: str) -> list[int]:
        values = {"instruction": instruction, "response": self.fitted(response), "language": language}
        return self.fill(self.prompts.rate, values)

    def completed(self, text: str) -> list[int]:
        """A text as a completion to learn: its tokens and the end."""
        return [*self.plain(self.fitted(text)), *self.end]


def _limit(lengths: list[int], room: int) -> int:
    """The most each text may have so that all fit: the long ones give way, the short ones stay whole."""
    for number, length in enumerate(sorted(lengths)):
        share = max(room, 0) // (len(lengths) - number)
        if length > share:
            return share
        room -= length
    return max(lengths, default=0)


def _without(model: dict[str, Any], strings: set[str]) -> dict[str, Any]:
    """A tokenizer's model that has no way to the strings as words: no merge (BPE), or a hopeless score (Unigram).

    A Unigram model would read the characters `<0x0A>` as the byte they name, too.
    """
    if model["type"] == "BPE":
        return {**model, "merges": [pair for pair in model["merges"] if "".join(pair) not in strings]}
    if model["type"] == "Unigram":
        return {
            **model,
            "vocab": [(word, -1e6 if word in strings or BYTE.match(word) else score) for word, score in model["vocab"]],
        }
    return model


def _cut_inside(strings: re.Pattern[str] | None, text: str) -> list[str]:
    """The text in pieces such that no piece holds one of the strings: each is cut after its first character."""
    if strings is None:
        return [text]
    pieces: list[str] = []
    start = 0
    while match := strings.search(text, start):
        cut = match.start() + 1
        pieces.append(text[start:cut])
        # A string of one character cannot be cut; no tokenizer in use has one that text should not form.
        start = cut
    return [piece for piece in [*pieces, text[start:]] if piece]
