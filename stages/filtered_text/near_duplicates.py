"""Near-duplicates: MinHash signatures of word shingles, candidates by banding, the longest text kept.

Signatures come from rensa. Bands (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, ch. 3) only find
candidates; a pair counts when its estimated Jaccard similarity reaches the threshold. The texts are gone
through from longest to shortest, ties by id, and each is held against those kept so far: the outcome does not
depend on the order of rows or shards.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import polars as pl
from rensa import RMinHash

from stages.filtered_text.sentences import fold
from stages.languages import LanguageSettings
from stages.second_pass import DECISION_SCHEMA
from stages.settings import FilteredText

SEED = 42
# Of pairs just at the threshold, the share that banding must find.
RECALL = 0.99


def signatures(texts: pl.Series, settings: FilteredText, language: LanguageSettings) -> pl.Series:
    """Signature of each text: `minhash_permutations` unsigned 32-bit numbers as bytes."""
    sets = [shingles(text, settings.shingle_words, language) for text in _folded(texts)]
    rows = RMinHash.digests_from_token_sets(sets, settings.minhash_permutations, SEED)
    return pl.Series("signature", [np.asarray(row, dtype="<u4").tobytes() for row in rows], dtype=pl.Binary)


def _folded(texts: pl.Series) -> list[str]:
    words = fold(pl.lit(texts)).str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ").str.strip_chars()
    return pl.select(words).to_series().to_list()


def shingles(text: str, words: int, language: LanguageSettings) -> list[str]:
    """Runs of so many words; of as many characters as these have where words are not marked."""
    if language.characters_per_word is None:
        parts, size, joint = text.split(), words, " "
    else:
        parts, size, joint = list(text.replace(" ", "")), round(words * language.characters_per_word), ""
    return [joint.join(parts[start : start + size]) for start in range(max(len(parts) - size + 1, 1))]


def band_rows(permutations: int, threshold: float) -> int:
    """The most rows a band can have and still find RECALL of the pairs just at the threshold."""
    found = [rows for rows in range(1, permutations + 1) if _found(permutations, rows, threshold) >= RECALL]
    return max(found, default=1)


def _found(permutations: int, rows: int, similarity: float) -> float:
    return 1 - (1 - similarity**rows) ** (permutations // rows)


def near_duplicates(rows: pl.DataFrame, settings: FilteredText) -> pl.DataFrame:
    """Decisions on staged rows with `id`, `document_id`, `words` and `signature`."""
    ordered = rows.sort(["words", "id", "document_id"], descending=[True, False, False])
    ordered = ordered.with_columns(place=pl.int_range(pl.len()))
    bands = _shared_bands(ordered, settings)
    candidates = ordered.filter(pl.col("place").is_in(list(bands)))
    table = {place: np.frombuffer(one, "<u4") for place, one in candidates.select("place", "signature").iter_rows()}
    decided = _decide(bands, table, settings.near_duplicate_jaccard)
    return (
        pl.DataFrame(decided, schema={"place": pl.Int64, "of": pl.Int64, "similarity": pl.Float64}, orient="row")
        .join(ordered.select("place", "shard", "row"), on="place")
        .join(ordered.select(of="place", kept="id"), on="of")
        .with_columns(reason=pl.lit("near_duplicate"), value=pl.format("{} alike: {}", pl.col("similarity"), "kept"))
        .select(list(DECISION_SCHEMA))
    )


def _shared_bands(ordered: pl.DataFrame, settings: FilteredText) -> dict[int, list[tuple[int, bytes]]]:
    """For each place the bands (number, content) that it shares with another; places in order."""
    width = 4 * band_rows(settings.minhash_permutations, settings.near_duplicate_jaccard)
    bands: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    for number in range(4 * settings.minhash_permutations // width):
        keys = ordered.select("place", key=pl.col("signature").bin.slice(number * width, width))
        for place, key in keys.filter(pl.len().over("key") > 1).iter_rows():
            bands[place].append((number, key))
    return dict(sorted(bands.items()))


def _decide(
    bands: dict[int, list[tuple[int, bytes]]], table: dict[int, np.ndarray], threshold: float
) -> list[tuple[int, int, float]]:
    """(place, place of the kept text it is like, similarity) of each place to drop."""
    kept: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    decided = []
    for place, keys in bands.items():
        near = sorted({other for key in keys for other in kept[key]})
        alike = ((other, float((table[other] == table[place]).mean())) for other in near)
        match = next(((other, share) for other, share in alike if share >= threshold), None)
        if match:
            decided.append((place, match[0], round(match[1], 2)))
        else:
            for key in keys:
                kept[key].append(place)
    return decided
