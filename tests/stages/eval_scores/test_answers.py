"""The answers of a compared endpoint can be stored, whatever they contain."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from stages.eval_scores.answers import ask_endpoint
from stages.params import Settings
from tests.chat_server import answer_of, chat_server
from x_instruction.generation.endpoint_client import EndpointClient


@pytest.mark.parametrize(
    ("text", "reason", "stored"),
    [
        ("Hei.", "stop", ("Hei.", "stop")),
        ("Hei \ud800 x", "stop", ("Hei ? x", "stop")),
        ("Hei.", {"type": "stop"}, ("Hei.", "{'type': 'stop'}")),
        ("Hei.", "\ud800", ("Hei.", "?")),
        ("Hei.", None, ("Hei.", "stop")),
    ],
)
def test_an_answer_with_any_text_and_finish_reason_is_stored(
    text: str, reason: Any, stored: tuple[str, str], settings: Settings
) -> None:
    answer = answer_of(text)
    answer["choices"][0]["finish_reason"] = reason
    questions = pl.DataFrame({"question_id": ["0123456789abcdef"], "instruction": ["Sano hei."]})
    with chat_server(lambda _: json.dumps(answer).encode()) as server:
        found = ask_endpoint(
            questions, EndpointClient(server.endpoint), "{instruction}", settings.decoding, seed=1, language="Finnish"
        )
    assert found.kept.select("response", "finish_reason").rows() == [stored]
