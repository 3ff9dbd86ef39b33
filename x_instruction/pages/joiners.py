"""Carries zero-width joiners through the extractor, which deletes characters without a glyph.

Bengali, Persian and Tamil spelling needs joiners. Two Javanese punctuation marks, which text of our languages does not
contain, stand in for them.
"""

from __future__ import annotations

import re

JOINERS = {"\u200c": "\ua9c6", "\u200d": "\ua9c7"}
NON_JOINER, JOINER = JOINERS.values()
# One search finds both kinds of entity: a news page has hundreds of other entities.
ENTITY = re.compile("&(?:(zwnj|ZWNJ|#8204|#[xX]200[cC])|zwj|ZWJ|#8205|#[xX]200[dD]);")


def hide(text: str) -> str:
    """Replaces joiners, and the entities that name them, by their stand-ins."""
    text = ENTITY.sub(lambda entity: NON_JOINER if entity[1] else JOINER, text)
    for joiner, hidden in JOINERS.items():
        text = text.replace(joiner, hidden)
    return text


def show(text: str) -> str:
    """Replaces the stand-ins by the joiners again."""
    for joiner, hidden in JOINERS.items():
        text = text.replace(hidden, joiner)
    return text
