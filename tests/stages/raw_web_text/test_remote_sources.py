"""Remote sources (S3, web servers, the hub) are read, and a server that does not answer is reported in one sentence."""

from __future__ import annotations

import gzip
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]
import polars as pl
import pytest
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from stages.raw_web_text import stage
from stages.raw_web_text.records import read_sources
from tests.stages.raw_web_text.sources import given, made, three, urls
from x_instruction.runner.errors import InputError
from x_instruction.runner.job import Job

BUCKET = "s3://bucket"
KEYS = {"AWS_ACCESS_KEY_ID": "name", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


def source(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "revision": "1", "outside": "127.0.0.1" in path, **more}


def refused(root: Path, path: str, **more: Any) -> str:
    """Reads a source that must be refused, and returns the error message."""
    with pytest.raises(InputError) as caught:
        made(root, {**source(path), "languages": ["fi"], **more})
    assert "\n" not in str(caught.value)
    return str(caught.value)


# S3


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a local S3 server."""
    command = (
        [sys.executable, "-m", "moto.server"] if importlib.util.find_spec("moto") else [shutil.which("moto_server")]
    )
    if command == [None]:
        pytest.skip("NO S3 SERVER: moto_server is neither a module nor on PATH")
    port = free_port()
    running = subprocess.Popen([*command, "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert running.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    running.terminate()
    running.wait()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Sets the usual environment variables for S3 keys, and hides the machine's own S3 settings."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    yield monkeypatch
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.fixture
def bucket(server: str, keys: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Puts JSON Lines, a table and archives into an S3 bucket. Only an environment variable names the S3 server."""
    keys.setenv("AWS_ENDPOINT_URL", server)
    s3 = fsspec.filesystem("s3")
    if not s3.exists("bucket"):
        s3.mkdir("bucket")
    for name in ("a", "b", "sub/c"):
        s3.pipe(f"bucket/lines/{name}.jsonl.gz", gzip.compress(json.dumps({"text": f"rivi {name}"}).encode()))
    pl.DataFrame({"text": ["yksi", "kaksi"]}).write_parquet(tmp_path / "table")
    s3.pipe("bucket/fi.parquet", (tmp_path / "table").read_bytes())
    for name, length in (("good", None), ("wrong_length", 100_000)):
        s3.pipe(f"bucket/{name}.warc.gz", b"".join(gzip.compress(record) for record in three(length)))
    s3.invalidate_cache()


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("lines/*.jsonl.gz", ["rivi a", "rivi b"]),
        ("lines/**/*.jsonl.gz", ["rivi a", "rivi b", "rivi sub/c"]),
        ("lines", ["rivi a", "rivi b", "rivi sub/c"]),
        ("{language}.parquet", ["yksi", "kaksi"]),
    ],
)
def test_lines_and_tables_of_a_bucket_are_read(bucket: None, tmp_path: Path, pattern: str, texts: list[str]) -> None:
    kept = made(tmp_path, source(f"{BUCKET}/{pattern}", languages=["fi"])).kept
    assert kept["text"].to_list() == texts
    assert kept["source"].str.starts_with(f"{BUCKET}/").all()


def test_an_archive_of_a_bucket_is_read_after_a_record_of_a_wrong_length(bucket: None, tmp_path: Path) -> None:
    assert urls(made(tmp_path, source(f"{BUCKET}/good.warc.gz", languages=["fi"]))) == ["a", "b", "c"]
    split = made(tmp_path, source(f"{BUCKET}/wrong_length.warc.gz", languages=["fi"]))
    assert (urls(split), split.dropped["reason"].to_list()) == (["a", "c"], ["broken_record"])


def test_a_shared_source_of_a_bucket_is_read_again_after_an_object_changed(
    bucket: None, make_job: Callable[..., Job]
) -> None:
    s3 = fsspec.filesystem("s3")
    for text in ("Karjalanpiirakan kuori on rukiinen ja ohut.", "Siinä piilee leipojan taito, sanoi mummo."):
        s3.pipe("bucket/shared.jsonl", json.dumps({"text": text}).encode())
        s3.invalidate_cache()
        job = make_job("raw_web_text", raw_web_text=given(source(f"{BUCKET}/shared.jsonl")), languages=["fi"])
        shutil.rmtree(job.staging, ignore_errors=True)
        stage.run(job)
        assert pl.read_parquet(job.staging / "part-00000.parquet")["text"].to_list() == [text]


