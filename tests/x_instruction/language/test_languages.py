"""The language files: complete, and refused with the file and the key when they are not."""

from pathlib import Path

import polars as pl
import pytest

from tests.conftest import ROOT
from x_instruction.language.identification import identify
from x_instruction.language.names import load_names
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.runner.errors import SettingsError

PAGES = ROOT / "languages"
LANGUAGES = sorted(load_names(PAGES))


def page(code: str) -> LanguageSettings:
    return load_language(code, PAGES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_has_a_valid_file(code: str) -> None:
    language = page(code)
    assert language.code == code
    assert len(language.boilerplate) >= 12
    assert all(phrase == phrase.lower() for phrase in language.boilerplate)


def test_only_thai_counts_words_by_characters() -> None:
    assert [code for code in LANGUAGES if page(code).characters_per_word] == ["th"]


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = (PAGES / "fi.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "fi.yaml").write_text(text.replace(old, new), encoding="utf-8")
    return tmp_path


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"fi\.yaml: `scirpt` is not a setting"):
        load_language("fi", changed(tmp_path, "script: Latin", "script: Latin\nscirpt: Latin"))


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"fi\.yaml: `script` is missing"):
        load_language("fi", changed(tmp_path, "script: Latin\n", ""))


def test_an_impossible_value_is_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"`min_language_score` is 7.*less than or equal to 1"):
        load_language("fi", changed(tmp_path, "min_language_score: 0.764", "min_language_score: 7"))


def test_thai_style_counting_must_be_complete(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="characters_per_word belongs to"):
        load_language("fi", changed(tmp_path, "spaces_between_words: true", "spaces_between_words: false"))


def test_an_unknown_language_is_met_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"xx\.yaml does not exist.*bn, fi, hi"):
        page("xx")


def test_a_language_unknown_to_identification_is_told_by_its_stop_words(tmp_path: Path) -> None:
    changed(tmp_path, "min_language_score: 0.764", "identified_by: stop_words\nmin_language_score: 0.2")
    found = identify(pl.Series(["hän on ja se oli", "omena putosi puusta", ""]), load_language("fi", tmp_path))
    assert found.rows() == [("fi", 1.0), ("", 0.0), ("", 0.0)]
