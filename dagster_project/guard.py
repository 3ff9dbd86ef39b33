"""The guard, which refuses requests from pages of other sites before they reach Dagster's web server.

The server listens on the loopback address and needs no password. But any page that is open in the user's browser can
send requests to it. The page can use the loopback address itself (cross-site), or the page's own host name after this
name was made to resolve to the loopback address (DNS rebinding). The browser sends the requested host name in the
header Host, and the site of the requesting page in Origin. Sec-Fetch-Site says whether both are the same site. Programs
such as curl send no Origin and get an answer.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Message = dict[str, Any]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]

HOST = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?", re.I)
OWN_SITE = {"same-origin", "none"}  # "none": the user typed the address or opened a bookmark
POLICY_VIOLATION = 1008  # the code with which a websocket is closed


class Guard:
    """ASGI middleware that refuses requests from other sites and keeps other sites from showing the UI in a frame."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refused is None:
            await self._app(scope, receive, _unframed(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refused[1]})
        else:
            await _answer(send, *refused)


def refusal(scope: Scope) -> tuple[int, str] | None:
    """HTTP status and reason if a request is refused; None if it may be answered."""
    hosts, origins = (_values(scope, name) for name in (b"host", b"origin"))
    if len(hosts) != 1 or not HOST.fullmatch(hosts[0]):
        return 403, f"Host {' '.join(hosts)!r} is not this machine: open http://127.0.0.1 with the port of the UI"
    if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in origins):
        return 403, f"Origin {' '.join(origins)!r} is not http://{hosts[0]}: open the UI itself"
    if not set(_values(scope, b"sec-fetch-site")) <= OWN_SITE and not _is_a_link(scope):
        return 403, "another page sent this request: open the UI itself"
    if _is_query_by_get(scope):
        return 405, "GraphQL by GET could change data without the user's consent: send it by POST"
    return None


def _is_a_link(scope: Scope) -> bool:
    """Whether the user followed a link on another page.

    The browser then leaves that page, so the page cannot read the response.
    """
    wanted = {b"sec-fetch-mode": ["navigate"], b"sec-fetch-dest": ["document"]}
    by_get = scope["type"] == "http" and scope["method"] == "GET"
    return by_get and all(_values(scope, name) == values for name, values in wanted.items())


def _is_query_by_get(scope: Scope) -> bool:
    """Whether this is a GraphQL query that is not sent by POST.

    Without a query string, GET returns only the query editor.
    """
    reads = scope["type"] == "http" and scope["method"] != "POST"
    return reads and scope["path"].rstrip("/").endswith("/graphql") and bool(scope["query_string"])


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _unframed(send: Send) -> Send:
    """Adds the header that forbids other sites to show a response in a frame (against clickjacking)."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"x-frame-options", b"SAMEORIGIN")]
            message = {**message, "headers": headers}
        await send(message)

    return sending


async def _answer(send: Send, status: int, sentence: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{sentence}\n".encode()})
