"""Thai words as newmm of PyThaiNLP cuts them: where dictionary words fit, the fewest of them.

PyThaiNLP's dictionary (62,000 words, CC0; some hold blanks and points: ต่าง ๆ, พ.ศ.), walked in compiled code. Words
end only between character clusters: a vowel sign or tone mark stays with its consonant, a leading vowel with the one
that follows. What no word covers is one unknown word up to where the next one fits. As `newmm-safe`, by which
FineWeb-2's thresholds were found, texts are cut in pieces of up to 140 characters first, at blanks where there are any.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from x_instruction.words.compiled import compiled
from x_instruction.words.numbers import join_numbers
from x_instruction.words.thai_dictionary import Steps, Symbols, dictionary, place_of

THAI_FIRST, THAI_LAST = 0x0E00, 0x0E7F
FIRST_CONSONANT, LAST_CONSONANT, SHORT_VOWELS, THANTHAKHAT = 0x0E01, 0x0E2E, (0x0E34, 0x0E38, 0x0E39), 0x0E4C
BLANK, NEWLINE, HYPHEN = 0x20, 0x0A, 0x2D
# newmm's: a piece is cut somewhere in its last 40 characters, and at a place so many words are looked at.
PIECE, WINDOW, MOST_WORDS = 140, 40, 50
# Room for what is known of a piece: it has at most PIECE places and MOST_WORDS + PIECE words.
ROOM = 256
# Code points of texts, and places in them or in tables of them.
Points = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int32]


def word_ends(points: Points, starts: npt.NDArray[np.int64]) -> Places:
    """Of texts points[starts[i]:starts[i + 1]]: for each place where a word begins, where it ends.

    Words follow each other without a gap; blanks are words or, in some of the dictionary's, parts of words.
    """
    ends = np.asarray(_cut(points, starts, *dictionary()))
    join_numbers(points, starts, ends)
    return ends


@compiled
def _is_thai(point: int) -> bool:
    return THAI_FIRST <= point <= THAI_LAST


@compiled
def _is_digit(point: int) -> bool:
    return 0x30 <= point <= 0x39 or 0x0E50 <= point <= 0x0E59


@compiled
def _is_latin(point: int) -> bool:
    return 0x41 <= point <= 0x5A or 0x61 <= point <= 0x7A or point == HYPHEN


@compiled
def _cluster_ends(points: Points, place: int, end: int) -> bool:
    """Whether a word may end before this place, which is not the first of a piece."""
    if place == end:
        return True
    point, before = points[place], points[place - 1]
    follows = 0x0E30 <= point <= 0x0E3A or point == 0x0E45 or 0x0E47 <= point <= 0x0E4E
    return not (follows or 0x0E40 <= before <= 0x0E44 or before == 0x0E31 or _is_silent(points, place, end))


@compiled
def _is_silent(points: Points, place: int, end: int) -> bool:
    """Whether one or two consonants stand here under a thanthakhat, with or without a short vowel (ร์, ตร์, ธิ์)."""
    consonants = 0
    while place < end and consonants < 2 and FIRST_CONSONANT <= points[place] <= LAST_CONSONANT:
        place, consonants = place + 1, consonants + 1
    if consonants and place < end and points[place] in SHORT_VOWELS:
        place += 1
    return consonants > 0 and place < end and points[place] == THANTHAKHAT


@compiled
def _other_end(points: Points, place: int, end: int) -> int:
    """Where what is not Thai ends: Latin letters and hyphens, a number, blanks, or signs up to Thai or a blank.

    The place itself where Thai stands.
    """
    point, past = points[place], place + 1
    if _is_latin(point):
        while past < end and _is_latin(points[past]):
            past += 1
    elif _is_digit(point):
        while past < end and (
            _is_digit(points[past]) or (points[past] in (0x2C, 0x2E) and past + 1 < end and _is_digit(points[past + 1]))
        ):
            past += 1
    elif point == BLANK:
        while past < end and points[past] == BLANK:
            past += 1
    elif _is_thai(point):
        past = place
    elif point != NEWLINE:
        while past < end and not _is_thai(points[past]) and points[past] not in (BLANK, NEWLINE):
            past += 1
    return past


@compiled
def _known_ends(points: Points, place: int, end: int, steps: Steps, symbols: Symbols, found: Places) -> int:
    """Ends of the dictionary's words that begin at a place, short to long, and their number."""
    node, count = 1, 0
    while place < end and points[place] < symbols.size and symbols[points[place]]:
        step = place_of(steps, node * 128 + int(symbols[points[place]]))
        if steps[step, 0] == 0:
            break
        node, place = int(steps[step, 1]) >> 1, place + 1
        if steps[step, 1] & 1 and _cluster_ends(points, place, end):
            found[count] = place
            count += 1
    return count


