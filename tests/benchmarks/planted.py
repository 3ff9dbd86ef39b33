"""Texts of made-up words, and pairs of texts of known similarity, for tests and benchmarks."""

from __future__ import annotations

import random

SYLLABLES = [consonant + vowel for consonant in "hjklmnprstv" for vowel in "aeiouyäö"]


def vocabulary(words: int, seed: int) -> list[str]:
    draw = random.Random(f"vocabulary {seed}")
    return ["".join(draw.choices(SYLLABLES, k=draw.randint(2, 4))) for _ in range(words)]


def planted_pairs(pairs: int, seed: int, words: int = 200) -> list[tuple[str, str]]:
    """Pairs of texts of about `words` words. The second text is a copy of the first with 0 to 12 random words replaced.

    With 200 words and shingles of 5 words, four or five replaced words give a Jaccard similarity of about 0.8.
    """
    draw, known = random.Random(f"pairs {seed}"), vocabulary(20_000, seed)
    pairs_of_texts = []
    for number in range(pairs):
        text = draw.choices(known, k=draw.randint(words * 3 // 4, words * 5 // 4))
        other = list(text)
        for place in draw.sample(range(len(other)), number % 13):
            other[place] = draw.choice(known)
        pairs_of_texts.append((" ".join(text), " ".join(other)))
    return pairs_of_texts


def jaccard(one: str, other: str, size: int) -> float:
    """The exact Jaccard similarity of the sets of `size`-word shingles, to check the fast estimate."""
    first, second = (
        {tuple(words[at : at + size]) for at in range(max(len(words) - size + 1, 1))}
        for words in (one.lower().translate(PLAIN).split(), other.lower().translate(PLAIN).split())
    )
    return len(first & second) / len(first | second)


PLAIN = str.maketrans(dict.fromkeys(".,!?–", " "))


def distinct_texts(texts: int, seed: int, words: int = 200) -> list[str]:
    """Different texts of about `words` words."""
    draw, known = random.Random(f"texts {seed}"), vocabulary(20_000, seed)
    return [" ".join(draw.choices(known, k=draw.randint(words * 3 // 4, words * 5 // 4))) for _ in range(texts)]
