"""Requests to a paid server: retried only where a retry can help, within the rate limit, and counted."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stages.seed_pairs.settings import Translation
from stages.seed_pairs.translation import translator
from x_instruction.generation.endpoint_client import EndpointClient, Pace
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
    """Returns the listed status codes in order, then answers; keeps the requests that it received."""

    def __init__(self, codes: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.codes = codes
        self.keys: list[str] = []
        self.bodies: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Bill

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.keys.append(self.headers["Authorization"])
        code = self.server.codes.pop(0) if self.server.codes else 200
        answer = CHAT if self.path.endswith("/chat/completions") else ANSWER
        body = json.dumps(answer if code == 200 else {"error": {"message": f"code {code}"}}).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def serve() -> Iterator[Callable[..., Bill]]:
    started: list[Bill] = []

    def start(*codes: int) -> Bill:
        server = Bill(list(codes))
        threading.Thread(target=server.serve_forever, daemon=True).start()
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


def test_an_endpoint_that_stays_busy_is_given_up_with_one_sentence(serve: Callable[..., Bill]) -> None:
    server = serve(*[503] * 9)
    with pytest.raises(InputError, match=r"gave no answer after 3 attempts: .*code 503.*finished shards are kept"):
        client(server, attempts=3).complete([[1]])
    assert len(server.bodies) == 3


@pytest.mark.parametrize("code", [400, 401, 404])
def test_a_refused_request_is_not_sent_again(serve: Callable[..., Bill], code: int) -> None:
    server = serve(code)
    with pytest.raises(InputError, match=f"a retry would not help: .*code {code}"):
        client(server).complete([[1]])
    assert len(server.bodies) == 1


def test_an_address_without_a_server_is_named() -> None:
    settings = Endpoint(url="http://127.0.0.1:9/v1", model="paid", attempts=2, first_wait_seconds=0.001)
    with pytest.raises(InputError, match=r"the endpoint http://127\.0\.0\.1:9/v1 gave no answer after 2 attempts"):
        EndpointClient(settings).complete([[1]])


def test_the_key_comes_from_the_environment(serve: Callable[..., Bill], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDPOINT_API_KEY", "secret")
    server = serve()
    one = client(server)
    one.complete([[1]])
    assert server.keys == ["Bearer secret"] and "secret" not in json.dumps(one.facts())


def test_a_worker_process_gets_a_client_with_the_same_settings(serve: Callable[..., Bill]) -> None:
    one = client(serve(), attempts=3)
    assert pickle.loads(pickle.dumps(one)).settings == one.settings


def test_tokens_are_counted_and_priced(serve: Callable[..., Bill]) -> None:
    one = client(serve(), prompt_price=2.0, generated_price=10.0)
    for _ in range(2):
        one.complete([[1]])
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


def test_a_chat_model_is_asked_to_translate_into_the_language(serve: Callable[..., Bill], tmp_path: Path) -> None:
    server = serve()
    endpoint = Endpoint(url=f"http://127.0.0.1:{server.server_address[1]}/v1", model="paid")
    made = translator(Translation(endpoint=endpoint), "fi", "Finnish", tmp_path).translate(
        ["Bread {text} is baked.", "Twice."]
    )
    assert made == ["Leipä leivotaan."] * 2
    messages = sorted(body["messages"][0]["content"] for body in server.bodies)
    assert messages[0].startswith("Translate this text into Finnish.") and messages[0].endswith(
        "\n\nBread {text} is baked."
    )
