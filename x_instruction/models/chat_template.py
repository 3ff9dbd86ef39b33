"""A model's chat template as token ids around a message, so that the message itself stays plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from x_instruction.runner.errors import SettingsError

# Templates do not change these words, and no token of a template's structure overlaps them.
QUESTION, ANSWER = "XQUESTIONX", "XANSWERX"


@dataclass(frozen=True)
class ChatTurn:
    """Tokens before and after the user's message, and the token that ends an answer."""

    before: list[int]
    after: list[int]
    end: list[int]


def chat_turn(tokenizer: Any) -> ChatTurn:
    """Find the tokens by rendering the template with known words. Raises SettingsError if no template is usable."""
    if not getattr(tokenizer, "chat_template", None):
        raise SettingsError("prompts.chat_template is true, but this model has none: set it to false")
    prompt = _rendered(tokenizer, [{"role": "user", "content": QUESTION}], generation=True)
    if prompt.count(QUESTION) != 1:
        raise SettingsError(
            "prompts.chat_template: this model's template does not contain the message exactly once; set it to false"
        )
    before, after = prompt.split(QUESTION)
    return ChatTurn(_ids(tokenizer, before), _ids(tokenizer, after), [_end(tokenizer)])


def _end(tokenizer: Any) -> int:
    """The first special token after an answer; the end-of-text token if the template has no special token there."""
    turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}]
    tail = _rendered(tokenizer, turns, generation=False).rpartition(ANSWER)[2]
    special = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
    end = next((token for token in _ids(tokenizer, tail) if token in special), tokenizer.eos_token_id)
    if end is None:
        raise SettingsError("prompts.chat_template: no token ends an answer in this model's template; set it to false")
    return int(end)


def _rendered(tokenizer: Any, messages: list[dict[str, str]], *, generation: bool) -> str:
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation))


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
    return ids
