"""Without `outside: true`, a source may use only public hosts, and regular files in its folder or in DVC's cache."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import polars as pl
import pytest

from stages.raw_web_text.hosts import _public_socket, is_public
from tests.stages.raw_web_text.sources import lines, made, reasons
from x_instruction.runner.errors import InputError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose source is the folder `in`. Other texts lie beside this folder and outside of the project."""
    root = tmp_path / "project"
    lines(root / "in" / "a.jsonl", {"text": "sisällä"})
    lines(root / "beside" / "b.jsonl", {"text": "vieressä"})
    lines(tmp_path / "elsewhere" / "c.jsonl", {"text": "muualla"})
    return root


def read(root: Path, path: str, **more: Any) -> tuple[list[str], list[str]]:
    """The texts that were read, and the reasons of the dropped rows."""
    split = made(root, {"path": path, "languages": ["fi"], **more})
    return split.kept["text"].to_list(), reasons(split)


def refused(root: Path, path: str, **more: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(root, path, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Links


@pytest.mark.parametrize("path", ["in", "in/*", "in/**/*.jsonl", "in/**"])
@pytest.mark.parametrize("target", ["../beside/b.jsonl", "../../elsewhere/c.jsonl", "/etc/hostname", "gone.jsonl"])
def test_a_link_to_a_file_elsewhere_is_not_followed(project: Path, path: str, target: str) -> None:
    (project / "in" / "link.jsonl").symlink_to(target)
    assert read(project, path) == (["sisällä"], ["outside_link"])


@pytest.mark.parametrize("target", ["../beside", "../../elsewhere", "/proc/self", "/"])
def test_a_link_to_a_folder_elsewhere_is_not_followed(project: Path, target: str) -> None:
    (project / "in" / "link").symlink_to(target)
    assert read(project, "in") == (["sisällä"], ["outside_link"])


def test_links_within_the_folder_are_followed_once(project: Path) -> None:
    lines(project / "in" / "sub" / "d.jsonl", {"text": "alempana"})
    (project / "in" / "sub" / "up").symlink_to("..")
    (project / "in" / "again").symlink_to("sub")
    (project / "in" / "same.jsonl").symlink_to("a.jsonl")
    assert read(project, "in") in (
        (["sisällä", "alempana", "sisällä"], []),
        (["sisällä", "sisällä", "alempana"], []),
    )


def test_links_into_the_cache_of_dvc_are_followed(project: Path) -> None:
    lines(project / ".dvc" / "cache" / "files" / "ab", {"text": "välimuistissa"})
    (project / "in" / "z.jsonl").symlink_to("../.dvc/cache/files/ab")
    assert read(project, "in") == (["sisällä", "välimuistissa"], [])


def test_the_error_for_a_source_with_only_links_names_the_setting(project: Path) -> None:
    (project / "linked").mkdir()
    (project / "linked" / "c.jsonl").symlink_to("../../elsewhere/c.jsonl")
    message = "source linked has no file of a known kind .* but 1 other files or folders: set `outside: true` if its"
    with pytest.raises(InputError, match=message):
        read(project, "linked")
    assert read(project, "linked", outside=True) == (["muualla"], [])


def test_a_source_that_may_lead_outside_follows_its_links(project: Path) -> None:
    (project / "in" / "link").symlink_to("../../elsewhere")
    (project / "in" / "up").symlink_to("..")
    texts, unread = read(project, "in", outside=True)
    assert (set(texts), unread) == ({"sisällä", "vieressä", "muualla"}, [])


# Paths outside of the project


@pytest.mark.parametrize(
    "path",
    [
        "{outside}/elsewhere", "{outside}/elsewhere/c.jsonl", "{outside}/elsewhere/*.jsonl", "../elsewhere",
        "file://{outside}/elsewhere", "file://{outside}/elsewhere/*.jsonl", "in/../../elsewhere/c.jsonl",
    ],
)  # fmt: skip
def test_a_place_outside_of_the_project_needs_the_setting(project: Path, path: str) -> None:
    path = path.replace("{outside}", str(project.parent))
    message = refused(project, path)
    assert f"is outside the project, in {project.parent / 'elsewhere'}" in message
    assert "set `outside: true` of the source" in message
    assert read(project, path, outside=True) == (["muualla"], [])


@pytest.mark.parametrize("path", ["crawl", "crawl/*", "crawl/**/*.jsonl", "crawl/c.jsonl"])
def test_a_source_may_be_a_link_to_a_folder_on_another_disk(project: Path, path: str) -> None:
    (project / "crawl").symlink_to("../elsewhere")
    assert read(project, path) == (["muualla"], [])


def test_links_in_a_linked_folder_are_not_followed_out_of_it(project: Path) -> None:
    (project / "crawl").symlink_to("../elsewhere")
    (project.parent / "elsewhere" / "z.jsonl").symlink_to(project / "beside" / "b.jsonl")
    assert read(project, "crawl") == (["muualla"], ["outside_link"])


def test_a_packed_file_outside_of_the_project_needs_the_setting(project: Path) -> None:
    packed = f"zip://c.jsonl::file://{project.parent}/elsewhere/c.zip"
    assert "is outside the project" in refused(project, packed, revision="1")


@pytest.mark.parametrize("card", ["/etc/hosts", "../../elsewhere/*.parquet", "link/*.parquet"])
def test_a_data_card_that_leads_out_of_its_folder_is_refused(project: Path, card: str) -> None:
    (project / "hub").mkdir()
    pl.DataFrame({"text": ["muualla"]}).write_parquet(project.parent / "elsewhere" / "d.parquet")
    (project / "hub" / "link").symlink_to("../../elsewhere")
    (project / "hub" / "README.md").write_text(
        f"---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: {card}\n---\n"
    )
    message = refused(project, "hub", format="dataset")
    assert "outside its folder" in message or "cannot be read as a data set" in message


# Neither files nor folders


def test_a_pipe_in_a_folder_is_not_opened(project: Path) -> None:
    os.mkfifo(project / "in" / "pipe.jsonl")
    assert read(project, "in") == (["sisällä"], ["irregular_file"])


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_a_source_that_is_neither_file_nor_folder_is_reported_in_one_sentence(project: Path, kind: str) -> None:
    path = project / "in" / "x.jsonl"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    assert "but a pipe, socket or device" in refused(project, "in/x.jsonl", outside=True)


def test_a_name_that_is_not_utf8_is_read(project: Path) -> None:
    with Path(os.fsdecode(os.fsencode(project / "in") + b"/\xff.jsonl")).open("w") as file:
        file.write('{"text": "oudon niminen"}')
    assert sorted(read(project, "in")[0]) == ["oudon niminen", "sisällä"]


# Hosts

HOSTS = ["127.0.0.1", "localhost", "10.0.0.8", "169.254.169.254", "[::1]", "[fe80::1]", "192.168.1.1"]
HOSTS += ["[::ffff:10.0.0.1]", "100.64.0.1", "0.0.0.0", "2130706433"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("address", ["http://{}/a.jsonl", "https://{}:8443/a.jsonl", "zip://a.jsonl::http://{}/a.zip"])
def test_a_host_of_this_network_needs_the_setting(tmp_path: Path, host: str, address: str) -> None:
    message = refused(tmp_path, address.format(host), revision="1")
    assert "an address of this machine or its network: set `outside: true`" in message


@pytest.mark.parametrize(
    ("address", "public"),
    [("8.8.8.8", True), ("2606:4700::1111", True), ("172.16.0.1", False), ("fd00::1", False), ("224.0.0.1", False),
     ("fe80::1%eth0", False), ("::ffff:8.8.8.8", True)],
)  # fmt: skip
def test_public_addresses_are_distinguished_from_others(address: str, public: bool) -> None:
    assert is_public(address) == public


class Redirecting(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://169.254.169.254/keys.jsonl")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815


@pytest.fixture
def redirecting() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirecting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/a.jsonl"
    server.shutdown()


def test_a_redirect_to_a_host_of_this_network_is_not_followed(
    redirecting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server counts as public, but the address to which it redirects does not."""
    public = lambda address: address == "127.0.0.1" or is_public(address)  # noqa: E731
    monkeypatch.setattr("stages.raw_web_text.hosts.is_public", public)
    message = refused(tmp_path, redirecting, revision="1")
    assert "169.254.169.254" in message


def test_the_web_client_opens_no_socket_to_this_machine() -> None:
    with pytest.raises(OSError, match="an address of this machine"):
        _public_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80)))
    assert hasattr(aiohttp, "TCPConnector")