@compiled
def _unknown_end(points: Points, place: int, end: int, steps: Steps, symbols: Symbols, found: Places) -> int:
    """Where an unknown word ends: before what is not Thai, or a word of more than two consonants."""
    past = _other_end(points, place, end)
    if past > place:
        return past
    for past in range(place + 1, end):
        if not _cluster_ends(points, past, end):
            continue
        if _other_end(points, past, end) > past:
            return past
        for one in range(_known_ends(points, past, end, steps, symbols, found)):
            if found[one] - past > 2:
                return past
            for inside in range(past, found[one]):
                if not FIRST_CONSONANT <= points[inside] <= LAST_CONSONANT:
                    return past
    return end


@compiled
def _fewest(first: int, goal: int, start: int, edges: Places, past: Places, room: Places) -> None:
    """Write the words of a shortest way from one place to another into `past`; of two, the one with shorter words.

    edges[0, at] and edges[1, at] are where the ends of words from start + at begin and end in edges[2].
    """
    came, queue = room[0], room[1]
    came[first - start : goal - start + 1] = -1
    queue[0], head, tail = first, 0, 1
    came[first - start] = first
    while came[goal - start] < 0:
        place = queue[head]
        head += 1
        for edge in range(edges[0, place - start], edges[1, place - start]):
            to = edges[2, edge]
            if came[to - start] < 0:
                came[to - start] = place
                queue[tail] = to
                tail += 1
    place = goal
    while place != first:
        before = came[place - start]
        past[before] = place
        place = before


@compiled
def _cut_piece(
    points: Points, start: int, end: int, steps: Steps, symbols: Symbols, past: Places, room: Places
) -> None:
    """Write into past[place], for each word of the piece, where the one that begins there ends.

    Places are gone through in order as words lead to them; where all ways meet in one, what lies before is settled.
    """
    edges, reached, found = room[:3], room[3], room[4]
    reached[: end - start + 1] = 0
    place = settled = start
    ways, edge, looked_at = 1, 0, 0
    reached[0] = 1
    while place < end:
        if not reached[place - start]:
            place += 1
            continue
        ways -= 1
        edges[0, place - start] = edge
        for one in range(_known_ends(points, place, end, steps, symbols, found)):
            to = found[one]
            edges[2, edge] = to
            edge, looked_at = edge + 1, looked_at + 1
            ways += 1 - reached[to - start]
            reached[to - start] = 1
            if looked_at > MOST_WORDS:
                break
        edges[1, place - start] = edge
        if ways == 0:
            to = _unknown_end(points, place, end, steps, symbols, found)
            past[place], settled, ways, edge, looked_at = to, to, 1, 0, 0
            reached[to - start] = 1
        elif ways == 1:
            goal = place + 1
            while not reached[goal - start]:
                goal += 1
            _fewest(settled, goal, start, edges, past, room[5:])
            settled, edge, looked_at = goal, 0, 0
        place += 1


@compiled
def _piece_end(points: Points, start: int, steps: Steps, symbols: Symbols, past: Places, room: Places) -> int:
    """Behind the last blank of the window, or before its longest word."""
    first, last = start + PIECE - WINDOW, start + PIECE
    for place in range(last - 1, first - 1, -1):
        if points[place] == BLANK:
            return place + 1
    _cut_piece(points, first, last, steps, symbols, past, room)
    place = longest = first
    while place < last:
        if past[place] - place >= past[longest] - longest:
            longest = place
        place = past[place]
    return longest


@compiled
def _cut(points: Points, starts: npt.NDArray[np.int64], steps: Steps, symbols: Symbols) -> Places:
    past, room = np.zeros(points.size, np.int32), np.zeros((7, ROOM), np.int32)
    for text in range(starts.size - 1):
        piece, end = starts[text], starts[text + 1]
        while end - piece >= PIECE:
            cut = _piece_end(points, piece, steps, symbols, past, room)
            _cut_piece(points, piece, cut, steps, symbols, past, room)
            piece = cut
        _cut_piece(points, piece, end, steps, symbols, past, room)
    return past
