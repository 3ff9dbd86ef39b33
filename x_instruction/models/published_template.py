"""Writes the chat template of a published model, from the prompts with which it was trained.

A user's message fills one placeholder of the prompt, such as `{instruction}`. If the caller gives the
template's argument `language` ("Finnish"), or the model has a default language, the prompt is worded as in
training. Otherwise the sentence that names the language is left out, so the message must itself name the language of
the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from x_instruction.models.chat_template import IS_PROMPT, literal, timeless
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import PLACEHOLDER

CONTENT = "content"  # the template's variable for a user's message
SENTENCE_END = re.compile(r"^[.!?:;,।。۔…]+")


@dataclass(frozen=True)
class Asking:
    """How a user's message becomes the prompt of a model.

    `prompt`: the template of params.yaml, such as `write_response`. `message`: the placeholder that a message fills.
    `values`: default values of the other placeholders. `language`: the English name of the default language; "" if
    there is none.
    """

    prompt: str
    message: str
    values: Mapping[str, str]
    language: str = ""

    @property
    def names(self) -> list[str]:
        """Names of the prompt's placeholders."""
        return list(dict.fromkeys(PLACEHOLDER.findall(self.prompt)))


def published_template(encoder: PromptEncoder, asking: Asking) -> str:
    """The template in Jinja, as transformers and vLLM read it."""
    whole, bare, after = _parts(asking, _boundary(encoder.tokenizer))
    if encoder.prompts.chat_template:
        return _around(timeless(encoder.tokenizer), asking, f"{whole} + {after}", f"{bare} + {after}")
    begin = encoder.tokenizer.decode(encoder.start, skip_special_tokens=False)
    return _whole(asking, whole, bare, after, literal(begin), literal(encoder.prompts.end))


def _parts(asking: Asking, boundary: re.Pattern[str]) -> tuple[str, str, str]:
    """Three Jinja expressions: a user's turn with the language, a turn without it, and what follows either of them."""
    placeholders = list(PLACEHOLDER.finditer(asking.prompt))
    before, after = asking.prompt[: placeholders[0].start()], asking.prompt[placeholders[-1].end() :]
    # In a turn without the language, the sentence that names the language is left out: all words up to the nearest line
    # break or control string.
    if placeholders[-1][1] != asking.message:
        structure = boundary.search(after)
        after = after[structure.start() :] if structure else SENTENCE_END.sub("", after)
    if placeholders[0][1] != asking.message:
        before = before[: max((match.end() for match in boundary.finditer(before)), default=0)]
    turn = asking.prompt[: len(asking.prompt) - len(after)]
    pieces = PLACEHOLDER.split(turn)
    whole = " + ".join(
        (CONTENT if piece == asking.message else piece) if number % 2 else literal(piece)
        for number, piece in enumerate(pieces)
        if piece
    )
    return whole, f"{literal(before)} + {CONTENT}", literal(after)


def _boundary(tokenizer: Any) -> re.Pattern[str]:
    """Pattern of what structures a prompt: line breaks, and the tokenizer's control strings."""
    strings = sorted(tokenizer.get_added_vocab(), key=len, reverse=True)
    return re.compile("|".join(["\n", *map(re.escape, strings)]))


def _values(asking: Asking) -> str:
    """Jinja statements that set the placeholders to their default values, unless the user gives them as arguments."""
    named = {"language": asking.language, **asking.values}
    given = "".join(
        f"{{%- set {name} = {name} if {name} is defined else {literal(value)} -%}}\n" for name, value in named.items()
    )
    return f"{given}{{%- set as_it_is = {IS_PROMPT} is defined and {IS_PROMPT} -%}}\n"


def _turn(whole: str, bare: str) -> str:
    return f"({whole} if language and not as_it_is else {bare})"


def _whole(asking: Asking, whole: str, bare: str, after: str, begin: str, end: str) -> str:
    """A whole chat template made from the prompt. It puts a system message before the next message of the user."""
    return f"""{_values(asking)}{{%- set system = namespace(text="") -%}}
{{{{- {begin} -}}}}
{{%- for message in messages -%}}
{{%- if message["role"] == "system" -%}}
{{%- set system.text = system.text + message["content"] + "\\n\\n" -%}}
{{%- elif message["role"] == "user" -%}}
{{%- set content = system.text + message["content"] -%}}
{{%- set system.text = "" -%}}
{{{{- {_turn(whole, bare)} -}}}}
{{%- if add_generation_prompt or not loop.last -%}}
{{{{- {after} -}}}}
{{%- endif -%}}
{{%- elif message["role"] == "assistant" -%}}
{{{{- message["content"] + {end} -}}}}
{{%- else -%}}
{{{{- raise_exception("a message is of the user, the assistant or the system, not of: " + message["role"]) -}}}}
{{%- endif -%}}
{{%- endfor -%}}
"""


def _around(template: str, asking: Asking, whole: str, bare: str) -> str:
    """The model's own template, preceded by code that puts the prompt's words around each message of the user.

    With the argument IS_PROMPT the messages are not changed, because the pipeline fills its prompts itself. After the
    last message, the code sets IS_PROMPT, so that the model's own template does not add the words a second time if it
    is from this module, too.
    """
    return f"""{_values(asking)}{{%- set asked = namespace(messages=[]) -%}}
{{%- for message in messages -%}}
{{%- if message["role"] == "user" and not as_it_is -%}}
{{%- set content = message["content"] -%}}
{{%- set asked.messages = asked.messages + [{{"role": "user", "content": {_turn(whole, bare)}}}] -%}}
{{%- else -%}}
{{%- set asked.messages = asked.messages + [message] -%}}
{{%- endif -%}}
{{%- endfor -%}}
{{%- set messages = asked.messages -%}}
{{%- set {IS_PROMPT} = true -%}}
{{{{- '' }}}}{template}"""