@pytest.mark.parametrize("path", ["none.jsonl", "none/*.jsonl", "../other/none.jsonl"])
def test_a_path_that_is_not_in_the_bucket_is_named(bucket: None, tmp_path: Path, path: str) -> None:
    assert refused(tmp_path, f"{BUCKET}/{path}").startswith(f"source {BUCKET}/{path} does not exist")


def test_missing_keys_are_reported_in_one_sentence(bucket: None, keys: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    for name in KEYS:
        keys.delenv(name)
    assert refused(tmp_path, f"{BUCKET}/fi.parquet") == (
        f"source {BUCKET}/fi.parquet cannot be reached (NoCredentialsError: Unable to locate credentials): "
        "check path, rights, keys and network"
    )


def test_a_server_that_does_not_answer_is_reported_in_one_sentence(keys: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    keys.setenv("AWS_MAX_ATTEMPTS", "1")
    message = refused(tmp_path, f"{BUCKET}/*.jsonl")
    assert message.startswith(f"source {BUCKET}/*.jsonl cannot be reached (EndpointConnectionError: Could not connect")


# The web


class Pages(BaseHTTPRequestHandler):
    """A web server with the same two lines at any address. `asked` collects the requested addresses."""

    asked: list[str] = []  # noqa: RUF012

    def do_HEAD(self, body: bytes = b"") -> None:
        data = b'{"text": "verkosta"}\n{"text": "toinen"}\n'
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.do_HEAD(b"yes")

    def log_message(self, *_: Any) -> None:
        pass


def test_a_file_of_a_web_server_is_fetched_once(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        path = f"http://127.0.0.1:{web.server_port}/{{language}}.jsonl"
        assert made(tmp_path, source(path)).kept["text"].to_list() == ["verkosta", "toinen"]
        web.shutdown()
    assert Pages.asked == ["/fi.jsonl"]


def test_a_web_server_that_does_not_answer_is_reported_in_one_sentence(tmp_path: Path) -> None:
    message = refused(tmp_path, f"http://127.0.0.1:{free_port()}/x.jsonl")
    assert "does not exist (Cannot connect to host 127.0.0.1" in message


class DyingFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """A file system that loses its connection after the first hundred bytes of a file."""

    protocol = "dying"

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        file = super().open(path, mode, **options)
        if mode == "rb":
            whole = file.read
            file.read = lambda size=-1: whole(100) if file.tell() < 100 else lost()
        return file

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("dying://")))


def lost() -> bytes:
    raise RuntimeError("connection\nlost")


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet", "a.warc", "a.html"])
def test_a_lost_connection_does_not_count_as_a_broken_file(tmp_path: Path, name: str) -> None:
    fsspec.register_implementation("dying", DyingFileSystem, clobber=True)
    fsspec.filesystem("dying").pipe(f"/{name}", b"\x1f\x8b\x08" + b"x" * 300 if name.endswith("gz") else b"x" * 300)
    message = refused(tmp_path, f"dying://{name}")
    assert message.startswith(f"source dying:///{name} cannot be reached (RuntimeError: connection lost)")


# The hub


@pytest.mark.parametrize("path", ["data/*.parquet", "data/fi.parquet", ""])
def test_reading_a_hub_path_offline_is_reported_in_one_sentence(tmp_path: Path, path: str) -> None:
    message = refused(tmp_path, f"hf://datasets/someone/something/{path}".rstrip("/"))
    assert "cannot be reached (OfflineModeIsEnabled: Cannot reach https://huggingface.co/" in message
    assert "unset the `HF_HUB_OFFLINE` environment variable" in message


def test_reading_a_hub_id_offline_is_reported_in_one_sentence(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    message = refused(tmp_path, "someone/something", format="dataset", revision=commit)
    assert message.startswith("source someone/something/train cannot be read as a data set (")
    assert message.endswith("correct the data set or its entry")


def test_paths_of_the_hub_are_opened_by_its_library() -> None:
    system, path = fsspec.core.url_to_fs("hf://datasets/someone/something@main/data/fi.parquet")
    assert (type(system).__module__.split(".")[0], path) == (
        "huggingface_hub",
        "datasets/someone/something@main/data/fi.parquet",
    )


def test_a_missing_library_is_named(tmp_path: Path) -> None:
    assert "cannot be opened (Please install gcsfs" in refused(tmp_path, "gs://bucket/a.jsonl")


def test_reading_stops_at_a_source_that_cannot_be_reached(tmp_path: Path) -> None:
    settings = given(source("memory://nothing/there.jsonl", languages=["fi"]))
    with pytest.raises(InputError, match="does not exist"):
        next(iter(read_sources(settings, "fi", tmp_path)))
