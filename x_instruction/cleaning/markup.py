"""Removes what only a site's software needs: front matter, comments, tags, macros, and links within the site.

Code between fences or backquotes stays. Comments, tags, images and links within the site are removed only from
Markdown, because a text that is not Markdown usually explains them (a lesson on HTML).
"""

from __future__ import annotations

import html
from functools import partial

import polars as pl

from x_instruction.cleaning.code_blocks import BLOCK
from x_instruction.cleaning.control_strings import TAG as CONTROL_TAG
from x_instruction.language.changes import changed_where

# Control strings stay, like code: they are counted, and prompts encode them as ordinary text.
CODE = rf"({BLOCK}|`[^`\n]+`|{CONTROL_TAG})"
FRONT_MATTER = r"^---\n[A-Za-z_][\w-]*:[^\n]*\n(?:[^\n]*\n){0,80}?---(?:\n|$)"
MARKDOWN = rf"{FRONT_MATTER}|(?m:^#{{1,6}} \S|\]\([^()\s]+\)|^ *```)"
COMMENT = r"[ ]?(?s:<!--.*?-->|\{/\*.*?\*/\})"
# BREAK matches HTML tags that end a line. TAG matches any tag, also components such as `<Intro>`.
_REST = r"(?:\s[^<>]{0,3000})?/?>"
BREAK = rf"</?(?i:p|div|br|hr|li|[uod]l|d[td]|h[1-6]|t[rdh]|table|section|aside|blockquote|figure){_REST}"
TAG = rf"</?[A-Za-z][\w.:-]*{_REST}"
_IMAGE = r"!\[[^\]\n]*\]\([^()\n]*\)"
IMAGE = rf"\[{_IMAGE}\]\([^()\n]*\)|{_IMAGE}"  # a link around an image is removed with it
# A link within a site leads nowhere when the text is used elsewhere, so only the link's text stays.
SITE_LINK = r"\[([^\[\]\n]*)\]\((?:[/#.?][^()\s]*|[\w./-]+\.(?:md|html)(?:#[^()\s]*)?)\)"
# Macros that the site's software replaces. {{Compat("api.URL")}}, alone on a line, becomes a part of the page.
# {{domxref("URL.host", "host")}}, within a line, becomes a link. The link's text is the second argument, or the first
# if there is only one.
MACRO_LINE = r"(?m:^[ ]*(?:\{\{[^{}\n]*\}\}[ .,]*)+$)"
MACRO = r"""\{\{[ ]*\w+[ ]*\([ ]*(?:["'][^"'\n{}]*["'][ ]*,[ ]*)?["']([^"'\n{}]+)["'][^{}\n]*\}\}"""
# DIRECTIVE matches whole lines: {% include … %}, {#if …}, {:else}, {: .class}; and in reStructuredText `.. meta::` and
# `:keywords: …`. ALONE matches lines that have only signs.
DIRECTIVE = r"(?m:^[ ]*(?:\{[%#:/][^\n]*\}|\.\. [\w-]+::[^\n]*|:[a-z_]+:(?:[ ][^\n]*|`[^`\n]*`)?)[ ]*$)"
ALONE = r"(?m:^[ ]*(?:#{1,6}|[.…•·*_~–—-]+|[=+^]{3,}|-->)[ ]*$)"
ANCHOR = r"(?m: *\{#[\w-]+\}$)"
ENTITY = r"&(?:[A-Za-z]{2,8}|#[0-9]{2,6}|#x[0-9A-Fa-f]{2,5});"
MARKED = rf"[<{{\[&`]|^---\n|{DIRECTIVE}|{ALONE}"
# Temporary marks. No text contains these characters, because control characters have been removed from all texts.
OPEN, CLOSE = "\x02", "\x03"


def without_markup(texts: pl.Series, keep_blank_lines: bool = False) -> pl.Series:
    """Removes markup, spaces at line ends and, unless `keep_blank_lines`, blank lines.

    A text without markup is not changed at all.
    """
    line_ends = 2 if keep_blank_lines else 1
    return changed_where(texts.str.contains(MARKED), texts, partial(_without, max_line_ends=line_ends))


def _without(texts: pl.Series, max_line_ends: int) -> pl.Series:
    markdown = texts.str.contains(MARKDOWN)
    texts = texts.str.replace(FRONT_MATTER, "")
    for pattern in (MACRO_LINE, MACRO):
        texts = _outside_code(texts, pattern)
    for pattern, by in ((COMMENT, ""), (BREAK, "\n"), (TAG, ""), (IMAGE, ""), (SITE_LINK, "")):
        texts = _outside_code(texts, pattern, by, markdown)
    for pattern in (DIRECTIVE, ANCHOR, ALONE):
        texts = _outside_code(texts, pattern)
    texts = texts.str.replace_all(r"[ ]+\n", "\n").str.replace_all(rf"\n{{{max_line_ends},}}", "\n" * max_line_ends)
    return _unescaped(texts.str.strip_chars_end().str.strip_chars_start("\n"))


def _outside_code(texts: pl.Series, pattern: str, by: str = "", only: pl.Series | None = None) -> pl.Series:
    """Replaces the pattern outside code by `by` or, if that is empty, by what the pattern's group matched.

    `only` is true for the texts that may be changed; by default, all texts may be changed.
    """
    found = texts.str.contains(pattern)
    return changed_where(found if only is None else found & only, texts, partial(_replaced, pattern=pattern, by=by))


def _replaced(texts: pl.Series, pattern: str, by: str) -> pl.Series:
    if not by:
        return texts.str.replace_all(f"{CODE}|{pattern}", "${1}${2}")
    marked_code = texts.str.replace_all(f"{CODE}|{pattern}", f"{OPEN}${{1}}{CLOSE}")
    return marked_code.str.replace_all(OPEN + CLOSE, by, literal=True).str.replace_all(f"[{OPEN}{CLOSE}]", "")


def _unescaped(texts: pl.Series) -> pl.Series:
    """Replaces entities such as `&uuml;` by their characters, even if they were escaped twice."""
    return changed_where(texts.str.contains(ENTITY), texts, _without_entities)


def _without_entities(texts: pl.Series) -> pl.Series:
    unescaped = texts.map_elements(lambda text: html.unescape(html.unescape(text)), return_dtype=pl.String)
    return unescaped.str.replace_all("\u00a0", " ", literal=True)
