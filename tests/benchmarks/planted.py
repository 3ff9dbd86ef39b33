"""Texts of made-up words, and pairs of them with a known similarity, for tests and benchmarks."""

from __future__ import annotations

import random

SYLLABLES = [consonant + vowel for consonant in "hjklmnprstv" for vowel in "aeiouyäö"]


def vocabulary(words: int, seed: int) -> list[str]:
    draw = random.Random(f"vocabulary {seed}")
    return ["".join(draw.choices(SYLLABLES, k=draw.randint(2, 4))) for _ in range(words)]


def planted_pairs(pairs: int, seed: int, words: int = 200) -> list[tuple[str, str]]:
    """Pairs of texts of about `words` words; the second is the first with 0 to 12 words replaced, at random places.

    With shingles of 5 words and 200 words, three or four replaced words leave a Jaccard similarity of about 0.8.
    """
    draw, known = random.Random(f"pairs {seed}"), vocabulary(20_000, seed)
    made = []
    for number in range(pairs):
        text = draw.choices(known, k=draw.randint(words * 3 // 4, words * 5 // 4))
        other = list(text)
        for place in draw.sample(range(len(other)), number % 13):
            other[place] = draw.choice(known)
        made.append((" ".join(text), " ".join(other)))
    return made


def jaccard(text: str, other: str, size: int) -> float:
    """Jaccard similarity of the sets of runs of `size` words, by its definition."""
    first, second = (
        {tuple(words[at : at + size]) for at in range(max(len(words) - size + 1, 1))}
        for words in (text.lower().translate(PLAIN).split(), other.lower().translate(PLAIN).split())
    )
    return len(first & second) / len(first | second)


PLAIN = str.maketrans(dict.fromkeys(".,!?–", " "))


def distinct_texts(texts: int, seed: int, words: int = 200) -> list[str]:
    """Texts of about `words` words, of which no two are similar."""
    draw, known = random.Random(f"texts {seed}"), vocabulary(20_000, seed)
    return [" ".join(draw.choices(known, k=draw.randint(words * 3 // 4, words * 5 // 4))) for _ in range(texts)]
