"""Exact and near-duplicates are found, and the best copy is kept, whatever the order of the rows."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from stages.filtered_text.duplicates import jaccard as similarity
from stages.filtered_text.duplicates import keep_best as clusters
from stages.filtered_text.duplicates.jaccard import ShingleSets
from stages.filtered_text.duplicates.keep_best import keep_the_best
from stages.filtered_text.duplicates.minhash import band_rows, signatures
from stages.filtered_text.duplicates.near_duplicates import duplicates
from stages.filtered_text.duplicates.shingles import shingles
from tests.benchmarks.planted import jaccard, planted_pairs
from tests.stages.filtered_text.texts import GOOD, THAI, given, page
from x_instruction.runner import disk_arrays as on_disk
from x_instruction.runner.files import digest
from x_instruction.runner.metrics import counted_median
from x_instruction.words.units import units

SETTINGS = given()


def texts(*given: str, scores: tuple[float, ...] = (), language: str = "fi") -> pl.DataFrame:
    """Rows like those in which `filtered_text` searches for duplicates; each row is from a different document."""
    frame = pl.DataFrame({"text": given}, schema={"text": pl.String})
    return frame.select(
        pl.Series("id", [digest(language, text)[:16] for text in given], pl.String),
        pl.Series("document_id", [f"{number:016x}" for number in range(len(given))], pl.String),
        pl.col("text").str.split(" ").list.len().alias("words"),
        pl.Series("language_score", scores or [0.9] * len(given), pl.Float64),
        "text",
        signatures(frame["text"], SETTINGS, page(language)),
    )


def dropped(folder: Path, *shards: pl.DataFrame, language: str = "fi") -> dict[str, tuple[str, str]]:
    """Maps each dropped text to the reason and to the text that is kept instead."""
    paths, scratch = [folder / f"part-{number:05d}.parquet" for number in range(len(shards))], folder / "scratch"
    scratch.mkdir(parents=True)
    for frame, path in zip(shards, paths, strict=True):
        frame.write_parquet(path)
    decisions = duplicates(paths, scratch, SETTINGS, page(language))
    by_id = {identifier: text for frame in shards for identifier, text in frame.select("id", "text").iter_rows()}
    return {
        frame["text"][row]: (reason, by_id[value[-16:]])
        for number, frame in enumerate(shards)
        for row, reason, value in decisions(number).iter_rows()
    }


def test_texts_with_the_same_words_are_exact_duplicates(tmp_path: Path) -> None:
    other = GOOD.replace(",", " –").upper()
    assert dropped(tmp_path, texts(GOOD, other, scores=(0.9, 0.8))) == {other: ("exact_duplicate", GOOD)}


def test_the_near_duplicate_with_the_best_language_score_is_kept(tmp_path: Path) -> None:
    longer = GOOD + " Hyvää ruokahalua."
    assert dropped(tmp_path, texts(longer, GOOD, scores=(0.8, 0.9))) == {longer: ("near_duplicate", GOOD)}


def test_the_longer_text_is_kept_if_scores_differ_by_less_than_a_hundredth(tmp_path: Path) -> None:
    longer = GOOD + " Hyvää ruokahalua."
    assert dropped(tmp_path, texts(GOOD, longer, scores=(0.9012, 0.9001))) == {GOOD: ("near_duplicate", longer)}


def test_the_smallest_id_is_kept_among_equally_good_and_long_near_duplicates(tmp_path: Path) -> None:
    pair = sorted([GOOD, GOOD.replace("Piirakat", "Pullat")], key=lambda text: digest("fi", text)[:16])
    assert dropped(tmp_path, texts(*pair)) == {pair[1]: ("near_duplicate", pair[0])}


def test_a_copy_of_a_dropped_text_is_dropped_for_the_kept_text(tmp_path: Path) -> None:
    longer, copy = GOOD + " Hyvää ruokahalua.", GOOD.upper()
    assert dropped(tmp_path, texts(GOOD, copy, longer)) == dict.fromkeys((GOOD, copy), ("near_duplicate", longer))


def test_the_value_gives_the_similarity_and_the_kept_id(tmp_path: Path) -> None:
    frame = texts(GOOD, GOOD + " Hyvää ruokahalua.")
    frame.write_parquet(tmp_path / "part.parquet")
    (tmp_path / "scratch").mkdir()
    decisions = duplicates([tmp_path / "part.parquet"], tmp_path / "scratch", SETTINGS, page("fi"))
    share = round(jaccard(frame["text"][0], frame["text"][1], SETTINGS.shingle_words), 2)
    assert decisions(0)["value"].to_list() == [f"similarity {share} with {frame['id'][1]}"]


def test_thai_near_duplicates_are_found_by_characters(tmp_path: Path) -> None:
    other = THAI.replace("คนใต้", "ชาวใต้")
    assert dropped(tmp_path, texts(THAI, other, language="th"), language="th") == {THAI: ("near_duplicate", other)}


def test_an_empty_partition_has_no_duplicates(tmp_path: Path) -> None:
    assert dropped(tmp_path, texts()) == {}


def test_planted_pairs_and_no_other_texts_are_found(tmp_path: Path) -> None:
    """At least 95 % of the pairs with a similarity of 0.8 or more are found, and no pairs of lower similarity."""
    pairs = planted_pairs(400, seed=3)
    found = dropped(tmp_path, texts(*(text for pair in pairs for text in pair)))
    alike = [pair for pair in pairs if jaccard(*pair, SETTINGS.shingle_words) >= 0.8]
    assert len(alike) >= 100
    assert sum(one in found or other in found for one, other in alike) >= 0.95 * len(alike)
    assert all(jaccard(text, kept, SETTINGS.shingle_words) >= 0.8 for text, (_, kept) in found.items())


def test_the_outcome_does_not_depend_on_the_order_of_rows_and_shards(tmp_path: Path) -> None:
    pairs = planted_pairs(60, seed=5)
    frame = texts(*(text for pair in pairs for text in pair))
    mixed = frame.sample(fraction=1.0, shuffle=True, seed=1)
    once = dropped(tmp_path / "one", frame)
    assert once and dropped(tmp_path / "many", mixed.head(50), mixed.slice(50, 1), mixed.slice(51)) == once


def test_reading_the_table_in_small_pieces_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = planted_pairs(60, seed=7)
    frame = texts(*(text for pair in pairs for text in pair))
    once = dropped(tmp_path / "whole", frame)
    monkeypatch.setattr(on_disk, "PIECE", 7)
    monkeypatch.setattr(similarity, "AT_ONCE", 500)
    monkeypatch.setattr(clusters, "BLOCK", 5)
    monkeypatch.setattr(clusters, "PAIRS", 3)
    assert once and dropped(tmp_path / "pieces", frame) == once


def test_a_text_that_is_similar_only_to_a_dropped_text_is_kept(tmp_path: Path) -> None:
    alike = {(0, 1), (1, 2)}

    def share(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.array([float(pair in alike) for pair in zip(left.tolist(), right.tolist(), strict=True)])

    members = [(np.array([2, 1, 0]), np.array([0, 0, 0]))]
    ranks, kept, _ = keep_the_best(members, 3, 1, share, 0.8, tmp_path)
    assert (ranks.tolist(), kept.tolist()) == ([1], [0])


def test_texts_are_compared_with_a_limited_number_of_kept_texts_in_a_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "KEPT_A_BUCKET", 3)
    asked = []

    def share(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        asked.extend(left.tolist())
        return np.zeros(len(left))

    keep_the_best([(np.arange(10), np.zeros(10, np.int64))], 10, 1, share, 0.8, tmp_path)
    assert sorted(set(asked)) == [0, 1, 2]


def test_the_similarity_is_the_jaccard_similarity_of_the_shingles(tmp_path: Path) -> None:
    pairs = planted_pairs(30, seed=11)
    sets = ShingleSets(tmp_path / "shingles", 5, page("fi"))
    sets.add(pl.Series([text for pair in pairs for text in pair]))
    with sets:
        similarities = sets.jaccard(np.arange(0, 60, 2), np.arange(1, 60, 2))
    assert similarities.tolist() == pytest.approx([jaccard(*pair, 5) for pair in pairs])


def test_a_text_shorter_than_a_shingle_has_one_shingle() -> None:
    fi = page("fi")
    values, begins = units(pl.Series(["yksi kaksi", "", "yksi kaksi kolme neljä viisi kuusi"]), fi)
    assert np.diff(shingles(values, begins, 5)[1]).tolist() == [1, 1, 2]


def test_case_punctuation_joiners_and_vowel_marks_are_ignored() -> None:
    ur = page("ur")
    values, begins = units(pl.Series(["اُردو زبان", "اردو، زبان!", "ار\u200cدو زبان", "اردو بان"]), ur)
    first, second, third, fourth = (values[begins[n] : begins[n + 1]].tolist() for n in range(4))
    assert first == second == third != fourth


def test_signatures_are_the_same_in_every_process_and_version() -> None:
    """A run may use the signatures of an interrupted earlier run, so the signature of a text must never change."""
    (row,) = signatures(pl.Series([GOOD]), SETTINGS, page("fi")).to_list()
    assert (len(row), row[0], row[1], row[-1]) == (
        19,
        4574550276207530943,
        6626487714905737100,
        7225536282362927348,
    )


def test_bands_find_pairs_at_the_threshold() -> None:
    assert band_rows(112, 0.8) == 6


def test_the_median_of_counts_is_the_median_of_the_values() -> None:
    for values in ([3, 1, 1, 8], [5], [2, 2, 9], [1, 2, 3, 4, 4, 9]):
        counts = pl.Series("n", values).value_counts()
        assert counted_median(counts["n"], counts["count"]) == pl.Series(values).median()
    assert counted_median(pl.Series([], dtype=pl.UInt32), pl.Series([], dtype=pl.UInt32)) == 0


def test_equal_keys_are_found_across_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_disk, "PIECE", 3)
    keys = np.array([5, 1, 9, 5, 2, 9, 5, 3, 2], np.uint64)
    on_disk.append(tmp_path / "keys", keys)
    among = np.arange(len(keys)) != 2
    found: dict[tuple[int, int], list[int]] = {}
    for places, groups in on_disk.repeated(tmp_path / "keys", among):
        for place, group in zip(places.tolist(), groups.tolist(), strict=True):
            found.setdefault((int(keys[places[groups == group][0]]), group), []).append(place)
    assert sorted(map(sorted, found.values())) == [[0, 3, 6], [4, 8]]
