"""Requests to a paid server are retried only if a retry can help, stay within the rate limit, and are counted."""

from __future__ import annotations

import json
import pickle
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stages.seed_pairs.settings import Translation
from stages.seed_pairs.translation import translator
from x_instruction.generation.endpoint_client import EndpointClient, Pace, retry_after
from x_instruction.generation.settings import Endpoint
from x_instruction.runner.errors import InputError

ANSWER = {
    "id": "1", "object": "text_completion", "created": 0, "model": "paid",
    "choices": [{"index": 1, "text": "b", "finish_reason": "stop"}, {"index": 0, "text": "a", "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200},
}  # fmt: skip

CHAT = {
    "id": "1", "object": "chat.completion", "created": 0, "model": "paid",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": " Leipä leivotaan. "}}
    ],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200},
}  # fmt: skip


class Bill(ThreadingHTTPServer):
    """A server that records requests. It first sends the listed status codes, or bodies with status 200, in order.

    After the list, it sends a good answer to every request.
    """

    def __init__(self, codes: list[int | bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.codes = codes
        self.keys: list[str] = []
        self.bodies: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Bill

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.keys.append(self.headers["Authorization"])
        planned = self.server.codes.pop(0) if self.server.codes else 200
        answer = CHAT if self.path.endswith("/chat/completions") else ANSWER
        if isinstance(planned, bytes):
            code, body = 200, planned
        else:
            code = planned
            body = json.dumps(answer if code == 200 else {"error": {"message": f"code {code}"}}).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/html" if body.startswith(b"<") else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def serve() -> Iterator[Callable[..., Bill]]:
    started: list[Bill] = []

    def start(*codes: int | bytes) -> Bill:
        server = Bill(list(codes))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()


def client(server: Bill, **settings: Any) -> EndpointClient:
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    return EndpointClient(Endpoint(url=url, model="paid", first_wait_seconds=0.001, **settings))


def test_a_busy_or_broken_endpoint_is_asked_again(serve: Callable[..., Bill]) -> None:
    one = client(serve(429, 503, 500))
    assert [choice.text for choice in one.complete([[1], [2]], max_tokens=3)] == ["a", "b"]
    assert (one.counts["requests"], one.counts["retries"]) == (4, 3)


def test_an_endpoint_that_stays_busy_is_an_error_of_one_sentence(serve: Callable[..., Bill]) -> None:
    server = serve(*[503] * 9)
    with pytest.raises(InputError, match=r"gave no answer after 3 attempts: .*code 503.*finished shards are kept"):
        client(server, attempts=3).complete([[1], [2]])
    assert len(server.bodies) == 3


@pytest.mark.parametrize("code", [400, 401, 404])
def test_a_refused_request_is_not_sent_again(serve: Callable[..., Bill], code: int) -> None:
    server = serve(code)
    with pytest.raises(InputError, match=f"a retry would not help: .*code {code}"):
        client(server).complete([[1], [2]])
    assert len(server.bodies) == 1


def changed(answer: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({**answer, **fields}).encode()


def spoken(**fields: Any) -> bytes:
    return changed(CHAT, choices=[{**CHAT["choices"][0], **fields}])


# Bodies that servers and routers send with HTTP 200 although the model behind them failed.
NO_ANSWERS = {
    "choices null, the error in the body": b'{"choices": null, "error": {"message": "provider failed", "code": 429}}',
    "no choices": changed(CHAT, choices=[]),
    "choices of nulls": changed(CHAT, choices=[None]),
    "choices that are text": changed(CHAT, choices="none"),
    "a page of a proxy": b"<html><body>504 upstream</body></html>",
    "a list": b"[]",
    "a number": b"5",
    "null": b"null",
    "nothing": b"",
    "cut JSON": b'{"choices": [{"index": 0, "tex',
    "JSON that is nested too deeply": b"[" * 100_000,
}
NO_CHATS = {
    **NO_ANSWERS,
    "message null": spoken(message=None, finish_reason="error"),
    "message without content, ended by an error": spoken(message={"role": "assistant"}, finish_reason="error"),
    "a part of an answer, ended by an error": spoken(finish_reason="error"),
    "content that is a list": spoken(message={"role": "assistant", "content": ["Leip\u00e4"]}),
}
NO_COMPLETIONS = {
    **NO_ANSWERS,
    "one choice too few": changed(ANSWER, choices=ANSWER["choices"][:1]),
    "text null": changed(ANSWER, choices=[{**choice, "text": None} for choice in ANSWER["choices"]]),
    "aborted": changed(ANSWER, choices=[{**choice, "finish_reason": "abort"} for choice in ANSWER["choices"]]),
}


@pytest.mark.parametrize("body", NO_CHATS.values(), ids=NO_CHATS)
def test_a_chat_without_an_answer_is_asked_again(serve: Callable[..., Bill], body: bytes) -> None:
    one = client(serve(body))
    assert one.chat("Say.").message.content == " Leipä leivotaan. "
    assert (one.counts["requests"], one.counts["retries"]) == (2, 1)


@pytest.mark.parametrize("body", NO_COMPLETIONS.values(), ids=NO_COMPLETIONS)
def test_a_completion_without_an_answer_is_asked_again(serve: Callable[..., Bill], body: bytes) -> None:
    one = client(serve(body))
    assert [choice.text for choice in one.complete([[1], [2]])] == ["a", "b"]
    assert one.counts["retries"] == 1


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_the_error_for_unusable_answers_quotes_the_last_one(serve: Callable[..., Bill], body: bytes) -> None:
    server = serve(*[body] * 3)
    with pytest.raises(InputError, match=r"gave no usable answer after 3 attempts: HTTP 200 with .*; fin") as refused:
        client(server, attempts=3).complete([[1], [2]])
    assert (body.decode()[:20] or "nothing") in str(refused.value) and "\n" not in str(refused.value)
    assert len(server.bodies) == 3


def test_an_answer_without_the_requested_probabilities_is_asked_again(serve: Callable[..., Bill]) -> None:
    # The server's answer has choices but no probabilities.
    server = serve()
    with pytest.raises(InputError, match=r"gave no usable answer after 2 attempts: HTTP 200 with \{.*text_completion"):
        client(server, attempts=2).complete([[1], [2]], lambda choice: choice.logprobs.top_logprobs[0])
    assert len(server.bodies) == 2


@pytest.mark.parametrize("reason", ["length", "content_filter", "stop"])
def test_a_chat_that_ended_without_content_is_an_answer(serve: Callable[..., Bill], reason: str) -> None:
    server = serve(spoken(message={"role": "assistant", "content": None}, finish_reason=reason))
    assert client(server).chat("Say.").message.content is None
    assert len(server.bodies) == 1


def test_a_lone_surrogate_in_the_text_of_a_chat_is_replaced(serve: Callable[..., Bill]) -> None:
    server = serve(spoken(message={"role": "assistant", "content": "hei \ud800 x"}))
    assert client(server).chat("Say.").message.content == "hei ? x"


def test_what_is_read_of_a_chat_is_returned_only_if_the_chat_is_usable(serve: Callable[..., Bill]) -> None:
    one = client(serve(spoken(finish_reason="error")))
    assert one.chat("Say.", lambda choice: choice.finish_reason) == "stop"


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None},
        {"prompt_tokens": "many", "completion_tokens": {}},
        [],
    ],
)
def test_an_answer_may_lack_its_token_counts(serve: Callable[..., Bill], usage: Any) -> None:
    one = client(serve(changed(CHAT, usage=usage)))
    assert one.chat("Say.").finish_reason == "stop"
    assert (one.counts["requests"], one.counts["prompt_tokens"], one.counts["generated_tokens"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("1.5", 1.5), ("-3", 0.0), ("Fri, 27 Nov 2026 17:00:00 GMT", 0.0), (None, 0.0)]
)
def test_a_busy_server_may_say_how_long_to_wait(header: str | None, seconds: float) -> None:
    headers = {} if header is None else {"retry-after": header}
    assert retry_after(SimpleNamespace(response=SimpleNamespace(headers=headers))) == seconds
    assert retry_after(ConnectionError()) == 0.0


