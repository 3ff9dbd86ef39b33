"""Cleans seeds and evaluation prompts."""

from __future__ import annotations

import ftfy
import polars as pl

from x_instruction.cleaning.code_blocks import BLOCK
from x_instruction.cleaning.markup import without_markup
from x_instruction.cleaning.private_data.mask import masked
from x_instruction.language.changes import changed_where
from x_instruction.language.invisible import visible
from x_instruction.language.letters import normalised
from x_instruction.language.settings import LanguageSettings
from x_instruction.pages.normalise import looks_garbled

LINE_ENDS = r"\r\n?|[\x{85}\x{2028}\x{2029}]"
SPACES = r"[\x{A0}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]"
# HTML elements that a browser runs or loads, or that lay out a page. A text needs them only in program code.
_ELEMENTS = "script|style|iframe|object|embed|form|input|meta|link|html|head|body|svg|div|span|img"
ACTIVE_MARKUP = rf"(?i)</?(?:{_ELEMENTS})(?:\s[^<>]*)?/?>|<!--|<!doctype"
CODE = rf"{BLOCK}|`[^`\n]+`"


def cleaned_texts(texts: pl.Series, language: LanguageSettings | None) -> pl.Series:
    """Repairs mojibake, restores the language's letters, masks private data, removes invisible characters and markup.

    Line ends and indentation stay, because program code needs them. `language` is None for texts in English.
    """
    name = texts.name
    garbled = pl.Series([looks_garbled(text) for text in texts], dtype=pl.Boolean)
    texts = changed_where(garbled, texts, lambda chosen: chosen.map_elements(ftfy.fix_encoding, return_dtype=pl.String))
    texts = visible(texts.str.replace_all(LINE_ENDS, "\n").str.replace_all(SPACES, " ")).str.normalize("NFC")
    texts = normalised(texts, language) if language else texts
    texts = without_markup(texts, keep_blank_lines=True)
    return masked(texts, language.countries if language else ())[0].str.strip_chars().alias(name)


def has_markup(text: pl.Expr) -> pl.Expr:
    """Whether a text has markup that a browser would act on, outside of program code in fences or backquotes."""
    return text.str.replace_all(CODE, "").str.contains(ACTIVE_MARKUP)
