"""Removes what is meant for a site's software and not its readers: front matter, comments, tags, macros, site links.

Code between fences or backquotes stays as it is. Comments, tags and images are removed from Markdown alone: elsewhere
they are what the text is about.
"""

from __future__ import annotations

import html

import polars as pl

from stages.filtered_text.cleaning.code_blocks import BLOCK

# What a tokenizer may take for structure stays too: it is counted, and prompts encode it as text.
CODE = rf"({BLOCK}|`[^`\n]+`|</?s>|<(?:start|end)_of_turn>|<(?:pad|unk|bos|eos)>)"
FRONT_MATTER = r"^---\n[A-Za-z_][\w-]*:[^\n]*\n(?:[^\n]*\n){0,80}?---(?:\n|$)"
MARKDOWN = rf"{FRONT_MATTER}|(?m:^#{{1,6}} \S|\]\([^()\s]+\)|^ *```)"
COMMENT = r"[ ]?(?s:<!--.*?-->|\{/\*.*?\*/\})"
# HTML tags that stand for the end of a line; and any tag, including components (`<Intro>`, `<Youtube id="…"/>`).
_REST = r"(?:\s[^<>]{0,3000})?/?>"
BREAK = rf"</?(?i:p|div|br|hr|li|[uod]l|d[td]|h[1-6]|t[rdh]|table|section|aside|blockquote|figure){_REST}"
TAG = rf"</?[A-Za-z][\w.:-]*{_REST}"
_IMAGE = r"!\[[^\]\n]*\]\([^()\n]*\)"
IMAGE = rf"\[{_IMAGE}\]\([^()\n]*\)|{_IMAGE}"  # a link around an image is removed with it
# A link within a site leads nowhere from an answer; its text stays.
SITE_LINK = r"\[([^\[\]\n]*)\]\((?:[/#.?][^()\s]*|[\w./-]+\.(?:md|html)(?:#[^()\s]*)?)\)"
# Unfilled templates: {{Compat("api.URL")}} alone on a line is a part of the page; within a line, {{domxref("URL.host",
# "host")}} is a link, and its text is its second argument, or its first if there is only one.
MACRO_LINE = r"(?m:^[ ]*(?:\{\{[^{}\n]*\}\}[ .,]*)+$)"
MACRO = r"""\{\{[ ]*\w+[ ]*\([ ]*(?:["'][^"'\n{}]*["'][ ]*,[ ]*)?["']([^"'\n{}]+)["'][^{}\n]*\}\}"""
# Lines: {% include … %}, {#if …}, {:else}, {: .class}; `.. meta::` and `:keywords: …` of reStructuredText; lone signs.
DIRECTIVE = r"(?m:^[ ]*(?:\{[%#:/][^\n]*\}|\.\. [\w-]+::[^\n]*|:[a-z_]+:(?:[ ][^\n]*|`[^`\n]*`)?)[ ]*$)"
ALONE = r"(?m:^[ ]*(?:#{1,6}|[.…•·*_~–—-]+|[=+^]{3,}|-->)[ ]*$)"
ANCHOR = r"(?m: *\{#[\w-]+\}$)"
ENTITY = r"&(?:[A-Za-z]{2,8}|#[0-9]{2,6}|#x[0-9A-Fa-f]{2,5});"
MARKED = rf"[<{{\[&`]|^---\n|{DIRECTIVE}|{ALONE}"
# No text contains these, because raw_web_text removes control characters.
OPEN, CLOSE = "\x02", "\x03"


def without_markup(texts: pl.Series) -> pl.Series:
    """The texts without markup, blank lines and spaces at line ends. Texts without markup are left alone."""
    frame = texts.alias("text").to_frame().with_row_index("row")
    marked = pl.col("text").str.contains(MARKED)
    cleaned = _without(frame.filter(marked)).with_columns(_unescaped(pl.col("text")))
    return pl.concat([frame.filter(~marked), cleaned]).sort("row")["text"].alias(texts.name)


def _without(frame: pl.DataFrame) -> pl.DataFrame:
    text = pl.col("text")
    frame = frame.with_columns(text.str.replace(FRONT_MATTER, ""), markdown=text.str.contains(MARKDOWN))
    for pattern in (MACRO_LINE, MACRO):
        frame = frame.with_columns(_outside_code(pattern))
    for pattern, by in ((COMMENT, ""), (BREAK, "\n"), (TAG, ""), (IMAGE, ""), (SITE_LINK, "")):
        frame = frame.with_columns(pl.when("markdown").then(_outside_code(pattern, by)).otherwise(text))
    for pattern in (DIRECTIVE, ANCHOR, ALONE):
        frame = frame.with_columns(_outside_code(pattern))
    text = text.str.replace_all(r"[ ]+\n", "\n").str.replace_all(r"\n{2,}", "\n")
    return frame.select("row", text.str.strip_chars_end().str.strip_chars_start("\n"))


def _outside_code(pattern: str, by: str = "") -> pl.Expr:
    """Replaces the pattern outside code by `by` or, if there is none, by what the pattern's group matched."""
    text = pl.col("text")
    matching = pl.when(text.str.contains(pattern)).then(text)
    if not by:
        return pl.coalesce(matching.str.replace_all(f"{CODE}|{pattern}", "${1}${2}"), text)
    marked_code = matching.str.replace_all(f"{CODE}|{pattern}", f"{OPEN}${{1}}{CLOSE}").str.replace_all(
        OPEN + CLOSE, by, literal=True
    )
    return pl.coalesce(marked_code.str.replace_all(f"[{OPEN}{CLOSE}]", ""), text)


def _unescaped(text: pl.Expr) -> pl.Expr:
    """Replaces `&uuml;` by the character that it names, even if it was escaped twice."""
    escaped = pl.when(text.str.contains(ENTITY)).then(text)
    unescaped = escaped.map_elements(lambda value: html.unescape(html.unescape(value)), return_dtype=pl.String)
    return pl.coalesce(unescaped.str.replace_all("\u00a0", " ", literal=True), text)
