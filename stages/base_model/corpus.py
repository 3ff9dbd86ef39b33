"""The texts that the embedded model is trained on: pages of the chosen languages and English ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from x_instruction.pages.main_text import extract_page
from x_instruction.runner.errors import InputError

MIN_CHARACTERS = 200  # a shorter page is empty or a single sentence


def corpus_texts(folder: Path, languages: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """Main text of every readable page, in a fixed order.

    English pages are always included, because the model reads and writes English instructions. Each text starts with
    the name of its language: a model this small would not learn otherwise what "Answer in Finnish" means.
    """
    if not folder.is_dir():
        raise InputError(
            f"base_model.corpus: {folder} is not a folder; the embedded model needs one folder per language there"
        )
    texts, headings = [], {"en": "English", **names}
    for language in dict.fromkeys(["en", *languages]):
        for page in sorted((folder / language).glob("*.html")):
            text = _readable(page)
            if len(text) >= MIN_CHARACTERS:
                texts.append(f"{headings[language]}: {text}")
    if not texts:
        raise InputError(f"base_model.corpus: {folder} has no page with text for {', '.join(languages)}")
    return texts


def _readable(page: Path) -> str:
    try:
        return extract_page(page.read_bytes().decode("utf-8")).text
    except UnicodeDecodeError:
        return ""
