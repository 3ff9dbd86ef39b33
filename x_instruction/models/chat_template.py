"""A model's own chat template as token ids around a message, so that what a message says stays plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from x_instruction.runner.errors import SettingsError

# No template changes these words, and no token of the structure reaches into them.
QUESTION, ANSWER = "XQUESTIONX", "XANSWERX"


@dataclass(frozen=True)
class ChatTurn:
    """Tokens before and after the user's message, and the one with which an answer ends."""

    before: list[int]
    after: list[int]
    end: list[int]


def chat_turn(tokenizer: Any) -> ChatTurn:
    """Read off the template by rendering it with known words. Raises SettingsError where there is none, or none fit."""
    if not getattr(tokenizer, "chat_template", None):
        raise SettingsError("prompts.chat_template is true, but this model has none: set it to false")
    asked = _rendered(tokenizer, [{"role": "user", "content": QUESTION}], generation=True)
    if asked.count(QUESTION) != 1:
        raise SettingsError(
            "prompts.chat_template: this model's template does not show a message once; set it to false"
        )
    before, after = asked.split(QUESTION)
    return ChatTurn(_ids(tokenizer, before), _ids(tokenizer, after), [_end(tokenizer)])


def _end(tokenizer: Any) -> int:
    """The first special token after an answer; the end-of-text token where the template closes with words."""
    turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}]
    tail = _rendered(tokenizer, turns, generation=False).rpartition(ANSWER)[2]
    special = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
    found = next((token for token in _ids(tokenizer, tail) if token in special), tokenizer.eos_token_id)
    if found is None:
        raise SettingsError("prompts.chat_template: nothing ends an answer in this model's template; set it to false")
    return int(found)


def _rendered(tokenizer: Any, messages: list[dict[str, str]], *, generation: bool) -> str:
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation))


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
    return ids
