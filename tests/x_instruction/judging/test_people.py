"""People judge answers without seeing the model names, and their verdicts are imported from every format."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from x_instruction.judging.__main__ import main
from x_instruction.judging.exports import write_items
from x_instruction.judging.imports import import_verdicts, read_file
from x_instruction.judging.people import read_verdicts
from x_instruction.judging.shown_items import FIRST, NEITHER, SECOND, Item, sample_answers, sample_pairs
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.shards import write_shard

RATED = {"tuned": (0.9, 0.05, 0.05), "base": (0.1, 0.2, 0.7)}


def answers(size: int = 30, text: str = "") -> pl.DataFrame:
    """Good answers of the tuned model and bad answers of the base model."""
    return pl.DataFrame(
        [
            {
                "question_id": f"q{number}", "model": model, "language": "fi", "instruction": f"Question {number}?",
                "response": f"{model} answers {number}{text}", "best": best, "flawed": flawed, "worst": worst,
            }
            for number in range(size)
            for model, (best, flawed, worst) in RATED.items()
        ]
    )  # fmt: skip


@pytest.fixture
def items() -> list[Item]:
    return [*sample_pairs(answers(), "tuned", 20, 1, "Finnish"), *sample_answers(answers(), 12, 1, "Finnish")]


@pytest.fixture
def folder(items: list[Item], tmp_path: Path) -> Path:
    write_items(items, tmp_path / "people")
    return tmp_path / "people"


def choice(texts: dict[str, str]) -> str:
    """The verdict of a person who recognizes the tuned model's text and prefers it."""
    if "answer" in texts:
        return "best" if texts["answer"].startswith("tuned") else "worst"
    return FIRST if texts[FIRST].startswith("tuned") else SECOND


# Export


def test_the_order_is_random_and_the_models_are_named_only_in_the_key(items: list[Item], folder: Path) -> None:
    pairs = [item for item in items if item.kind == "pairs"]
    assert len(pairs) == 20 and 3 < sum(item.turned for item in pairs) < 17
    assert all(item.texts[SECOND if item.turned else FIRST].startswith("tuned") for item in pairs)
    for path in folder.iterdir():
        shown = path.read_text(encoding="utf-8-sig").replace("tuned answers", "").replace("base answers", "")
        assert ("tuned" in shown) == (path.name == "key.jsonl")


def test_the_same_seed_draws_the_same_items_and_no_item_twice(items: list[Item]) -> None:
    assert sample_pairs(answers(), "tuned", 20, 1, "Finnish") == items[:20]
    assert sample_pairs(answers(), "tuned", 20, 2, "Finnish") != items[:20]
    assert len({item.id for item in items}) == len(items) == 32
    assert not any(item.id[0].isdigit() for item in items)  # a spreadsheet would round an id that has only digits
    assert len(sample_pairs(answers(3), "tuned", 99, 1, "Finnish")) == 3


@pytest.mark.parametrize("kind", ["pairs", "answers"])
def test_people_see_the_name_of_the_language_in_every_format(folder: Path, kind: str) -> None:
    with (folder / f"{kind}.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {row["language"] for row in csv.DictReader(file)} == {"Finnish"}
    assert {task["data"]["language"] for task in read_json(folder / f"{kind}.label_studio.json")} == {"Finnish"}
    view = ElementTree.parse(folder / f"{kind}.label_studio.xml").getroot()
    shown = {text.get("name"): text.get("value") for text in view.iter("Text")}
    assert shown["language"] == "$language" and shown["instruction"] == "$instruction"
    assert "Language requested" in [header.get("value") for header in view.iter("Header")]
    assert {record["fields"]["language"] for record in read_json(folder / f"{kind}.argilla.json")} == {"Finnish"}


def test_a_record_of_argilla_has_no_metadata_that_a_server_could_refuse(folder: Path) -> None:
    assert all(set(record) == {"id", "fields"} for record in read_json(folder / "pairs.argilla.json"))


def test_no_exported_cell_is_a_formula(tmp_path: Path) -> None:
    frame = answers(1).with_columns(response=pl.lit('=HYPERLINK("x")'), instruction=pl.lit("@sum, or +1"))
    write_items(sample_answers(frame, 2, 1, "Finnish"), tmp_path)
    with (tmp_path / "answers.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["answer"], row["instruction"]) == ('\'=HYPERLINK("x")', "'@sum, or +1")


# Import


def from_csv(folder: Path) -> list[Path]:
    paths = [folder / "pairs.csv", folder / "answers.csv"]
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], delimiter=";")
            writer.writeheader()
            writer.writerows({**row, "verdict": f" {choice(row).title()} ", "person": "anna"} for row in rows)
    return paths


