"""Reads the verdicts of people from files of Label Studio, Argilla and spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from x_instruction.judging.exports import KEY, VERDICT
from x_instruction.judging.shown_items import CHOICES, label_of
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import write_atomically

UNNAMED = "unnamed"
LISTED = 5  # the most unknown choices that a warning shows


class Given(NamedTuple):
    """A person's choice for an item, as it is in the file. `person` is "" if the file does not say who judged."""

    item: str
    choice: str
    person: str


def import_verdicts(folder: Path, files: Sequence[Path], target: Path) -> Counter[str]:
    """Reads verdicts from `files`, looks up their items in the exported `folder`, and writes `target` as JSONL.

    A row has `kind`, `language`, `question_id`, `model`, `against`, `content`, `person` and `label` (win, tie or loss
    of the model, or the level of the answer). Returns counts: `verdicts` for the verdicts that were written, and one
    count for each reason to leave out a verdict. If a person judged an item twice, the verdict read last counts, and
    `judged_again` counts the earlier verdicts with another label. Warns of unknown choices. Raises InputError for a
    file in another format, if no file has a verdict, or if the folder's key is missing or damaged.
    """
    keys, verdicts, counts = _keys(folder), dict[tuple[str, str], dict[str, Any]](), Counter[str]()
    unknown = Counter[str]()
    for given in _from_all(files):
        key, choice = keys.get(given.item), given.choice.strip().lower()
        if not choice:
            counts["not_judged"] += 1
        elif key is None:
            counts["unknown_item"] += 1
        elif choice not in CHOICES[key["kind"]]:
            counts["unknown_choice"] += 1
            unknown[choice] += 1
        else:
            place, label = (given.item, given.person), label_of(key, choice)
            if place in verdicts and verdicts[place]["label"] != label:
                counts["judged_again"] += 1
            hidden = {name: value for name, value in key.items() if name not in ("id", "turned")}
            verdicts[place] = {**hidden, "label": label, "person": given.person}
    _warn_of(unknown)
    if not verdicts:  # an earlier file of verdicts is kept
        named = ", ".join(map(str, files))
        raise InputError(f"no verdict in {named} can be used ({_listed(counts)}): fill in the column `{VERDICT}`")
    rows = (json.dumps(verdicts[place], sort_keys=True, ensure_ascii=False) + "\n" for place in sorted(verdicts))
    write_atomically(target, "".join(rows).encode("utf-8", "replace"))
    counts["verdicts"] = len(verdicts)
    return counts


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items()))


def _warn_of(unknown: Counter[str]) -> None:
    if unknown:
        listed = ", ".join(f"{number} {choice[:40]!r}" for choice, number in unknown.most_common(LISTED))
        more = ", …" if len(unknown) > LISTED else ""
        known = " and ".join(f"{', '.join(choices)} for {kind}" for kind, choices in CHOICES.items())
        print(f"warning: unknown choices were left out: {listed}{more}; the choices are {known}", file=sys.stderr)


def _from_all(files: Sequence[Path]) -> list[Given]:
    """The choices in all files. A person without a name is named after the file if there are several files."""
    stems = Counter(file.stem for file in files)
    found: list[Given] = []
    for file in files:
        # Files in different folders may have the same name.
        unnamed = UNNAMED if len(files) == 1 else file.stem if stems[file.stem] == 1 else str(file)
        found += [given if given.person else given._replace(person=unnamed) for given in read_file(file)]
    if not found:
        raise InputError(f"nobody has judged in {', '.join(map(str, files))}: give the files with the verdicts")
    return found


def _keys(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / KEY
    if not path.exists():
        raise InputError(f"{path} does not exist: give the folder that `export` wrote, with its key")
    try:
        return {row["id"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    except (ValueError, RecursionError, KeyError, TypeError):
        raise InputError(f"{path} is damaged: give the folder as `export` wrote it") from None


def read_file(path: Path) -> list[Given]:
    """Reads the choices in a file: CSV if its name ends with .csv (or .CSV), otherwise JSON."""
    if not path.exists():
        raise InputError(f"{path} does not exist: give a file with verdicts")
    try:
        text = path.read_text(encoding="utf-8-sig")
        return list(_of_csv(text) if path.suffix.lower() == ".csv" else _of_json(json.loads(text)))
    except UnicodeDecodeError:
        raise InputError(
            f"{path} is not in UTF-8: save it in UTF-8 (in a spreadsheet, as `CSV UTF-8`), then import it again"
        ) from None
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise InputError(
            f"{path} has no verdicts that can be read ({type(error).__name__}: {str(error)[:100]}): give the CSV that "
            "`export` wrote with its column `verdict` filled, Label Studio's export as JSON, or Argilla's "
            "`dataset.records.to_json`"
        ) from None


def _of_csv(text: str) -> Iterator[Given]:
    if text.lower().startswith("sep="):  # a line in which Excel finds the separator
        text = text.partition("\n")[2]
    header = text.partition("\n")[0]
    # In some countries, spreadsheets separate columns by semicolons.
    rows = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=header.count))
    for name in ("id", VERDICT):
        if name not in (rows.fieldnames or ()):
            raise ValueError(f"there is no column `{name}`")
    for row in rows:
        yield Given(row["id"], row[VERDICT] or "", (row.get("person") or "").strip())


def _of_json(records: Any) -> Iterator[Given]:
    if not isinstance(records, list):
        raise ValueError(f"a list of records was expected, not {type(records).__name__}")
    for record in records:
        yield from _of_argilla(record) if "fields" in record else _of_label_studio(record)


def _of_argilla(record: dict[str, Any]) -> Iterator[Given]:
    for response in (record.get("responses") or {}).get(VERDICT, []):
        yield Given(str(record["id"]), str(response["value"] or ""), str(response.get("user_id") or ""))


def _of_label_studio(task: dict[str, Any]) -> Iterator[Given]:
    for annotation in task["annotations"]:
        if annotation.get("was_cancelled"):
            continue
        author = annotation.get("completed_by")
        person = (author.get("email") or author.get("id")) if isinstance(author, dict) else author
        for result in annotation["result"]:
            if result["from_name"] == VERDICT:
                choice = next(iter(result["value"]["choices"]), "")
                yield Given(str(task["data"]["id"]), str(choice), str(person or ""))
