"""Reports sources from which a wrong setting or bad content loses all records.

The gate seldom sees such a loss. A Parquet file without the text column, for example, counts as a single bad record:
beside 80 good records of other sources, the share of bad records is 1 %.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator

import polars as pl
from tqdm import tqdm

from stages.raw_web_text.schema import Record
from stages.raw_web_text.settings import Source
from stages.raw_web_text.unread import CAUSES
from x_instruction.runner.errors import InputError
from x_instruction.runner.shards import LeadingDrop, Partition

NO_COLUMN = "missing_column"
# A file that is dropped as a whole for one of these reasons does not show which columns its rows have.
OF_FILES = (*CAUSES, "broken_file", "unreadable_file", "empty_file", "decompression_bomb")


class UnusedSources:
    """Watches the records of each source and finds the sources of which no record is used."""

    def __init__(self) -> None:
        # For each source, 64-bit hashes of the names of its files: 8 bytes a file.
        self._files: list[tuple[Source, pl.Series]] = []

    def watched(self, chunks: Iterable[pl.DataFrame], source: Source) -> Iterator[pl.DataFrame]:
        """Passes the records of a source on unchanged, and reports at the end what is wrong with all of them.

        The records of a shared source are those of all languages, so a language without documents is not reported.
        Raises InputError if no record has a page because none has the text column. For other reasons a warning is
        printed. A warning also says that some of the records have no text column.
        """
        drops, files = Drops(), set[int]()
        for chunk in chunks:
            drops.count(chunk)
            files.update(chunk["source"].unique().hash())
            yield chunk
        drops.report(source.path)
        if drops.pages and source.labelled:
            self._files.append((source, pl.Series(list(files), dtype=pl.UInt64)))

    def report_dropped(self, staged: Partition) -> None:
        """Reports each labelled source whose pages were all dropped after they were read, in the same way."""
        unused = self._files
        for path in staged.paths() if unused else ():
            kept = pl.read_parquet(path, columns=["source"])["source"].unique().hash()
            unused = [(source, files) for source, files in unused if not files.is_in(kept.implode()).any()]
            if not unused:
                return
        for source, files in unused:
            drops = Drops()
            for frame in staged.dropped_frames():
                rows = frame.with_columns(pl.col("origin").str.extract_groups(r"(?s)^(?<source>.*)#(?<record>\d+)$"))
                drops.count(rows.unnest("origin").filter(pl.col("source").hash().is_in(files.implode())))
            drops.report(source.path)


class Drops:
    """Counts the records of a source by reason, with the first record of each reason as its example."""

    def __init__(self) -> None:
        self._records = 0
        self._counts = Counter[str]()
        self._examples: dict[str, Record] = {}

    @property
    def pages(self) -> int:
        """The number of records without a reason to drop them."""
        return self._records - self._counts.total()

    def count(self, records: pl.DataFrame) -> None:
        self._records += records.height
        dropped = records.select("reason", "value", "source", "record").filter(pl.col("reason").is_not_null())
        for example in dropped.unique("reason", keep="first", maintain_order=True).iter_rows(named=True):
            self._examples.setdefault(example["reason"], example)
        self._counts.update(dropped["reason"])

    def report(self, path: str) -> None:
        """Raises InputError or prints a warning if there is a cause. `path` is the path of the source."""
        if self.pages and self._counts[NO_COLUMN]:
            number = f"{self._counts[NO_COLUMN]} of {self._records} records"
            _warn(f"source {path}: {number} (a table is one record) have no text: {self._missing_column()}")
        if self.pages:
            return
        of_rows = Counter({reason: count for reason, count in self._counts.items() if reason not in OF_FILES})
        if [reason for reason, _ in of_rows.most_common(1)] == [NO_COLUMN]:
            raise InputError(f"no record of source {path} has a text: {self._missing_column()}")
        for reason, count in self._counts.most_common(1):
            first = self._examples[reason]
            leading = LeadingDrop(reason, count, first["value"], f"{first['source']}#{first['record']}")
            _warn(
                f"no record of source {path} can be used; the most frequent reason is {reason} ({count} of "
                f"{self._records} records), for example: {leading.example}"
            )

    def _missing_column(self) -> str:
        example = self._examples[NO_COLUMN]
        return f"in {example['source']}, {example['value']}"


def _warn(sentence: str) -> None:
    tqdm.write(f"warning: {sentence}", file=sys.stderr)  # on a line without the progress bar