def from_label_studio(folder: Path) -> list[Path]:
    """Writes verdicts in Label Studio's export format, in which each task lists the annotations of all persons."""
    paths = [folder / "pairs.label_studio.json", folder / "answers.label_studio.json"]
    for path in paths:
        done = []
        for number, task in enumerate(read_json(path)):
            value = {"choices": [choice(task["data"])]}
            result = {"from_name": "verdict", "to_name": "instruction", "type": "choices", "value": value}
            skipped = {"completed_by": 8, "result": [], "was_cancelled": True}
            done.append({"id": number, **task, "annotations": [{"completed_by": 7, "result": [result]}, skipped]})
        write_json(path, done)
    return paths


def from_argilla(folder: Path) -> list[Path]:
    """Writes verdicts in the format of `dataset.records.to_json` of Argilla 2.8."""
    paths = [folder / "pairs.argilla.json", folder / "answers.argilla.json"]
    for path in paths:
        records = [
            {
                **record, "suggestions": {}, "vectors": {}, "status": "completed", "_server_id": "5f",
                "responses": {"verdict": [{"value": choice(record["fields"]), "user_id": "anna"}]},
            }
            for record in read_json(path)
        ]  # fmt: skip
        write_json(path, records)
    return paths


def as_before(folder: Path) -> None:
    """Changes the files to those of the version before: with the language's code, and as Argilla's metadata."""
    for kind in ("pairs", "answers"):
        path = folder / f"{kind}.csv"
        path.write_text(path.read_text(encoding="utf-8-sig").replace(",Finnish,", ",fi,"), encoding="utf-8-sig")
        tasks = read_json(folder / f"{kind}.label_studio.json")
        write_json(folder / f"{kind}.label_studio.json", [{"data": {**t["data"], "language": "fi"}} for t in tasks])
        records = read_json(folder / f"{kind}.argilla.json")
        for record in records:
            del record["fields"]["language"]
            record["metadata"] = {"language": "fi"}
        write_json(folder / f"{kind}.argilla.json", records)


@pytest.mark.parametrize("judged", [from_csv, from_label_studio, from_argilla])
def test_verdicts_on_an_export_of_the_version_before_are_imported(
    judged: Callable[[Path], list[Path]], folder: Path
) -> None:
    as_before(folder)
    assert import_verdicts(folder, judged(folder), folder / "verdicts.jsonl") == {"verdicts": 32}
    assert read_verdicts(folder / "verdicts.jsonl", "fi", answers(), "human_verdicts").unmatched == 0


@pytest.mark.parametrize("judged", [from_csv, from_label_studio, from_argilla])
def test_verdicts_are_imported_from_every_format(judged: Callable[[Path], list[Path]], folder: Path) -> None:
    target = folder / "verdicts.jsonl"
    assert import_verdicts(folder, judged(folder), target) == {"verdicts": 32}
    found = read_verdicts(target, "fi", answers(), "human_verdicts")
    assert set(found.verdicts()["verdict"]) == {"win"} and found.verdicts().height == 20 and found.unmatched == 0
    agreed = found.agreement(answers()).row(0, named=True)
    assert (agreed["judge"], agreed["other"], agreed["kind"], agreed["items"]) == ("evaluator", "people", "levels", 12)
    assert agreed["kappa"] == 1.0


