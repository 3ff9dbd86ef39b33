"""Seed pairs: read from any of the formats, bad rows dropped with a reason, split by the instruction."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from stages import seed_pairs
from stages.errors import InputError
from stages.files import digest
from stages.job import Job
from stages.seed_pairs import COLUMNS, transform
from stages.settings import SeedPairs, SeedSource
from stages.shards import Split, drop_counts

MakeJob = Callable[..., Job]
SETTINGS = SeedPairs(sources=[SeedSource(folder="seeds")], held_out_share=0.3, min_response_words=3, max_bad_share=0.2)


def split(*rows: tuple[str | None, str | None], language: str = "fi") -> Split:
    frame = pl.DataFrame(
        [
            {"instruction": i, "response": r, "translated": False, "source": f"seeds#{n}"}
            for n, (i, r) in enumerate(rows)
        ],
        schema={"instruction": pl.String, "response": pl.String, "translated": pl.Boolean, "source": pl.String},
    )
    return transform(frame, SETTINGS, language)


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
    ],
)
def test_a_bad_row_is_dropped_with_its_reason(instruction: str | None, response: str | None, reason: str) -> None:
    made = split((instruction, response))
    assert made.kept.is_empty()
    assert made.dropped.select("reason", "origin").rows() == [(reason, "seeds#0")]


def test_a_good_row_is_kept_without_the_spaces_around_it() -> None:
    row = split((" Say. ", "kolme ihan hyvää\n")).kept.row(0, named=True)
    assert list(row) == COLUMNS
    assert (row["instruction"], row["response"], row["language"]) == ("Say.", "kolme ihan hyvää", "fi")
    assert row["id"] == digest("fi", "Say.", "kolme ihan hyvää")[:16]


def test_the_second_of_two_equal_pairs_is_dropped() -> None:
    made = split(("Say.", "kolme ihan hyvää"), ("Say.", "kolme ihan hyvää"), ("Say.", "jotain ihan muuta"))
    assert made.kept.height == 2
    assert made.dropped["reason"].to_list() == ["exact_duplicate"]


def test_an_instruction_is_held_out_in_every_language_or_in_none() -> None:
    rows = [(f"Instruction {n}", "kolme ihan hyvää") for n in range(60)]
    finnish, swahili = (split(*rows, language=language).kept for language in ("fi", "sw"))
    assert finnish["split"].to_list() == swahili["split"].to_list()
    assert finnish["instruction_id"].to_list() == swahili["instruction_id"].to_list()
    assert not set(finnish["id"]) & set(swahili["id"])


def test_about_the_share_asked_for_is_held_out() -> None:
    kept = split(*((f"Instruction {n}", "kolme ihan hyvää") for n in range(1000))).kept
    assert (kept["split"] == "held_out").mean() == pytest.approx(0.3, abs=0.05)


def test_an_instruction_stays_where_it_is_when_others_come() -> None:
    few, many = (split(*((f"Instruction {n}", "kolme ihan hyvää") for n in range(count))).kept for count in (10, 50))
    assert few["split"].to_list() == many["split"].head(10).to_list()


def test_thai_words_are_counted_by_characters() -> None:
    assert split(("Say.", "ภาษาไทยไม่มีช่องว่าง"), language="th").kept.height == 1
    assert split(("Say.", "ภาษาไทย"), language="th").dropped["reason"].item() == "response_too_short"


def job(make_job: MakeJob, *sources: SeedSource) -> Job:
    return make_job("seed_pairs", seed_pairs=SETTINGS.model_copy(update={"sources": list(sources)}))


def write(path: Path, *rows: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    if path.suffix == ".parquet":
        pl.DataFrame(rows).write_parquet(path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(text))
    elif path.suffix == ".zst":
        with pa.output_stream(str(path), compression="zstd") as file:
            file.write(text)
    else:
        path.write_bytes(text)


PAIR = {"instruction": "Say.", "response": "kolme ihan hyvää"}


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_each_format_is_read(make_job: MakeJob, tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"seeds/fi{suffix}", PAIR, {**PAIR, "response": None})
    one = job(make_job, SeedSource(folder="seeds", suffix=suffix))
    seed_pairs.run(one)
    row = pl.read_parquet(one.staging / "part-00000.parquet").row(0, named=True)
    assert (row["response"], row["source"], row["translated"]) == ("kolme ihan hyvää", f"seeds/fi{suffix}#1", False)
    assert drop_counts(one.staging) == {"no_response": 1}


def test_a_translated_response_stays_marked(make_job: MakeJob, tmp_path: Path) -> None:
    write(tmp_path / "seeds/fi.jsonl", {**PAIR, "translated": True})
    one = job(make_job, SeedSource(folder="seeds"))
    seed_pairs.run(one)
    assert pl.read_parquet(one.staging / "part-00000.parquet")["translated"].to_list() == [True]


def test_what_is_measured_is_what_was_read(make_job: MakeJob, tmp_path: Path) -> None:
    write(
        tmp_path / "seeds/fi.jsonl", *({**PAIR, "instruction": f"Say {n}."} for n in range(9)), {**PAIR, "response": ""}
    )
    one = job(make_job, SeedSource(folder="seeds"))
    seed_pairs.run(one)
    metrics = seed_pairs.measure(one)
    assert metrics["bad_share"] == pytest.approx(0.1)
    assert int(metrics["train"]) + int(metrics["held_out"]) == metrics["distinct_instructions"] == 9
    assert metrics["wrong_ids"] == 0


def test_the_same_pair_in_two_sources_counts_once(make_job: MakeJob, tmp_path: Path) -> None:
    write(tmp_path / "seeds/fi.jsonl", PAIR)
    write(tmp_path / "more/fi.jsonl", PAIR, {**PAIR, "instruction": "Tell."})
    one = job(make_job, SeedSource(folder="seeds"), SeedSource(folder="more"))
    seed_pairs.run(one)
    rows = pl.concat([pl.read_parquet(path) for path in sorted(one.staging.glob("part-*"))])
    assert rows["instruction"].to_list() == ["Say.", "Tell."]


def test_a_missing_file_is_named(make_job: MakeJob) -> None:
    with pytest.raises(InputError, match=r"seeds/fi.jsonl is not there; add the file or take fi out of languages"):
        seed_pairs.run(job(make_job, SeedSource(folder="seeds")))


def test_an_absent_column_is_named_with_those_met(make_job: MakeJob, tmp_path: Path) -> None:
    write(tmp_path / "seeds/fi.jsonl", {"instruction": "Say.", "answer": "kolme ihan hyvää"})
    with pytest.raises(InputError, match="has no column `response`; met instruction, answer"):
        seed_pairs.run(job(make_job, SeedSource(folder="seeds")))


@pytest.mark.parametrize("content", [b"", b"not json\n", b'{"instruction": "a", "resp', b"\xff\xfe\x00"])
def test_an_unreadable_file_is_named(make_job: MakeJob, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds/fi.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=r"seeds/fi\.jsonl"):
        seed_pairs.run(job(make_job, SeedSource(folder="seeds")))
