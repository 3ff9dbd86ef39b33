"""The rows of an artifact and language are read in order of the shards, and every dropped row has its reason."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from datasets import load_dataset

from x_instruction.runner import shards
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import write_json
from x_instruction.runner.shards import (
    DROP_SCHEMA,
    DROP_TEXT_CHARACTERS,
    DROPS,
    LeadingDrop,
    Partition,
    Split,
    by_parts,
    in_parts,
    in_slices,
    no_drops,
    write_shard,
)


def judged(**reasons: str | None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": list(reasons),
            "text": [f"text of {name}" for name in reasons],
            "url": "https://a.example/",
            "reason": list(reasons.values()),
            "value": "7",
        },
        schema_overrides={"reason": pl.String},
    )


def test_rows_without_reason_are_kept() -> None:
    split = Split.of(judged(a=None, b="too_short", c=None))
    assert split.kept["id"].to_list() == ["a", "c"]
    assert split.kept.columns == ["id", "text", "url"]


def test_a_drop_names_the_row_its_reason_and_its_origin() -> None:
    dropped = Split.of(judged(a=None, b="too_short")).dropped
    assert dict(dropped.schema) == DROP_SCHEMA
    assert dropped.rows() == [("b", "too_short", "7", "https://a.example/", "text of b")]


def test_a_long_text_is_shortened_in_the_drops() -> None:
    long = judged(a="too_long").with_columns(text=pl.lit("ä" * 9000))
    assert Split.of(long).dropped["text"].str.len_chars().to_list() == [DROP_TEXT_CHARACTERS]


def test_an_empty_table_of_drops_has_the_schema_of_other_drops() -> None:
    assert pl.concat([no_drops(), Split.of(judged(a="x")).dropped]).height == 1


@pytest.mark.parametrize(
    ("heights", "slices"), [([5], [2, 2, 1]), ([1, 1, 1], [2, 1]), ([4], [2, 2]), ([0, 3], [2, 1]), ([], []), ([0], [])]
)
def test_slices_have_exactly_the_requested_number_of_rows(heights: list[int], slices: list[int]) -> None:
    frames = [pl.DataFrame({"n": range(height)}, schema={"n": pl.Int64}) for height in heights]
    assert [frame.height for frame in in_slices(frames, 2)] == slices


def test_slices_keep_the_order_of_rows() -> None:
    frames = [pl.DataFrame({"n": [1, 2, 3]}), pl.DataFrame({"n": [4, 5]})]
    assert pl.concat(list(in_slices(frames, 2)))["n"].to_list() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("heights", "parts"),
    [([3], [3]), ([4], [2, 2]), ([10], [2, 3, 2, 3]), ([1, 5], [1, 2, 3]), ([0, 2], [0, 2]), ([], [])],
)
def test_a_long_frame_is_divided_into_equal_parts(heights: list[int], parts: list[int]) -> None:
    frames = [pl.DataFrame({"n": range(height)}, schema={"n": pl.Int64}) for height in heights]
    divided = list(in_parts(frames, 3))
    assert [part.height for part in divided] == parts
    assert [row for part in divided for row in part["n"]] == [row for frame in frames for row in frame["n"]]


def test_the_last_part_is_not_short() -> None:
    assert {part.height for part in in_parts([pl.DataFrame({"n": range(10_001)})], 100)} == {99, 100}


def partition(folder: Path, *shards: list[str]) -> Path:
    for number, ids in enumerate(shards):
        write_shard(pl.DataFrame({"id": ids}), folder / f"part-{number:05d}.parquet")
    return folder


def test_a_partition_without_manifest_is_unfinished(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is missing or unfinished: run its stage first"):
        Partition(partition(tmp_path, ["a"])).paths()


def test_a_partition_is_read_in_the_order_of_its_shards(tmp_path: Path) -> None:
    partition(tmp_path, ["b"], ["a"], ["c"])
    (tmp_path / "manifest.json").write_text("{}")
    assert Partition(tmp_path).table()["id"].to_list() == ["b", "a", "c"]


def test_a_column_that_a_shard_of_another_version_lacks_is_reported_in_one_sentence(tmp_path: Path) -> None:
    partition(tmp_path, ["a"])
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match=r"part-00000\.parquet was made by another version of X-Instruction: run the"):
        Partition(tmp_path).table(["id", "text"])


def test_writing_a_shard_leaves_no_temporary_file(tmp_path: Path) -> None:
    partition(tmp_path, ["a"])
    assert [path.name for path in tmp_path.iterdir()] == ["part-00000.parquet"]


def test_equal_frames_are_written_as_equal_bytes(tmp_path: Path) -> None:
    write_shard(judged(a="x"), tmp_path / "1")
    write_shard(judged(a="x"), tmp_path / "2")
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_drops_are_counted_by_reason_over_all_shards_most_frequent_first(tmp_path: Path) -> None:
    for number, frame in enumerate([judged(a="rare", b="much"), judged(c="much"), judged(d=None)]):
        write_shard(Split.of(frame).dropped, tmp_path / "__drops__" / f"part-{number:05d}.parquet")
    assert list(Partition(tmp_path).drop_counts().items()) == [("much", 2), ("rare", 1)]


def test_the_leading_drop_is_the_most_frequent_reason_with_its_first_value(tmp_path: Path) -> None:
    write_shard(Split.of(judged(a="rare", b="much", c="much")).dropped, tmp_path / "__drops__" / "part-00000.parquet")
    assert Partition(tmp_path).leading_drop() == ("much", 2, "7", "https://a.example/")


@pytest.mark.parametrize(
    ("value", "origin", "example"),
    [
        ("7", "https://a.example/", "7 (origin: https://a.example/)"),
        ("not UTF-8", "fi/a.jsonl#3", "not UTF-8 (origin: fi/a.jsonl#3)"),
        ("line 4 of fi/a.jsonl is not UTF-8", "fi/a.jsonl#3", "line 4 of fi/a.jsonl is not UTF-8"),
        ("7", "", "7"),
    ],
)
def test_the_example_of_a_drop_names_its_origin_once(value: str, origin: str, example: str) -> None:
    assert LeadingDrop("much", 2, value, origin).example == example


def test_a_partition_without_drops_counts_none(tmp_path: Path) -> None:
    assert Partition(tmp_path).leading_drop() is None
    assert Partition(tmp_path).drop_counts() == {}


def test_a_frame_transformed_in_parts_gives_the_same_rows_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, heights = judged(a=None, b="too_short", c=None, d=None, e="too_short"), []

    def transform(part: pl.DataFrame) -> Split:
        heights.append(part.height)
        return Split.of(part)

    whole = Split.of(frame)
    monkeypatch.setattr(shards, "PART_BYTES", frame.estimated_size() // 2)
    split = by_parts(frame, transform)
    assert heights == [2, 2, 1]
    assert split.kept.equals(whole.kept) and split.dropped.equals(whole.dropped)


def test_a_frame_without_rows_still_has_its_columns() -> None:
    assert by_parts(judged().clear(), Split.of).kept.columns == ["id", "text", "url"]


def test_a_partition_that_lacks_a_listed_shard_is_refused(tmp_path: Path) -> None:
    for number in range(2):
        write_shard(judged(a=None, b=None), tmp_path / f"part-0000{number}.parquet")
    write_json(tmp_path / "manifest.json", {"rows": 4})
    assert len(Partition(tmp_path).paths()) == 2
    (tmp_path / "part-00000.parquet").unlink()
    with pytest.raises(InputError, match="has 2 rows but its manifest lists 4"):
        Partition(tmp_path).paths()


@pytest.mark.parametrize("languages", [["fi"], ["fi", "ur"]])
def test_a_published_folder_loads_only_the_kept_rows(tmp_path: Path, languages: list[str]) -> None:
    for language in languages:
        write_shard(pl.DataFrame({"id": ["a", "b"], "text": ["x", "y"]}), tmp_path / language / "part-00000.parquet")
        write_shard(Split.of(judged(a="rare")).dropped, tmp_path / language / DROPS / "part-00000.parquet")
        write_json(tmp_path / language / "manifest.json", {"rows": 2})
    for folder, rows in ((tmp_path, 2 * len(languages)), (tmp_path / "fi", 2)):
        loaded = load_dataset(str(folder), cache_dir=str(tmp_path / f"cache-{folder.name}"))
        assert {name: part.num_rows for name, part in loaded.items()} == {"train": rows}
        assert loaded["train"].column_names == ["id", "text"]
