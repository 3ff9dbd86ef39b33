"""Counts lines in each text in one compiled pass, for the rules on lines.

raw_web_text writes each paragraph on one line. So Gopher's rules on duplicate paragraphs are the same as those on
duplicate lines.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.language.sentences import marks
from x_instruction.language.settings import LanguageSettings
from x_instruction.words.characters import CLOSER, IN_WORD, SPACE, Points, Starts, batches, kind, kinds
from x_instruction.words.compiled import compiled
from x_instruction.words.hashing import hash_of, slot_of, table_size

NAMES = ["lines", "duplicate_lines", "duplicate_line_characters", "closed_lines", "short_lines", "bullet_lines"]
NAMES += ["ellipsis_lines", "characters", "newlines", "hashes", "ellipses", "quoted_lines", "title_characters"]
LINES, DUPLICATES, DUPLICATE_CHARACTERS, CLOSED, SHORT, BULLETED = range(6)
ENDING_IN_ELLIPSIS, CHARACTERS, NEWLINES, HASHES, ELLIPSES, QUOTED, TITLE_CHARACTERS = range(6, 13)
COLUMNS = len(NAMES)
SCHEMA = pl.Struct(dict.fromkeys(NAMES, pl.Int64))
# The maximum length of a short line in characters, the same as FineWeb's `short_line_length`.
SHORT_LINE = 30
# A line of at most this many characters that is neither closed nor quoted counts as a title. The limit is our own.
TITLE = 60
NEWLINE, HASH, POINT, ELLIPSIS, BULLET, HYPHEN = 0x0A, 0x23, 0x2E, 0x2026, 0x2022, 0x2D
# A flag in addition to those of `kinds`, for marks that end a sentence in the language.
SENTENCE_END = 128
Flags = npt.NDArray[np.uint8]
Row = npt.NDArray[np.int64]


def with_line_counts(frame: pl.DataFrame, punctuation_counts: bool, language: LanguageSettings) -> pl.DataFrame:
    """Adds the column `line_counts`, a struct with the fields NAMES, unless the frame has it.

    Blank lines are left out of all counts of lines. Lines of punctuation are left out too, unless `punctuation_counts`
    is true. A line is closed if it ends with a mark that ends a sentence, and quoted if it ends with a closing
    quotation mark or bracket.
    """
    if "line_counts" in frame.columns:
        return frame
    flags = kinds().copy()
    flags[[ord(mark) for mark in marks(language)]] |= SENTENCE_END
    counts = [_count(*batch, flags, punctuation_counts) for batch in batches(frame["text"])]
    table = np.concatenate([*counts, np.zeros((0, COLUMNS), np.int64)])
    return frame.with_columns(pl.DataFrame(table, schema=NAMES).to_struct("line_counts").cast(SCHEMA))


def lines_counted(name: str) -> pl.Expr:
    """One field of `line_counts`."""
    return pl.col("line_counts").struct.field(name)


def share_of_lines(name: str, min_lines: int) -> pl.Expr:
    """One of the counts divided by the number of lines; null for a text with fewer than `min_lines` lines."""
    return pl.when(lines_counted("lines") >= min_lines).then(lines_counted(name) / lines_counted("lines"))


@compiled
def _count(points: Points, starts: Starts, flags: Flags, punctuation_counts: bool) -> npt.NDArray[np.int64]:
    rows = np.zeros((starts.size - 1, COLUMNS), np.int64)
    for text in range(starts.size - 1):
        start, end, row = starts[text], starts[text + 1], rows[text]
        row[CHARACTERS] = end - start
        for place in range(start, end):
            row[NEWLINES] += points[place] == NEWLINE
            row[HASHES] += points[place] == HASH
        seen, place = np.zeros(table_size(row[NEWLINES] + 1), np.uint64), start
        while place < end:
            first = place
            while place < end and points[place] != NEWLINE:
                place += 1
            first, past = _stripped(points, first, place, flags)
            place += 1
            if not punctuation_counts:
                row[HASHES] -= _heading_marks(points, first, past, flags)
            if first < past and (punctuation_counts or _has_word(points, first, past, flags)):
                _count_line(points, first, past, flags, row)
                _count_duplicate(points, first, past, seen, row)
    return rows


@compiled
def _stripped(points: Points, first: int, past: int, flags: Flags) -> tuple[int, int]:
    """The first place and the end of the line points[first:past] without white space at its ends."""
    while first < past and kind(flags, points[first]) & SPACE:
        first += 1
    while first < past and kind(flags, points[past - 1]) & SPACE:
        past -= 1
    return first, past


@compiled
def _heading_marks(points: Points, first: int, past: int, flags: Flags) -> int:
    """Number of hash signs that make a line a Markdown heading: 2 for "## Alku" and for "##", but 0 for "#tag"."""
    place = first
    while place < past and points[place] == HASH:
        place += 1
    return place - first if place == past or kind(flags, points[place]) & SPACE else 0


@compiled
def _has_word(points: Points, first: int, past: int, flags: Flags) -> bool:
    for place in range(first, past):  # noqa: SIM110 - any() over a generator does not compile
        if kind(flags, points[place]) & IN_WORD:
            return True
    return False


@compiled
def _count_duplicate(points: Points, first: int, past: int, seen: npt.NDArray[np.uint64], row: Row) -> None:
    key = hash_of(points, first, past)
    slot = slot_of(seen, seen.size, key)
    if seen[slot] == key:
        row[DUPLICATES] += 1
        row[DUPLICATE_CHARACTERS] += past - first
    seen[slot] = key


@compiled
def _count_line(points: Points, first: int, past: int, flags: Flags, row: Row) -> None:
    """Adds the line points[first:past] to the counts. It must have text, and no white space at its ends."""
    points_in_a_row = 0
    for place in range(first, past):
        points_in_a_row = points_in_a_row + 1 if points[place] == POINT else 0
        row[ELLIPSES] += points[place] == ELLIPSIS or (points_in_a_row > 0 and points_in_a_row % 3 == 0)
    length, last = past - first, points[past - 1]
    closed, quoted = (kind(flags, last) & SENTENCE_END) > 0, (kind(flags, last) & CLOSER) > 0
    row[LINES] += 1
    row[CLOSED] += closed
    row[QUOTED] += quoted
    row[TITLE_CHARACTERS] += 0 if closed or quoted or length > TITLE else length
    row[SHORT] += length <= SHORT_LINE
    row[BULLETED] += points[first] in (BULLET, HYPHEN)
    row[ENDING_IN_ELLIPSIS] += last == ELLIPSIS or points_in_a_row >= 3
