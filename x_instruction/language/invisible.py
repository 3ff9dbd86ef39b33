"""Removes the characters that no reader sees, except where spelling or an emoji needs them.

Invisible characters can hide words from a filter or a mask, and tag characters can even contain whole messages.
Unicode's categories and the property Default_Ignorable decide what is invisible, because a list of our own would be
incomplete.
"""

from __future__ import annotations

import polars as pl

from x_instruction.language.changes import changed_where

# Control and format characters, private use, non-characters, and characters that fonts do not show: variation
# selectors, tags, fillers, the grapheme joiner. Format characters that are drawn around the digits after them, such as
# the Arabic sign for the end of a verse (U+06DD), are visible and stay. The braille blank and the object replacement
# character are in none of these categories, so the pattern lists them.
INVISIBLE = (
    r"[[\p{Cc}--[\n\t\r]][\p{Cf}--\p{Prepended_Concatenation_Mark}]\p{Co}\p{Noncharacter_Code_Point}"
    r"\p{Default_Ignorable_Code_Point}\x{2800}\x{FFFC}]"
)
# Scripts that need joiners (ZWJ and ZWNJ). In Persian and Urdu, a ZWNJ keeps two letters unconnected. In Indic scripts,
# joiners choose between a conjunct and a half form. Languages in other scripts do not use joiners.
JOINING_SCRIPTS = (
    *("Arabic", "Bengali", "Devanagari", "Gujarati", "Gurmukhi", "Kannada", "Khmer", "Malayalam", "Mongolian"),
    *("Myanmar", "Oriya", "Sinhala", "Syriac", "Tamil", "Telugu"),
)
_LETTERS = "".join(rf"\p{{{script}}}" for script in JOINING_SCRIPTS)
_JOINED = rf"[[{_LETTERS}]&&[\p{{L}}\p{{M}}]][\x{{200C}}\x{{200D}}]"
# Parts of emoji stay: a sign with a skin colour or a variation selector, several such signs with joiners, a keycap,
# and flags. The flags of England, Scotland and Wales are the only sequences of tags that Unicode recommends.
_EMOJI = r"\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|[\x{FE0E}\x{FE0F}])?"
_KEY = r"[0-9#*]\x{FE0F}?\x{20E3}"
_FLAGS = "|".join("".join(rf"\x{{E00{ord(letter):02X}}}" for letter in name) for name in ("gbeng", "gbsct", "gbwls"))
_FLAG = rf"\x{{1F3F4}}(?:{_FLAGS})\x{{E007F}}"
# Private-use characters with a known meaning: Windows fonts use them for shifted Thai vowels and tone marks, and Word
# for its bullet.
_SHIFTED = "\u0e10\u0e34\u0e35\u0e36\u0e37" + "\u0e48\u0e49\u0e4a\u0e4b\u0e4c" * 2
_SHIFTED += "\u0e0d\u0e31\u0e4d\u0e47\u0e48\u0e49\u0e4a\u0e4b\u0e4c\u0e38\u0e39\u0e3a"
KNOWN = {chr(0xF700 + place): letter for place, letter in enumerate(_SHIFTED)} | {"\uf0b7": "•"}
HONEST = rf"{_JOINED}|{_FLAG}|{_EMOJI}(?:\x{{200D}}{_EMOJI})*|{_KEY}"


def visible(texts: pl.Series) -> pl.Series:
    """Removes invisible characters, and replaces those in KNOWN.

    Changed texts are brought into NFC, because a mark may now follow its letter.
    """
    return changed_where(texts.str.contains(INVISIBLE), texts, _visible)


def _visible(texts: pl.Series) -> pl.Series:
    kept = texts.str.replace_many(KNOWN).str.replace_all(f"({HONEST})|{INVISIBLE}", "${1}")
    return changed_where(kept != texts, kept, lambda changed: changed.str.normalize("NFC"))


def hidden_characters(before: pl.Series, after: pl.Series) -> pl.Series:
    """The number of characters that `visible` removed or replaced in each text."""
    changed = (before != after).fill_null(False)
    found, left = (texts.filter(changed).str.count_matches(INVISIBLE).cast(pl.Int64) for texts in (before, after))
    zeros = pl.repeat(0, len(before), dtype=pl.Int64, eager=True)
    return changed_where(changed, zeros, lambda _: found - left)
