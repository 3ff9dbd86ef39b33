"""Reads a model's chat template as token ids around a message, so that the message itself stays plain text.

A template that writes today's date gets a fixed date, so that prompts do not change from day to day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from x_instruction.runner.errors import SettingsError, in_one_line

# A template is rendered with these words to find where it puts a message and an answer.
QUESTION, ANSWER = "XQUESTIONX", "XANSWERX"
USER = {"role": "user", "content": QUESTION}
ASSISTANT = {"role": "assistant", "content": ANSWER}
IS_PROMPT = "message_is_prompt"  # argument of our published templates; true if the message is already a whole prompt
# Templates such as Llama 3.2's write today's date into each prompt. They get the date that Llama 3.2's template writes
# if the function strftime_now is missing.
TODAY = datetime(2024, 7, 26)


@dataclass(frozen=True)
class ChatTurn:
    """Tokens before and after the user's message, and the token that ends an answer."""

    before: list[int]
    after: list[int]
    end: list[int]


def chat_turn(tokenizer: Any) -> ChatTurn:
    """Finds the tokens by rendering the template with known words. Raises SettingsError without a usable template."""
    if not getattr(tokenizer, "chat_template", None):
        raise SettingsError("prompts.chat_template is true, but this model has no chat template: set this to false")
    prompt = _rendered(tokenizer, [USER], generation=True)
    if prompt.count(QUESTION) != 1:
        raise _refusal("does not contain the message exactly once")
    if _rendered(tokenizer, [USER], generation=True) != prompt:
        raise _refusal("gives another prompt each time")
    dialogue = _rendered(tokenizer, [USER, ASSISTANT], generation=False)
    # The end of an answer is read from the dialogue, so the dialogue must continue the prompt with the answer.
    if not dialogue.startswith(prompt) or dialogue[len(prompt) :].count(ANSWER) != 1:
        raise _refusal("writes a dialogue that does not begin with the prompt of a generation, followed by the answer")
    before, after = prompt.split(QUESTION)
    tail = dialogue.rpartition(ANSWER)[2]
    return ChatTurn(_ids(tokenizer, before), _ids(tokenizer, after), [_end(tokenizer, tail)])


def timeless(tokenizer: Any) -> str:
    """The tokenizer's template, changed so that it writes the date TODAY in place of the present date."""
    template = str(tokenizer.get_chat_template())
    formats: list[str] = []

    def clock(pattern: str) -> str:
        formats.append(pattern)
        return TODAY.strftime(pattern)

    _rendered(tokenizer, [USER, ASSISTANT], generation=True, clock=clock)
    if not formats:
        return template
    cases = "".join(
        f"{{% if format == {literal(pattern)} %}}{TODAY.strftime(pattern)}{{% endif %}}"
        for pattern in dict.fromkeys(formats)
    )
    # transformers lets Jinja remove a line break after a block. The empty output after the block keeps a line break
    # with which the template may begin.
    return f"{{% macro strftime_now(format) %}}{cases}{{% endmacro %}}{{{{ '' }}}}{template}"


def literal(text: str) -> str:
    """The text as a string literal of Jinja."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _end(tokenizer: Any, tail: str) -> int:
    """The first special or added token after an answer; the EOS token if the template writes no such token there."""
    special = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
    end = next((token for token in _ids(tokenizer, tail) if token in special), tokenizer.eos_token_id)
    if end is None:
        raise _refusal("has no token that ends an answer")
    return int(end)


def _rendered(
    tokenizer: Any, messages: list[dict[str, str]], *, generation: bool, clock: Callable[[str], str] = TODAY.strftime
) -> str:
    from jinja2 import TemplateError, TemplateSyntaxError

    raised = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
    try:
        text = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=generation, strftime_now=clock, **{IS_PROMPT: True}
        )
    except TemplateSyntaxError as error:
        raise _refusal(f"is not valid ({in_one_line(error)})") from None
    except raised as error:
        raise _refusal(f"cannot write a question without a system message ({in_one_line(error)})") from None
    return str(text)


def _refusal(what: str) -> SettingsError:
    return SettingsError(f"prompts.chat_template: this model's template {what}; set it to false")


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
    return ids
