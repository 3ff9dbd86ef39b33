"""Counts the records of an archive that are not pages."""

from __future__ import annotations

from collections.abc import Iterator

from fastwarc.warc import WarcRecord

from stages.raw_web_text.schema import Record

# Records that accompany pages and contain no page. They are counted, but their bytes do not count as lost.
BESIDE = ("warcinfo", "request", "metadata", "revisit")


class Others:
    """For each kind of record that is not a page: the offset of the first record, their number and their bytes."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[int, int, int]] = {}

    @property
    def size(self) -> int:
        return sum(size for kind, (_, _, size) in self._kinds.items() if kind not in BESIDE)

    def count(self, record: WarcRecord) -> None:
        kind = str(record.record_type).rpartition(".")[2]
        first, number, size = self._kinds.get(kind, (record.stream_pos, 0, 0))
        self._kinds[kind] = first, number + 1, size + max(record.content_length, 0)

    def records(self) -> Iterator[Record]:
        """One record for each kind, which becomes a dropped row."""
        for kind, (first, number, size) in self._kinds.items():
            value = f"{number} records of kind {kind}, {size} bytes"
            lost = 0 if kind in BESIDE else size
            yield {"record": first, "reason": "other_records", "value": value, "lost": lost}
