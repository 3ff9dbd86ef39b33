"""Reads people's verdicts on unchanged answers, combines them, and measures how far people agree."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import polars as pl

from x_instruction.judging.agreement import SCHEMA as AGREEMENT
from x_instruction.judging.agreement import agreement, alpha
from x_instruction.judging.settings import EVALUATOR, PEOPLE
from x_instruction.judging.shown_items import ANSWERS, LEVELS, PAIRS, content_of
from x_instruction.judging.verdicts import PAIR, SCHEMA, VERDICTS, pairs_of
from x_instruction.runner.errors import InputError

COLUMNS = ("kind", "language", "question_id", "model", "against", "content", "label", "person")
SCALES = {PAIRS: VERDICTS, ANSWERS: LEVELS}
Place = tuple[str, str, str]  # question_id, model, against


@dataclass(frozen=True)
class HumanVerdicts:
    """`labels` maps kind, item and person to a label. `unmatched` counts verdicts whose answers have changed."""

    labels: Mapping[str, Mapping[Place, Mapping[str, str]]]
    unmatched: int

    def together(self, kind: str) -> dict[Place, str]:
        """The median label of each item. If it is between two labels, the middle label of the scale is taken."""
        scale = SCALES[kind]
        return {
            place: scale[_median([scale.index(label) for label in by_person.values()])]
            for place, by_person in self.labels[kind].items()
        }

    def verdicts(self) -> pl.DataFrame:
        """The median verdict of all people on each pair, in rows of verdicts.SCHEMA.

        `lead` is the mean of their verdicts, with 1 for a win, 0 for a tie and -1 for a loss.
        """
        leads = {label: 1.0 - number for number, label in enumerate(VERDICTS)}
        rows = []
        for place, label in self.together(PAIRS).items():
            lead = mean(leads[given] for given in self.labels[PAIRS][place].values())
            row = {"judge": PEOPLE, "verdict": label, "lead": lead, "failure": ""}
            rows.append(row | dict(zip(PAIR, place, strict=True)))
        return pl.DataFrame(rows, schema=SCHEMA)

    def agreement(self, answers: pl.DataFrame) -> pl.DataFrame:
        """Computes agreement among people, and between the evaluator and people on the levels of answers.

        The rows have the schema of judging/agreement.py. `answers` has `question_id`, `model` and the LEVELS.
        """
        rows = [row for kind in SCALES if (row := self._among_people(kind))]
        levels = {
            f"{question} {model}": LEVELS[max(range(3), key=lambda level, shares=shares: shares[level])]  # type: ignore[misc]
            for question, model, *shares in answers.select("question_id", "model", *LEVELS).iter_rows()
        }
        by_people = {f"{question} {model}": label for (question, model, _), label in self.together(ANSWERS).items()}
        with_evaluator = agreement({EVALUATOR: levels, PEOPLE: by_people}, LEVELS, "levels")
        return pl.concat([pl.DataFrame(rows, schema=AGREEMENT), with_evaluator])

    def _among_people(self, kind: str) -> dict[str, Any] | None:
        shared = {" ".join(place): labels for place, labels in self.labels[kind].items() if len(labels) > 1}
        if not shared:
            return None
        persons = sorted({person for labels in shared.values() for person in labels})
        judges = [{item: labels[person] for item, labels in shared.items() if person in labels} for person in persons]
        value = alpha(judges, SCALES[kind])
        named = "verdicts" if kind == PAIRS else "levels"
        return {"judge": PEOPLE, "other": PEOPLE, "kind": named, "kappa": None, "alpha": value, "items": len(shared)}


def no_human_verdicts() -> HumanVerdicts:
    return HumanVerdicts({kind: {} for kind in SCALES}, 0)


def read_verdicts(path: Path, language: str, answers: pl.DataFrame, setting: str) -> HumanVerdicts:
    """The verdicts on the answers of a language. Raises InputError if the file is missing or `import` did not write it.

    A verdict counts only if the answers have not changed since the person saw them. Errors name the `setting`.
    """
    rows = [row for row in _rows(path, setting) if row["language"] == language]
    shown = {**_single(answers), **_paired(answers, {(row["model"], row["against"]) for row in rows if row["against"]})}
    labels: dict[str, dict[Place, dict[str, str]]] = {kind: {} for kind in SCALES}
    unmatched = 0
    for row in rows:
        place = (row["question_id"], row["model"], row["against"])
        if shown.get(place) != row["content"]:
            unmatched += 1
        else:
            labels[row["kind"]].setdefault(place, {})[row["person"]] = row["label"]
    return HumanVerdicts(labels, unmatched)


def _rows(path: Path, setting: str) -> Iterable[dict[str, str]]:
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for number, row in enumerate(rows, start=1):
            if missing := [name for name in COLUMNS if name not in row]:
                raise ValueError(f"line {number} has no {missing[0]}")
            if row["label"] not in SCALES.get(row["kind"], ()):
                raise ValueError(f"line {number} has the label {row['label']!r}")
    except (OSError, ValueError, RecursionError, TypeError, AttributeError) as error:
        raise InputError(
            f"{setting}: {path} cannot be used ({error}): give a file that `python -m x_instruction judging import` "
            "wrote, or null"
        ) from None
    return rows


def _single(answers: pl.DataFrame) -> dict[Place, str]:
    rows = answers.select("question_id", "model", "response").iter_rows()
    return {(question, model, ""): content_of(response) for question, model, response in rows}


def _paired(answers: pl.DataFrame, models: set[tuple[str, str]]) -> dict[Place, str]:
    contents = {}
    for model, against in models:
        rows = pairs_of(answers, model, against).select("question_id", "response", "response_other").iter_rows()
        contents.update({(question, model, against): content_of(ours, theirs) for question, ours, theirs in rows})
    return contents


def _median(numbers: Sequence[int]) -> int:
    """The median of several numbers, each 0, 1 or 2; a median of 0.5 or 1.5 becomes 1."""
    middle = median(numbers)
    return int(middle) if middle == int(middle) else 1
