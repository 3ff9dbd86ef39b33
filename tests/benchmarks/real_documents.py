"""Takes excerpts from the real-text collection, in parts that share no document and no long sentence.

Each document belongs to one part, and related documents, such as the paragraphs of an article, belong to the same part.
The second largest site of each language is a separate part, from which nothing is learned.

Documents are cleaned as in filtered_text before excerpts are taken: without this, 248 of 400 Swahili excerpts began
with the quotation mark of a CSV field. An excerpt consists of whole sentences and passes the language check. Without
these conditions, a quarter of the Urdu excerpts ended within a sentence, and two thirds of the Vietnamese excerpts were
in English. An evaluator that noticed these defects was then counted as wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import polars as pl

from stages.evaluator.defects import SENTENCE
from stages.filtered_text.cleaning.clean import cleaned
from tests.benchmarks.table import ROOT, real_text
from x_instruction.language.identification import in_language
from x_instruction.language.sentences import closed, marks
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.runner.files import digest

# The number of excerpts in each part, for one language. The parts are filled in this order.
PARTS = {"measured": 40, "choosing": 20, "learned": 400}
OTHER_SITE = 40
CHARACTERS = (150, 450)  # the shortest and the longest excerpt, as among the seeds' responses
EXCERPTS_A_DOCUMENT = 3  # maximum for each text in the part `learned`; in the other parts, the maximum is 1
CLOSED = re.compile(closed(marks()))
COMPARED_CHARACTERS = 25  # shorter sentences, such as "Read more.", may be in several parts


@dataclass
class Excerpts:
    """The excerpts of a language by part. `other_site` comes from the site from which nothing is learned."""

    parts: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in [*PARTS, "other_site"]})
    sentences: set[str] = field(default_factory=set)  # long sentences so far; no new excerpt may contain one

    def add(self, part: str, excerpts: list[str]) -> None:
        for excerpt in excerpts:
            sentences = {sentence.strip() for sentence in SENTENCE.findall(excerpt)}
            compared = {sentence for sentence in sentences if len(sentence) >= COMPARED_CHARACTERS}
            if not compared & self.sentences:
                self.parts[part].append(excerpt)
                self.sentences |= compared


def excerpts(language: str) -> Excerpts:
    """The excerpts of a language, the same in each run. Raises SkippedError if the collection is missing."""
    documents = pl.read_ndjson(real_text("web", f"{language}.jsonl.zst"), infer_schema_length=None)
    return divided(documents, load_language(language, ROOT / "languages"))


def divided(documents: pl.DataFrame, language: LanguageSettings) -> Excerpts:
    """The excerpts from `documents`, which has the columns `source` (the site), `path` and `text`.

    The documents are ordered by a hash, so that those of each site, except `other_site`, are spread over the parts.
    """
    documents = cleaned(documents, language)  # an excerpt lacks the end, by which a CSV field is recognized
    found = Excerpts()
    sites = documents["source"].value_counts(sort=True)["source"].to_list()
    other_site = sites[1] if len(sites) > 1 else ""
    for _, texts in sorted(_groups(documents, other_site).items(), key=lambda group: digest(*group[0])):
        part = next(name for name, wanted in PARTS.items() if len(found.parts[name]) < wanted or name == "learned")
        if len(found.parts[part]) < PARTS[part]:
            limit = EXCERPTS_A_DOCUMENT if part == "learned" else 1
            found.add(part, [excerpt for text in texts for excerpt in _excerpts_of(text, language)[:limit]])
    for text in documents.filter(pl.col("source") == other_site).sort("path")["text"]:
        if len(found.parts["other_site"]) < OTHER_SITE:
            found.add("other_site", _excerpts_of(text, language)[:1])
    return found


def _groups(documents: pl.DataFrame, other_site: str) -> dict[tuple[str, str], list[str]]:
    """Maps site and document to texts; the paragraphs of an article ("xquad.hi.json#41/2") form one document."""
    groups: dict[tuple[str, str], list[str]] = {}
    others = documents.filter(pl.col("source") != other_site).select("source", "path", "text")
    for source, path, text in others.iter_rows():
        groups.setdefault((source, re.sub(r"(#\d+)/\d+$", r"\1", path)), []).append(text)
    return groups


def _excerpts_of(document: str, language: LanguageSettings) -> list[str]:
    texts = pl.Series(fitting(document, language.marks_sentence_ends), dtype=pl.String)
    return texts.filter(in_language(texts, language)).to_list()


def fitting(document: str, marks_ends: bool = True) -> Iterator[str]:
    """Yields the first whole sentences of each paragraph: at least two, with a total length within CHARACTERS.

    `marks_ends` says whether the language marks where a sentence ends.
    """
    shortest, longest = CHARACTERS
    for paragraph in re.split(r"\n+", document):
        text = ""
        for sentence in SENTENCE.findall(paragraph):
            if len(text) + len(sentence) > longest or (marks_ends and not CLOSED.search(sentence)):
                break
            text += sentence
        if len(text.strip()) >= shortest and len(SENTENCE.findall(text)) > 1:
            yield text.strip()


def write_seeds(language: str, texts: list[str], instruction: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"instruction": [instruction] * len(texts), "response": texts}).write_ndjson(
        folder / f"{language}.jsonl"
    )


def write_pages(texts: list[str], folder: Path) -> None:
    """Writes web pages with two texts each. The embedded base model is trained on them and on the sample."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(0, len(texts), 2):
        paragraphs = "".join(f"<p>{escape(text)}</p>" for text in texts[number : number + 2])
        page = f"<!DOCTYPE html><html><body><article>{paragraphs}</article></body></html>"
        (folder / f"real{number:05}.html").write_text(page, encoding="utf-8")
