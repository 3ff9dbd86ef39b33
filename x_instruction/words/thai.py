"""Splits Thai text into words as newmm of PyThaiNLP does: the fewest words of the dictionary that cover the text.

Some words of PyThaiNLP's dictionary contain spaces or full stops (ต่าง ๆ, พ.ศ.). Words end only between character
clusters: a vowel sign or tone mark stays with its consonant, and a leading vowel stays with the consonant after it. If
no word of the dictionary fits at a place, an unknown word begins there. It ends where the next word of the dictionary
fits, or before text that is not Thai. As in `newmm-safe`, with which FineWeb-2's thresholds were found, texts are first
cut into pieces of up to 140 characters, at a space if possible.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from x_instruction.words.characters import Points, Starts, is_digit
from x_instruction.words.compiled import compiled
from x_instruction.words.hashing import Keys
from x_instruction.words.numbers import join_numbers
from x_instruction.words.thai_dictionary import Nodes, Symbols, dictionary, step_from

THAI_FIRST, THAI_LAST = 0x0E00, 0x0E7F
FIRST_CONSONANT, LAST_CONSONANT, SHORT_VOWELS, THANTHAKHAT = 0x0E01, 0x0E2E, (0x0E34, 0x0E38, 0x0E39), 0x0E4C
SPACE, NEWLINE, HYPHEN = 0x20, 0x0A, 0x2D
# As in `newmm-safe`, a piece is cut within the last 40 of its 140 characters. After more than MAX_WORDS words
# were considered since the last place that all paths share, only the shortest word at each place is considered.
PIECE, WINDOW, MAX_WORDS = 140, 40, 50
# Size of the temporary arrays, which have room for the places (at most PIECE) and words (at most MAX_WORDS + PIECE) of
# a piece.
ROOM = 256
# Arrays of indices, mostly into `points`: the code points of all texts, one after another.
Places = npt.NDArray[np.int32]


def word_ends(points: Points, starts: Starts) -> Places:
    """For each place at which a word begins, the place where it ends. Text i is `points[starts[i]:starts[i + 1]]`.

    There are no gaps between words: spaces are words by themselves, or parts of words of the dictionary.
    """
    ends = np.asarray(_split(points, starts, *dictionary()))
    join_numbers(points, starts, ends)
    return ends


@compiled
def _is_thai(point: int) -> bool:
    return THAI_FIRST <= point <= THAI_LAST


@compiled
def _is_latin(point: int) -> bool:
    return 0x41 <= point <= 0x5A or 0x61 <= point <= 0x7A or point == HYPHEN


@compiled
def _cluster_ends(points: Points, place: int, end: int) -> bool:
    """Whether a word may end right before this place, which must not be the first one of a piece."""
    if place == end:
        return True
    point, before = points[place], points[place - 1]
    follows = 0x0E30 <= point <= 0x0E3A or point == 0x0E45 or 0x0E47 <= point <= 0x0E4E
    return not (follows or 0x0E40 <= before <= 0x0E44 or before == 0x0E31 or _is_silent(points, place, end))


@compiled
def _is_silent(points: Points, place: int, end: int) -> bool:
    """Whether silent consonants begin here: one or two with a thanthakhat and maybe a short vowel (ร์, ตร์, ธิ์)."""
    consonants = 0
    while place < end and consonants < 2 and FIRST_CONSONANT <= points[place] <= LAST_CONSONANT:
        place, consonants = place + 1, consonants + 1
    if consonants and place < end and points[place] in SHORT_VOWELS:
        place += 1
    return consonants > 0 and place < end and points[place] == THANTHAKHAT


@compiled
def _other_end(points: Points, place: int, end: int) -> int:
    """The end of the non-Thai text that begins at `place`: Latin letters and hyphens, a number, spaces or other signs.

    If the text at `place` is Thai, `place` itself is returned.
    """
    point, past = points[place], place + 1
    if _is_latin(point):
        while past < end and _is_latin(points[past]):
            past += 1
    elif is_digit(point):
        while past < end and (
            is_digit(points[past]) or (points[past] in (0x2C, 0x2E) and past + 1 < end and is_digit(points[past + 1]))
        ):
            past += 1
    elif point == SPACE:
        while past < end and points[past] == SPACE:
            past += 1
    elif _is_thai(point):
        past = place
    elif point != NEWLINE:
        while past < end and not _is_thai(points[past]) and points[past] not in (SPACE, NEWLINE):
            past += 1
    return past


@compiled
def _known_ends(points: Points, place: int, end: int, steps: Keys, nodes: Nodes, symbols: Symbols, ends: Places) -> int:
    """Writes the ends of the dictionary's words that begin at a place, short words first; returns their number."""
    node, count = 1, 0
    while place < end and points[place] < symbols.size and symbols[points[place]]:
        slot = step_from(steps, node, int(symbols[points[place]]))
        if steps[slot] == 0:
            break
        node, place = int(nodes[slot]) >> 1, place + 1
        if nodes[slot] & 1 and _cluster_ends(points, place, end):
            ends[count] = place
            count += 1
    return count


