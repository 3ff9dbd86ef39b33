"""Excerpts of the real-text collection, in parts that share no document and no sentence.

A document has one part, and what stands together has it together (an article of which each paragraph is a document).
The second largest site of each language is in a part of its own: nothing is learned from it.

An excerpt is a true text: sentences with their ends (but in Thai, which marks none), in the language by the rule that
filtered_text has. Without these two a quarter of the Urdu ones ended amid a sentence and, of the Vietnamese site aside,
two thirds were English; of such "true" texts an evaluator that sees it was said to be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import polars as pl

from stages.evaluator.defects import SENTENCE
from tests.benchmarks.table import ROOT, real_text
from x_instruction.language.identification import in_language
from x_instruction.language.sentences import closed, marks
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.runner.files import digest

PARTS = {"measured": 40, "choosing": 20, "learned": 400}  # excerpts of a language; in the order they are dealt
OTHER_SITE = 40
CHARACTERS = (150, 450)  # as long as the seeds' responses
OF_A_DOCUMENT = 3  # excerpts to learn from, at most; one is measured
CLOSED = re.compile(closed(marks()))
LEAST_SENTENCE = 25  # characters; shorter ones ("Read more.") may stand in several parts


@dataclass
class Excerpts:
    """By part, the excerpts of a language. `other_site` are those of the site nothing is learned from."""

    parts: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in [*PARTS, "other_site"]})
    sentences: set[str] = field(default_factory=set)  # of all excerpts: none is in two

    def add(self, part: str, excerpts: list[str]) -> None:
        for excerpt in excerpts:
            own = {one.strip() for one in SENTENCE.findall(excerpt) if len(one.strip()) >= LEAST_SENTENCE}
            if own & self.sentences:
                continue
            self.parts[part].append(excerpt)
            self.sentences |= own


def excerpts(language: str) -> Excerpts:
    """The excerpts of a language, the same in each run. Raises SkippedError where the collection is not."""
    documents = pl.read_ndjson(real_text("web", f"{language}.jsonl.zst"), infer_schema_length=None)
    return dealt(documents, load_language(language, ROOT / "languages"))


def dealt(documents: pl.DataFrame, language: LanguageSettings) -> Excerpts:
    """Columns source (the site), path and text; documents in the order of a hash, so that each part has all sites."""
    found = Excerpts()
    sites = documents["source"].value_counts(sort=True)["source"].to_list()
    aside = sites[1] if len(sites) > 1 else ""
    for _, texts in sorted(_groups(documents, aside).items(), key=lambda group: digest(*group[0])):
        part = next(name for name, wanted in PARTS.items() if len(found.parts[name]) < wanted or name == "learned")
        if len(found.parts[part]) < PARTS[part]:
            most = OF_A_DOCUMENT if part == "learned" else 1
            found.add(part, [one for text in texts for one in _true_ones(text, language)[:most]])
    for text in documents.filter(pl.col("source") == aside).sort("path")["text"]:
        if len(found.parts["other_site"]) < OTHER_SITE:
            found.add("other_site", _true_ones(text, language)[:1])
    return found


def _groups(documents: pl.DataFrame, aside: str) -> dict[tuple[str, str], list[str]]:
    """Texts by site and document; the paragraphs of an article ("xquad.hi.json#41/2") are one."""
    groups: dict[tuple[str, str], list[str]] = {}
    for source, path, text in documents.filter(pl.col("source") != aside).select("source", "path", "text").iter_rows():
        groups.setdefault((source, re.sub(r"(#\d+)/\d+$", r"\1", path)), []).append(text)
    return groups


def _true_ones(document: str, language: LanguageSettings) -> list[str]:
    texts = pl.Series(fitting(document, language.marks_sentence_ends), dtype=pl.String)
    return texts.filter(in_language(texts, language)).to_list()


def fitting(document: str, stops: bool = True) -> Iterator[str]:
    """The beginnings of a document's paragraphs, whole sentences, at least two; those that have the wanted length.

    `stops`: the language marks where a sentence ends.
    """
    least, most = CHARACTERS
    for paragraph in re.split(r"\n+", document):
        text = ""
        for match in SENTENCE.findall(paragraph):
            if len(text) + len(match) > most or (stops and not CLOSED.search(match)):
                break
            text += match
        if len(text.strip()) >= least and len(SENTENCE.findall(text)) > 1:
            yield text.strip()


def write_seeds(language: str, texts: list[str], instruction: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"instruction": [instruction] * len(texts), "response": texts}).write_ndjson(
        folder / f"{language}.jsonl"
    )


def write_pages(texts: list[str], folder: Path) -> None:
    """Web pages of the texts, two a page: what the embedded base model reads beside the sample's."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(0, len(texts), 2):
        paragraphs = "".join(f"<p>{escape(text)}</p>" for text in texts[number : number + 2])
        page = f"<!DOCTYPE html><html><body><article>{paragraphs}</article></body></html>"
        (folder / f"real{number:05}.html").write_text(page, encoding="utf-8")
