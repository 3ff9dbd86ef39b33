"""Finds exact and near-duplicates among the staged texts of a language, in all shards and sources.

Exact duplicates have the same words. Near-duplicates have sets of shingles with a Jaccard similarity of at least
`near_duplicate_jaccard`: banding of MinHash signatures finds candidates, and the exact similarity decides. The best
copy is kept: the one with the highest language score (to a hundredth), then the longest, then the one with the smallest
id. So the order of rows and shards does not change the outcome. Most data is on disk: memory grows by about 150 MB for
10 million texts if a tenth of them are copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from stages.filtered_text.duplicates.jaccard import ShingleSets
from stages.filtered_text.duplicates.keep_best import keep_the_best
from stages.filtered_text.duplicates.minhash import keys
from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings
from x_instruction.runner.disk_arrays import Array, append, gather, pieces, repeated
from x_instruction.runner.second_pass import Decisions, by_shard, first_places, no_decisions

# Texts are ranked by these numbers, the smallest first. `goodness` is smaller for better texts.
RANK = np.dtype([("goodness", "<u8"), ("id", "<u8"), ("document", "<u8")])
MEMBER = np.dtype([("place", "<i8"), ("bucket", "<i8")])
COLUMNS = ["id", "document_id", "words", "language_score", "signature"]


def duplicates(shards: list[Path], scratch: Path, settings: FilteredText, language: LanguageSettings) -> Decisions:
    """Decides which rows are dropped. Returns a function from a shard's number to its dropped rows (see `_decisions`).

    The shards have COLUMNS and `text`. `scratch` is an empty folder for temporary files.
    """
    begins = _spread(shards, scratch)
    if not begins[-1]:
        return lambda number: no_decisions()
    alive = np.ones(begins[-1], np.bool_)
    exact = _exact(scratch, alive)
    near = _near(shards, scratch, alive, settings, language)
    return _decisions(_resolved(scratch, exact, near), begins)


def _spread(shards: list[Path], scratch: Path) -> Array:
    """Writes the ranks of the rows of all shards to one file, and each column of their signatures to a separate file.

    Returns the place of each shard's first row. A place is the number of a row, counted through all shards.
    """
    for path in shards:
        rows = pl.read_parquet(path, columns=COLUMNS)
        for number, column in enumerate(rows["signature"].to_numpy().T if rows.height else ()):
            append(scratch / f"keys-{number}", column)
        append(scratch / "ranks", _ranks(rows))
    return first_places(shards)


def _ranks(rows: pl.DataFrame) -> Array:
    score = (100 - (100 * pl.col("language_score")).round()).cast(pl.UInt64)
    numbers = rows.select(
        goodness=score * 2**32 + 2**32 - 1 - pl.col("words").cast(pl.UInt64),
        id=_as_number("id"),
        document=_as_number("document_id"),
    )
    return np.rec.fromarrays([numbers[name].to_numpy() for name in RANK.names or ()], RANK)


def _as_number(name: str) -> pl.Expr:
    """An id of sixteen hexadecimal digits as a number."""
    return pl.col(name).str.decode("hex").bin.reinterpret(dtype=pl.UInt64, endianness="big")


def _exact(scratch: Path, alive: Array) -> pl.DataFrame:
    """One row for each text with the same words as a better text: its `place`, and `of`, the better text's place.

    Sets `alive` to False for these texts.
    """
    copies = [pl.DataFrame(schema={"place": pl.Int64, "of": pl.Int64})]
    for places, groups in repeated(scratch / "keys-0"):
        order = np.lexsort((*_by_rank(scratch, places), groups))
        places, groups = places[order], groups[order]
        first = np.flatnonzero(np.diff(groups, prepend=-1))
        of = places[first][groups]
        again = places != of
        copies.append(pl.DataFrame({"place": places[again], "of": of[again]}))
        alive[places[again]] = False
    return pl.concat(copies)


def _by_rank(scratch: Path, places: Array) -> tuple[Array, ...]:
    """The keys with which np.lexsort sorts `places` by rank, and texts of equal rank by place."""
    order = np.argsort(places)
    ranks = np.empty(len(places), RANK)
    ranks[order] = gather(scratch / "ranks", RANK, places[order])
    return places, ranks["document"], ranks["id"], ranks["goodness"]


def _near(
    shards: list[Path], scratch: Path, alive: Array, settings: FilteredText, language: LanguageSettings
) -> pl.DataFrame:
    """One row for each text that is similar to a better text: `place`, `of` (the better text's place), `similarity`."""
    shared = np.zeros(len(alive), np.bool_)
    buckets = _shared_buckets(scratch, alive, keys(settings), shared)
    texts = np.flatnonzero(shared)
    by_rank = np.lexsort(_by_rank(scratch, texts))
    ranks = np.empty_like(by_rank)
    ranks[by_rank] = np.arange(len(texts))
    sets = ShingleSets(scratch / "shingles", settings.shingle_words, language)
    for _, path, rows in by_shard(shards, texts):
        sets.add(pl.read_parquet(path, columns=["text"])["text"].gather(rows))
    with sets:
        dropped, of, similarity = keep_the_best(
            ((ranks[np.searchsorted(texts, piece["place"])], piece["bucket"]) for _, piece in _members(scratch)),
            len(texts),
            buckets,
            lambda left, right: sets.jaccard(by_rank[left], by_rank[right]),
            settings.near_duplicate_jaccard,
            scratch,
        )
    place, kept = texts[by_rank[dropped]], texts[by_rank[of]]
    return pl.DataFrame({"place": place, "of": kept, "similarity": similarity})


def _shared_buckets(scratch: Path, alive: Array, count: int, shared: Array) -> int:
    """Writes the members of buckets with several texts, and marks the texts in `shared`. Returns the number of buckets.

    Only texts that `alive` marks count; the others are exact duplicates.
    """
    taken = 0
    for number in range(1, count):
        for places, groups in repeated(scratch / f"keys-{number}", alive):
            append(scratch / "members", np.rec.fromarrays([places, groups + taken], MEMBER))
            shared[places] = True
            taken += int(groups.max(initial=-1)) + 1
    return taken


def _members(scratch: Path) -> Iterator[tuple[int, Array]]:
    return pieces(scratch / "members", MEMBER) if (scratch / "members").exists() else iter(())


def _resolved(scratch: Path, exact: pl.DataFrame, near: pl.DataFrame) -> pl.DataFrame:
    """One row for each dropped text: its `place`, by which the rows are sorted, `similarity` and `kept`.

    `similarity` is null if the texts have the same words. `kept` is the id of the kept text, as a number. If a text is
    dropped as a near-duplicate, its exact copies are dropped for the same kept text.
    """
    onward = exact.join(near, left_on="of", right_on="place", suffix="_kept")
    same = exact.join(near, left_on="of", right_on="place", how="anti").with_columns(similarity=pl.lit(None))
    dropped = pl.concat([near, onward.select("place", "similarity", of="of_kept"), same], how="diagonal_relaxed").sort(
        "place"
    )
    texts, at = np.unique(dropped["of"].to_numpy(), return_inverse=True)
    kept = gather(scratch / "ranks", RANK, texts)["id"][at]
    return dropped.select("place", pl.col("similarity").cast(pl.Float32), pl.Series("kept", kept, pl.UInt64))


def _decisions(dropped: pl.DataFrame, begins: Array) -> Decisions:
    """Returns a function that maps a shard's number to the rows to drop: columns row, reason and value.

    Ids are converted from numbers to text for one shard at a time, because the text takes four times the memory.
    """

    def of_shard(number: int) -> pl.DataFrame:
        first, last = dropped["place"].search_sorted(begins[number : number + 2])
        kept = pl.col("kept").map_elements(lambda text_id: f"{text_id:016x}", return_dtype=pl.String)
        alike = pl.format("similarity {} with {}", pl.col("similarity").cast(pl.Float64).round(2), kept)
        return dropped.slice(first, last - first).select(
            row=(pl.col("place") - begins[number]).cast(pl.UInt32),
            reason=pl.when(pl.col("similarity").is_null())
            .then(pl.lit("exact_duplicate"))
            .otherwise(pl.lit("near_duplicate")),
            value=pl.when(pl.col("similarity").is_null()).then(pl.format("same words as {}", kept)).otherwise(alike),
        )

    return of_shard
