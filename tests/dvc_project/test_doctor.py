"""Damage that `dvc status` does not see is found, named, and made good by the next run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dvc_project.doctor import delete, main, verify
from dvc_project.project import read_lock
from tests.miniature import dvc
from x_instruction.runner.checksums import FILES, checksums, write_sealed

ROWS = "data/filtered_text/ur/part-00000.parquet"


def flip(path: Path) -> None:
    """Changes a byte in place; the file keeps its number, its size and its time, as on a failing disk."""
    times, data = path.stat(), bytearray(path.read_bytes())
    path.chmod(0o644)
    data[len(data) // 2] ^= 4
    with path.open("r+b") as file:
        file.write(data)
    path.chmod(0o444)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def named(root: Path) -> list[str]:
    return [str(finding.path.relative_to(root)) for finding in verify(root)]


def cached(root: Path, path: str) -> Path:
    """The object of the cache that the output is a link to."""
    number = (root / path).stat().st_ino
    return next(file for file in (root / ".dvc/cache/files/md5").glob("*/*") if file.stat().st_ino == number)


def test_an_unchanged_project_has_no_damage(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(made)
    assert main(["--verify"]) == 0
    assert capsys.readouterr().out == "everything that DVC tracks is as recorded\n"


@pytest.fixture
def linked(made: Path) -> Path:
    """The project whose outputs are links into the cache again: copying a project makes files of them."""
    dvc(made, "checkout", "--relink")
    dvc(made, "status")
    return made


def test_a_flipped_output_is_named_with_its_object_and_made_again(linked: Path) -> None:
    before, lock = (linked / ROWS).read_bytes(), read_lock(linked)
    damaged = cached(linked, ROWS)
    flip(linked / ROWS)
    assert "filtered_text" not in dvc(linked, "status")
    # All rows of this language are one object, so each output that links to it is damaged.
    findings = verify(linked)
    assert {str(damaged), str(linked / ROWS)} <= {str(finding.path) for finding in findings}
    delete(findings)
    assert not damaged.exists()
    dvc(linked, "repro")
    assert (linked / ROWS).read_bytes() == before and read_lock(linked) == lock
    assert named(linked) == []


def test_a_damaged_object_that_no_output_links_to_is_named(made: Path) -> None:
    path = made / ".dvc/cache/files/md5/00/0123456789abcdef0123456789abcd"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"something else")
    assert named(made) == [str(path.relative_to(made))]


def test_a_flipped_input_is_named_and_stays(linked: Path) -> None:
    source = linked / "data/sample/web/fi/pages.txt"
    flip(source)
    (finding,) = verify(linked)
    # DVC keeps no list of an input folder's files, so the folder is named.
    assert finding.path == source.parent and not finding.can_be_made
    assert "run `touch` on it if you changed it" in finding.sentence
    delete([finding])
    assert source.exists()


def test_an_output_that_dvc_sees_as_changed_is_compared_with_its_manifest(made: Path) -> None:
    folder = (made / ROWS).parent
    (folder / "manifest.json").unlink()
    write_sealed(folder / "manifest.json", {"artifact": "filtered_text", FILES: checksums(folder)})
    assert named(made) == []  # as after a run by hand
    (folder / "part-00000.parquet").unlink()
    (folder / "part-00000.parquet").write_bytes(b"other rows")
    assert named(made) == [ROWS]


def test_what_dvc_status_sees_is_no_damage(made: Path) -> None:
    (made / "languages/ur.yaml").write_text("name: ur\nmin_rows: 2\n")
    (made / ROWS).unlink()
    assert named(made) == []
