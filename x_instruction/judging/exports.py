"""Writes items for people to judge: as tasks of Label Studio, as records of Argilla, and as plain CSV.

pairs.label_studio.json, answers.label_studio.json  tasks to import; the XML files are the labelling interfaces
pairs.argilla.json, answers.argilla.json            records for `dataset.records.from_json`
pairs.csv, answers.csv                              one row per item, with empty columns `verdict` and `person`
key.jsonl                                           the model of each answer; do not give it to the judges
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from x_instruction.judging.shown_items import ANSWERS, CHOICES, LANGUAGE, PAIRS, Item
from x_instruction.runner.files import write_atomically, write_json
from x_instruction.runner.formulas import escaped

VERDICT = "verdict"
KEY = "key.jsonl"
TITLES = {
    LANGUAGE: "Language requested", "instruction": "Request", "answer": "Answer", "answer_1": "Answer 1",
    "answer_2": "Answer 2",
}  # fmt: skip
GUIDES = {
    PAIRS: "Which answer is better: more correct, more helpful, better written, and in the language requested?",
    ANSWERS: (
        "How good is the answer? best: correct, helpful, and in the language requested. flawed: usable, with faults. "
        "worst: useless."
    ),
}


def write_items(items: Sequence[Item], folder: Path) -> None:
    """Writes the items of both kinds in all formats, and the file KEY, which names the models."""
    for kind in (PAIRS, ANSWERS):
        of_kind = [item for item in items if item.kind == kind]
        if of_kind:
            write_json(folder / f"{kind}.label_studio.json", [_task(item) for item in of_kind])
            write_atomically(folder / f"{kind}.label_studio.xml", _interface(of_kind[0]).encode())
            write_json(folder / f"{kind}.argilla.json", [_record(item) for item in of_kind])
            write_atomically(
                folder / f"{kind}.csv", _csv(of_kind).encode("utf-8-sig")
            )  # Excel needs the byte order mark
    lines = "".join(json.dumps(item.key, sort_keys=True) + "\n" for item in items)
    write_atomically(folder / KEY, lines.encode())


def _task(item: Item) -> dict[str, object]:
    return {"data": {"id": item.id, **item.texts}}


def _interface(item: Item) -> str:
    """The labelling interface of Label Studio (XML) for items of the same kind as `item`."""
    texts = "".join(
        f'  <Header value={quoteattr(TITLES[name])}/>\n  <Text name="{name}" value="${name}"/>\n' for name in item.texts
    )
    choices = "".join(f'    <Choice value="{choice}"/>\n' for choice in CHOICES[item.kind])
    return (
        f"<View>\n  <Header value={quoteattr(GUIDES[item.kind])}/>\n{texts}"
        f'  <Choices name="{VERDICT}" toName="instruction" choice="single" required="true">\n{choices}  </Choices>\n'
        "</View>\n"
    )


def _record(item: Item) -> dict[str, object]:
    # There is no metadata, because Argilla's server refuses metadata that the settings of the dataset do not declare.
    return {"id": item.id, "fields": item.texts}


def _csv(items: Sequence[Item]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["id", *items[0].texts, VERDICT, "person"])
    for item in items:
        writer.writerow([escaped(text) for text in (item.id, *item.texts.values(), "", "")])
    return file.getvalue()
