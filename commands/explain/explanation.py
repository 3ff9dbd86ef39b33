"""The explanation of an id: sections on what each stage did, from the page to the release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from commands.explain.filtering import cleaning_section, filtered, rules_section, segment_of
from commands.explain.rating import rating_section
from commands.explain.rows import Row, Rows, find
from commands.explain.section import Section, Table, one_line
from commands.explain.trail import Trail, follow
from stages.params import Settings
from x_instruction.cleaning.private_data.mask import KINDS, masked
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.runner.files import read_json
from x_instruction.runner.published import MANIFEST, content_of

PAGE = ("id", "url", "title", "date", "license", "source_id", "extractor")
FIRST_LINES, SAMPLES = 3, 8
TEXT_CHARACTERS = 400
NOT_REACHED = "not reached"


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
        *_selections(root, settings, rows.language, trail),
    ]


def _documents(trail: Trail, language: LanguageSettings) -> list[Section]:
    """The page and its provenance, or the reason for which the document was dropped.

    Private data are masked as in filtered_text, because an explanation may be shown to others.
    """
    found = []
    for row in trail.documents[:SAMPLES]:
        values = row.values
        lines = masked(pl.Series([str(values["text"])]), language.countries)[0].item().splitlines()[:FIRST_LINES]
        facts = _reason(row) if row.dropped else [(name, values[name]) for name in PAGE if values.get(name)]
        if not row.dropped:
            facts.insert(2, ("file and offset", f"{values['source']}#{values['record']}"))
        facts += [(f"line {at}", line) for at, line in enumerate(lines, start=1)]
        found.append(Section("raw_web_text", _verdict(row), facts))
    if more := len(trail.documents) - len(found):
        found.append(Section("raw_web_text", f"{more} more rows with this id"))
    return found


def _filtering(root: Path, settings: Settings, code: str, trail: Trail) -> list[Section]:
    document = next((row for row in trail.documents if not row.dropped), None)
    if document is None:
        return []
    language = load_language(code, root / "languages")
    refiltered = filtered(document.values, settings.filtered_text, language)
    row = trail.text or next(iter(trail.texts), None)
    segment = segment_of(refiltered, str(row.values["text"]) if row else "")
    cleaning = cleaning_section(refiltered, str(trail.text.values["text"]) if trail.text else None)
    return [cleaning, rules_section(segment, settings.filtered_text, language, root)]


def _texts(trail: Trail) -> list[Section]:
    """The explained text, and one line for each of the first eight other texts of the document."""
    found = []
    shown = trail.text or next(iter(trail.texts), None)
    if shown and shown.dropped:
        found.append(Section("filtered_text", "dropped", [*_reason(shown), ("text", shown.values["text"])]))
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
    lines = [(_verdict(row), row.values["reason"] if row.dropped else row.id) for row in others]
    return [*found, Section("filtered_text", "other texts of the document", lines)] if lines else found


def _candidates(root: Path, settings: Settings, trail: Trail) -> list[Section]:
    if not trail.pairs and not trail.pair:
        return [Section("candidate_pairs", NOT_REACHED)] if trail.text is None else []
    explained = trail.pair[0].id if trail.pair else ""
    model = root / "data" / "instruction_model"
    values = next((row.values for row in trail.pairs if not row.dropped), {})
    facts = [
        ("instruction model", content_of(model)[:16] if (model / MANIFEST).exists() else "–"),
        ("prompt", settings.prompts.write_instruction),
        ("response in prompt", "cut to the model's length" if values.get("text_cut") else "whole"),
        ("sampling", f"temperature {settings.candidate_pairs.temperature}, top_p {settings.candidate_pairs.top_p}"),
    ]
    samples = [
        ["→" if row.id == explained else "", row.id, _outcome(row), one_line(_instruction(row), 70)]
        for row in trail.pairs[:SAMPLES]
    ]
    verdict = f"{len(trail.pairs)} written for this text" if trail.pairs else _verdict(trail.pair[0])
    return [Section("candidate_pairs", verdict, facts, Table(["", "id", "outcome", "instruction"], samples))]


def _selections(root: Path, settings: Settings, code: str, trail: Trail) -> list[Section]:
    """Whether the stages after the ratings kept the pair, and why."""
    found: list[Section] = []
    for artifact in ("refined_pairs", "diversified_set", "released_set") if trail.pair else ():
        row = next((row for row in trail.pair if row.artifact == artifact), None)
        if row is None:
            return [*found, Section(artifact, NOT_REACHED)]
        facts = _reason(row) if row.dropped else _kept(root, settings, code, row)
        found.append(Section(artifact, _verdict(row), facts))
    return found


def _kept(root: Path, settings: Settings, code: str, row: Row) -> list[tuple[str, str]]:
    values = row.values
    if row.artifact == "refined_pairs":
        refined = settings.refined_pairs
        rule = f"min_rating {refined.min_rating}, top_share {refined.top_share}, max_of_domain {refined.max_of_domain}"
        facts = [("rating", f"{values['rating']:.4f} ({rule})"), ("rank in the language", str(values["rank"]))]
        if values["rating"] < refined.min_rating:
            facts.append(("below min_rating", f"kept as one of the best {refined.always_kept} (always_kept)"))
        facts.append(("by ratings of", values["iteration"]))
        report = root / "data" / "quality" / "refined_pairs" / f"{code}.json"
        why = read_json(report, ours=True)["metrics"].get("accepted_because") if report.exists() else None
        return [*facts, ("iteration chosen", why)] if why else facts
    if row.artifact == "diversified_set":
        chosen = {name: value for name, value in values.items() if name.startswith(("cluster", "drawn", "task"))}
        return [(name.replace("_", " "), str(value)) for name, value in chosen.items()]
    place = f"{row.place.file}, row {row.place.row}"
    return [("file", place), ("licence", values["spdx"] or "none known"), ("instruction", values["instruction"])]


def _reason(row: Row) -> list[tuple[str, str]]:
    values = row.values
    facts = [("reason", values["reason"]), ("value", values["value"]), ("origin", values["origin"])]
    return [(name, str(value)) for name, value in facts if value]


def _instruction(row: Row) -> Any:
    """The instruction of a candidate pair. A dropped row has it in `value`."""
    return row.values["value"] if row.dropped else row.values["instruction"]


def _outcome(row: Row) -> str:
    return f"dropped: {row.values['reason']}" if row.dropped else "kept"


def _verdict(row: Row) -> str:
    return "dropped" if row.dropped else "kept"
