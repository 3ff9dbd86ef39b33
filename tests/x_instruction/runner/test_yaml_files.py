"""YAML that is ambiguous or malicious is refused in one sentence, in every file that is read."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from stages.params import load_settings
from tests.conftest import ROOT
from x_instruction.language.names import load_names
from x_instruction.language.settings import load_language
from x_instruction.runner.errors import SettingsError
from x_instruction.runner.gate import read_suite
from x_instruction.runner.listed_inputs import refuse_unlisted
from x_instruction.runner.readings import Readings
from x_instruction.runner.yaml_files import MAX_LEVELS, parse_yaml

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
WRONG = {
    "a key twice": ("seed: 1\nseed: 2\n", "`seed` occurs twice, in lines 1 and 2: keep one of them"),
    "an inner key twice": ("a:\n  b: 1\n  c: 2\n  b: 3\n", "`b` occurs twice, in lines 2 and 4"),
    "a key twice on a line": ("a: { b: 1, b: 2 }\n", "`b` occurs twice, in line 1"),
    "a key twice in quotation marks": ("'a': 1\na: 2\n", "`a` occurs twice, in lines 1 and 2"),
    "a merge twice": ("a: &a { b: 1 }\nc:\n  <<: *a\n  <<: *a\n", "`<<` occurs twice, in lines 3 and 4"),
    "aliases of aliases": (BOMB, "aliases (`*name`) stand for more than 100000 values"),
    "aliases of mappings": (BOMB.replace("[x, x]", "{ b: 1 }"), "aliases (`*name`) stand for more than"),
    "an alias of itself": ("a: &a [1, *a]\n", "aliases (`*name`) stand for more than"),
    "a mapping in itself": ("a: &a { b: { c: *a } }\n", "aliases (`*name`) stand for more than"),
    "many levels": ("a: " + "[" * 500 + "]" * 500, f"more than {MAX_LEVELS} levels of lists and mappings"),
    "a hundred thousand levels": ("a: " + "[" * 100_000, ""),
    "an impossible date": ("a: 2024-13-45\n", "month must be in 1..12"),
    "an impossible number": ("a: 0b_\n", "invalid literal for int()"),
    "an object of Python": ("a: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
    "a NUL": ("a: \0\n", "control characters are not allowed"),
}


@contextmanager
def at_most(calls: int) -> Iterator[None]:
    """Fails as soon as the block has made more than `calls` function calls."""
    counted, before = 0, sys.getprofile()

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")
        if counted > calls:
            raise AssertionError(f"more than {calls} calls")

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize("kind", WRONG)
def test_a_yaml_error_is_named_without_expanding_the_file(kind: str) -> None:
    text, expected = WRONG[kind]
    # To expand `BOMB`, more than 9**39 calls would be needed.
    with pytest.raises(yaml.YAMLError) as caught, at_most(200 + 10 * len(text)):
        parse_yaml(text)
    assert expected in str(caught.value)


def test_ordinary_aliases_are_read() -> None:
    assert parse_yaml("a: &a { b: 1, c: 2 }\nd: { <<: *a, c: 3 }\ne: [*a, *a]\n") == {
        "a": {"b": 1, "c": 2},
        "d": {"b": 1, "c": 3},
        "e": [{"b": 1, "c": 2}] * 2,
    }


@pytest.mark.parametrize("path", sorted(path.relative_to(ROOT) for path in ROOT.glob("languages/*.yaml")))
def test_the_language_pages_are_read_as_by_pyyaml(path: Path) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert parse_yaml(text) == yaml.safe_load(text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "languages", tmp_path / "languages")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    return tmp_path


READERS: dict[str, Callable[[Path], object]] = {
    "params.yaml": lambda root: load_settings(root / "params.yaml"),
    "languages/names.yaml": lambda root: load_names(root / "languages"),
    "languages/fi.yaml": lambda root: load_language("fi", root / "languages"),
    "dvc.yaml": lambda root: refuse_unlisted(root / "dvc.yaml", {}),
    "suite.yaml": lambda root: read_suite(root / "suite.yaml"),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["a key twice", "aliases of aliases", "an alias of itself", "an impossible date"])
def test_every_reader_refuses_bad_yaml_in_one_sentence_with_the_file_name(project: Path, name: str, kind: str) -> None:
    (project / name).write_text(WRONG[kind][0])
    with pytest.raises(SettingsError) as caught:
        READERS[name](project)
    assert Path(name).name in str(caught.value)
    assert WRONG[kind][1] in str(caught.value)
    assert "\n" not in str(caught.value)
    Readings.of(project, "raw_web_text", ["fi"])  # accepts bad files, which are validated later


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["pipe", "folder", "Latin-1"])
def test_a_path_that_is_not_a_text_file_is_reported_in_one_sentence(project: Path, name: str, kind: str) -> None:
    path = project / name
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes("a: ä\n".encode("latin-1"))
    with pytest.raises(SettingsError) as caught:
        READERS[name](project)
    assert Path(name).name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("code", ["../fi", "/etc/passwd", "fi/../sw", "..", "fi.yaml", "C:\\fi", "fi\0", "a b", "~"])
def test_a_path_is_refused_as_a_language_code(project: Path, code: str) -> None:
    names = {"fi": "Finnish", code: "Elsewhere"}
    (project / "languages/names.yaml").write_text(yaml.safe_dump(names))
    with pytest.raises(SettingsError, match="is not a language code, such as `fi`"):
        load_names(project / "languages")


@pytest.mark.parametrize("code", ["../fi", "/etc/passwd", ["fi"], {"fi": 1}, None, 3.5, "x" * 10_000])
def test_an_invalid_language_code_in_the_settings_is_reported_in_one_sentence(project: Path, code: object) -> None:
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    (project / "params.yaml").write_text(yaml.safe_dump({**values, "languages": ["fi", code]}))
    with pytest.raises(SettingsError) as caught:
        load_settings(project / "params.yaml")
    assert "is not one of the languages" in str(caught.value)
    assert len(str(caught.value)) < 400
