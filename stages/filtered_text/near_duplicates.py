"""Exact and near-duplicates among the staged texts of a language, whatever shard or source they stand in.

Texts of the same words, then texts whose sets of shingles are alike by at least `near_duplicate_jaccard`: banding of
MinHash signatures finds candidates, the exact Jaccard similarity decides. Of copies the best is kept: likeliest in
the language (by hundredths), then longest, then smallest id; so neither rows nor shards in another order change
the outcome. What grows with the number of texts lies on disk; two bytes a text, about 100 a near candidate and
100 a dropped text are held: 10 million texts of which a tenth are copies take some 200 MB.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from stages.filtered_text.clusters import keep_the_best
from stages.filtered_text.signatures import keys
from stages.filtered_text.similarity import ShingleSets
from stages.languages import LanguageSettings
from stages.on_disk import Array, append, gather, pieces, repeated
from stages.second_pass import DECISION_SCHEMA, by_shard, first_places
from stages.settings import FilteredText

# What ranks a text, the least first: figures turned round, then the ids as numbers.
RANK = np.dtype([("goodness", "<u8"), ("id", "<u8"), ("document", "<u8")])
MEMBER = np.dtype([("place", "<i8"), ("bucket", "<i8")])
COLUMNS = ["id", "document_id", "words", "language_score", "signature"]


def duplicates(shards: list[Path], scratch: Path, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Decisions on the rows of staged shards (COLUMNS and `text`). `scratch` is an empty folder for what is held."""
    begins = _spread(shards, scratch)
    if not begins[-1]:
        return pl.DataFrame(schema=DECISION_SCHEMA)
    alive = np.ones(begins[-1], np.bool_)
    exact = _exact(scratch, alive)
    return _decisions(scratch, begins, exact, _near(shards, scratch, alive, settings, language))


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


def _decisions(scratch: Path, begins: Array, exact: pl.DataFrame, near: pl.DataFrame) -> pl.DataFrame:
    """Rows of DECISION_SCHEMA. The copy of a text that is dropped itself is dropped for what that was dropped for."""
    onward = exact.join(near, left_on="of", right_on="place", suffix="_kept")
    same = exact.join(near, left_on="of", right_on="place", how="anti")
    near = pl.concat([near, onward.select("place", "similarity", of="of_kept").select(near.columns)])
    ids = {name: _ids(scratch, rows["of"].to_numpy()) for name, rows in (("same", same), ("near", near))}
    rows = pl.concat(
        [
            same.select("place", reason=pl.lit("exact_duplicate"), value=pl.format("same words as {}", ids["same"])),
            near.select(
                "place",
                reason=pl.lit("near_duplicate"),
                value=pl.format("{} alike: {}", pl.col("similarity").round(2), ids["near"]),
            ),
        ]
    ).sort("place")
    shard = np.searchsorted(begins, rows["place"].to_numpy(), side="right") - 1
    return rows.select(
        pl.Series("shard", shard, pl.UInt32),
        pl.Series("row", rows["place"].to_numpy() - begins[shard], pl.UInt32),
        "reason",
        "value",
    ).match_to_schema(DECISION_SCHEMA)


def _ids(scratch: Path, places: Array) -> pl.Series:
    texts, at = np.unique(places, return_inverse=True)
    numbers = gather(scratch / "ranks", RANK, texts)["id"]
    return pl.Series([f"{number:016x}" for number in numbers], dtype=pl.String).gather(at)