def test_an_address_without_a_server_is_named() -> None:
    settings = Endpoint(url="http://127.0.0.1:9/v1", model="paid", attempts=2, first_wait_seconds=0.001)
    with pytest.raises(InputError, match=r"the endpoint http://127\.0\.0\.1:9/v1 gave no answer after 2 attempts"):
        EndpointClient(settings).complete([[1], [2]])


@pytest.mark.parametrize("url", ["http://127.0.0.1:80o0/v1", "http://\u202e.com/v1", "http://.../"])
def test_an_address_that_is_none_is_refused_with_one_sentence(url: str) -> None:
    settings = Endpoint(url=url, model="paid", attempts=2, first_wait_seconds=0.001)
    with pytest.raises(InputError, match=rf"^the endpoint {re.escape(url)} (cannot be used|gave no answer and)"):
        EndpointClient(settings).complete([[1], [2]])


@pytest.mark.parametrize("key", ["käy", "secret\nsecret"])
def test_a_key_that_no_header_can_have_is_refused(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDPOINT_API_KEY", key)
    with pytest.raises(InputError, match=r"^ENDPOINT_API_KEY has a character") as refused:
        EndpointClient(Endpoint(url="http://127.0.0.1:9/v1", model="paid"))
    assert key not in str(refused.value)


@pytest.mark.parametrize(("key", "sent"), [("", "none"), (" ", "none"), ("secret\n", "secret")])
def test_an_empty_key_is_like_no_key(
    serve: Callable[..., Bill], monkeypatch: pytest.MonkeyPatch, key: str, sent: str
) -> None:
    monkeypatch.setenv("ENDPOINT_API_KEY", key)
    server = serve()
    client(server).complete([[1], [2]])
    assert server.keys == [f"Bearer {sent}"]


def test_the_key_comes_from_the_environment(serve: Callable[..., Bill], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDPOINT_API_KEY", "secret")
    server = serve()
    one = client(server)
    one.complete([[1], [2]])
    assert server.keys == ["Bearer secret"] and "secret" not in json.dumps(one.facts())


def test_a_worker_process_gets_a_client_with_the_same_settings(serve: Callable[..., Bill]) -> None:
    one = client(serve(), attempts=3)
    assert pickle.loads(pickle.dumps(one)).settings == one.settings


def test_tokens_are_counted_and_priced(serve: Callable[..., Bill]) -> None:
    one = client(serve(), prompt_price=2.0, generated_price=10.0)
    for _ in range(2):
        one.complete([[1], [2]])
    facts = one.facts()
    assert (facts["endpoint_prompt_tokens"], facts["endpoint_generated_tokens"]) == (2000, 400)
    assert facts["endpoint_cost"] == pytest.approx(0.008)


@pytest.mark.parametrize(
    ("requests", "tokens", "seconds"), [(None, None, 0.0), (60, None, 1.0), (None, 6000, 5.0), (60, 6000, 5.0)]
)
def test_the_next_request_waits_for_the_allowed_rate(requests: int | None, tokens: int | None, seconds: float) -> None:
    assert Pace(requests, tokens).seconds(500) == seconds


def test_parallel_requests_share_one_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("x_instruction.generation.endpoint_client.time.monotonic", lambda: 100.0)
    monkeypatch.setattr("x_instruction.generation.endpoint_client.time.sleep", slept.append)
    pace = Pace(30, None)
    for _ in range(3):
        pace.wait(1)
    assert slept == [0.0, 2.0, 4.0]


def test_the_text_of_a_chat_model_is_checked_before_it_counts_as_a_translation(
    serve: Callable[..., Bill], tmp_path: Path
) -> None:
    texts = [
        "<think>Finnish.</think>Here is the translation:\nLeipä leivotaan.",
        "I'm sorry, but I can't translate it.",
    ]
    server = serve(*(spoken(message={"role": "assistant", "content": text}) for text in texts))
    endpoint = Endpoint(url=f"http://127.0.0.1:{server.server_address[1]}/v1", model="paid", concurrency=1)
    good, bad = translator(Translation(endpoint=endpoint), "fi", "Finnish", tmp_path).translate(["One.", "Two."])
    assert (good.text, good.removed) == ("Leipä leivotaan.", ("reasoning", "preface"))
    assert (bad.text, bad.refused, bad.raw) == ("", "refusal", texts[1])


def test_a_chat_model_is_asked_to_translate_into_the_language(serve: Callable[..., Bill], tmp_path: Path) -> None:
    server = serve()
    endpoint = Endpoint(url=f"http://127.0.0.1:{server.server_address[1]}/v1", model="paid")
    made = translator(Translation(endpoint=endpoint), "fi", "Finnish", tmp_path).translate(
        ["Bread {text} is baked.", "Twice."]
    )
    assert [one.text for one in made] == ["Leipä leivotaan."] * 2
    messages = sorted(body["messages"][0]["content"] for body in server.bodies)
    assert messages[0].startswith("Translate this text into Finnish.") and messages[0].endswith(
        "\n\nBread {text} is baked."
    )