def test_verdicts_on_answers_that_have_changed_do_not_count(folder: Path) -> None:
    import_verdicts(folder, from_csv(folder), folder / "verdicts.jsonl")
    found = read_verdicts(folder / "verdicts.jsonl", "fi", answers(text=" anew"), "human_verdicts")
    assert found.unmatched == 32 and found.verdicts().is_empty()
    assert read_verdicts(folder / "verdicts.jsonl", "sw", answers(), "human_verdicts").unmatched == 0


def test_verdicts_on_an_earlier_export_count_as_unknown_items(folder: Path, tmp_path: Path) -> None:
    """The verdicts are on answers that the key of the new export does not have."""
    later = answers(text=" anew")
    items = [*sample_pairs(later, "tuned", 20, 1, "Finnish"), *sample_answers(later, 12, 1, "Finnish")]
    write_items(items, tmp_path / "later")
    with pytest.raises(InputError, match=r"can be used \(32 unknown_item\): fill in the column `verdict`"):
        import_verdicts(tmp_path / "later", from_csv(folder), tmp_path / "v.jsonl")


def judged_by(folder: Path, *choices: tuple[str, str]) -> Path:
    """Writes a CSV with verdicts of several persons on the first pair."""
    item = json.loads((folder / "key.jsonl").read_text().splitlines()[0])
    lines = [f"{item['id']},{chosen},{person}" for chosen, person in choices]
    path = folder / "more.csv"
    path.write_text("\n".join(["id,verdict,person", *lines]) + "\n")
    return path


def test_verdicts_of_several_persons_are_combined_and_their_agreement_is_given(items: list[Item], folder: Path) -> None:
    win, loss = (SECOND, FIRST) if items[0].turned else (FIRST, SECOND)
    path = judged_by(folder, (win, "anna"), (win, "ben"), (loss, "cleo"))
    import_verdicts(folder, [path], folder / "verdicts.jsonl")
    found = read_verdicts(folder / "verdicts.jsonl", "fi", answers(), "human_verdicts")
    row = found.verdicts().row(0, named=True)
    assert (row["verdict"], row["lead"]) == ("win", pytest.approx(1 / 3))
    agreed = found.agreement(answers()).row(0, named=True)
    assert (agreed["judge"], agreed["other"], agreed["kind"], agreed["items"]) == ("people", "people", "verdicts", 1)
    assert agreed["alpha"] is not None and agreed["alpha"] < 0.1


def test_two_persons_who_disagree_make_a_tie(items: list[Item], folder: Path) -> None:
    path = judged_by(folder, (FIRST, "anna"), (SECOND, "ben"))
    import_verdicts(folder, [path], folder / "verdicts.jsonl")
    found = read_verdicts(folder / "verdicts.jsonl", "fi", answers(), "human_verdicts")
    assert found.verdicts()["verdict"].to_list() == ["tie"]


def test_a_later_verdict_of_a_person_replaces_the_earlier_one(folder: Path) -> None:
    path = judged_by(folder, (FIRST, "anna"), (NEITHER, "anna"))
    import_verdicts(folder, [path], folder / "verdicts.jsonl")
    (row,) = [json.loads(line) for line in (folder / "verdicts.jsonl").read_text().splitlines()]
    assert row["label"] == "tie"


def test_an_earlier_verdict_of_a_person_is_counted_if_it_was_another_one(folder: Path) -> None:
    path = judged_by(folder, (FIRST, "anna"), (SECOND, "anna"), (SECOND, "anna"), (SECOND, "ben"))
    counts = import_verdicts(folder, [path], folder / "verdicts.jsonl")
    assert counts == {"judged_again": 1, "verdicts": 2}


