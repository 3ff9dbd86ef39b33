"""In a browser, a click in the UI materializes everything, and every asset is then shown as fresh."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.miniature import dvc, set_param, with_package
from tests.processes import wait_until

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser: {CHROMIUM} is not installed (test of the UI)"),
]


@pytest.fixture
def ui(fresh: Path) -> Iterator[str]:
    """Starts the UI of a small project, and yields its address.

    The project has one iteration instead of two, so that only 15 stages must run instead of 18.
    """
    with_package(fresh)
    set_param(fresh, "iterations", {"iteration_1": {"learns_from": "seed_pairs"}})
    subprocess.run([sys.executable, "-m", "dvc_project.generated_lines"], cwd=fresh, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    log = (fresh / "ui.log").open("w")
    command = [sys.executable, "-m", "dagster_project", "--port", str(port)]
    process = subprocess.Popen(command, cwd=fresh, env=environment, stdout=log, stderr=log, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(address), "the UI did not start", seconds=90, every=1)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        log.close()


def test_a_click_materializes_all_assets(ui: str, fresh: Path, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 1800, "height": 1100})
        page.goto(f"{ui}/asset-groups")
        page.get_by_role("button", name=re.compile("Materialize all")).click()
        page.get_by_role("button", name="All", exact=True).click()
        page.get_by_role("button", name="Launch backfill").click()
        page.get_by_text("Created backfill").wait_for()
        wait_until(lambda: _backfills(ui) == {"COMPLETED_SUCCESS"}, "the backfill failed", seconds=480, every=1)
        page.goto(f"{ui}/asset-groups")
        page.get_by_text("release").first.wait_for()
        for group in ("release", "iteration_1", "preparation"):
            page.get_by_text(group, exact=True).last.dblclick()  # unfolds the group
            page.wait_for_timeout(1500)
        page.screenshot(path=tmp_path / "lineage.png")
        browser.close()
    assert json.loads(dvc(fresh, "status", "--json")) == {}
    assert _statuses(ui) == {"FRESH"}
    assert (
        _status_for(ui, "evil.test") == 403
    )  # `make ui` starts the server with the guard, which tests/dagster_project/test_guard.py tests


def _backfills(address: str) -> set[str]:
    found = _ask(address, "{ partitionBackfillsOrError { ... on PartitionBackfills { results { status } } } }")
    return {backfill["status"] for backfill in found["partitionBackfillsOrError"]["results"]}


def _statuses(address: str) -> set[str]:
    """The stale statuses that the UI receives for all partitions of all materializable assets."""
    nodes = _ask(address, "{ assetNodes { isMaterializable assetKey { path } partitionKeys } }")["assetNodes"]
    queries = []
    for number, node in enumerate(node for node in nodes if node["isMaterializable"]):
        key = json.dumps(node["assetKey"]["path"])
        for place, partition in enumerate(node["partitionKeys"] or [None]):
            argument = f'(partition: "{partition}")' if partition else ""
            queries.append(
                f"a{number}_{place}: assetNodeOrError(assetKey: {{path: {key}}}) "
                f"{{ ... on AssetNode {{ staleStatus{argument} }} }}"
            )
    return {answer["staleStatus"] for answer in _ask(address, "{ " + " ".join(queries) + " }").values()}


def _ask(address: str, query: str) -> Any:
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


def _status_for(address: str, host: str) -> int:
    """The HTTP status of a request whose Host header has the given name."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers={"Host": host}), timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _answers(address: str) -> bool:
    try:
        return bool(_ask(address, "{ assetNodes { id } }")["assetNodes"])
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