@compiled
def _unknown_end(
    points: Points, place: int, end: int, steps: Keys, nodes: Nodes, symbols: Symbols, ends: Places
) -> int:
    """Where an unknown word ends: after text that is not Thai, if the word begins with such text.

    Other unknown words end before text that is not Thai, or before a known word. A known word of only one or two
    consonants does not end an unknown word.
    """
    past = _other_end(points, place, end)
    if past > place:
        return past
    for past in range(place + 1, end):
        if not _cluster_ends(points, past, end):
            continue
        if _other_end(points, past, end) > past:
            return past
        for word in range(_known_ends(points, past, end, steps, nodes, symbols, ends)):
            if ends[word] - past > 2:
                return past
            for inside in range(past, ends[word]):
                if not FIRST_CONSONANT <= points[inside] <= LAST_CONSONANT:
                    return past
    return end


@compiled
def _fewest(first: int, goal: int, start: int, edges: Places, past: Places, room: Places) -> None:
    """Writes into `past` the ends of the fewest words that lead from `first` to `goal`.

    If several paths have equally few words, the one whose first words are shorter is taken. For a word that begins at
    the place `start + at`, the possible ends are `edges[2, edges[0, at]:edges[1, at]]`.
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
def _split_piece(
    points: Points, start: int, end: int, steps: Keys, nodes: Nodes, symbols: Symbols, past: Places, room: Places
) -> None:
    """Writes the end of each word of the piece into `past[place]`, where `place` is the beginning of the word.

    The places at which words end are visited in order. When all paths meet in one place, the words before it are final.
    """
    edges, reached, ends = room[:3], room[3], room[4]
    reached[: end - start + 1] = 0
    place = final = start
    ways, edge, looked_at = 1, 0, 0
    reached[0] = 1
    while place < end:
        if not reached[place - start]:
            place += 1
            continue
        ways -= 1
        edges[0, place - start] = edge
        for word in range(_known_ends(points, place, end, steps, nodes, symbols, ends)):
            to = ends[word]
            edges[2, edge] = to
            edge, looked_at = edge + 1, looked_at + 1
            ways += 1 - reached[to - start]
            reached[to - start] = 1
            if looked_at > MAX_WORDS:
                break
        edges[1, place - start] = edge
        if ways == 0:
            to = _unknown_end(points, place, end, steps, nodes, symbols, ends)
            past[place], final, ways, edge, looked_at = to, to, 1, 0, 0
            reached[to - start] = 1
        elif ways == 1:
            goal = place + 1
            while not reached[goal - start]:
                goal += 1
            _fewest(final, goal, start, edges, past, room[5:])
            final, edge, looked_at = goal, 0, 0
        place += 1


@compiled
def _piece_end(
    points: Points, start: int, steps: Keys, nodes: Nodes, symbols: Symbols, past: Places, room: Places
) -> int:
    """The place at which a piece is cut: after the last space of the window, or before the longest word in it."""
    first, last = start + PIECE - WINDOW, start + PIECE
    for place in range(last - 1, first - 1, -1):
        if points[place] == SPACE:
            return place + 1
    _split_piece(points, first, last, steps, nodes, symbols, past, room)
    place = longest = first
    while place < last:
        if past[place] - place >= past[longest] - longest:
            longest = place
        place = past[place]
    return longest


@compiled
def _split(points: Points, starts: Starts, steps: Keys, nodes: Nodes, symbols: Symbols) -> Places:
    past, room = np.zeros(points.size, np.int32), np.zeros((7, ROOM), np.int32)
    for text in range(starts.size - 1):
        piece, end = starts[text], starts[text + 1]
        while end - piece >= PIECE:
            cut = _piece_end(points, piece, steps, nodes, symbols, past, room)
            _split_piece(points, piece, cut, steps, nodes, symbols, past, room)
            piece = cut
        _split_piece(points, piece, end, steps, nodes, symbols, past, room)
    return past
