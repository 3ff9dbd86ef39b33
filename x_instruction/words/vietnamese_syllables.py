"""Vietnamese text cut where pyvi cuts it before it makes words: at blanks and signs.

Whole stay, in this order: abbreviations ("TP.", "Tp.", "Ms."), arrows and three points, addresses of the web and of
mail, numbers with points, commas or low lines in them, single signs, and runs of letters, digits and low lines.
Characters are what Python's str and re say of them, since pyvi asks these.
"""

from __future__ import annotations

import string
from functools import cache

import numpy as np
import numpy.typing as npt

from x_instruction.words.characters import CODE_POINTS
from x_instruction.words.compiled import compiled

# Of a character: \w, \s, \d, str.isdigit, str.isupper or istitle, str.islower, ASCII punctuation; what abbreviations
# in capitals, the names and the domains of mail are of.
WORD, SPACE, DECIMAL, DIGIT, UPPER, LOWER, PUNCTUATION, CAPITAL, NAME, DOMAIN = (1 << bit for bit in range(10))
POINT, COMMA, LOW_LINE, AT, COLON, SLASH, HYPHEN, EQUALS, GREATER = (ord(sign) for sign in ".,_@:/-=>")
ABBREVIATIONS = np.array(
    [[ord(sign) for sign in one] for one in ("Tp.\0", "Mr.\0", "Mrs.", "Ms.\0", "Dr.\0", "ThS.")], np.uint32
)
LETTERS = string.ascii_letters + string.digits
Points = npt.NDArray[np.uint32]
Marks = npt.NDArray[np.uint16]


@cache
def flags() -> Marks:
    told = np.zeros(CODE_POINTS, np.uint16)
    for point in range(CODE_POINTS):
        one = chr(point)
        told[point] = (
            WORD * (one.isalnum() or one == "_")
            | SPACE * one.isspace()
            | DECIMAL * one.isdecimal()
            | DIGIT * one.isdigit()
            | UPPER * (one.isupper() or one.istitle())
            | LOWER * one.islower()
            | PUNCTUATION * (one in string.punctuation)
            | CAPITAL * (one in string.ascii_uppercase or one == "Đ")
            | NAME * (one in LETTERS + "_.+-")
            | DOMAIN * (one in LETTERS + "-")
        )
    return told


@cache
def lowered() -> Points:
    """Each character in lower case; as it is where that would be two, of which no Vietnamese syllable has one."""
    small = (chr(point).lower() for point in range(CODE_POINTS))
    return np.array([ord(one) if len(one) == 1 else point for point, one in enumerate(small)], np.uint32)


@compiled
def _is(points: Points, place: int, end: int, marks: Marks, mark: int) -> bool:
    if place >= end:
        return False
    point = points[place]
    # Beyond are Chinese characters, which are letters.
    return (marks[point] & mark) > 0 if point < CODE_POINTS else mark == WORD


@compiled
def _run(points: Points, place: int, end: int, marks: Marks, mark: int) -> int:
    while _is(points, place, end, marks, mark):
        place += 1
    return place


@compiled
def _sign(points: Points, place: int, end: int, sign: int) -> bool:
    return place < end and points[place] == sign


@compiled
def _abbreviation(points: Points, place: int, end: int, marks: Marks) -> int:
    """Where one ends that begins here; the place itself where none does, as in all that follow."""
    capitals = _run(points, place, end, marks, CAPITAL)
    if capitals > place and _sign(points, capitals, end, POINT):
        return capitals + 1
    for row in range(ABBREVIATIONS.shape[0]):
        past = place
        for sign in ABBREVIATIONS[row]:
            if sign == 0:
                break
            if not _sign(points, past, end, sign):
                past = place
                break
            past += 1
        if past > place:
            return past
    return place


@compiled
def _special(points: Points, place: int, end: int) -> int:
    """An arrow (==>, ->, >>) or three points."""
    if place + 1 >= end:
        return place
    point, after = points[place], points[place + 1]
    third = points[place + 2] if place + 2 < end else np.uint32(0)
    if (point == EQUALS and after == EQUALS and third == GREATER) or (point == after == third == POINT):
        return place + 3
    if after == GREATER and point in (HYPHEN, GREATER):
        return place + 2
    return place


@compiled
def _web(points: Points, place: int, end: int, word_end: int, marks: Marks) -> int:
    """An address of the web: letters, ://, and all up to a blank."""
    after = word_end + 3
    if word_end == place or not _sign(points, word_end, end, COLON):
        return place
    if not (_sign(points, word_end + 1, end, SLASH) and _sign(points, word_end + 2, end, SLASH)) or after >= end:
        return place
    past = after
    while past < end and not _is(points, past, end, marks, SPACE):
        past += 1
    return past if past > after else place


@compiled
def _mail(points: Points, name_end: int, end: int, marks: Marks) -> int:
    """Where an address ends whose name ends here; the place itself where it is none."""
    if not _sign(points, name_end, end, AT):
        return name_end
    past, parts = _run(points, name_end + 1, end, marks, DOMAIN), 0
    if past == name_end + 1:
        return name_end
    while _sign(points, past, end, POINT) and _is(points, past + 1, end, marks, DOMAIN):
        past, parts = _run(points, past + 1, end, marks, DOMAIN), parts + 1
    return past if parts else name_end


@compiled
def _number(points: Points, place: int, end: int, marks: Marks) -> int:
    """A number with signs in it ("1.234,5"); without, it is a word."""
    past, parts = _run(points, place, end, marks, DECIMAL), 0
    while past > place and past < end and points[past] in (POINT, COMMA, LOW_LINE):
        further = _run(points, past + 1, end, marks, DECIMAL)
        if further == past + 1:
            break
        past, parts = further, parts + 1
    return past if parts else place


@compiled
def syllables(
    points: Points, start: int, end: int, marks: Marks
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Where the syllables and signs of the text points[start:end] begin and end."""
    first, past = np.zeros(end - start, np.int32), np.zeros(end - start, np.int32)
    place, count, no_mail, word_end = start, 0, start, start
    while place < end:
        if _is(points, place, end, marks, SPACE):
            place += 1
            continue
        # Runs are gone through once: a rest of a name without an address behind it has none either.
        if word_end <= place:
            word_end = _run(points, place, end, marks, WORD)
        ends = _abbreviation(points, place, end, marks)
        if ends == place:
            ends = _special(points, place, end)
        if ends == place:
            ends = _web(points, place, end, word_end, marks)
        if ends == place and place >= no_mail and _is(points, place, end, marks, NAME):
            name_end = _run(points, place, end, marks, NAME)
            ends = _mail(points, name_end, end, marks)
            if ends == name_end:
                no_mail, ends = name_end, place
        if ends == place:
            ends = _number(points, place, end, marks)
        if ends == place:
            ends = max(word_end, place + 1)
        first[count], past[count] = place, ends
        place, count = ends, count + 1
    return first[:count], past[:count]
