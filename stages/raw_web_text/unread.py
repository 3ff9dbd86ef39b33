"""Counts the files, records and bytes of the sources that are not read, by cause.

Each of these becomes a row of PAGE_SCHEMA, with its bytes in `lost` (0 if it cannot contain new pages): a file that is
not read, the unreadable rest of a damaged file, and the records of one kind in an archive if they are not pages.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

# Dropped rows with one of these reasons count as bad records.
BAD = (
    "invalid_utf8", "unreadable_record", "empty_page", "extraction_failed", "page_too_large", "nul_bytes",
    "nested_too_deep", "page_too_costly", "invalid_url", "record_too_long", "missing_column", "broken_record",
    "broken_file", "decompression_bomb", "unreadable_file", "empty_file", "content_coding",
)  # fmt: skip
# Causes that do not count as bad records, because they say nothing about the rows that are read.
CAUSES = {
    "unread_file": "files in a format that cannot be read",
    "outside_link": "links that lead out of the source's folder",
    "irregular_file": "pipes, sockets and devices",
    "closed_folder": "folders that the current user may not list; their bytes are an estimate",
    "closed_file": "files that the current user may not read",
    "drops_of_an_artifact": "files with the dropped rows of a published artifact, which must not become input again",
    "other_records": "records of an archive that are not pages, such as requests",
}
READ, DOUBTFUL, LOST = "bytes_read", "bytes_doubtful", "bytes_lost_"


def weights(pages: pl.DataFrame) -> dict[str, int]:
    """Bytes of the pages of a frame, doubtful bytes, and bytes lost by reason, to be summed over all frames."""
    lost = pages.filter(pl.col("lost") > 0).group_by("reason").agg(pl.col("lost").sum())
    doubtful = int(pages["doubtful"].sum())
    return {
        READ: int(pages["size"].sum()),
        **({DOUBTFUL: doubtful} if doubtful else {}),
        **{f"{LOST}{reason}": size for reason, size in sorted(lost.iter_rows())},
    }


def lost_bytes(counts: Mapping[str, int]) -> dict[str, int]:
    """Bytes that were not read, by reason."""
    return {name.removeprefix(LOST): size for name, size in counts.items() if name.startswith(LOST)}


def unread_share(counts: Mapping[str, int]) -> float:
    """Share of the bytes of the sources that were not read."""
    lost = sum(lost_bytes(counts).values())
    return lost / max(lost + counts.get(READ, 0), 1)


def doubtful_share(counts: Mapping[str, int]) -> float:
    """Share of the bytes of the sources that were read from damaged parts."""
    doubtful, read = counts.get(DOUBTFUL, 0), counts.get(READ, 0)
    return doubtful / max(sum(lost_bytes(counts).values()) + max(read, doubtful), 1)


def unread_sentence(counts: Mapping[str, int], reasons: Mapping[str, int]) -> str:
    """Each cause with its number of rows and bytes; "none" if everything was read. `reasons` counts dropped rows."""
    lost = lost_bytes(counts)
    named = [name for name in reasons if name in CAUSES or name in lost]
    parts = [f"{reasons[name]} {name} ({in_bytes(lost.get(name, 0))})" for name in named]
    if doubtful := counts.get(DOUBTFUL):
        parts.append(f"{in_bytes(doubtful)} read from damaged parts, which may be wrong")
    return ", ".join(parts) or "none"


def in_bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
