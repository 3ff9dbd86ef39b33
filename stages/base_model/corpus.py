"""The texts the embedded model is trained on: the pages of the languages asked for, and the English ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from x_instruction.pages.main_text import extract_page
from x_instruction.runner.errors import InputError

MIN_CHARACTERS = 200  # below, a page is an empty shell or one sentence


def corpus_texts(folder: Path, languages: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """Main text of every readable page, in a fixed order.

    English is always among them: the model is to read and write instructions in it. Each page is headed by its
    language's name; a model this small does not find out otherwise what "Answer in Finnish" asks for.
    """
    if not folder.is_dir():
        raise InputError(f"base_model.corpus: {folder} is no folder; the embedded model needs one folder per language")
    texts, headings = [], {"en": "English", **names}
    for language in dict.fromkeys(["en", *languages]):
        for page in sorted((folder / language).glob("*.html")):
            text = _readable(page)
            if len(text) >= MIN_CHARACTERS:
                texts.append(f"{headings[language]}: {text}")
    if not texts:
        raise InputError(f"base_model.corpus: no page with text under {folder} for {', '.join(languages)}")
    return texts


def _readable(page: Path) -> str:
    try:
        return extract_page(page.read_bytes().decode("utf-8")).text
    except UnicodeDecodeError:
        return ""
