"""Indexes a language's rows, from raw web text to the release, for `python -m x_instruction explain ID`.

With the index, `explain` need not scan the artifacts. A row is found under its id. A text is also found under the id of
its document, and a pair under the id of its text, whether they were kept or dropped. While the index is made, the stage
counts the texts without a document, the pairs without a text and the released rows without a pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from stages.row_index.index_files import NUMBER, IndexWriter, Numbers, contents_now, divide, numbers_of
from x_instruction.runner.content_ids import content_ids
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.published import refuse_damaged
from x_instruction.runner.shards import DROP_TEXT_CHARACTERS, DROPS

PARTITION = ("language",)
# For each count of rows whose origin is missing: the kind of row that the origin is.
ORIGINS = {"texts_without_document": "document", "pairs_without_text": "text", "released_without_pair": "pair"}


@dataclass(frozen=True)
class Seen:
    """Lists of ids on disk, to check that the row from which another row was made exists.

    A list has the ids of all rows of a kind, or the ids of the rows from which others were made.
    """

    folder: Path

    def add(self, name: str, ids: pl.Series) -> None:
        """Adds ids to the list with this name."""
        divide(self.folder / name, numbers_of(ids)[:, np.newaxis])

    def lacking(self, kind: str, wanted: str) -> int:
        """How many ids of the list `wanted` are not in the list `kind`."""
        return sum(
            int(np.isin(np.fromfile(path, NUMBER), self._ids(kind, path.name), invert=True).sum())
            for path in (self.folder / wanted).glob("*")
        )

    def _ids(self, name: str, bucket: str) -> Numbers:
        path = self.folder / name / bucket
        return np.fromfile(path, NUMBER) if path.exists() else np.zeros(0, NUMBER)


def run(job: Job) -> Outcome:
    partitions = _partitions(job)
    for folder in (*partitions, job.input("released_set")):
        refuse_damaged(folder)
    with job.scratch() as folder:
        writer, seen = IndexWriter(job.staging, folder / "entries"), Seen(folder)
        for partition in partitions:
            for path in _shards(partition):
                writer.add(_name(job, path), pl.read_parquet(path, columns=["id"])["id"])
        _add_texts(job, writer, seen)
        drops_without_text = _add_pairs(job, writer, seen)
        _add_released(job, writer, seen)
        released = job.input("released_set")
        writer.finish(contents_now(job.root, [_name(job, folder) for folder in (*partitions, released)]))
        lost = {name: seen.lacking(kind, name) for name, kind in ORIGINS.items()}
    counts = {"entries": writer.entries, "files": len(writer.files)}
    return Outcome(facts={**counts, **lost, "drops_without_text": drops_without_text})


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    return {name: outcome.facts[name] for name in ("entries", *ORIGINS, "drops_without_text")}


def _partitions(job: Job) -> list[Path]:
    """The folders whose rows are indexed under their ids, in the order of the pipeline."""
    before = [job.input(name, job.language) for name in ("raw_web_text", "filtered_text", "candidate_pairs")]
    rated = [job.input("rated_pairs", job.language, name) for name in job.settings.iterations]
    return [*before, *rated, *(job.input(name, job.language) for name in ("refined_pairs", "diversified_set"))]


def _shards(partition: Path) -> Iterator[Path]:
    yield from sorted(partition.glob("part-*.parquet"))
    yield from sorted((partition / DROPS).glob("part-*.parquet"))


def _name(job: Job, path: Path) -> str:
    return str(path.relative_to(job.root))


def _add_texts(job: Job, writer: IndexWriter, seen: Seen) -> None:
    """Adds the kept texts, each under the id of its document.

    A dropped text needs no such entry, because the id of its row is the id of its document.
    """
    for path in job.rows("raw_web_text", job.language).paths():
        seen.add("document", pl.read_parquet(path, columns=["id"])["id"])
    for path in job.rows("filtered_text", job.language).paths():
        texts = pl.read_parquet(path, columns=["id", "document_id"])
        writer.add(_name(job, path), texts["document_id"])
        seen.add("texts_without_document", texts["document_id"])
        seen.add("text", texts["id"])


def _add_pairs(job: Job, writer: IndexWriter, seen: Seen) -> int:
    """Adds the candidate pairs under the ids of their texts. Returns the number of dropped pairs without a text.

    The row of a dropped pair has only the beginning of its text and no `text_id`. Its text is the one in the same shard
    of filtered_text that has this beginning and gives the pair's id, the hash of language, instruction and text.
    """
    texts, without_text = job.rows("filtered_text", job.language).paths(), 0
    for path, path_of_texts in zip(job.rows("candidate_pairs", job.language).paths(), texts, strict=True):
        pairs = pl.read_parquet(path, columns=["id", "text_id"])
        writer.add(_name(job, path), pairs["text_id"])
        seen.add("pairs_without_text", pairs["text_id"])
        seen.add("pair", pairs["id"])
        drops = path.parent / DROPS / path.name
        linked, lost = _linked(pl.read_parquet(drops, columns=["id", "value", "text"]), path_of_texts)
        writer.add(_name(job, drops), linked["text_id"], linked["row"].to_numpy())
        writer.add(_name(job, path_of_texts), linked["id"], linked["row_of_text"].to_numpy())
        without_text += lost
    return without_text


def _linked(drops: pl.DataFrame, path_of_texts: Path) -> tuple[pl.DataFrame, int]:
    """Finds the texts of dropped pairs. Also returns the number of pairs whose text is not found.

    The columns are `id`, `row` (of the dropped pair), `text_id` and `row_of_text`.
    """
    texts = pl.read_parquet(path_of_texts, columns=["id", "language", "text"]).with_row_index("row_of_text")
    begin = pl.col("text").str.slice(0, DROP_TEXT_CHARACTERS).alias("begin")
    joined = (
        drops.with_row_index("row")
        .rename({"text": "begin", "value": "instruction"})
        .join(texts.rename({"id": "text_id"}).with_columns(begin), on="begin", how="inner")
    )
    same = joined.filter(joined["id"] == content_ids(joined, "language", "instruction", "text"))
    return same.select("id", "row", "text_id", "row_of_text"), drops.height - same["row"].n_unique()


def _add_released(job: Job, writer: IndexWriter, seen: Seen) -> None:
    """Adds this language's released rows, and those of its rows that the released set dropped."""
    released = job.input("released_set")
    for path in sorted((released / "dataset" / str(job.language)).glob("*.parquet")):
        ids = pl.read_parquet(path, columns=["id"])["id"]
        writer.add(_name(job, path), ids)
        seen.add("released_without_pair", ids)
    drawn = job.rows("diversified_set", job.language).paths()
    for path in sorted((released / DROPS).glob("part-*.parquet")):
        drops = pl.read_parquet(path, columns=["id"]).with_row_index("row")
        for shard in drawn:
            ours = drops.join(pl.read_parquet(shard, columns=["id"]), on="id", how="semi")
            writer.add(_name(job, path), ours["id"], ours["row"].to_numpy())
