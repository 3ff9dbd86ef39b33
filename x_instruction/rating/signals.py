"""Signals of a pair besides the evaluator's labels: counts on its response, and the likelihood of its instruction.

The choice of signals is ours. A small model learns slowly what a count shows at once: on held-out pairs in ten
languages, AUC of repeated sentences was 0.59 with the labels alone and 1.00 with these signals, and AUC of boilerplate
0.69 and 0.99. A small evaluator also fails to compare a response with its instruction: in the planted world, AUC of
swapped responses was 0.5 to 0.9 with the labels, and 1.00 with the instruction model's likelihood.
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

# Mean log-probability in nats of the instruction's tokens: given the whole response, and the lowest value given one of
# its three parts. A low value means that the response does not fit. In the planted world, AUC of responses that stray
# was 0.83 with the whole response, and 0.998 together with the parts and the labels.
LIKELIHOODS = ("likelihood", "part_likelihood")
PARTS = 3
SURFACE = ("repeated_share", "short_run", "open_end", "other_language_share")
SIGNALS = (*LIKELIHOODS, *SURFACE)

MIN_REPEATED = 15  # characters; a shorter sentence or heading often occurs twice in a good text
MAX_SHORT = 5  # words of a notice, a menu item or a button
PASSAGE = 40  # characters that identify a language; a single sentence is often only a name


def add_signals(frame: pl.DataFrame, job: Job) -> pl.DataFrame:
    """Adds the signals that `rating.signals` lists. A likelihood loads the instruction model."""
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

    repeated_share: share of characters in sentences that repeat an earlier one. short_run: length of the longest run of
    sentences, lines or items of at most five words. open_end: 1 if the text does not end like a sentence (0 in a
    language without marks of sentence ends). other_language_share: share of characters in passages that are identified
    as another language.
    """
    return _by_language(frame, pages, _with_signals)


def _by_language(
    frame: pl.DataFrame, pages: Path, work: Callable[[pl.DataFrame, LanguageSettings], pl.DataFrame]
) -> pl.DataFrame:
    """Applies `work` to the rows of each language and keeps their order. `pages` is the folder of language pages."""
    numbered = frame.with_row_index("number")
    parts = [work(part, load_language(part["language"][0], pages)) for part in numbered.partition_by("language")]
    if not parts:  # an empty frame needs the new columns too, and any language adds them
        return work(frame, load_language(next(iter(load_names(pages))), pages))
    return pl.concat(parts).sort("number").drop("number")


