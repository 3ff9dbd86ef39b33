"""Lines of texts, counted in one compiled pass: what the rules on lines look at.

raw_web_text puts one paragraph on a line, so Gopher's rules on duplicate paragraphs are those on duplicate lines.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.words.characters import CODE_POINTS, FULL_STOP, IN_WORD, QUOTE, SPACE, batches, kinds
from x_instruction.words.compiled import compiled

NAMES = ["lines", "duplicate_lines", "duplicate_line_characters", "closed_lines", "short_lines", "bullet_lines"]
NAMES += ["ellipsis_lines", "characters", "newlines", "hashes", "ellipses", "quoted_lines", "title_characters"]
SCHEMA = pl.Struct(dict.fromkeys(NAMES, pl.Int64))
# FineWeb's short_line_length.
SHORT_LINE = 30
TITLE = 60
NEWLINE, HASH, POINT, ELLIPSIS, BULLET, HYPHEN = 0x0A, 0x23, 0x2E, 0x2026, 0x2022, 0x2D


def with_line_facts(frame: pl.DataFrame, lone_signs_count: bool) -> pl.DataFrame:
    """Adds the column `line_facts` (NAMES), once. Lines are not blank and, unless set, not without a word."""
    if "line_facts" in frame.columns:
        return frame
    counts = [_count(batch.points, batch.starts, kinds(), lone_signs_count) for batch in batches(frame["text"])]
    table = np.concatenate([*counts, np.zeros((0, len(NAMES)), np.int64)])
    return frame.with_columns(pl.DataFrame(table, schema=NAMES).to_struct("line_facts").cast(SCHEMA))


def share_of_lines(name: str, min_lines: int) -> pl.Expr:
    """Null for a text of fewer lines than can be judged by their share."""
    judged = line_fact("lines") >= min_lines
    return pl.when(judged).then(line_fact(name) / line_fact("lines"))


def line_fact(name: str) -> pl.Expr:
    return pl.col("line_facts").struct.field(name)


@compiled
def _first_seen(table: npt.NDArray[np.uint64], key: np.uint64) -> bool:
    """Put a key into a table with open addressing; zero marks a free place."""
    mask = np.uint64(table.size - 1)
    place = (key ^ (key >> np.uint64(32))) & mask
    while table[place] != 0:
        if table[place] == key:
            return False
        place = (place + np.uint64(1)) & mask
    table[place] = key
    return True


@compiled
def _count(
    points: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64], flags: npt.NDArray[np.uint8], signs: bool
) -> npt.NDArray[np.int64]:
    rows = np.zeros((starts.size - 1, 13), np.int64)
    for text in range(starts.size - 1):
        start, end, row = starts[text], starts[text + 1], rows[text]
        row[7] = end - start
        for place in range(start, end):
            row[8] += points[place] == NEWLINE
            row[9] += points[place] == HASH
        size = 4
        while size < 2 * (row[8] + 1):
            size *= 2
        seen, place = np.zeros(size, np.uint64), start
        while place < end:
            first = place
            while place < end and points[place] != NEWLINE:
                place += 1
            last = place - 1
            place += 1
            while first <= last and points[first] < CODE_POINTS and flags[points[first]] & SPACE:
                first += 1
            while first <= last and points[last] < CODE_POINTS and flags[points[last]] & SPACE:
                last -= 1
            if not signs:
                row[9] -= _heading_signs(points, first, last, flags)
            counted = first <= last and (signs or _has_word(points, first, last, flags))
            if counted and not _first_seen(seen, _line(points, first, last, flags, row)):
                row[1] += 1
                row[2] += last - first + 1
    return rows


@compiled
def _heading_signs(points: npt.NDArray[np.uint32], first: int, last: int, flags: npt.NDArray[np.uint8]) -> int:
    """Number of hash signs that mark the line as a Markdown heading ("## Alku", "##"); none in "#tag"."""
    past = first
    while past <= last and points[past] == HASH:
        past += 1
    marks = past > last or (points[past] < CODE_POINTS and flags[points[past]] & SPACE)
    return past - first if marks else 0


@compiled
def _has_word(points: npt.NDArray[np.uint32], first: int, last: int, flags: npt.NDArray[np.uint8]) -> bool:
    for place in range(first, last + 1):  # noqa: SIM110 - any() over a generator does not compile
        if points[place] >= CODE_POINTS or flags[points[place]] & IN_WORD:
            return True
    return False


@compiled
def _line(
    points: npt.NDArray[np.uint32], first: int, last: int, flags: npt.NDArray[np.uint8], row: npt.NDArray[np.int64]
) -> np.uint64:
    """Count the line points[first:last + 1], which begins and ends with no blank; its hash, never zero."""
    key, points_in_a_row = np.uint64(14695981039346656037), 0
    for place in range(first, last + 1):
        point = points[place]
        key = (key ^ np.uint64(point)) * np.uint64(1099511628211)
        points_in_a_row = points_in_a_row + 1 if point == POINT else 0
        row[10] += point == ELLIPSIS or (points_in_a_row > 0 and points_in_a_row % 3 == 0)
    head, tail = points[first], points[last]
    row[0] += 1
    row[3] += tail < CODE_POINTS and (flags[tail] & FULL_STOP) > 0
    row[11] += tail < CODE_POINTS and (flags[tail] & QUOTE) > 0
    closed = tail < CODE_POINTS and (flags[tail] & (FULL_STOP | QUOTE)) > 0
    row[12] += 0 if closed or last - first >= TITLE else last - first + 1
    row[4] += last - first + 1 <= SHORT_LINE
    row[5] += head in (BULLET, HYPHEN)
    row[6] += tail == ELLIPSIS or points_in_a_row >= 3
    return key | np.uint64(1)
