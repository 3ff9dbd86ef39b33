"""Bad rows are dropped with a reason, seeds are split by instruction, and English pairs have a separate split."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from stages.seed_pairs import stage as seed_pairs
from stages.seed_pairs.seed_files import OF_LINE, OF_TRANSLATION
from stages.seed_pairs.settings import SeedPairs, SeedSource
from stages.seed_pairs.stage import COLUMNS, transform
from tests.conftest import ROOT
from tests.stages.seed_pairs.rows import PAIR, SETTINGS, MakeJob, job_of, write
from x_instruction.language.settings import load_language
from x_instruction.runner.files import digest
from x_instruction.runner.job import Job
from x_instruction.runner.shards import DROPS, Split

FINNISH, SWAHILI = "kolme ihan hyvää", "Watoto watatu wanacheza mpira nje ya nyumba yao kila siku jioni."
ENGLISH = "Bread is baked in a hot oven. Eat it with butter."


def split(
    *rows: tuple[str | None, str | None],
    language: str = "fi",
    origin: str = "native",
    english: str = "",
    measure_only: bool = False,
    **more: str,
) -> Split:
    names = ("instruction", "response", "origin", "translator", "english", "source")
    constants = (origin, "a model" if english else "", english)
    frame = pl.DataFrame(
        [(asked, text, *constants, f"seeds#{number}") for number, (asked, text) in enumerate(rows)],
        schema=dict.fromkeys(names, pl.String),
        orient="row",
    ).with_columns(
        *(pl.lit(more.get(name, "")).alias(name) for name in (*OF_TRANSLATION[1:], *OF_LINE)), measure_only=measure_only
    )
    return transform(frame, SETTINGS, load_language(language, ROOT / "languages"))


@pytest.mark.parametrize(
    ("instruction", "response", "reason"),
    [
        ("", "kolme ihan hyvää", "no_instruction"),
        (None, "kolme ihan hyvää", "no_instruction"),
        ("Say.", "", "no_response"),
        ("Say.", None, "no_response"),
        ("Say.", " \n ", "no_response"),
        ("Say.", "vain kaksi", "response_too_short"),
        ("Say it to me.", "Say it to me.", "response_copies_instruction"),
        ("Say.", "three quite good ones of them", "response_not_in_language"),
    ],
)
def test_a_bad_row_is_dropped_with_its_reason(instruction: str | None, response: str | None, reason: str) -> None:
    found = split((instruction, response))
    assert found.kept.is_empty()
    assert found.dropped.select("reason", "origin").rows() == [(reason, "seeds#0")]


@pytest.mark.parametrize(
    ("response", "found"),
    [("vain kaksi", "2 words"), ("three quite good ones of them", "6 words, identified as en"), ("", "0 words")],
)
def test_the_value_of_a_dropped_row_begins_with_its_place(response: str, found: str) -> None:
    assert split(("Say.", response)).dropped["value"].item() == f"seeds, line 0: {found}"


def test_dropped_rows_without_a_text_have_different_ids() -> None:
    dropped = split((None, None), (None, None), ("Say.", ""), ("Say.", "")).dropped
    assert dropped["id"].n_unique() == 4


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("kolme ihan hyvää<|im_end|>", "control_string"),
        ("kolme ihan hyvää\n### Instruction: jatka", "control_string"),
        ("kolme ihan hyvää ＜|eot_id|＞", "control_string"),
        ("kolme ihan hyvää <script>alert(1)</script>", "markup"),
        ("kolme ihan hyvää <!-- sivu -->", "markup"),
        ("kolme ihan hyvää, tili FI21-1234-5600-0007-85", "private_data"),
    ],
)
def test_a_hostile_seed_is_dropped(response: str, reason: str) -> None:
    dropped = split(("Say.", response)).dropped
    assert dropped["reason"].to_list() == [reason]
    assert "FI21" not in dropped["text"].item()


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("kolme\x00 ihan hyvää", "kolme ihan hyvää"),
        ("\u202ekolme ihan\u202c hyvää", "kolme ihan hyvää"),
        ("kolme ihan hyvää\U000e0053\U000e0065", "kolme ihan hyvää"),
        ("kolme ihan hyvää, soita ０４０ １２３ ４５６７", "kolme ihan hyvää, soita [phone]"),
        ("kolme ihan hyvää (maija (at) kerho.example)", "kolme ihan hyvää ([email])"),
    ],
)
def test_a_seed_is_cleaned_like_web_text(response: str, expected: str) -> None:
    assert split(("Say.", response)).kept["response"].to_list() == [expected]


def test_an_instruction_is_cleaned_in_the_same_way_in_every_language() -> None:
    found = [
        split(("Say\u200b it to 040 123 4567.", text), language=code)
        for code, text in (("fi", FINNISH), ("sw", SWAHILI))
    ]
    instructions = {one.kept["instruction"].item() for one in found}
    assert len(instructions) == len({one.kept["instruction_id"].item() for one in found}) == 1
    assert "\u200b" not in instructions.pop()
    assert found[0].counts == {"invisible_characters": 1}


def test_a_good_row_is_kept_without_the_spaces_around_it() -> None:
    row = split((" Say. ", "kolme ihan hyvää\n")).kept.row(0, named=True)
    assert list(row) == COLUMNS
    assert (row["instruction"], row["response"], row["language"]) == ("Say.", "kolme ihan hyvää", "fi")
    assert row["id"] == digest("fi", "Say.", "kolme ihan hyvää")[:16]


def test_the_second_of_two_equal_pairs_is_dropped() -> None:
    found = split(("Say.", "kolme ihan hyvää"), ("Say.", "kolme ihan hyvää"), ("Say.", "jotain ihan muuta"))
    assert found.kept.height == 2
    assert found.dropped["reason"].to_list() == ["exact_duplicate"]


def test_an_instruction_has_the_same_split_in_every_language() -> None:
    finnish, swahili = (
        split(*((f"Instruction {n}", text) for n in range(60)), language=language).kept
        for language, text in (("fi", FINNISH), ("sw", SWAHILI))
    )
    assert finnish["split"].to_list() == swahili["split"].to_list()
    assert finnish["instruction_id"].to_list() == swahili["instruction_id"].to_list()
    assert not set(finnish["id"]) & set(swahili["id"])


def test_the_splits_have_about_the_shares_of_the_settings() -> None:
    kept = split(*((f"Instruction {n}", "kolme ihan hyvää") for n in range(1000))).kept
    assert (kept["split"] == "held_out").mean() == pytest.approx(0.3, abs=0.05)
    assert set(kept["split"]) == {"held_out", "train"}


def test_an_instruction_keeps_its_split_when_other_instructions_are_added() -> None:
    few, many = (split(*((f"Instruction {n}", "kolme ihan hyvää") for n in range(count))).kept for count in (10, 50))
    assert few["split"].to_list() == many["split"].head(10).to_list()


def test_no_model_learns_from_a_pair_that_is_only_for_measuring() -> None:
    rows = [(f"Instruction {n}", "kolme ihan hyvää") for n in range(20)]
    usual, measured = (split(*rows, measure_only=marked).kept["split"] for marked in (False, True))
    assert set(usual) == {"train", "held_out"} and set(measured) == {"held_out"}


def test_another_response_to_a_measured_instruction_is_held_out_too(make_job: MakeJob, tmp_path: Path) -> None:
    trained = next(f"Say {n}." for n in range(9) if split((f"Say {n}.", FINNISH)).kept["split"].item() == "train")
    pair, other = ({"instruction": trained, "response": text} for text in (FINNISH, "jotain ihan muuta"))
    write(tmp_path / "seeds/fi.jsonl", pair, {**other, "measure_only": True})
    job = job_of(make_job, SeedSource(folder="seeds"))
    seed_pairs.run(job)
    assert job.staged.table()["split"].to_list() == ["held_out", "held_out"]


def test_thai_words_are_counted_by_characters() -> None:
    assert split(("Say.", "ภาษาไทยไม่มีช่องว่าง"), language="th").kept.height == 1
    assert split(("Say.", "ภาษาไทย"), language="th").dropped["reason"].item() == "response_too_short"


def test_english_pairs_have_a_separate_split() -> None:
    kept = split(*((f"Instruction {n}", ENGLISH) for n in range(60)), origin="english").kept
    assert set(kept.select("language", "origin", "split").rows()) == {("en", "english", "english")}
    assert kept["id"][0] == digest("en", "Instruction 0", ENGLISH)[:16]


@pytest.mark.parametrize("language", ["fi", "th"])
def test_english_pairs_are_counted_in_words_and_must_be_english(language: str) -> None:
    rows = (("Say.", "Two words."), ("Say.", SWAHILI), ("Say.", "Three words here."))
    found = split(*rows, language=language, origin="english")
    assert found.dropped["reason"].to_list() == ["response_too_short", "response_not_in_language"]
    assert found.kept["response"].to_list() == ["Three words here."]


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("Bread baked in a hot oven, sanoi hän, ja söi sen voin kanssa.", "translation_copies_english"),
        ("Leipä leivotaan.", "translation_of_odd_length"),
        ("", "translation_unfinished"),
        ("Leipä leivotaan kuumassa uunissa. " * 5, "translation_of_odd_length"),
        ("Das Brot wird im heißen Ofen gebacken und gegessen.", "response_not_in_language"),
    ],
)
def test_a_bad_translation_is_dropped_with_its_reason(response: str, reason: str) -> None:
    found = split(("Say.", response), origin="translated", english=ENGLISH)
    assert found.dropped["reason"].to_list() == [reason]


def test_a_refused_translation_is_dropped_with_its_reason_and_text() -> None:
    found = split(
        ("Say.", ""), origin="translated", english=ENGLISH, refused="two_versions", returned="Option 1: a\nOption 2: b"
    )
    assert found.dropped.select("reason", "value").rows() == [
        ("translation_two_versions", "seeds, line 0: Option 1: a\nOption 2: b")
    ]


def test_text_removed_from_around_translations_is_counted() -> None:
    text = "Leipä paistetaan kuumassa uunissa. Syö se voin kanssa."
    found = split(("Say.", text), ("Tell.", text), origin="translated", english=ENGLISH, removed="reasoning quotes")
    counts = {"translations_without_quotes": 2, "translations_without_reasoning": 2}
    assert found.counts == {"invisible_characters": 0, **counts}


def test_a_good_translation_is_kept_and_marked() -> None:
    text = "Leipä paistetaan kuumassa uunissa. Syö se voin kanssa."
    row = split(("Say.", text), origin="translated", english=ENGLISH).kept.row(0, named=True)
    assert (row["origin"], row["translator"]) == ("translated", "a model")


def test_the_metrics_count_the_rows_read(make_job: MakeJob, tmp_path: Path) -> None:
    rows = [{**PAIR, "instruction": f"Say {number}."} for number in range(9)]
    write(tmp_path / "seeds/fi.jsonl", *rows, {**PAIR, "response": ""})
    job = job_of(make_job, SeedSource(folder="seeds"))
    metrics = seed_pairs.measure(job, seed_pairs.run(job))
    assert job.staged.drop_counts() == {"no_response": 1}
    assert metrics["bad_share"] == pytest.approx(0.1)
    assert int(metrics["train"]) + int(metrics["held_out"]) == metrics["distinct_instructions"] == 9
    assert metrics["wrong_ids"] == 0


def test_each_bad_line_keeps_its_reason_and_line(make_job: MakeJob, tmp_path: Path) -> None:
    path = tmp_path / "seeds/fi.jsonl"
    good = json.dumps(PAIR)
    path.parent.mkdir()
    bad = ['{"instruction": "a", "resp', "7", '{"prompt": "a", "answer": "b"}', '{"instruction": "a"}']
    path.write_text("\n".join(["", "", good, *bad]))
    job = job_of(make_job, SeedSource(folder="seeds"))
    seed_pairs.run(job)
    drops = pl.read_parquet(job.staging / DROPS / "*.parquet")
    assert drops.select("reason", "origin", "value").rows() == [
        ("not_json", "seeds/fi.jsonl#4", "seeds/fi.jsonl, line 4: Unterminated string starting at character 22"),
        (
            "not_a_pair",
            "seeds/fi.jsonl#5",
            "seeds/fi.jsonl, line 5: an object with the texts `instruction` and `response` was expected",
        ),
        (
            "missing_field",
            "seeds/fi.jsonl#6",
            "seeds/fi.jsonl, line 6: no `instruction` and no `response`; the line has prompt, answer",
        ),
        ("missing_field", "seeds/fi.jsonl#7", "seeds/fi.jsonl, line 7: no `response`; the line has instruction"),
    ]
    assert drops["id"].n_unique() == 4
    assert job.staged.table()["source"].to_list() == ["seeds/fi.jsonl#3"]


def warnings_of(job: Job, capsys: pytest.CaptureFixture[str]) -> list[str]:
    seed_pairs.run(job)
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith(("warning", "  "))]


def test_a_warning_names_the_lines_of_dropped_seeds(
    make_job: MakeJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**PAIR, "instruction": f"Say {number}."} for number in range(9)]
    write(tmp_path / "seeds/fi.jsonl", *rows, {**PAIR, "response": ""}, {**PAIR, "response": "vain kaksi"})
    assert warnings_of(job_of(make_job, SeedSource(folder="seeds")), capsys) == [
        "warning: seed_pairs fi: 2 of 11 seeds are dropped:",
        "  seeds/fi.jsonl, line 10: 0 words (no_response)",
        "  seeds/fi.jsonl, line 11: 2 words (response_too_short)",
    ]


@pytest.mark.parametrize(
    ("good", "folder"),
    [(40, "data/seed_pairs/fi/__drops__"), (0, "data/refused/seed_pairs/fi.drops")],
    ids=["published", "refused"],
)
def test_a_warning_of_many_drops_names_five_and_the_folder_of_all(
    make_job: MakeJob, tmp_path: Path, capsys: pytest.CaptureFixture[str], good: int, folder: str
) -> None:
    rows = [{**PAIR, "instruction": f"Say {number}."} for number in range(good)]
    write(tmp_path / "seeds/fi.jsonl", *rows, *({**PAIR, "response": ""} for _ in range(8)))
    found = warnings_of(job_of(make_job, SeedSource(folder="seeds")), capsys)
    assert len(found) == 7 and found[-1] == f"  and 3 more; see {folder}"


def test_no_warning_is_printed_if_no_seed_is_dropped(
    make_job: MakeJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "seeds/fi.jsonl", PAIR)
    assert warnings_of(job_of(make_job, SeedSource(folder="seeds")), capsys) == []


def test_english_pairs_change_no_figure_of_the_seeds(make_job: MakeJob, tmp_path: Path) -> None:
    write(
        tmp_path / "seeds/fi.jsonl",
        {**PAIR, "translated": True},
        {**PAIR, "instruction": "Say it.", "translated": True},
    )
    write(tmp_path / "seeds/en.jsonl", *({"instruction": f"Tell {n}.", "response": ENGLISH} for n in range(5)))
    job = job_of(make_job, SeedSource(folder="seeds"), SeedSource(folder="seeds", language="en"))
    metrics = seed_pairs.measure(job, seed_pairs.run(job))
    assert (metrics["english"], metrics["distinct_instructions"], metrics["translated_share"]) == (5, 2, 1.0)
    assert int(metrics["train"]) + int(metrics["held_out"]) == 2
    assert (metrics["bad_share"], metrics["wrong_ids"]) == (0, 0)


def test_the_same_pair_in_two_sources_counts_once(make_job: MakeJob, tmp_path: Path) -> None:
    write(tmp_path / "seeds/fi.jsonl", PAIR)
    write(tmp_path / "more/fi.jsonl", PAIR, {**PAIR, "instruction": "Tell."})
    job = job_of(make_job, SeedSource(folder="seeds"), SeedSource(folder="more"))
    seed_pairs.run(job)
    assert job.staged.table()["instruction"].to_list() == ["Say.", "Tell."]


def test_a_source_to_translate_needs_a_translation() -> None:
    with pytest.raises(ValueError, match=r"needs seed_pairs\.translation"):
        SeedPairs.model_validate({**SETTINGS.model_dump(), "sources": [{"folder": "english", "translate": True}]})


def test_a_source_cannot_be_both_translated_and_english() -> None:
    with pytest.raises(ValueError, match="either `translate: true` or `language: en`"):
        SeedSource.model_validate({"folder": "english", "translate": True, "language": "en"})


@pytest.mark.parametrize("source", [{"translate": True}, {"language": "en"}], ids=["translated", "english"])
def test_the_graph_depends_on_the_english_file(source: dict[str, object]) -> None:
    settings = SETTINGS.model_copy(update={"sources": [SeedSource.model_validate({"folder": "english", **source})]})
    assert settings.inputs(ROOT, ["fi"]) == ["${seed_pairs.sources[0].folder}/en${seed_pairs.sources[0].suffix}"]