def _with_signals(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    texts = frame.select(text="response")
    sentences = split_text(texts, sentence_a_line(language))
    # Thai puts a space where other languages put a comma, so that good texts also have many short runs between spaces.
    marked = sentence_a_line(language) if language.marks_sentence_ends else pl.col("text")
    items = split_text(texts, marked.str.replace_all("|", "\n", literal=True))
    closed = rf"[{marks(language)}{CLOSERS}:;]\s*$"
    rows = texts.select(
        row=pl.int_range(pl.len()),
        open_end=(~pl.col("text").str.contains(closed)).cast(pl.Float64) * language.marks_sentence_ends,
    )
    for signal in (_repeated(sentences), _short_runs(items, language), _other_language(sentences, language)):
        rows = rows.join(signal, on="row", how="left", maintain_order="left")
    return frame.with_columns(rows[name].cast(pl.Float64).fill_null(0.0) for name in SURFACE)


def _repeated(sentences: pl.DataFrame) -> pl.DataFrame:
    """Case and punctuation do not count: a sentence is compared by its letters and digits."""
    letters = pl.col("sentence").str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ").str.strip_chars()
    compared = sentences.select("row", letters=letters).with_columns(length=pl.col("letters").str.len_chars())
    long = compared.filter(pl.col("length") >= MIN_REPEATED)
    marked = long.with_columns(repeated=~pl.struct("row", "letters").is_first_distinct())
    return marked.group_by("row").agg(repeated_share=pl.col("length").filter("repeated").sum() / pl.col("length").sum())


def _short_runs(items: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    words = pl.col("sentence").str.count_matches(r"\S+")
    if language.characters_per_word is not None:
        words = pl.col("length") / language.characters_per_word
    runs = items.with_columns(short=words <= MAX_SHORT).with_columns(run=pl.struct("row", "short").rle_id())
    lengths = runs.filter("short").group_by("row", "run").len()
    return lengths.group_by("row").agg(short_run=pl.col("len").max())


def _other_language(sentences: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """Passages are consecutive sentences of at least PASSAGE characters together, where the text has as many."""
    end, whole = pl.col("length").cum_sum().over("row"), pl.col("length").sum().over("row")
    passage = pl.min_horizontal((end - 1) // PASSAGE, pl.max_horizontal(whole // PASSAGE - 1, 0))
    passages = (
        sentences.with_columns(passage=passage)
        .group_by("row", "passage", maintain_order=True)
        .agg(pl.col("sentence").str.join(" "), pl.col("length").sum())
    )
    identified = identify(passages["sentence"], language)["judged"]
    other = passages.with_columns(other=~identified.is_in(list(language.accepted)))
    return other.group_by("row").agg(
        other_language_share=pl.col("length").filter("other").sum() / pl.col("length").sum()
    )


def add_likelihoods(frame: pl.DataFrame, engine: LazyEngine, prompts: Prompts, pages: Path) -> pl.DataFrame:
    """Adds the columns of LIKELIHOODS. The engine's model is the instruction model, and the prompts are its prompts.

    `frame` has `language`, `instruction` and `response`.
    """
    plain = PromptEncoder(engine.tokenizer, prompts)
    completions = [plain.completed(instruction) for instruction in frame["instruction"]]
    encoder = PromptEncoder(engine.tokenizer, prompts, budget=prompts.max_response_tokens)
    parts = _parts(frame, pages)
    texts = [*enumerate(frame["response"]), *parts.iter_rows()]
    questions = []
    for number, text in texts:
        encoder.room = engine.room(len(completions[number]) + 1)  # engines need room for one more token
        questions.append(encoder.write_instruction(text))
    likelihoods = engine.likelihood(questions, [completions[number] for number, _ in texts])
    whole = pl.Series("likelihood", likelihoods[: frame.height], dtype=pl.Float64)
    part = pl.Series("part_likelihood", likelihoods[frame.height :], dtype=pl.Float64)
    worst = parts.with_columns(part).group_by("number").agg(pl.col("part_likelihood").min())
    rows = frame.with_columns(whole).with_row_index("number")
    rows = rows.join(worst, on="number", how="left", maintain_order="left").drop("number")
    return rows.with_columns(pl.col("part_likelihood").fill_null(pl.col("likelihood")))


def without_likelihoods(frame: pl.DataFrame) -> pl.DataFrame:
    """Fills the columns of LIKELIHOODS with NaN where none is wanted, so that no rating can come from them."""
    return frame.with_columns(pl.lit(float("nan")).alias(name) for name in LIKELIHOODS)


def _parts(frame: pl.DataFrame, pages: Path) -> pl.DataFrame:
    """Columns `number` (the row of the frame) and `text`: equal parts of each response of two or more sentences."""
    lines = _by_language(frame.select("language", "response"), pages, _with_sentences).with_row_index("number")
    size = (pl.col("sentences").list.len() + PARTS - 1) // PARTS
    cut = [pl.col("sentences").list.slice(size * number, size).list.join(" ") for number in range(PARTS)]
    several = lines.filter(pl.col("sentences").list.len() > 1)
    return several.select("number", text=pl.concat_list(cut)).explode("text").filter(pl.col("text") != "")


def _with_sentences(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    bare = pl.element().str.strip_chars()
    marked = frame.select(text="response").select(sentence_a_line(language)).to_series()
    return frame.with_columns(sentences=marked.str.split("\n").list.eval(bare.filter(bare != "")))
