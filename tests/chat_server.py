"""A local stand-in for an OpenAI-compatible endpoint; each test passes the function that makes the replies."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from x_instruction.generation.settings import Endpoint

# A reply is a text, the probabilities of the next token, the HTTP status of a failure, or a whole body.
Reply = str | dict[str, float] | int | bytes


class ChatServer(ThreadingHTTPServer):
    """Answers each request with the result of `reply` for its first message; `bodies` has all request bodies so far."""

    def __init__(self, reply: Callable[[str], Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = reply
        self.bodies: list[dict[str, Any]] = []

    @property
    def endpoint(self) -> Endpoint:
        url = f"http://127.0.0.1:{self.server_address[1]}/v1"
        return Endpoint(url=url, model="served", attempts=2, first_wait_seconds=0.001, concurrency=4)


class _Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        reply = self.server.reply(body["messages"][0]["content"])
        status = reply if isinstance(reply, int) else 200
        body = {"error": {"message": f"code {status}"}} if status != 200 else answer_of(reply)
        data = reply if isinstance(reply, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None: ...


def answer_of(reply: Reply) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
    if isinstance(reply, dict):
        top = [{"token": token, "logprob": math.log(share), "bytes": None} for token, share in reply.items()]
        choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}], "refusal": None}
        reply = str(top[0]["token"])
    choice["message"] = {"role": "assistant", "content": reply}
    usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
    return {
        "id": "1", "object": "chat.completion", "created": 0, "model": "served", "choices": [choice], "usage": usage,
    }  # fmt: skip


@contextmanager
def chat_server(reply: Callable[[str], Reply]) -> Iterator[ChatServer]:
    server = ChatServer(reply)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
