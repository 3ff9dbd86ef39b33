"""Questions in English and in the target language are read from files with several layouts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from stages.eval_scores.questions import all_questions
from stages.eval_scores.settings import Questions
from tests.benchmarks.table import SkippedError, real_text
from tests.conftest import ROOT
from x_instruction.language.names import load_names
from x_instruction.runner.errors import InputError

SEEDS = pl.DataFrame({"instruction": ["Say hello."], "response": ["Hei!"]})


def read(
    folder: Path, *rows: dict[str, Any] | str, code: str = "fi", **settings: Any
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Reads the questions of a language from a file with these rows. Returns the questions and the dropped rows."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "q.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return all_questions([Questions(name="own", path="q.jsonl", **settings)], SEEDS.clear(), code, folder)


def test_held_out_seeds_are_questions_with_a_reference() -> None:
    kept, _ = all_questions([Questions(name="own", path="data/sample/eval_prompts.jsonl", limit=1)], SEEDS, "fi", ROOT)
    assert kept.select("kind", "questions", "asked_in", "instruction", "reference").row(1) == (
        "held_out", "seeds", "en", "Say hello.", "Hei!",
    )  # fmt: skip


def test_questions_in_english_and_in_the_language_are_asked_and_no_others(tmp_path: Path) -> None:
    kept, drops = read(
        tmp_path, {"prompt": "Why?"}, {"prompt": "Miksi?", "language": "fi"}, {"prompt": "Var?", "lang": "sv"}
    )
    assert kept.select("instruction", "asked_in", "kind", "questions").rows() == [
        ("Why?", "en", "open", "own"),
        ("Miksi?", "fi", "open", "own"),
    ]
    assert drops.is_empty()


def test_a_setting_gives_the_language_of_rows_that_do_not_name_it(tmp_path: Path) -> None:
    kept, _ = read(tmp_path, {"prompt": "Miksi?"}, {"prompt": "Why?", "lang": "en"}, language="fi")
    assert kept["asked_in"].to_list() == ["fi", "en"]


def test_a_reference_is_used_only_if_it_is_in_the_language(tmp_path: Path) -> None:
    kept, _ = read(
        tmp_path,
        {"question": "Why?", "reference": ["Because."]},
        {"question": "When?", "reference": "Nyt.", "reference_language": "fi"},
        {"question": "Miksi?", "lang": "fi", "answer": "Koska."},
    )
    assert kept["reference"].to_list() == ["", "Nyt.", "Koska."]


def test_only_the_first_turn_of_a_conversation_is_asked(tmp_path: Path) -> None:
    kept, _ = read(tmp_path, {"question_id": 81, "category": "writing", "turns": ["Write a post.", "Rewrite it."]})
    assert kept["instruction"].to_list() == ["Write a post."]


def test_the_limit_is_for_each_language_of_the_questions(tmp_path: Path) -> None:
    rows = [{"prompt": f"{code} {number}", "lang": code} for number in range(3) for code in ("en", "fi")]
    kept, _ = read(tmp_path, *rows, limit=2)
    assert kept["instruction"].to_list() == ["en 0", "fi 0", "en 1", "fi 1"]


def test_a_row_without_a_question_is_dropped_with_its_line(tmp_path: Path) -> None:
    kept, drops = read(
        tmp_path, {"prompt": "Why?"}, {"id": 7, "category": "how-to"}, {"prompt": " "}, {"prompt": "When?"}
    )
    assert kept["instruction"].to_list() == ["Why?", "When?"]
    assert drops["reason"].to_list() == ["no_question"] * 2 and drops["id"].n_unique() == 2
    assert drops["value"][0] == "line 2 has the columns id, category" and drops["origin"][0] == "q.jsonl#2"


def test_equal_questions_are_asked_once(tmp_path: Path) -> None:
    kept, drops = read(tmp_path, {"prompt": "Why?"}, {"prompt": "Why?"})
    assert kept.height == 1 and drops.select("reason", "text").rows() == [("asked_before", "Why?")]


def test_repeated_questions_do_not_use_up_the_limit(tmp_path: Path) -> None:
    kept, drops = read(tmp_path, *({"prompt": prompt} for prompt in ("a", "a", "b", "c")), limit=2)
    assert kept["instruction"].to_list() == ["a", "b"] and drops["reason"].to_list() == ["asked_before"]


def test_a_language_may_be_written_in_other_letters_and_with_a_region(tmp_path: Path) -> None:
    names = ("FI", "fi-FI", "fi_Latn", "EN", "sv-SE", "sv")
    kept, drops = read(tmp_path, *({"prompt": f"{name}?", "language": name} for name in names))
    assert kept.select("instruction", "asked_in").rows() == [
        ("FI?", "fi"),
        ("fi-FI?", "fi"),
        ("fi_Latn?", "fi"),
        ("EN?", "en"),
    ]
    assert drops.is_empty()


@pytest.mark.parametrize("named", ["Finnish", "fin", "suomi-FI"])
def test_a_row_that_names_no_language_is_dropped_with_the_remedy(named: str, tmp_path: Path) -> None:
    kept, drops = read(tmp_path, {"prompt": "Why?"}, {"prompt": "Miksi?", "language": named})
    assert kept.height == 1
    assert drops.select("reason", "value").rows() == [
        ("unknown_language", f"line 2 names the language {named}: write a code such as fi")
    ]


@pytest.mark.parametrize(
    ("code", "named"), [("pt-BR", "pt_br"), ("sr_Latn", "sr-Latn"), ("zh-hant", "zh-Hant"), ("fil", "fil")]
)
def test_a_language_with_a_region_or_script_has_its_questions(code: str, named: str, tmp_path: Path) -> None:
    rows = [{"prompt": "a", "language": named, "answer": "b"}, {"prompt": "c", "lang": code.partition("-")[0][:2]}]
    kept, drops = read(tmp_path, *rows, code=code)
    assert kept.select("instruction", "asked_in", "reference").rows() == [("a", code, "b")] and drops.is_empty()


def test_questions_of_other_languages_are_not_repeated_ones(tmp_path: Path) -> None:
    kept, drops = read(tmp_path, *({"prompt": "2 + 2 = ?", "language": code} for code in ("sw", "fi", "ur")))
    assert kept.select("instruction", "asked_in").rows() == [("2 + 2 = ?", "fi")] and drops.is_empty()


def test_two_seeds_of_the_same_instruction_are_two_questions() -> None:
    seeds = pl.DataFrame({"instruction": ["Say.", "Say."], "response": ["yksi", "kaksi"]})
    one = Questions(name="own", path="data/sample/eval_prompts.jsonl", limit=1)
    kept, drops = all_questions([one], seeds, "fi", ROOT)
    assert kept["question_id"].n_unique() == kept.height == 3 and drops.is_empty()


def test_a_file_without_any_question_is_refused_with_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"eval_scores\.questions\.own: .*q\.jsonl has no row with a text in one of"):
        read(tmp_path, {"id": 1}, {"id": 2})


def test_a_missing_file_and_a_broken_line_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"questions\.own: .*none\.jsonl does not exist"):
        all_questions([Questions(name="own", path="none.jsonl")], SEEDS, "fi", tmp_path)
    with pytest.raises(InputError, match=r"line 2 of .*q\.jsonl is not JSONL"):
        read(tmp_path, {"prompt": "Why?"}, "{")


@pytest.mark.parametrize("code", load_names(ROOT / "languages"))
def test_the_sample_has_questions_written_in_each_language(code: str) -> None:
    kept, drops = all_questions(
        [Questions(name="native", path="data/sample/eval_native.jsonl")], SEEDS.clear(), code, ROOT
    )
    assert kept["asked_in"].to_list() == [code] * 4 and drops.is_empty()


@pytest.mark.parametrize(
    ("name", "asked_in"), [("vicuna80_en", "en"), ("vicuna80_hi", "hi"), ("vicuna80_id", "id"), ("mt_bench_en", "en")]
)
def test_vicuna_and_mt_bench_are_read_in_their_published_form(name: str, asked_in: str, tmp_path: Path) -> None:
    try:
        packed = real_text("eval", f"{name}.jsonl.zst")
    except SkippedError as error:
        pytest.skip(str(error))
    with pa.input_stream(str(packed), compression="zstd") as file:
        (tmp_path / "q.jsonl").write_bytes(file.read())
    language = asked_in if asked_in != "en" else "hi"
    kept, drops = all_questions([Questions(name=name, path="q.jsonl")], SEEDS.clear(), language, tmp_path)
    assert (kept.height, drops.height, set(kept["asked_in"])) == (80, 0, {asked_in})
