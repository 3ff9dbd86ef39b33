"""Prompts as token ids: templates are structure, text put into them is plain text.

Only a template's own words may become special tokens. A document that holds `</s>`, `<|im_end|>` or any other
control string of the tokenizer is encoded as the characters it consists of, so it cannot end a turn or open a
section. Every back end is given token ids, never a string it would parse again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stages.settings import Prompts

PLACEHOLDER = re.compile(r"\{(\w+)\}")
SENTENCE_END = re.compile(r"[.!?…।۔؟。][\"'”’»)]*(?=\s|$)|\n")


@dataclass(frozen=True)
class Example:
    """One training example: the loss is on `completion` only."""

    prompt: list[int]
    completion: list[int]


class PromptEncoder:
    """Encodes the prompts of one tokenizer.

    `budget` is the most tokens the longest text of a prompt may take; a longer one is cut at a sentence end.
    """

    def __init__(self, tokenizer: Any, prompts: Prompts, budget: int = 0) -> None:
        self.tokenizer = tokenizer
        self.prompts = prompts
        self.budget = budget

    def plain(self, text: str) -> list[int]:
        """Token ids of text, none of them a special or added token."""
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

        return Tokenizer.from_str(
            json.dumps({**json.loads(self.tokenizer.backend_tokenizer.to_str()), "added_tokens": []})
        )

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
        return list(self.tokenizer(self.prompts.end, add_special_tokens=False)["input_ids"])

    @cached_property
    def _start(self) -> list[int]:
        """The beginning-of-text token, where the model was trained with one."""
        ids: list[int] = self.tokenizer("", add_special_tokens=True)["input_ids"]
        bos = self.tokenizer.bos_token_id
        return [bos] if bos is not None and bos in ids else []

    def fill(self, template: str, values: dict[str, str]) -> list[int]:
        """Token ids of a template with plain text in its placeholders."""
        ids = list(self._start)
        parts = PLACEHOLDER.split(template)  # structure, name, structure, name, …, structure
        for number, part in enumerate(parts):
            if number % 2:
                ids += self.plain(values[part])
            elif part:
                ids += self.tokenizer(part, add_special_tokens=False)["input_ids"]
        return ids

    def fitted(self, text: str) -> str:
        """The text, cut at the last sentence end within the budget where it is too long.

        Without a sentence end in the second half of the budget it is cut at the budget.
        """
        if not self.budget:
            return text
        ids = self.plain(text)
        if len(ids) <= self.budget:
            return text
        cut = str(self.tokenizer.decode(ids[: self.budget], skip_special_tokens=False)).rstrip("\ufffd")
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
