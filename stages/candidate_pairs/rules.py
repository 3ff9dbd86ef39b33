"""Rules that decide whether a generated text is a usable instruction. The rules and their patterns are ours."""

from __future__ import annotations

import re

import polars as pl

from stages.candidate_pairs.settings import CandidatePairs
from x_instruction.generation.refused_text import APOSTROPHES, REFUSAL_PATTERN
from x_instruction.language.identification import is_english
from x_instruction.models.settings import Prompts

# Words that a chat model puts before the requested instruction.
PREAMBLE = (
    r"(?i)^(?:sure|certainly|of course|okay)[,!.]* *(?:here\b|the instruction\b|[!:])"
    r"|^here(?: is|'s) (?:an?|the|your|one) (?:\w+ ){0,2}(?:instruction|question|prompt)\b"
    r"(?: (?:that|which|for|to)\b(?: \w+){0,5})?\s*:"
)
# Strings that structure a prompt: control strings of tokenizers and chat templates, and headings.
STRUCTURE = (
    r"(?i)<\|[\w ]{1,40}\|>|</?(?:s|eos|bos|unk|pad|sep|cls)>|\[(?:SEP|CLS|PAD|UNK)\](?: [^t]|[^ ]|$)"
    r"|\[/?INST\]|<</?SYS>>"
    r"|</?(?:start|end)_of_turn>|### ?(?:instruction|response|input)"
    r"|^\W*(?:instruction|response|answer|question|input|output|prompt|assistant|user|human|q|a) ?:"
)
# Reasons of `usable` (returned_text.py) for which an instruction is dropped. The reason `fence_inside` is not among
# them, because an instruction may ask about code in a fence.
REFUSED = ["reasoning_unfinished", "reasoning_inside", "refusal", "two_versions"]
WRAPPING = "*_\"'`#> “„«‘「"  # characters that may precede the first word of a refusal
PLACEHOLDER = re.compile(r"\{\w+\}")
# Two list markers, or the words "first instruction" and "second instruction": the text asks for several things.
LISTED = (
    r"(?si)(?:^|\s)(?:1[.)]\s.*\s2[.)]\s|[-*•]\s[^\n]*\n\s*[-*•]\s)"
    r"|^\(?1[.)]\s.*\s\(?2[.)]\s|^\(?a[.)]\s.*[.?!]\s+\(?b[.)]\s\w+ \w+"
    r"|\b(?:first|1st) instruction\b.*\b(?:second|2nd) instruction\b|\binstruction 1\b.*\binstruction 2\b"
)
SAME_WORDS = 6  # an instruction of at least this many words is repetitive if fewer than a third of them are distinct
RUN = 8  # an instruction counts as copied if the response contains this many of its first or last words in a row


def reasons(settings: CandidatePairs, prompts: Prompts) -> pl.Expr:
    """The reason to drop a row, which is the first rule that it breaks; null for a usable instruction.

    The frame must have the columns `written` (as generated), `instruction` (on one line), `response`, `finish_reason`,
    `english`, `id`, and `refused` (the reason for which `usable` refused the text, or "").
    """
    instruction = pl.col("instruction").str.replace_all(APOSTROPHES, "'")
    words = instruction.str.split(" ").list.len()
    short = (words < settings.min_instruction_words) | ~instruction.str.contains(r"\p{L}")
    plain = instruction.str.to_lowercase().str.extract_all(r"[\p{L}\p{M}\p{N}]+")
    repetitive = (plain.list.len() >= SAME_WORDS) & (plain.list.n_unique() * 3 < plain.list.len())
    return (
        pl.when(instruction == "").then(pl.lit("no_instruction"))
        .when(pl.col("finish_reason") == "length").then(pl.lit("instruction_unfinished"))
        .when(pl.col("refused").is_in(REFUSED)).then("refused")
        .when(short).then(pl.lit("instruction_too_short"))
        .when(words > settings.max_instruction_words).then(pl.lit("instruction_too_long"))
        .when(instruction.str.contains("\ufffd", literal=True)).then(pl.lit("broken_characters"))
        .when(_from_prompt(prompts)).then(pl.lit("prompt_fragment"))
        .when(instruction.str.strip_chars_start(WRAPPING).str.contains(REFUSAL_PATTERN)).then(pl.lit("refusal"))
        .when(instruction.str.contains(PREAMBLE)).then(pl.lit("preamble"))
        .when(repetitive).then(pl.lit("repeats_itself"))
        .when(_several()).then(pl.lit("several_instructions"))
        .when(_copied()).then(pl.lit("copies_response"))
        .when(~pl.col("english")).then(pl.lit("instruction_not_english"))
        .when(~pl.col("id").is_first_distinct()).then(pl.lit("same_as_another_sample"))
    )  # fmt: skip


def english(instructions: pl.Series) -> pl.Series:
    return is_english(instructions)


def _from_prompt(prompts: Prompts) -> pl.Expr:
    """Whether the instruction contains a string of STRUCTURE, or a part of the template `prompts.write_instruction`."""
    parts = [part.strip() for part in PLACEHOLDER.split(prompts.write_instruction)]
    contains = pl.col("instruction").str.contains(STRUCTURE)
    for part in parts:
        # A part that is short or a single word is not searched for, because any instruction may contain it.
        if len(part) >= 4 and not part.isalpha():
            contains = contains | pl.col("instruction").str.contains(part, literal=True)
    return contains


def _several() -> pl.Expr:
    written = pl.col("written")
    paragraphs = written.str.strip_chars().str.contains(r"\n\s*\n")
    return paragraphs | written.str.contains(LISTED) | (written.str.count_matches(r"\?(?:\s|$)") > 1)


def _copied() -> pl.Expr:
    """Whether the response contains the whole instruction, or the first or last RUN words of a longer instruction.

    Only letters and digits are compared.
    """
    instruction, response = _plain("instruction"), _plain("response")
    words = instruction.str.split(" ")
    long = words.list.len() > RUN
    ends = [
        long & response.str.contains(pl.concat_str(pl.lit(" "), part.list.join(" "), pl.lit(" ")), literal=True)
        for part in (words.list.head(RUN), words.list.tail(RUN))
    ]
    whole = response.str.contains(pl.concat_str(pl.lit(" "), instruction, pl.lit(" ")), literal=True)
    return whole | ends[0] | ends[1]


def _plain(column: str) -> pl.Expr:
    """Lowercase words separated by single spaces. The response has a space at both ends, so that whole words match."""
    plain = pl.col(column).str.to_lowercase().str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ").str.strip_chars()
    return pl.concat_str(pl.lit(" "), plain, pl.lit(" ")) if column == "response" else plain


def normal_form(column: str) -> pl.Expr:
    """The form in which instructions are compared: lowercase words without filler words, with 0 for each number."""
    return (
        pl.col(column)
        .str.to_lowercase()
        .str.replace_all(r"\p{N}+", "0")
        .str.replace_all(r"[^\p{L}0]+", " ")
        .str.replace_all(r"\b(?:please|kindly|the|an|a|your|some|briefly|short)\b", "")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )
