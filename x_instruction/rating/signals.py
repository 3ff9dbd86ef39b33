"""Signs of a pair beside an evaluator's own reading: counted on its response, or how likely that makes the instruction.

Which they are is ours.

A small model learns slowly what can be counted at once: of held-out pairs in ten languages the labels alone told
repeated sentences with AUC 0.59 and boilerplate with 0.69, joined with these signs with 1.00 and 0.99. And it does not
compare: where the reversed model named task and concept of 98 % of the planted world's texts, an evaluator continued
from it told swapped responses with AUC 0.5 to 0.9, that model's likelihood of the instruction with 1.00.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.settings import TextGeneration
from x_instruction.language.identification import identify
from x_instruction.language.names import load_names
from x_instruction.language.sentences import CLOSERS, marks, sentence_a_line, split_text
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts
from x_instruction.rating.settings import Rating
from x_instruction.runner.job import Job

# Nats a token, 0 at most, low where the response does not lead to the instruction: of the whole response, and of that
# of its three parts which leads to it least. Straying responses of the planted world were told with AUC 0.83 by the
# whole; joined with it and the labels with 0.982 to 0.989 by the worse of two halves, 0.998 by the worst of three parts
# or of four.
LIKELIHOODS = ("likelihood", "part_likelihood")
PARTS = 3
SURFACE = ("repeated_share", "short_run", "open_end", "other_language_share")
SIGNALS = (*LIKELIHOODS, *SURFACE)

LEAST_REPEATED = 15  # characters; a shorter sentence or heading may well come twice
SHORT = 5  # words at most of a notice, an item of a menu, a button
PASSAGE = 40  # characters that tell a language; of single sentences many are names


def add_signals(frame: pl.DataFrame, job: Job) -> pl.DataFrame:
    """Adds the signals of `rating.signals`; the instruction model is loaded where a likelihood is among them."""
    rating = job.section(Rating)
    if set(rating.signals) & set(SURFACE):
        frame = add_surface_signals(frame, job.language_pages)
    if likelihoods_wanted(rating):
        engine_settings = job.section(TextGeneration).of_several
        with LazyEngine(job.input("instruction_model"), engine_settings, job.settings.seed) as engine:
            frame = add_likelihoods(frame, engine, job.section(Prompts), job.language_pages)
    return frame


def likelihoods_wanted(rating: Rating) -> bool:
    return not set(rating.signals).isdisjoint(LIKELIHOODS)


def add_surface_signals(frame: pl.DataFrame, pages: Path) -> pl.DataFrame:
    """Columns of SURFACE for the `response` of each row, in its `language`.

    repeated_share: of the characters, those in sentences that an earlier one says; short_run: most sentences, lines or
    items of five words or fewer one after the other; open_end: 1 where the text does not end as a sentence does (0 in
    a language that marks no sentence ends); other_language_share: of the characters, those in passages judged to be in
    another language.
    """
    return _by_language(frame, pages, _with_signals)


def _by_language(
    frame: pl.DataFrame, pages: Path, work: Callable[[pl.DataFrame, LanguageSettings], pl.DataFrame]
) -> pl.DataFrame:
    """Applies `work` to the rows of each language and keeps their order. `pages` is the folder of language pages."""
    numbered = frame.with_row_index("number")
    parts = [work(part, load_language(part["language"][0], pages)) for part in numbered.partition_by("language")]
    if not parts:  # the columns are needed even without rows, and any language gives them
        return work(frame, load_language(next(iter(load_names(pages))), pages))
    return pl.concat(parts).sort("number").drop("number")


def _with_signals(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    texts = frame.select(text="response")
    sentences = split_text(texts, sentence_a_line(language))
    # Thai has a blank wherever we have a comma: of its runs between blanks most are short, in good texts too.
    marked = sentence_a_line(language) if language.marks_sentence_ends else pl.col("text")
    items = split_text(texts, marked.str.replace_all("|", "\n", literal=True))
    found = [_repeated(sentences), _short_runs(items, language), _other_language(sentences, language)]
    closed = rf"[{marks(language)}{CLOSERS}:;]\s*$"
    rows = texts.select(
        row=pl.int_range(pl.len()),
        open_end=(~pl.col("text").str.contains(closed)).cast(pl.Float64) * language.marks_sentence_ends,
    )
    for one in found:
        rows = rows.join(one, on="row", how="left", maintain_order="left")
    return frame.with_columns(rows[name].cast(pl.Float64).fill_null(0.0) for name in SURFACE)


def _repeated(sentences: pl.DataFrame) -> pl.DataFrame:
    said = pl.col("sentence").str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ").str.strip_chars()
    length = pl.col("said").str.len_chars()
    long = sentences.select("row", said=said).filter(length >= LEAST_REPEATED)
    again = ~pl.struct("row", "said").is_first_distinct()
    marked = long.with_columns(again=again, length=length)
    return marked.group_by("row").agg(repeated_share=pl.col("length").filter("again").sum() / pl.col("length").sum())


def _short_runs(items: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    words = pl.col("sentence").str.count_matches(r"\S+")
    if language.characters_per_word is not None:
        words = pl.col("length") / language.characters_per_word
    runs = items.with_columns(short=words <= SHORT).with_columns(run=pl.struct("row", "short").rle_id())
    lengths = runs.filter("short").group_by("row", "run").len()
    return lengths.group_by("row").agg(short_run=pl.col("len").max())


def _other_language(sentences: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """Passages are sentences one after the other, of PASSAGE characters or more where the text has so many."""
    end, whole = pl.col("length").cum_sum().over("row"), pl.col("length").sum().over("row")
    passage = pl.min_horizontal((end - 1) // PASSAGE, pl.max_horizontal(whole // PASSAGE - 1, 0))
    passages = (
        sentences.with_columns(passage=passage)
        .group_by("row", "passage", maintain_order=True)
        .agg(pl.col("sentence").str.join(" "), pl.col("length").sum())
    )
    judged = identify(passages["sentence"], language)["judged"]
    other = passages.with_columns(other=~judged.is_in(list(language.accepted)))
    return other.group_by("row").agg(
        other_language_share=pl.col("length").filter("other").sum() / pl.col("length").sum()
    )


def add_likelihoods(frame: pl.DataFrame, engine: LazyEngine, prompts: Prompts, pages: Path) -> pl.DataFrame:
    """Columns of LIKELIHOODS: the engine's model is the one that writes instructions.

    `frame` has `language`, `instruction` and `response`. Prompts are those that instructions are written from.
    """
    plain = PromptEncoder(engine.tokenizer, prompts)
    said = [plain.completed(instruction) for instruction in frame["instruction"]]
    encoder = PromptEncoder(engine.tokenizer, prompts, budget=prompts.max_response_tokens)
    parts = _parts(frame, pages)
    asked = [*enumerate(frame["response"]), *parts.iter_rows()]
    questions = []
    for number, text in asked:
        encoder.room = engine.room(len(said[number]) + 1)  # engines want a token to come
        questions.append(encoder.write_instruction(text))
    found = engine.likelihood(questions, [said[number] for number, _ in asked])
    whole = pl.Series("likelihood", found[: frame.height], dtype=pl.Float64)
    of_parts = parts.with_columns(pl.Series("part", found[frame.height :], dtype=pl.Float64))
    least = of_parts.group_by("number").agg(pl.col("part").min())
    rows = (
        frame.with_columns(whole).with_row_index("number").join(least, on="number", how="left", maintain_order="left")
    )
    return rows.with_columns(part_likelihood=pl.col("part").fill_null(pl.col("likelihood"))).drop("number", "part")


def without_likelihoods(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of LIKELIHOODS where none is asked for: not a number, so that no rating can be made of them."""
    return frame.with_columns(pl.lit(float("nan")).alias(name) for name in LIKELIHOODS)


def _parts(frame: pl.DataFrame, pages: Path) -> pl.DataFrame:
    """Rows `number` (of the frame) and `text`: parts of as many sentences, of responses of more than one sentence."""
    lines = _by_language(frame.select("language", "response"), pages, _with_sentences).with_row_index("number")
    size = (pl.col("sentences").list.len() + PARTS - 1) // PARTS
    cut = [pl.col("sentences").list.slice(size * number, size).list.join(" ") for number in range(PARTS)]
    several = lines.filter(pl.col("sentences").list.len() > 1)
    return several.select("number", text=pl.concat_list(cut)).explode("text").filter(pl.col("text") != "")


def _with_sentences(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    bare = pl.element().str.strip_chars()
    marked = frame.select(text="response").select(sentence_a_line(language)).to_series()
    return frame.with_columns(sentences=marked.str.split("\n").list.eval(bare.filter(bare != "")))
