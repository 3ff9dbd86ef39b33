"""A folder or file that the current user may not read is counted, and the rest of its source is read.

The tests may run as root, who may read everything, so the system's answers are faked.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.raw_web_text import stage
from stages.raw_web_text.unread import lost_bytes, unread_share
from tests.stages.raw_web_text.sources import SENTENCE, given, lines, made, reasons
from x_instruction.runner.errors import InputError
from x_instruction.runner.job import Job

Close = Callable[..., None]


@pytest.fixture
def close(monkeypatch: pytest.MonkeyPatch) -> Close:
    """Makes a folder or file unreadable. With `listed`, the folder can be listed, but its files cannot be opened."""
    closed: dict[str, bool] = {}
    scandir, access, stat = os.scandir, os.access, os.stat

    def below(path: Any) -> bool:
        return any(str(path).startswith(f"{folder}/") for folder in closed)

    def refusing(path: Any = ".") -> Any:
        if not isinstance(path, int) and not closed.get(os.path.realpath(path), True):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    def reached(path: Any, **more: Any) -> os.stat_result:
        if below(path):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **more)

    def may(path: Any, mode: int, **more: Any) -> bool:
        return os.path.realpath(path) not in closed and not below(path) and access(path, mode, **more)

    monkeypatch.setattr(os, "scandir", refusing)
    monkeypatch.setattr(os, "access", may)
    monkeypatch.setattr(os, "stat", reached)
    return lambda path, listed=False: closed.update({str(path): listed})


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    """Four folders of the same size."""
    for number in range(4):
        lines(tmp_path / "in" / f"f{number}" / "a.jsonl", {"text": f"rivi {number}"})
    return tmp_path / "in"


SIZE = len('{"text": "rivi 0"}\n')


@pytest.mark.parametrize("path", ["in", "in/**", "in/**/*.jsonl", "in/*/*.jsonl", "in/f?/a.jsonl"])
@pytest.mark.parametrize("listed", [False, True])
def test_a_closed_folder_is_counted_and_the_others_are_read(crawl: Path, close: Close, path: str, listed: bool) -> None:
    close(crawl / "f1", listed)
    split = made(crawl.parent, {"path": path, "languages": ["fi"]})
    assert split.kept["text"].to_list() == ["rivi 0", "rivi 2", "rivi 3"]
    assert split.dropped.select("reason", "origin", "value").rows() == [
        ("closed_folder", "in/f1#0", f"about {SIZE} bytes, the mean size of the other folders")
    ]
    assert lost_bytes(split.counts) == {"closed_folder": SIZE}


def test_a_closed_file_is_counted_with_its_bytes(crawl: Path, close: Close) -> None:
    close(crawl / "f2" / "a.jsonl")
    split = made(crawl.parent, {"path": "in", "languages": ["fi"]})
    assert (split.kept.height, reasons(split)) == (3, ["closed_file"])
    assert lost_bytes(split.counts) == {"closed_file": SIZE}


def test_a_folder_far_below_may_be_closed(crawl: Path, close: Close) -> None:
    lines(crawl / "f0" / "deep" / "deeper" / "b.jsonl", {"text": "syvällä"})
    close(crawl / "f0" / "deep" / "deeper")
    split = made(crawl.parent, {"path": "in", "languages": ["fi"]})
    assert (split.kept.height, split.dropped["origin"].to_list()) == (4, ["in/f0/deep/deeper#0"])


def test_a_link_into_a_closed_folder_is_not_read(crawl: Path, close: Close) -> None:
    (crawl / "link.jsonl").symlink_to("f1/a.jsonl")
    close(crawl / "f1")
    split = made(crawl.parent, {"path": "in", "languages": ["fi"]})
    assert (split.kept.height, sorted(reasons(split))) == (3, ["closed_folder", "outside_link"])


def test_a_closed_folder_in_which_no_file_can_match_the_pattern_is_not_counted(crawl: Path, close: Close) -> None:
    close(crawl / "f1")
    for path in ("in/f0/*", "in/f[02]/*.jsonl"):
        assert reasons(made(crawl.parent, {"path": path, "languages": ["fi"]})) == []


@pytest.mark.parametrize("path", ["in", "in/*", "in/**/*.jsonl", "in/f1", "in/f1/a.jsonl"])
def test_the_folder_or_file_of_the_source_itself_must_be_readable(crawl: Path, close: Close, path: str) -> None:
    close(crawl / "f1" if "f1" in path else crawl)
    with pytest.raises(InputError, match="Permission denied") as caught:
        made(crawl.parent, {"path": path, "languages": ["fi"]})
    assert "\n" not in str(caught.value)


def test_a_source_with_only_closed_folders_says_so(crawl: Path, close: Close) -> None:
    for folder in crawl.iterdir():
        close(folder)
    message = "source in has no file of a known kind .* but 4 other files or folders: allow this user to read them"
    with pytest.raises(InputError, match=message):
        made(crawl.parent, {"path": "in", "languages": ["fi"]})


def test_another_error_of_a_folder_ends_the_source(crawl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def failing(path: Any) -> Any:
        if str(path).endswith("f1"):
            raise OSError(5, "Input/output error", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    with pytest.raises(InputError, match=r"source in cannot be reached .OSError: .* Input/output error"):
        made(crawl.parent, {"path": "in", "languages": ["fi"]})


@pytest.mark.parametrize("source", [{"path": "{language}"}, {"path": "fi"}])
def test_the_gate_sees_the_share_of_closed_folders(
    make_job: Callable[..., Job], close: Close, capsys: pytest.CaptureFixture[str], source: dict[str, str]
) -> None:
    job = make_job("raw_web_text", raw_web_text=given(source))
    for number in range(4):
        lines(job.root / "fi" / str(number) / "a.jsonl", {"text": f"{SENTENCE} {number}"})
    close(job.root / "fi" / "1")
    close(job.root / "fi" / "2")
    job.staging.mkdir(parents=True)
    outcome = stage.run(job)
    metrics = stage.measure(job, outcome)
    assert str(metrics["unread"]).startswith("2 closed_folder (") and metrics["bad_share"] == 0
    assert metrics["unread_share"] == unread_share(outcome.counts) == pytest.approx(0.5, abs=0.05)
    assert "raw_web_text fi: not read: 2 closed_folder (" in capsys.readouterr().err
