"""Indexes a language's rows, from raw web text to the release, for `python -m x_instruction explain ID`.

With the index, `explain` need not scan the artifacts. A row is found under its id. A text is also found under the id of
its document, and a pair under the id of its text, whether they were kept or dropped. While the index is made, the stage
counts the texts without a document, the pairs without a text and the released rows without a pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from stages.row_index.index_files import IndexWriter, Numbers, contents_now, numbers_of
from x_instruction.runner.content_ids import content_ids
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.published import refuse_damaged
from x_instruction.runner.shards import DROP_TEXT_CHARACTERS, DROPS

PARTITION = ("language",)


@dataclass
class Seen:
    """The ids of documents, texts and pairs, to check that the row from which another row was made exists."""

    ids: dict[str, list[Numbers]] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, ids: pl.Series) -> None:
        self.ids.setdefault(kind, []).append(numbers_of(ids))

    def require(self, kind: str, ids: pl.Series, lost: str) -> None:
        """Counts the `ids` that no row of this kind has, and adds their number to the count named `lost`."""
        missing = ~np.isin(numbers_of(ids), np.concatenate(self.ids.get(kind) or [np.zeros(0, np.uint64)]))
        self.lost[lost] = self.lost.get(lost, 0) + int(missing.sum())


def run(job: Job) -> Outcome:
    seen, partitions = Seen(), _partitions(job)
    for folder in (*partitions, job.input("released_set")):
        refuse_damaged(folder)
    with job.scratch() as folder:
        writer = IndexWriter(job.staging, folder)
        for partition in partitions:
            for path in _shards(partition):
                writer.add(_name(job, path), pl.read_parquet(path, columns=["id"])["id"])
        _add_texts(job, writer, seen)
        _add_pairs(job, writer, seen)
        _add_released(job, writer, seen)
        released = job.input("released_set")
        writer.finish(contents_now(job.root, [_name(job, folder) for folder in (*partitions, released)]))
    return Outcome(facts={"entries": writer.entries, "files": len(writer.files), **seen.lost})


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    lost = ("texts_without_document", "pairs_without_text", "drops_without_text", "released_without_pair")
    return {"entries": outcome.facts["entries"], **{name: outcome.facts.get(name, 0) for name in lost}}


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
        seen.require("document", texts["document_id"], "texts_without_document")
        seen.add("text", texts["id"])


def _add_pairs(job: Job, writer: IndexWriter, seen: Seen) -> None:
    """Adds the candidate pairs under the ids of their texts.

    The row of a dropped pair has only the beginning of its text and no `text_id`. Its text is the one in the same shard
    of filtered_text that has this beginning and gives the pair's id, the hash of language, instruction and text.
    """
    texts = job.rows("filtered_text", job.language).paths()
    for path, path_of_texts in zip(job.rows("candidate_pairs", job.language).paths(), texts, strict=True):
        pairs = pl.read_parquet(path, columns=["id", "text_id"])
        writer.add(_name(job, path), pairs["text_id"])
        seen.require("text", pairs["text_id"], "pairs_without_text")
        seen.add("pair", pairs["id"])
        drops = path.parent / DROPS / path.name
        linked, lost = _linked(pl.read_parquet(drops, columns=["id", "value", "text"]), path_of_texts)
        writer.add(_name(job, drops), linked["text_id"], linked["row"].to_numpy())
        writer.add(_name(job, path_of_texts), linked["id"], linked["row_of_text"].to_numpy())
        seen.lost["drops_without_text"] = seen.lost.get("drops_without_text", 0) + lost


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
        seen.require("pair", ids, "released_without_pair")
    drawn = job.rows("diversified_set", job.language).table(["id"])["id"]
    for path in sorted((released / DROPS).glob("part-*.parquet")):
        drops = pl.read_parquet(path, columns=["id"]).with_row_index("row").filter(pl.col("id").is_in(drawn.implode()))
        writer.add(_name(job, path), drops["id"], drops["row"].to_numpy())
