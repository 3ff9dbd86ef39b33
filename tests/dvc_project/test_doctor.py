"""Damage that `dvc status` does not see is found and named. The next run makes a deleted output again."""

from __future__ import annotations

from pathlib import Path

import pytest

from dvc_project.doctor import _recorded_listing, delete, main, verify
from dvc_project.project import read_lock
from tests.damage import flip
from tests.miniature import dvc
from x_instruction.runner.checksums import FILES, checksums, write_sealed

ROWS = "data/filtered_text/ur/part-00000.parquet"


def named(root: Path) -> list[str]:
    return [str(finding.path.relative_to(root)) for finding in verify(root)]


def cached(root: Path, path: str) -> Path:
    """The file in DVC's cache to which the output is hard-linked."""
    number = (root / path).stat().st_ino
    return next(file for file in (root / ".dvc/cache/files/md5").glob("*/*") if file.stat().st_ino == number)


def test_an_unchanged_project_has_no_damage(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(made)
    assert main(["--verify"]) == 0
    assert capsys.readouterr().out == "every file that DVC tracks has its recorded content\n"


@pytest.fixture
def linked(made: Path) -> Path:
    """The project with its outputs linked to the cache again, because copying the project made them separate files."""
    dvc(made, "checkout", "--relink")
    dvc(made, "status")
    return made


def test_a_damaged_output_is_named_with_its_cache_object_and_made_again(linked: Path) -> None:
    before, lock = (linked / ROWS).read_bytes(), read_lock(linked)
    damaged = cached(linked, ROWS)
    flip(linked / ROWS)
    assert "filtered_text" not in dvc(linked, "status")
    # All artifacts of this language have the same rows and share one file in the cache, so the flip damages them all.
    findings = verify(linked)
    assert {str(damaged), str(linked / ROWS)} <= {str(finding.path) for finding in findings}
    delete(findings)
    assert not damaged.exists()
    dvc(linked, "repro")
    assert (linked / ROWS).read_bytes() == before and read_lock(linked) == lock
    assert named(linked) == []


def test_a_damaged_folder_without_its_list_in_the_cache_is_deleted_as_a_whole(linked: Path) -> None:
    folder, before = (linked / ROWS).parent, (linked / ROWS).read_bytes()
    listed = read_lock(linked)["filtered_text@ur"]["outs"][0]["md5"]
    (linked / ".dvc/cache/files/md5" / listed[:2] / listed[2:]).unlink()
    flip(linked / ROWS)
    cached(linked, ROWS).unlink()
    findings = [finding for finding in verify(linked) if finding.path == folder]
    assert len(findings) == 1
    delete(findings)
    assert not folder.exists()
    dvc(linked, "repro")
    assert (linked / ROWS).read_bytes() == before


def test_a_damaged_cache_object_that_no_output_is_linked_to_is_named(made: Path) -> None:
    path = made / ".dvc/cache/files/md5/00/0123456789abcdef0123456789abcd"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"something else")
    assert named(made) == [str(path.relative_to(made))]


def test_a_damaged_input_is_named_and_not_deleted(linked: Path) -> None:
    source = linked / "data/sample/web/fi/pages.txt"
    flip(source)
    (finding,) = verify(linked)
    # DVC has no list of the files in an input folder, so only the folder can be named.
    assert finding.path == source.parent and not finding.can_be_made
    assert "run `touch` on it if you changed it" in finding.sentence
    delete([finding])
    assert source.exists()


def test_an_output_that_dvc_calls_changed_is_compared_with_its_manifest(made: Path) -> None:
    folder = (made / ROWS).parent
    (folder / "manifest.json").unlink()
    write_sealed(folder / "manifest.json", {"artifact": "filtered_text", FILES: checksums(folder)})
    assert named(made) == []  # the manifest fits the rows, as after a run of the stage without DVC
    (folder / "part-00000.parquet").unlink()
    (folder / "part-00000.parquet").write_bytes(b"other rows")
    assert named(made) == [ROWS]


def test_changes_that_dvc_status_reports_are_not_damage(made: Path) -> None:
    (made / "languages/ur.yaml").write_text("name: ur\nmin_rows: 2\n")
    (made / ROWS).unlink()
    assert named(made) == []


@pytest.mark.parametrize("content", ["", "[1]", "[" * 200_000])
def test_a_damaged_list_of_files_in_the_cache_is_not_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "00").mkdir()
    (tmp_path / "00" / "11.dir").write_text(content)
    assert _recorded_listing(tmp_path, "0011.dir") is None
