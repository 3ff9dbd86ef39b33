"""The explanation of an id: sections on what each stage did, from the page to the release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from commands.explain.filtering import cleaning_section, filtered, segment_of
from commands.explain.rating import rating_section
from commands.explain.rows import Row, Rows, find
from commands.explain.rules import rules_section
from commands.explain.section import Section, Table, one_line
from commands.explain.selections import NOT_REACHED, reason, selection_sections, verdict
from commands.explain.trail import Trail, follow
from stages.params import Settings
from x_instruction.cleaning.private_data.mask import KINDS, masked
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.models.settings import Prompts
from x_instruction.runner.published import MANIFEST, content_of

PAGE = ("id", "url", "title", "date", "license", "source_id", "extractor")
FIRST_LINES, SAMPLES = 3, 8
TEXT_CHARACTERS = 400
# The extractor of a plain text. It is not imported, because loading its module takes 0.15 s.
NO_EXTRACTOR = "none"
PROMPT_CHARACTERS = 50  # of the text in the prompt, so that the words of the template after it are shown too


def explain(root: Path, settings: Settings, row_id: str) -> list[Section]:
    """The sections for an id. Raises InputError for the same reasons as `find`."""
    rows = find(root, settings.languages, row_id)
    return sections(root, settings, rows, follow(rows, row_id))


def sections(root: Path, settings: Settings, rows: Rows, trail: Trail) -> list[Section]:
    return [
        *_documents(trail, load_language(rows.language, root / "languages")),
        *_filtering(root, settings, rows.language, trail),
        *_texts(trail),
        *_candidates(root, settings, trail),
        *(rating_section(row, settings.rating, root) for row in trail.pair if row.artifact == "rated_pairs"),
        *selection_sections(root, settings, rows.language, trail),
    ]


def _documents(trail: Trail, language: LanguageSettings) -> list[Section]:
    """The page and its provenance, or the reason for which the document was dropped.

    Private data are masked as in filtered_text, because an explanation may be shown to others.
    """
    found = []
    for row in trail.documents[:SAMPLES]:
        values = row.values
        lines = masked(pl.Series([str(values["text"])]), language.countries)[0].item().splitlines()[:FIRST_LINES]
        facts = reason(row) if row.dropped else [(name, values[name]) for name in PAGE if values.get(name)]
        if not row.dropped:
            facts.insert(2, ("file and offset", f"{values['source']}#{values['record']}"))
        facts += [(f"{_line_of(values)} {at}", line) for at, line in enumerate(lines, start=1)]
        found.append(Section("raw_web_text", verdict(row), facts))
    if more := len(trail.documents) - len(found):
        found.append(Section("raw_web_text", f"{more} more rows with this id"))
    return found


def _line_of(values: dict[str, Any]) -> str:
    """What a line of `text` is. A row with an extractor has the text that was extracted from HTML."""
    return "extracted line" if values.get("extractor", NO_EXTRACTOR) != NO_EXTRACTOR else "line"


def _filtering(root: Path, settings: Settings, code: str, trail: Trail) -> list[Section]:
    document = next((row for row in trail.documents if not row.dropped), None)
    if document is None:
        return []
    language = load_language(code, root / "languages")
    refiltered = filtered(document.values, settings.filtered_text, language)
    row = trail.text or next(iter(trail.texts), None)
    segment = segment_of(refiltered, str(row.values["text"]) if row else "")
    cleaning = cleaning_section(refiltered, str(trail.text.values["text"]) if trail.text else None)
    return [cleaning, rules_section(segment, row, settings.filtered_text, language, root)]


def _texts(trail: Trail) -> list[Section]:
    """The explained text, and one line for each of the first eight other texts of the document."""
    found = []
    shown = trail.text or next(iter(trail.texts), None)
    if shown and shown.dropped:
        found.append(Section("filtered_text", "dropped", [*reason(shown), ("text", shown.values["text"])]))
    elif shown:
        values = shown.values
        counts = ", ".join(f"{values[name]} {name}" for name in KINDS if values.get(name)) or "nothing"
        facts = [
            ("id", shown.id),
            ("segment", f"{values['position']} of {values['segments']}"),
            ("words", str(values["words"])),
            ("language score", f"{values['language_score']:.3f}"),
            ("masked", counts),
            ("control strings", f"{values['control_strings']}, not removed"),
            ("text", one_line(values["text"], TEXT_CHARACTERS)),
        ]
        found.append(Section("filtered_text", "kept", facts))
    others = [row for row in trail.texts if shown and row.place != shown.place][:SAMPLES]
    lines = [(verdict(row), row.values["reason"] if row.dropped else row.id) for row in others]
    return [*found, Section("filtered_text", "other texts of the document", lines)] if lines else found


def _candidates(root: Path, settings: Settings, trail: Trail) -> list[Section]:
    if not trail.pairs and not trail.pair:
        return [Section("candidate_pairs", NOT_REACHED)] if trail.text is None else []
    explained = trail.pair[0].id if trail.pair else ""
    model = root / "data" / "instruction_model"
    values = next((row.values for row in trail.pairs if not row.dropped), {})
    facts = [
        ("instruction model", content_of(model)[:16] if (model / MANIFEST).exists() else "–"),
        *_prompt(settings.prompts, str(trail.text.values["text"]) if trail.text else ""),
        ("response in prompt", "cut to the model's length" if values.get("text_cut") else "whole"),
        ("sampling", f"temperature {settings.candidate_pairs.temperature}, top_p {settings.candidate_pairs.top_p}"),
    ]
    samples = [
        ["→" if row.id == explained else "", row.id, _outcome(row), one_line(_instruction(row), 70)]
        for row in trail.pairs[:SAMPLES]
    ]
    result = f"{len(trail.pairs)} written for this text" if trail.pairs else verdict(trail.pair[0])
    return [Section("candidate_pairs", result, facts, Table(["", "id", "outcome", "instruction"], samples))]


def _prompt(prompts: Prompts, text: str) -> list[tuple[str, str]]:
    """The lines of the prompt, with the beginning of the text in it."""
    lines = [line for line in prompts.write_instruction.split("\n") if line.strip()]
    shown = one_line(text, PROMPT_CHARACTERS)
    facts = [("prompt" if at == 0 else "", line.replace("{response}", shown)) for at, line in enumerate(lines)]
    return [*facts, ("sent as", "a message in the model's chat template")] if prompts.chat_template else facts


def _instruction(row: Row) -> Any:
    """The instruction of a candidate pair. A dropped row has it in `value`."""
    return row.values["value"] if row.dropped else row.values["instruction"]


def _outcome(row: Row) -> str:
    return f"dropped: {row.values['reason']}" if row.dropped else "kept"
