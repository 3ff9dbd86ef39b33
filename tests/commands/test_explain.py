"""`explain` shows every stage that a row went through, even if a stage dropped it, and reads only a few rows."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from commands.explain.__main__ import main
from commands.explain.explanation import explain, sections
from commands.explain.filtering import filtered
from commands.explain.limits import with_limits
from commands.explain.log_odds import below_least, split
from commands.explain.rating import rating_section
from commands.explain.rows import Row, Rows, find
from commands.explain.rules import rules_section
from commands.explain.section import Section, as_markdown, as_text
from commands.explain.selections import selection_sections
from commands.explain.trail import Trail, follow
from stages.params import Settings
from stages.row_index.index_files import Place, RowIndex
from tests.commands.finished_run import REGRESSION, label_probabilities
from tests.conftest import ROOT
from x_instruction.language.settings import load_language
from x_instruction.pages.main_text import HTML_EXTRACTOR, TEXT_EXTRACTOR
from x_instruction.rating.calibration import Calibration
from x_instruction.runner.errors import DamagedError, InputError
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.shards import DROPS

Run = tuple[Path, Settings]


def table(run: Run, *parts: str) -> pl.DataFrame:
    return pl.read_parquet(run[0].joinpath("data", *parts) / "*.parquet")


def explained(run: Run, row_id: str) -> list[Section]:
    return explain(*run, row_id)


def section(sections: list[Section], title: str) -> Section:
    return next(found for found in sections if found.title == title)


def facts(sections: list[Section], title: str) -> dict[str, Any]:
    return dict(section(sections, title).facts)


def test_a_released_row_is_traced_from_its_page_to_its_released_file(run: Run) -> None:
    row = table(run, "released_set/dataset/ur").row(3, named=True)
    found = explained(run, row["id"])
    page = facts(found, "raw_web_text")
    assert (page["id"], page["url"]) == (row["document_id"], row["url"])
    assert page["file and offset"] == f"{row['source']}#{row['record']}" and page["extracted line 1"]
    assert facts(found, "filtered_text")["id"] == row["text_id"]
    assert [s.verdict for s in found if s.title in ("refined_pairs", "diversified_set", "released_set")] == ["kept"] * 3
    assert facts(found, "released_set")["file"] == "data/released_set/dataset/ur/train-00000.parquet, row 3"


def test_a_kept_pair_below_min_rating_shows_why_it_was_kept(run: Run) -> None:
    kept = table(run, "refined_pairs/fi")
    least = run[1].refined_pairs.min_rating
    low = kept.filter(pl.col("rating") < least).row(0, named=True)
    high = kept.filter(pl.col("rating") >= least).row(0, named=True)
    found = facts(explained(run, low["id"]), "refined_pairs")
    assert found["below min_rating"] == f"kept as one of the best {run[1].refined_pairs.always_kept} (always_kept)"
    assert found["rank in the language"] == str(low["rank"])
    assert "below min_rating" not in facts(explained(run, high["id"]), "refined_pairs")


def test_control_strings_are_counted_as_staying_in_the_text(run: Run) -> None:
    texts = pl.concat([table(run, f"filtered_text/{code}") for code in run[1].languages])
    row = texts.filter(pl.col("control_strings") > 0).row(0, named=True)
    found = facts(explained(run, row["id"]), "filtered_text")
    assert found["control strings"] == f"{row['control_strings']}, not removed" and "control" not in found["masked"]


def test_private_data_of_the_page_are_not_printed(run: Run) -> None:
    texts = pl.concat([table(run, f"filtered_text/{code}") for code in run[1].languages])
    pages = pl.concat([table(run, f"raw_web_text/{code}") for code in run[1].languages])
    found = 0
    for row in texts.filter(pl.col("emails") > 0).iter_rows(named=True):
        page = pages.filter(pl.col("id") == row["document_id"])["text"].item()
        addresses = re.findall(r"[\w.+-]+@[\w-]+\.[\w.]*\w", "\n".join(page.splitlines()[:3]))
        shown = [line for name, line in facts(explained(run, row["id"]), "raw_web_text").items() if "line" in name]
        assert addresses and not any(address in line for address in addresses for line in shown)
        found += 1
    assert found


def test_the_models_the_prompt_and_all_samples_of_the_text_are_shown(run: Run) -> None:
    row = table(run, "released_set/dataset/fi").row(0, named=True)
    candidates = section(explained(run, row["id"]), "candidate_pairs")
    text = row["response"][:20]
    assert dict(candidates.facts)["prompt"].startswith(f"<|response|>{text}")
    assert dict(candidates.facts)["prompt"].endswith("…<|instruction|>")
    assert dict(candidates.facts)["instruction model"] == "instruction_model"[:16]
    assert candidates.table is not None
    own = table(run, "candidate_pairs/fi").filter(text_id=row["text_id"])
    assert sorted(line[1] for line in candidates.table.rows) == sorted(own["id"])
    assert [line[1] for line in candidates.table.rows if line[0]] == [row["id"]]


@pytest.mark.parametrize("iteration", ["iteration_1", "iteration_2"])
def test_what_the_inputs_add_sums_up_to_the_log_odds_of_the_stored_rating(run: Run, iteration: str) -> None:
    for row in table(run, f"rated_pairs/{iteration}/ur")[::9].iter_rows(named=True):
        shown = section(explained(run, row["id"]), f"rated_pairs, {iteration}").table
        assert shown is not None
        inputs = [line for line in shown.rows if line[0] != "sum"]
        best, flawed = (sum(float(line[at]) for line in inputs if line[at] != "–") for at in (4, 6))
        sums = next(line for line in shown.rows if line[0] == "sum")
        assert (float(sums[4]), float(sums[6])) == pytest.approx((best, flawed), abs=0.01)  # four digits are shown
        total = math.exp(best) + math.exp(flawed) + 1
        assert row["rating"] == pytest.approx((math.exp(best) + 0.2 * math.exp(flawed)) / total, abs=2e-3)


@pytest.mark.parametrize(("iteration", "number"), [("iteration_1", 0), ("iteration_2", 1)])
def test_the_label_probabilities_are_those_that_the_model_gave(run: Run, iteration: str, number: int) -> None:
    rated = table(run, f"rated_pairs/{iteration}/fi")
    labels = label_probabilities(rated.height, number)
    for at in (0, 1, rated.height - 1):
        best, flawed, worst = labels.row(at)
        found = facts(explained(run, rated["id"][at]), f"rated_pairs, {iteration}")["label probabilities"]
        assert found.startswith(f"best {best:.4g}, flawed {flawed:.4g}, worst {worst:.4g} (raw, recovered")


def test_each_signal_is_shown_with_its_weight_and_what_it_adds(run: Run) -> None:
    row = table(run, "rated_pairs/iteration_1/fi").row(1, named=True)
    found = explained(run, row["id"])
    first, second = (section(found, f"rated_pairs, iteration_{number}") for number in (1, 2))
    assert dict(first.facts)["rating"].startswith(f"{row['rating']:.4f} = best {row['best']:.4f} × 1 + flawed")
    assert first.table is not None and second.table is not None
    short = next(line for line in first.table.rows if line[0] == "short_run")
    distance = min(max(row["short_run"], 0.0), 1.0)
    # The weights are the coefficients for `best` and for `flawed` minus the one for `worst`: -1 - 1 and 0 - 1.
    assert (short[3], short[5]) == ("-2", "-1")
    assert (float(short[4]), float(short[6])) == pytest.approx((-2 * distance, -distance), rel=1e-3)
    assert "temperature of 1.5" in dict(second.facts)["calibrated by"]
    assert any(line[0] == "short_run" and line[4] == "–" for line in second.table.rows)


def test_labels_are_one_input_if_the_calibration_cannot_be_inverted() -> None:
    coefficients = [[2.0, 1.0, -3.0, -1.0], [0.0] * 4, [-2.0, -1.0, 3.0, 1.0]]
    calibration = Calibration(regression=replace(REGRESSION, coefficients=coefficients))
    raw = pl.DataFrame({"best": 0.7, "flawed": 0.2, "worst": 0.1, "repeated_share": 0.5, "short_run": 0.0})
    rated = calibration.apply(raw).row(0, named=True)
    found = split(rated, calibration)
    assert found.labels is None and found.inputs[0].name == "labels"
    assert found.sums == pytest.approx(
        (math.log(rated["best"] / rated["worst"]), math.log(rated["flawed"] / rated["worst"]))
    )
    assert found.inputs[0].adds == pytest.approx((4 * math.log(7) + 2 * math.log(2), 2 * math.log(7) + math.log(2)))


@pytest.mark.parametrize(("levels", "zero"), [((0.0, 0.25, 0.75), "best"), ((1.0, 0.0, 0.0), "flawed and worst")])
def test_a_stored_probability_of_0_is_the_reason_for_unknown_labels(
    run: Run, levels: tuple[float, ...], zero: str
) -> None:
    stored = table(run, "rated_pairs/iteration_2/fi").row(0, named=True)
    values = stored | dict(zip(("best", "flawed", "worst"), levels, strict=True))
    row = Row("rated_pairs", "iteration_2", False, Place("a", 0), values)
    found = rating_section(row, run[1].rating, run[0])
    shown = dict(found.facts)["label probabilities"]
    assert shown.startswith(f"unknown, because the stored probability of {zero} is 0") and "inverted" not in shown
    assert "nan" not in as_text([found])


def test_a_probability_that_the_calibration_clipped_is_marked() -> None:
    calibration = Calibration(regression=REGRESSION)
    raw = pl.DataFrame({"best": 1.0, "flawed": 0.0, "worst": 1e-4, "repeated_share": 0.0, "short_run": 0.0})
    labels = split(calibration.apply(raw).row(0, named=True), calibration).labels
    assert labels is not None and below_least(labels) and labels["flawed"] == pytest.approx(1e-9, rel=1e-3)


DROPPED = [
    ("raw_web_text/fi", "raw_web_text", "raw_web_text"),
    ("filtered_text/fi", "filtered_text", "filtered_text"),
    ("refined_pairs/ur", "refined_pairs", "refined_pairs"),
    ("diversified_set/ur", "diversified_set", "diversified_set"),
]


@pytest.mark.parametrize(("folder", "title", "last"), DROPPED)
def test_a_dropped_row_shows_where_and_why(run: Run, folder: str, title: str, last: str) -> None:
    drops = table(run, folder, DROPS).head(6)
    assert drops.height
    for drop in drops.iter_rows(named=True):
        found = explained(run, drop["id"])
        assert section(found, title).verdict == "dropped", drop
        assert facts(found, title)["reason"] == drop["reason"]
        assert facts(found, title)["value"] == drop["value"]
        assert [s.title for s in found if s.verdict != "not reached"][-1] == last


def test_a_dropped_candidate_is_traced_back_to_the_page_of_its_text(run: Run) -> None:
    drop = table(run, "candidate_pairs/fi", DROPS).row(0, named=True)
    found = explained(run, drop["id"])
    assert facts(found, "raw_web_text")["url"] == drop["origin"]
    samples = section(found, "candidate_pairs").table
    assert samples is not None
    assert ["→", drop["id"], "dropped: instruction_too_short", "so"] in samples.rows and len(samples.rows) == 2


def test_the_first_rule_shown_as_broken_is_the_one_that_dropped_the_text(run: Run) -> None:
    drops = table(run, "filtered_text/fi", DROPS)
    assert "near_duplicate" in drops["reason"]
    for drop in drops.iter_rows(named=True):
        rules = section(explained(run, drop["id"]), "filtered_text, rules").table
        assert rules is not None
        name, _, value = next(line for line in rules.rows if line[1] == "broken")
        value = value.removesuffix(" (dropped if at least 0.8)")
        language = load_language("fi", ROOT / "languages")
        shown = with_limits(drop["reason"], drop["value"], run[1].filtered_text, language)
        assert (name, value) == (drop["reason"], shown)


def test_rules_that_were_not_broken_show_their_value_and_limit(run: Run) -> None:
    row = table(run, "filtered_text/fi").row(0, named=True)
    rules = section(explained(run, row["id"]), "filtered_text, rules").table
    assert rules is not None
    shown = {name: value for name, outcome, value in rules.rows if outcome == "kept"}
    assert shown["too_short"] == f"{row['words']} words (dropped if below {run[1].filtered_text.min_words})"
    assert shown["repetition"] == "0 % of characters in repeated sentences (dropped if above 30%)"
    assert f"language score {row['language_score']:.2f} (dropped if below" in shown["wrong_language"]
    assert shown["duplicate_ngrams"].count("repeated") == 6  # once for each n from 5 to 10
    assert "similarity >= 0.8 in runs of 5 words" in shown["near_duplicate"]
    assert shown["duplicate_ngrams"].endswith("%)")  # it is not cut off
    assert shown["placeholder"] == "0 placeholders (dropped if any in less than 1000 characters)"
    assert "nothing found" not in shown.values()


def test_no_value_of_a_rule_reads_as_a_comparison(run: Run) -> None:
    for folder in ("filtered_text/fi", "filtered_text/ur", f"filtered_text/fi/{DROPS}"):
        for row_id in table(run, folder)["id"].head(3):
            rules = section(explained(run, row_id), "filtered_text, rules").table
            assert rules is not None
            assert not [line for line in rules.rows if re.search(r" [<>] \d|, not |, more than", line[2])]


def test_the_setting_of_evaluation_prompts_has_its_full_name(run: Run) -> None:
    document = table(run, "raw_web_text/fi").row(0, named=True)
    language = load_language("fi", ROOT / "languages")
    segment = filtered(document, run[1].filtered_text, language).segments.head(1)
    missing = run[1].filtered_text.model_copy(update={"decontaminate_against": ["missing.jsonl"]})
    with pytest.raises(InputError, match=r"^filtered_text\.decontaminate_against"):
        rules_section(segment, None, missing, language, run[0])
    shown = rules_section(segment, None, run[1].filtered_text, language, run[0]).table
    assert shown is not None
    assert ["evaluation_overlap", "kept", "no file is set (filtered_text.decontaminate_against)"] in shown.rows


@pytest.mark.parametrize(
    ("license", "spdx", "shown"),
    [("", "", "not named"), ("free", "", "named, but without SPDX identifier"), ("CC BY", "CC-BY-4.0", "CC-BY-4.0")],
)
def test_the_licence_of_a_pair_has_the_words_of_the_data_card(run: Run, license: str, spdx: str, shown: str) -> None:
    row_id = table(run, "released_set/dataset/fi")["id"][0]
    trail = follow(find(run[0], run[1].languages, row_id), row_id)
    pair = [replace(row, values=row.values | {"license": license, "spdx": spdx}) for row in trail.pair]
    found = selection_sections(run[0], run[1], "fi", replace(trail, pair=pair))
    assert facts(found, "released_set")["licence"] == shown


def test_duplicates_are_not_compared_if_another_rule_dropped_the_text(run: Run) -> None:
    drop = table(run, "filtered_text/fi", DROPS).filter(pl.col("reason") == "too_short").row(0, named=True)
    rules = section(explained(run, drop["id"]), "filtered_text, rules").table
    assert rules is not None
    assert [line[1] for line in rules.rows if line[0].endswith("_duplicate")] == ["not compared"] * 2


def test_lines_of_a_plain_text_are_lines_of_the_source(run: Run) -> None:
    for extractor, name in ((TEXT_EXTRACTOR, "line 1"), (HTML_EXTRACTOR, "extracted line 1")):
        row = table(run, "raw_web_text/fi").row(0, named=True) | {"extractor": extractor}
        page = Row("raw_web_text", "", False, Place("a", 0), row)
        trail = Trail(row["id"], [page], [], None, [], [])
        found = sections(*run, Rows(run[0], "fi", RowIndex(run[0] / "data/row_index/fi")), trail)
        assert next(fact for fact, _ in found[0].facts if "line" in fact) == name


def test_each_line_of_the_prompt_is_shown_with_the_beginning_of_the_text(run: Run) -> None:
    row = table(run, "released_set/dataset/fi").row(0, named=True)
    template = "Text:\n{response}\n\nIts instruction:\n"
    prompts = run[1].prompts.model_copy(update={"write_instruction": template, "chat_template": True})
    found = explain(run[0], run[1].model_copy(update={"prompts": prompts}), row["id"])
    lines = [value for name, value in section(found, "candidate_pairs").facts if name in ("prompt", "")]
    assert lines[0] == "Text:" and lines[1].startswith(row["response"][:20]) and lines[2] == "Its instruction:"
    assert facts(found, "candidate_pairs")["sent as"] == "a message in the model's chat template"


def test_a_kept_pair_shows_every_condition_of_refined_pairs(run: Run) -> None:
    row = table(run, "refined_pairs/fi").row(0, named=True)
    found, refined = facts(explained(run, row["id"]), "refined_pairs"), run[1].refined_pairs
    assert found["of its document"] == f"among the best pairs (max_of_document: {refined.max_of_document})"
    assert found["of its length"].startswith(f"{len(row['response'])} characters; among the best 75% (top_share)")
    assert found["best of its text"].startswith("yes") and f"{refined.max_pairs:,}" in found["of the language"]
    unlimited = run[1].model_copy(update={"refined_pairs": refined.model_copy(update={"max_of_document": None})})
    shown = facts(explain(run[0], unlimited, row["id"]), "refined_pairs")
    assert shown["of its document"].endswith("(max_of_document: no limit)")


def test_the_draw_shows_the_wanted_and_drawn_pairs_of_the_set_and_of_the_cluster(run: Run) -> None:
    drawn, dropped = table(run, "diversified_set/ur"), table(run, "diversified_set/ur", DROPS)
    wanted = run[1].diversified_set.wanted("ur")
    draw = f"clusters: {drawn.height} drawn of {wanted} wanted, from {drawn.height + dropped.height} pairs"
    for number in (0, 1):
        inside = drawn.filter(cluster=number)
        found = facts(explained(run, inside["id"][0]), "diversified_set")
        size = inside.height + dropped.filter(value=f"cluster {number}").height
        assert found == {"draw": draw, "cluster": f"{number}, of which {inside.height} of {size} pairs were drawn"}
    assert facts(explained(run, dropped["id"][0]), "diversified_set")["draw"] == draw


def test_each_cleaning_step_that_changed_the_text_is_named_with_its_first_change(settings: Settings) -> None:
    text = "Leip&auml; on hyvää ruokaa, ja sitä leivotaan joka päivä.\nKirjoita osoitteeseen matti@example.fi nyt."
    document = {"id": "a", "language": "fi", "title": "", "text": text, "url": "", "source": "s", "record": 0}
    steps = dict(filtered(document, settings.filtered_text, load_language("fi", ROOT / "languages")).steps)
    assert list(steps) == ["markup", "private_data"]
    assert "first '&auml;' to 'ä'" in steps["markup"]
    assert steps["private_data"] == "masked 1 emails"  # the address is not shown
    twice = document | {"text": "Kirjoita osoitteeseen matti@example.fi nyt.\n" * 2}
    steps = dict(filtered(twice, settings.filtered_text, load_language("fi", ROOT / "languages")).steps)
    assert "first" in steps["copy_artifacts"] and "matti" not in "".join(steps.values())


def test_a_document_or_text_is_explained_by_its_pair_that_came_farthest(run: Run) -> None:
    row = table(run, "released_set/dataset/ur").row(2, named=True)
    for row_id in (row["document_id"], row["text_id"]):
        found = explained(run, row_id)
        assert section(found, "released_set").verdict == "kept"
        assert facts(found, "raw_web_text")["url"] == row["url"]


def test_every_row_of_the_run_can_be_explained(run: Run) -> None:
    for folder in ("raw_web_text/ur", "filtered_text/ur", "candidate_pairs/ur"):
        for row_id in table(run, folder)["id"][::9]:
            found = explained(run, row_id)
            assert as_text(found).startswith("raw_web_text: kept")
            assert "not as published" not in facts(found, "filtered_text, cleaning"), row_id


def test_only_a_few_rows_are_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    at = Rows.at
    monkeypatch.setattr(Rows, "at", lambda self, place: read.append(place) or at(self, place))  # type: ignore[func-returns-value]
    explained(run, table(run, "released_set/dataset/fi")["id"][0])
    assert 5 < len(read) <= 40


@pytest.mark.parametrize(
    ("row_id", "message"),
    [
        (
            "0123456789abcdef",
            "^no document, text or pair of fi, ur has the id 0123456789abcdef; seeds cannot be explained: "
            "their dropped rows are in data/seed_pairs/<language>/__drops__$",
        ),
        ("xyz", "'xyz' is not an id: an id of a document, text or pair has 16 digits of 0-9 and a-f"),
        ("../../etc/passwd", "is not an id"),
    ],
)
def test_an_unknown_or_malformed_id_is_reported_in_one_sentence(run: Run, row_id: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        explained(run, row_id)


def test_an_index_of_other_data_is_refused(run: Run, tmp_path: Path) -> None:
    root = Path(shutil.copytree(run[0], tmp_path / "copy", symlinks=True))
    manifest = root / "data/rated_pairs/iteration_1/fi/manifest.json"
    write_json(manifest, read_json(manifest) | {"content": "another"})
    row_id = table(run, "released_set/dataset/fi")["id"][0]
    with pytest.raises(InputError, match=r"made before data/rated_pairs/iteration_1/fi changed: run `dvc repro"):
        explain(root, run[1], row_id)
    (root / "data/row_index/fi/files.json").unlink()
    with pytest.raises(InputError, match=f"of ur has the id {row_id}; fi cannot be searched without an index: run"):
        explain(root, run[1], row_id)
    shutil.rmtree(root / "data/row_index")
    with pytest.raises(InputError, match="has no index of any language: run `make run`"):
        explain(root, run[1], row_id)


@pytest.mark.parametrize("size", [0, 2, 80])
@pytest.mark.parametrize("name", ["keys.u64", "places.u64"])
def test_a_damaged_index_is_one_sentence(run: Run, tmp_path: Path, name: str, size: int) -> None:
    root = Path(shutil.copytree(run[0], tmp_path / "copy", symlinks=True))
    path = root / "data/row_index/fi" / name
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DamagedError, match=rf"row_index/fi/{name} is damaged"):
        explain(root, run[1], table(run, "released_set/dataset/fi")["id"][0])


def test_a_damaged_manifest_is_one_sentence(run: Run, tmp_path: Path) -> None:
    root = Path(shutil.copytree(run[0], tmp_path / "copy", symlinks=True))
    row_id = table(run, "released_set/dataset/fi")["id"][0]
    for artifact in ("instruction_model", "evaluator/iteration_1"):
        manifest = root / "data" / artifact / "manifest.json"
        before = manifest.read_bytes()
        for content in ('{"content": "', "{}"):
            manifest.write_text(content)
            with pytest.raises(DamagedError, match=rf"{artifact}/manifest\.json is damaged"):
                explain(root, run[1], row_id)
        manifest.write_bytes(before)
    for content in ("[]", "{}"):
        (root / "data/rated_pairs/iteration_1/fi/manifest.json").write_text(content)
        with pytest.raises(InputError, match=r"made before data/rated_pairs/iteration_1/fi changed"):
            explain(root, run[1], row_id)


def test_a_text_that_differs_when_it_is_cleaned_again_is_reported(run: Run) -> None:
    row = table(run, "raw_web_text/fi").filter(pl.col("text").str.contains("huopa|tuohi|Tuohi")).row(0, named=True)
    found = filtered(
        row | {"text": row["text"] + "\nYksi lause lisää."},
        run[1].filtered_text,
        load_language("fi", ROOT / "languages"),
    )
    from commands.explain.filtering import cleaning_section

    assert "not as published" in dict(cleaning_section(found, row["text"]).facts)
    assert "not as published" not in dict(cleaning_section(found, found.segments["text"][0]).facts)


def test_markup_in_web_text_is_escaped_in_the_table() -> None:
    sections = [Section("raw_web_text", "kept", [("title", "<script>|x|</script> [a](http://b)")])]
    shown = as_markdown(sections)
    assert "<script>" not in shown and "&#91;a&#93;" in shown
    assert all(line.count("|") == 4 for line in shown.splitlines())


def test_the_command_prints_the_path_of_a_row_or_one_sentence_for_a_wrong_id(run: Run) -> None:
    row_id = table(run, "released_set/dataset/fi")["id"][0]
    command = [sys.executable, "-m", "x_instruction", "explain"]
    there = {"cwd": run[0], "env": {**os.environ, "PYTHONPATH": str(ROOT)}, "capture_output": True, "text": True}
    done = subprocess.run([*command, row_id], **there)  # type: ignore[call-overload]
    assert done.returncode == 0 and "released_set: kept" in done.stdout, done.stderr
    refused = subprocess.run([*command, "no-id"], **there)  # type: ignore[call-overload]
    assert refused.returncode == 1 and refused.stdout == ""
    assert refused.stderr.startswith("error: 'no-id' is not an id") and refused.stderr.count("\n") == 1


def test_the_option_markdown_prints_a_table(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(run[0])
    assert main([table(run, "released_set/dataset/fi")["id"][0], "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("| artifact | what | value |\n|---|---|---|\n")
