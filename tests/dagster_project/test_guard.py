"""The UI's server refuses requests from other pages, except links, and answers its own page and programs like curl."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import pytest

from dagster_project.guard import Guard, refusal
from tests.dagster_project.test_ui import CHROMIUM, FLAGS
from tests.miniature import ROOT

FOREIGN = "evil.test"
CHANGE = 'mutation {{ setConcurrencyLimit(concurrencyKey: "{}", limit: 1) }}'


def scope(method: str = "GET", path: str = "/", query: str = "", kind: str = "http", **headers: str) -> dict[str, Any]:
    named = {"host": "127.0.0.1:3000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    pairs = [(name.encode(), value.encode()) for name, value in named.items() if value]
    return {"type": kind, "method": method, "path": path, "query_string": query.encode(), "headers": pairs}


OWN = "http://127.0.0.1:3000"
LINK = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}


@pytest.mark.parametrize(
    "request_",
    [
        scope(),
        scope(host="localhost:8123"),  # through a tunnel
        scope(host="[::1]:3000"),
        scope("POST", "/graphql"),  # from a program such as curl
        scope("POST", "/graphql", origin=OWN, sec_fetch_site="same-origin"),
        scope(sec_fetch_site="none"),
        scope(**LINK),
        scope(path="/graphql"),
        scope(kind="websocket", path="/graphql", origin=OWN),
    ],
)
def test_requests_of_the_own_page_programs_and_links_are_answered(request_: dict[str, Any]) -> None:
    assert refusal(request_) is None


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (scope(host=f"{FOREIGN}:3000"), "Host 'evil.test:3000' is not this machine"),
        (scope(host="127.0.0.1.evil.test"), "is not this machine"),
        (scope(host="127.0.0.1:3000@evil.test"), "is not this machine"),
        (scope(host=""), "is not this machine"),
        ({**scope(), "headers": [(b"host", b"localhost"), (b"Host", b"localhost")]}, "is not this machine"),
        (scope("POST", "/graphql", origin="http://evil.test"), "Origin 'http://evil.test' is not http"),
        (scope("POST", "/graphql", origin="http://127.0.0.1:9"), "is not http://127.0.0.1:3000: open the UI itself"),
        (scope("POST", "/graphql", origin="http://localhost:3000"), "is not http"),
        (scope("POST", "/graphql", origin="null"), "is not http"),
        (scope("POST", "/graphql", sec_fetch_site="same-site"), "another page sent this request"),
        (scope("POST", "/graphql", **LINK), "another page sent this request"),
        (scope(**{**LINK, "sec_fetch_dest": "iframe"}), "another page sent this request"),
        (
            scope(path="/logs/a", sec_fetch_site="cross-site", sec_fetch_mode="no-cors"),
            "another page sent this request",
        ),
        (scope(kind="websocket", path="/graphql", origin="http://evil.test"), "is not http"),
        (scope(path="/graphql", query="query={x}"), "GraphQL by GET"),
        (scope("HEAD", "/graphql/", query="query={x}"), "GraphQL by GET"),
    ],
)
def test_every_request_that_a_foreign_page_can_send_is_refused(request_: dict[str, Any], sentence: str) -> None:
    found = refusal(request_)
    assert found is not None and sentence in found[1]


def test_a_refused_request_reaches_nothing_behind_the_guard() -> None:
    sent: list[dict[str, Any]] = []

    async def behind(*_: Any) -> None:
        raise AssertionError("the request came through")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    for kind in ("http", "websocket"):
        asyncio.run(Guard(behind)(scope(kind=kind, host=FOREIGN), None, send))  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == [
        "http.response.start", "http.response.body", "websocket.close",
    ]  # fmt: skip


# Dagster's server


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Starts Dagster's web server with the guard but without assets, and returns its port."""
    home = tmp_path_factory.mktemp("home")
    number = free_port()
    environment = {**os.environ, "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "dagster_project.web_server", "--empty-workspace", "-p", str(number)]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 120
            while not answers(number):
                assert process.poll() is None and time.monotonic() < deadline, (home / "log").read_text()
                time.sleep(0.2)
            yield number
        finally:
            process.terminate()
            process.wait(timeout=30)


def free_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_port


def answers(port: int) -> bool:
    try:
        return ask(port, "GET", "/server_info")[0] == 200
    except OSError:
        return False


def ask(port: int, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
    """Sends a request and returns the status and text of the answer. Underscores in header names become hyphens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body.encode() or None, {"Content-Type": "application/json", **named})
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer.status, text


def change(name: str) -> str:
    return json.dumps({"query": CHANGE.format(name)})


def changes(port: int) -> set[str]:
    """The names of the changes that the server has accepted."""
    _, text = ask(
        port, "POST", "/graphql", json.dumps({"query": "{ instance { concurrencyLimits { concurrencyKey } } }"})
    )
    return {limit["concurrencyKey"] for limit in json.loads(text)["data"]["instance"]["concurrencyLimits"]}


def test_requests_of_foreign_pages_change_nothing(port: int) -> None:
    own = f"http://127.0.0.1:{port}"
    foreign: list[tuple[str, str, str, dict[str, str]]] = [
        ("GET", f"/graphql?query={quote(CHANGE.format('by_get'))}", "", {}),
        ("GET", f"/graphql?query={quote(CHANGE.format('by_get'))}", "", {"Origin": f"http://{FOREIGN}"}),
        ("POST", f"/graphql?query={quote(CHANGE.format('by_form'))}", "", {"Origin": f"http://{FOREIGN}"}),
        ("POST", "/graphql", change("by_origin"), {"Origin": f"http://{FOREIGN}"}),
        ("POST", "/graphql", change("of_no_origin"), {"Origin": "null"}),
        ("POST", "/graphql", change("of_another_port"), {"Origin": "http://127.0.0.1:1"}),
        ("POST", "/graphql", change("by_site"), {"Sec_Fetch_Site": "cross-site"}),
        ("POST", "/graphql", change("rebound"), {"Host": f"{FOREIGN}:{port}", "Origin": f"http://{FOREIGN}:{port}"}),
        ("GET", "/", "", {"Host": f"{FOREIGN}:{port}"}),
        ("POST", "/report_asset_materialization/a", "{}", {"Origin": f"http://{FOREIGN}"}),
    ]
    assert [ask(port, *request[:3], **request[3])[0] for request in foreign] == [405, 403, *[403] * 8]
    assert not changes(port)
    status, _ = ask(port, "POST", "/graphql", change("own_by_http"), Origin=own, Sec_Fetch_Site="same-origin")
    assert status == 200 and "own_by_http" in changes(port)


def test_no_page_shows_the_ui_in_a_frame(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/")
    assert connection.getresponse().getheader("X-Frame-Options") == "SAMEORIGIN"
    connection.close()


# A browser

# The script of a foreign page: it sends changes to the UI in several ways, and returns what the page could read of each
# answer.
ATTACK = """
async (ui) => {
  const change = (name) => `mutation { setConcurrencyLimit(concurrencyKey: "${name}", limit: 1) }`;
  const query = (name) => `${ui}/graphql?query=${encodeURIComponent(change(name))}`;
  const read = [];
  const tried = async (name, request) => {
    try { const answer = await request; read.push([name, answer.status, answer.type]); }
    catch (error) { read.push([name, 0, "failed"]); }
  };
  const body = (name) => JSON.stringify({ query: change(name) });
  await tried("get", fetch(query("get")));
  await tried("opaque_get", fetch(query("opaque_get"), { mode: "no-cors" }));
  await tried("plain_post", fetch(`${ui}/graphql`, { method: "POST", mode: "no-cors", body: body("plain_post") }));
  await tried("query_post", fetch(query("query_post"), { method: "POST", mode: "no-cors" }));
  await tried("json_post", fetch(`${ui}/graphql`,
    { method: "POST", headers: { "Content-Type": "application/json" }, body: body("json_post") }));
  await new Promise((done) => {
    const image = new Image();
    image.onload = image.onerror = done;
    image.src = query("image");
  });
  await new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.name = "target";
    document.body.append(frame); // an empty page, which is loaded at once
    frame.onload = done;
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: query("form"), target: "target" });
    document.body.append(form);
    form.submit();
  });
  read.push(["socket", await new Promise((done) => {
    const socket = new WebSocket(`${ui.replace("http", "ws")}/graphql`, "graphql-ws");
    socket.onopen = () => done("opened");
    socket.onclose = socket.onerror = () => done("refused");
  })]);
  return read;
}
"""


class _Page(BaseHTTPRequestHandler):
    """The foreign site: every path is an empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>foreign</title><body></body>")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def foreign_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=partial(server.serve_forever, poll_interval=0.05), daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def browser() -> Iterator[Any]:
    """A Chromium that resolves the foreign host name to this machine, as after DNS rebinding."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser: {CHROMIUM} is not installed (the same requests are tried by HTTP)")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        flags = [*FLAGS, f"--host-resolver-rules=MAP {FOREIGN} 127.0.0.1"]
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield opened
        opened.close()


@pytest.mark.parametrize("site", [FOREIGN, "127.0.0.1"])
def test_a_foreign_page_in_a_browser_changes_nothing_and_reads_nothing(
    port: int, foreign_port: int, browser: Any, site: str
) -> None:
    page = browser.new_page()
    page.goto(f"http://{site}:{foreign_port}/")
    before = changes(port)
    read = page.evaluate(ATTACK, f"http://127.0.0.1:{port}")
    assert changes(port) == before
    assert ["socket", "refused"] in read
    assert {name for name, status, *_ in read if name != "socket" and status} == set()


def test_a_rebound_name_in_a_browser_changes_nothing(port: int, browser: Any) -> None:
    """The attacker's name resolves to the UI, so for the browser no request is cross-site."""
    page, address = browser.new_page(), f"http://{FOREIGN}:{port}"
    assert "is not this machine" in page.goto(f"{address}/").text()
    before = changes(port)
    read = {name: status for name, status, *_ in page.evaluate(ATTACK, address)}
    assert changes(port) == before
    assert (read["get"], read["json_post"], read["socket"]) == (403, 403, "refused")


def test_the_own_page_works_in_a_browser(port: int, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector("#root > *", state="attached")
    read = {name: status for name, status, *_ in page.evaluate(ATTACK, f"http://127.0.0.1:{port}")}
    assert (read["json_post"], read["get"], read["socket"]) == (200, 405, "opened")
    assert {"json_post", "form"} <= changes(port) and not {"get", "image", "opaque_get"} & changes(port)


def test_a_link_on_another_page_opens_the_ui(port: int, foreign_port: int, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"http://{FOREIGN}:{foreign_port}/")
    page.evaluate("ui => { location.href = ui }", f"http://127.0.0.1:{port}/runs")
    page.wait_for_url(re.compile(f"127.0.0.1:{port}"))
    assert page.evaluate("document.querySelector('#root') !== null")