@pytest.mark.parametrize("names", [("anna.csv", "ben.csv"), ("anna/pairs.csv", "ben/pairs.csv")])
def test_persons_without_a_name_in_several_files_are_named_after_their_files(
    names: tuple[str, str], folder: Path
) -> None:
    paths = [folder / name for name in names]
    for path, chosen in zip(paths, (FIRST, SECOND), strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(judged_by(folder, (chosen, "")).read_bytes())
    assert import_verdicts(folder, paths, folder / "verdicts.jsonl") == {"verdicts": 2}
    found = read_verdicts(folder / "verdicts.jsonl", "fi", answers(), "human_verdicts")
    assert found.verdicts()["verdict"].to_list() == ["tie"]


def test_a_warning_lists_unknown_choices_and_the_known_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = judged_by(folder, ("Answer 1", "a"), ("answer 1", "b"), *((str(number), "c") for number in range(1, 6)))
    with pytest.raises(InputError, match=r"no verdict in .*more\.csv can be used \(7 unknown_choice\)"):
        import_verdicts(folder, [path], folder / "verdicts.jsonl")
    assert capsys.readouterr().err == (
        "warning: unknown choices were left out: 2 'answer 1', 1 '1', 1 '2', 1 '3', 1 '4', …; the choices are "
        "answer_1, answer_2, neither for pairs and best, flawed, worst for answers\n"
    )


def labelled(folder: Path, choices: Any, **task: Any) -> Path:
    """Writes a Label Studio export in which nobody's name is given, with one judged task."""
    result = {"from_name": "verdict", "value": {"choices": choices}}
    item = json.loads((folder / "key.jsonl").read_text().splitlines()[0])
    done = {"data": {"id": item["id"]}, "annotations": [{"result": [result]}], **task}
    write_json(folder / "labelled.json", [done])
    return folder / "labelled.json"


@pytest.mark.parametrize(
    ("choices", "data", "reason"),
    [
        ([], {}, "not_judged"),
        ([1], {}, "unknown_choice"),
        ([FIRST], {"data": {"id": ["x"]}}, "unknown_item"),
    ],
)
def test_unusual_values_in_an_export_of_label_studio_are_counted(
    choices: list[Any], data: dict[str, Any], reason: str, folder: Path
) -> None:
    files = [labelled(folder, choices, **data), judged_by(folder, (FIRST, "anna"))]
    assert import_verdicts(folder, files, folder / "verdicts.jsonl") == {"verdicts": 1, reason: 1}


def test_a_name_with_a_lone_surrogate_is_stored(folder: Path) -> None:
    path = labelled(folder, [FIRST])
    path.write_text(path.read_text().replace('"result"', '"completed_by": "a\\ud800", "result"'))
    assert import_verdicts(folder, [path], folder / "verdicts.jsonl") == {"verdicts": 1}


@pytest.mark.parametrize("name", ["pairs.csv", "PAIRS.CSV"])
@pytest.mark.parametrize("first", ["", "sep=;\n", "SEP=;\n"])
def test_spreadsheets_may_change_the_ending_and_name_the_separator(name: str, first: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(f"{first}id;verdict;person\np1;answer_1;anna\n", encoding="utf-8-sig")
    assert read_file(tmp_path / name) == [("p1", "answer_1", "anna")]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_a_file_in_another_encoding_names_the_right_one(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,verdict,person\np1,answer_1,äiti\n", encoding=encoding)
    with pytest.raises(InputError, match=r"x\.csv is not in UTF-8: save it in UTF-8 .* as `CSV UTF-8`"):
        read_file(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("id,verdict,person\np1,,\np2,,anna\n", r"x\.csv can be used \(2 not_judged\): fill in the column `verdict`"),
        ("", "there is no column `id`"),
        ("ID,Verdict\np1,answer_1\n", "there is no column `id`"),
        ("id,person\np1,anna\n", "there is no column `verdict`"),
        ("id,verdict,person\n", "nobody has judged in"),
    ],
)
def test_files_without_verdicts_do_not_replace_earlier_ones(content: str, sentence: str, folder: Path) -> None:
    (folder / "x.csv").write_text(content)
    (folder / "verdicts.jsonl").write_text("earlier")
    with pytest.raises(InputError, match=sentence):
        import_verdicts(folder, [folder / "x.csv"], folder / "verdicts.jsonl")
    assert (folder / "verdicts.jsonl").read_text() == "earlier"


def test_verdicts_that_cannot_be_used_are_counted_by_reason(folder: Path) -> None:
    path = judged_by(folder, ("", "anna"), ("both", "ben"), ("best", "cleo"), (FIRST, "dora"))
    with path.open("a") as file:
        file.write(f"elsewhere,{FIRST},anna\n")
    counts = import_verdicts(folder, [path], folder / "verdicts.jsonl")
    assert counts == {"not_judged": 1, "unknown_choice": 2, "unknown_item": 1, "verdicts": 1}


@pytest.mark.parametrize(
    "content", ["{", '{"a": 1}', '[{"id": 1}]', '[{"annotations": [{"result": [{}]}]}]', "[" * 200_000]
)
def test_a_file_of_another_kind_is_refused_with_one_sentence(content: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match=r"x\.json has no verdicts that can be read .*: give the CSV"):
        read_file(tmp_path / "x.json")


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.csv does not exist: give a file with verdicts"):
        read_file(tmp_path / "x.csv")


def test_a_csv_with_an_unclosed_field_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,verdict\na," + "x" * 140_000)
    with pytest.raises(InputError, match=r"x\.csv has no verdicts that can be read"):
        read_file(tmp_path / "x.csv")


@pytest.mark.parametrize("content", ['{"id": "a', "{}", "[]", "[" * 200_000])
def test_a_damaged_key_of_an_export_is_reported_in_one_sentence(folder: Path, content: str) -> None:
    files = from_csv(folder)
    (folder / "key.jsonl").write_text(content)
    with pytest.raises(InputError, match=r"key\.jsonl is damaged: give the folder as `export` wrote it"):
        import_verdicts(folder, files, folder / "verdicts.jsonl")


@pytest.mark.parametrize("content", ["{", "{}", json.dumps({"kind": "pairs", "label": "better"}), "[" * 200_000])
def test_a_file_of_verdicts_that_import_did_not_write_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "v.jsonl").write_text(content)
    with pytest.raises(InputError, match=r"human_verdicts: .*v\.jsonl cannot be used"):
        read_verdicts(tmp_path / "v.jsonl", "fi", answers(), "human_verdicts")
    with pytest.raises(InputError, match="cannot be used"):
        read_verdicts(tmp_path / "none.jsonl", "fi", answers(), "human_verdicts")


# Commands


def test_the_commands_export_published_answers_and_import_verdicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_shard(answers(), tmp_path / "data/fi/part-00000.parquet")
    write_json(tmp_path / "data/fi/manifest.json", {"rows": 60})
    folder = tmp_path / "people"
    command: list[Any] = ["export", str(folder), "--data", str(tmp_path / "data"), "--pairs", "5", "--answers", "3"]
    assert main(command) == 0
    assert (
        capsys.readouterr().out == f"8 items were written to {folder}; do not show {folder}/key.jsonl to the judges\n"
    )
    assert '"language": "Finnish"' in (folder / "pairs.argilla.json").read_text()
    assert main(command) == 1
    assert "already has an export" in capsys.readouterr().err
    assert main(["import", str(folder), *map(str, from_csv(folder))]) == 0
    assert capsys.readouterr().out == f"8 verdicts were written to {folder}/verdicts.jsonl; left out: none\n"


def test_an_impossible_command_names_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path / "x"), "--data", str(tmp_path)]) == 1
    assert "has no published answers: run `make run` first" in capsys.readouterr().err
    write_shard(answers(2), tmp_path / "data/fi/part-00000.parquet")
    write_json(tmp_path / "data/fi/manifest.json", {"rows": 4})
    assert main(["export", str(tmp_path / "x"), "--data", str(tmp_path / "data"), "--model", "mine"]) == 1
    assert "--model mine did not answer in fi: choose from base, tuned" in capsys.readouterr().err
    assert main(["import", str(tmp_path), str(tmp_path / "a.csv")]) == 1
    assert "key.jsonl does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["-1", "many", "1.5"])
def test_a_number_of_items_below_0_is_refused(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "x", "--answers", number])
    assert f"{number} is not a number of items: give 0 or more" in capsys.readouterr().err
