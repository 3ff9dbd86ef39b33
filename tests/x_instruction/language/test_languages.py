"""All language pages are valid, and a wrong page is refused with the names of file and key."""

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
def test_each_language_has_a_valid_page(code: str) -> None:
    language = page(code)
    assert language.code == code
    assert len(language.boilerplate) >= 12
    assert all(phrase == phrase.lower() for phrase in language.boilerplate)


def test_only_thai_estimates_words_from_characters() -> None:
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


def test_characters_per_word_is_set_if_and_only_if_spaces_do_not_separate_words(tmp_path: Path) -> None:
    for words in ("thai", "characters"):
        with pytest.raises(SettingsError, match=f"characters_per_word is needed with `words: {words}`"):
            load_language("fi", changed(tmp_path, "words: spaces", f"words: {words}"))
    with pytest.raises(SettingsError, match="characters_per_word must be absent with `words: spaces`"):
        load_language("fi", changed(tmp_path, "words: spaces", "words: spaces\ncharacters_per_word: 4"))


@pytest.mark.parametrize(("ends", "marked"), [(".!?", True), (" .!?", False)])
def test_a_space_as_sentence_end_means_that_marks_do_not_end_sentences(ends: str, marked: bool, tmp_path: Path) -> None:
    fi = load_language("fi", changed(tmp_path, 'sentence_ends: ".!?…"', f'sentence_ends: "{ends}"'))
    assert fi.marks_sentence_ends == marked


@pytest.mark.parametrize("wrong", [" ", ".]", "a b", ""])
def test_sentence_ends_are_marks_with_at_most_one_space_before_them(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"fi\.yaml: `sentence_ends` is"):
        load_language("fi", changed(tmp_path, 'sentence_ends: ".!?…"', f'sentence_ends: "{wrong}"'))


def test_an_unknown_language_is_refused_with_the_known_languages() -> None:
    with pytest.raises(SettingsError, match=r"xx\.yaml does not exist; there are pages for bn, fi, hi"):
        page("xx")


def test_a_language_unknown_to_identification_is_identified_by_stop_words(tmp_path: Path) -> None:
    changed(tmp_path, "min_language_score: 0.764", "identified_by: stop_words\nmin_language_score: 0.2")
    found = identify(pl.Series(["hän on ja se oli", "omena putosi puusta", ""]), load_language("fi", tmp_path))
    assert found.rows() == [("fi", 1.0), ("", 0.0), ("", 0.0)]
