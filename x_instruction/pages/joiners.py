"""Keeps zero-width joiners through the extraction, which deletes all characters without a glyph.

Bengali, Persian and Tamil spelling needs joiners. During the extraction, they are replaced by two Javanese punctuation
marks, which no text in the project's languages contains.
"""

from __future__ import annotations

import re

JOINERS = {"\u200c": "\ua9c6", "\u200d": "\ua9c7"}
NON_JOINER, JOINER = JOINERS.values()
# One pattern finds the entities of both joiners, so that a page with hundreds of other entities is searched only once.
ENTITY = re.compile("&(?:(zwnj|ZWNJ|#8204|#[xX]200[cC])|zwj|ZWJ|#8205|#[xX]200[dD]);")


def hide(text: str) -> str:
    """Replaces joiners, and the entities that name them, by the Javanese marks."""
    text = ENTITY.sub(lambda entity: NON_JOINER if entity[1] else JOINER, text)
    for joiner, hidden in JOINERS.items():
        text = text.replace(joiner, hidden)
    return text


def show(text: str) -> str:
    """Replaces the Javanese marks by the joiners again."""
    for joiner, hidden in JOINERS.items():
        text = text.replace(hidden, joiner)
    return text
