"""Exact and near-duplicates among the staged texts of a language, whatever shard or source they stand in.

Texts of the same words, then texts whose sets of shingles are alike by at least `near_duplicate_jaccard`: banding of
MinHash signatures finds candidates, the exact Jaccard similarity decides. Of copies the best is kept: likeliest in
the language (by hundredths), then longest, then smallest id; so neither rows nor shards in another order change
the outcome. What grows with the number of texts lies on disk; two bytes a text, about 100 a near candidate and
30 a dropped text are held: 10 million texts of which a tenth are copies take some 150 MB.
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

# What ranks a text, the least first: figures turned round, then the ids as numbers.
RANK = np.dtype([("goodness", "<u8"), ("id", "<u8"), ("document", "<u8")])
MEMBER = np.dtype([("place", "<i8"), ("bucket", "<i8")])
COLUMNS = ["id", "document_id", "words", "language_score", "signature"]


def duplicates(shards: list[Path], scratch: Path, settings: FilteredText, language: LanguageSettings) -> Decisions:
    """Decisions on the rows of staged shards (COLUMNS and `text`). `scratch` is an empty folder for what is held."""
    begins = _spread(shards, scratch)
    if not begins[-1]:
        return lambda number: no_decisions()
    alive = np.ones(begins[-1], np.bool_)
    exact = _exact(scratch, alive)
    near = _near(shards, scratch, alive, settings, language)
    return _decisions(_resolved(scratch, exact, near), begins)


def _spread(shards: list[Path], scratch: Path) -> Array:
    """Each shard's keys and ranks appended to one file each. Answers with the place of each shard's first row."""
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
    """Texts of the words of a better one, as `place`, `of` (that one's place); they are no longer alive after."""
    found = [pl.DataFrame(schema={"place": pl.Int64, "of": pl.Int64})]
    for places, groups in repeated(scratch / "keys-0"):
        order = np.lexsort((*_by_rank(scratch, places), groups))
        places, groups = places[order], groups[order]
        first = np.flatnonzero(np.diff(groups, prepend=-1))
        of = places[first][groups]
        again = places != of
        found.append(pl.DataFrame({"place": places[again], "of": of[again]}))
        alive[places[again]] = False
    return pl.concat(found)


def _by_rank(scratch: Path, places: Array) -> tuple[Array, ...]:
    """Keys of np.lexsort for the places, which stand in any order; equal ids end in the order of places."""
    order = np.argsort(places)
    ranks = np.empty(len(places), RANK)
    ranks[order] = gather(scratch / "ranks", RANK, places[order])
    return places, ranks["document"], ranks["id"], ranks["goodness"]


def _near(
    shards: list[Path], scratch: Path, alive: Array, settings: FilteredText, language: LanguageSettings
) -> pl.DataFrame:
    """Texts like a better one: `place`, `of`, `similarity`."""
    shared = np.zeros(len(alive), np.bool_)
    buckets = _shared_buckets(scratch, alive, keys(settings), shared)
    texts = np.flatnonzero(shared)
    by_rank = np.lexsort(_by_rank(scratch, texts))
    ranks = np.empty_like(by_rank)
    ranks[by_rank] = np.arange(len(texts))
    sets = ShingleSets(scratch / "shingles", settings.shingle_words, language)
    for _, path, some in by_shard(shards, texts):
        sets.add(pl.read_parquet(path, columns=["text"])["text"].gather(some))
    with sets:
        dropped, of, similarity = keep_the_best(
            ((ranks[np.searchsorted(texts, some["place"])], some["bucket"]) for _, some in _members(scratch)),
            len(texts),
            buckets,
            lambda left, right: sets.jaccard(by_rank[left], by_rank[right]),
            settings.near_duplicate_jaccard,
            scratch,
        )
    place, kept = texts[by_rank[dropped]], texts[by_rank[of]]
    return pl.DataFrame({"place": place, "of": kept, "similarity": similarity})


def _shared_buckets(scratch: Path, alive: Array, count: int, shared: Array) -> int:
    """Write the members of buckets of several living texts, mark them in `shared`; answers with how many buckets."""
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
    """All texts dropped: `place`, `similarity` (null: the same words), `kept` (id as a number), by place.

    The copy of a text that is dropped itself is dropped for what that was dropped for.
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
    """Decisions by shard: written out as text one shard at a time, at four times the memory of the numbers."""

    def of_shard(number: int) -> pl.DataFrame:
        first, last = dropped["place"].search_sorted(begins[number : number + 2])
        kept = pl.col("kept").map_elements(lambda one: f"{one:016x}", return_dtype=pl.String)
        alike = pl.format("{} alike: {}", pl.col("similarity").cast(pl.Float64).round(2), kept)
        return dropped.slice(first, last - first).select(
            row=(pl.col("place") - begins[number]).cast(pl.UInt32),
            reason=pl.when(pl.col("similarity").is_null())
            .then(pl.lit("exact_duplicate"))
            .otherwise(pl.lit("near_duplicate")),
            value=pl.when(pl.col("similarity").is_null()).then(pl.format("same words as {}", kept)).otherwise(alike),
        )

    return of_shard
