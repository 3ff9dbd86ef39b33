"""The texts that the embedded model is trained on: pages in the chosen languages and in English."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from x_instruction.pages.main_text import extract_page
from x_instruction.runner.errors import InputError

MIN_CHARACTERS = 200  # a page with less text is skipped


def corpus_texts(folder: Path, languages: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """The main texts of the pages, in a fixed order. Pages that are not UTF-8 or have too little text are skipped.

    English pages are always included, because the model reads and writes English instructions. Each text starts with
    the name of its language, because so small a model would not otherwise learn what "Answer in Finnish" means.
    """
    headings = {"en": "English", **names}
    chosen = list(dict.fromkeys(["en", *languages]))
    texts = [f"{headings[language]}: {text}" for language in chosen for text in _texts(folder, language)]
    return _required(texts, folder, languages)


def text_of_each(folder: Path, languages: Sequence[str]) -> list[str]:
    """The first text in English and in each language; a language without a text is left out."""
    firsts = (next(_texts(folder, language), "") for language in dict.fromkeys(["en", *languages]))
    return _required([text for text in firsts if text], folder, languages)


def _texts(folder: Path, language: str) -> Iterator[str]:
    for page in sorted((folder / language).glob("*.html")):
        text = _readable(page)
        if len(text) >= MIN_CHARACTERS:
            yield text


def _required(texts: list[str], folder: Path, languages: Sequence[str]) -> list[str]:
    if not folder.is_dir():
        raise InputError(f"base_model.corpus: {folder} is not a folder; it must hold one folder of pages per language")
    if not texts:
        raise InputError(f"base_model.corpus: {folder} has no page with text for {', '.join(languages)}")
    return texts


def _readable(page: Path) -> str:
    try:
        return extract_page(page.read_bytes().decode("utf-8")).text
    except UnicodeDecodeError:
        return ""
