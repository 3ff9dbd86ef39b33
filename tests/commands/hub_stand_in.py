"""An in-memory stand-in for the parts of the hub's HTTP API that an upload uses: repositories, LFS objects, commits."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_stand_in_write"  # may write
READER = "hf_stand_in_read"  # may only read


@dataclass
class Hub:
    """The state of the hub, and the faults that a test asks for.

    `files`, `kinds` (dataset or model) and `private` have a key for each repository, and `stored` has the LFS objects
    by checksum. `ignored` are the files that a repository's .gitignore lists. With `fails`, every commit is refused.
    After `takes` LFS objects, every further one sets `waiting` and is refused (with `holds`, after a minute).
    With `hangs_up`, a commit is made but the connection is closed without an answer.
    """

    address: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)  # held while `stored` is counted and changed
    commits: int = 0
    fails: bool = False
    takes: int = 1_000
    holds: bool = False
    waiting: threading.Event = field(default_factory=threading.Event)
    hangs_up: bool = False
    ignored: tuple[str, ...] = ()


@contextmanager
def hub_stand_in() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: Any) -> None:
            pass

        def _answer(self, value: Any, status: int = 200) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _name(self) -> str:
            """The name of the repository in a path such as /api/datasets/OWNER/NAME/tree/main."""
            return "/".join(self.path.partition("?")[0].split("/")[3:5])

        def do_GET(self) -> None:
            name = self._name()
            if name not in hub.files or self.path.split("/")[2] != f"{hub.kinds.get(name, 'dataset')}s":
                self._answer({"error": "Repository not found"}, 404)
            elif "/tree/" in self.path:
                rows = [
                    {"type": "file", "path": path, "size": len(data), "oid": _blob(data)}
                    for path, data in hub.files[name].items()
                ]
                self._answer(rows)
            else:
                self._answer({"id": name, "sha": f"{hub.commits:040x}"})

        def do_PUT(self) -> None:
            data = self._body()
            with hub.lock:  # a client uploads several objects at the same time
                stored = len(hub.stored) < hub.takes
                if stored:
                    hub.stored[hashlib.sha256(data).hexdigest()] = data
            if not stored:
                hub.waiting.set()
                if hub.holds:
                    time.sleep(60)
                self._answer({"error": "the stand-in stores no more"}, 400)
                return
            self._answer({})

        def do_POST(self) -> None:
            body, token = self._body(), self.headers.get("Authorization", "")
            if token not in (f"Bearer {TOKEN}", f"Bearer {READER}"):
                self._answer({"error": "Invalid credentials in Authorization header"}, 401)
            elif token == f"Bearer {READER}":
                self._answer({"error": "You don't have the rights"}, 403)
            elif self.path == "/api/repos/create":
                self._create(json.loads(body))
            elif self.path == "/api/validate-yaml":
                self._answer({"errors": [], "warnings": []})
            elif "/preupload/" in self.path:
                self._preupload(json.loads(body))
            elif self.path.endswith(".git/info/lfs/objects/batch"):
                self._batch(json.loads(body))
            elif "/commit/" in self.path:
                self._commit(self._name(), body)
            else:
                self._answer({"error": f"unknown {self.path}"}, 400)

        def _create(self, wanted: dict[str, Any]) -> None:
            name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
            kind = wanted.get("type", "model")
            address = {"url": f"{hub.address}/{'datasets/' if kind == 'dataset' else ''}{name}"}
            if name in hub.files:
                self._answer({"error": "You already created this dataset repo"} | address, 409)
                return
            hub.files[name] = {".gitattributes": b"*.parquet filter=lfs"}
            hub.kinds[name] = kind
            hub.private[name] = wanted.get("visibility") == "private"
            self._answer(address)

        def _preupload(self, wanted: dict[str, Any]) -> None:
            def mode(path: str) -> str:
                return "lfs" if path.endswith((".parquet", ".safetensors")) else "regular"

            files = [
                {
                    "path": file["path"],
                    "uploadMode": mode(file["path"]),
                    "shouldIgnore": file["path"] in hub.ignored,
                }
                for file in wanted["files"]
            ]
            self._answer({"files": files})

        def _batch(self, wanted: dict[str, Any]) -> None:
            objects = [
                {**part, "actions": {"upload": {"href": f"{hub.address}/lfs/{part['oid']}"}}}
                for part in wanted["objects"]
            ]
            self._answer({"transfer": "basic", "objects": objects})

        def _commit(self, name: str, body: bytes) -> None:
            if hub.fails:
                self._answer({"error": "the stand-in fails"}, 400)
                return
            for line in body.splitlines():
                entry = json.loads(line)
                value = entry["value"]
                if entry["key"] == "file":
                    hub.files[name][value["path"]] = base64.b64decode(value["content"])
                elif entry["key"] == "lfsFile":
                    hub.files[name][value["path"]] = hub.stored[value["oid"]]
                elif entry["key"] == "deletedFile":
                    del hub.files[name][value["path"]]
            hub.commits += 1
            if hub.hangs_up:
                self.close_connection = True
                return
            part = "" if hub.kinds.get(name) == "model" else "datasets/"
            address = f"{hub.address}/{part}{name}/commit/{hub.commits:040x}"
            self._answer({"success": True, "commitUrl": address, "commitOid": f"{hub.commits:040x}"})

    return Handler


def _blob(data: bytes) -> str:
    """The git object id of a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
