"""Seed pairs: an English instruction and a response in the language.

Models learn from the split `train`, ratings are calibrated on `calibration`, and models are measured on `held_out`. The
split of a pair follows from a hash of its *instruction*. Languages share instructions, so if pairs were split one by
one, a model would learn in one language what it is tested on in another. A pair that its file marks as `measure_only`
is never in `train`.

English pairs (a source with `language: en`) have the split `english`, and only the instruction model learns from them.
Every language gets these English pairs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import polars as pl

from stages.seed_pairs.dropped_seeds import warn_of_drops
from stages.seed_pairs.seed_files import place, read_seeds
from stages.seed_pairs.settings import SeedPairs
from stages.seed_pairs.translated_seeds import translated_seeds
from x_instruction.cleaning.control_strings import count_control_strings
from x_instruction.cleaning.private_data.mask import unmasked
from x_instruction.cleaning.private_data.second_look import suspects
from x_instruction.cleaning.short_texts import cleaned_texts, has_markup
from x_instruction.language.changes import changed_where
from x_instruction.language.folding import folded
from x_instruction.language.identification import identify, is_english
from x_instruction.language.invisible import hidden_characters, visible
from x_instruction.language.length import WORD, word_count
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.runner.content_ids import content_ids, wrong_ids
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.metrics import mean
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import Split

PARTITION = ("language",)

COLUMNS = [
    "id", "instruction_id", "language", "instruction", "response", "split", "origin", "translator", "source",
]  # fmt: skip
# A person chose the seeds, so only a response that is clearly in another language is refused. Identification gives
# short texts full of names low scores: one Indonesian seed of the sample scored 0.43 as Malay and 0.38 as Indonesian.
MIN_LANGUAGE_SCORE = 0.2
ENGLISH = pl.col("origin") == "english"
TRANSLATED = pl.col("english") != ""
TEXTS = ("instruction", "response")


def run(job: Job) -> Outcome:
    assert job.language is not None
    settings = job.section(SeedPairs)
    language = load_language(job.language, job.language_pages)
    # All sources are one frame, because two of them may have the same pair.
    seeds = pl.concat(
        translated_seeds(job, source) if source.translate else read_seeds(job.root, source, job.language)
        for source in settings.sources
    )
    work = partial(transform, settings=settings, language=language)
    outcome = job.map_frames([seeds], work, settings=[settings, language])
    warn_of_drops(job, seeds.height, settings.max_bad_share)
    return outcome


def transform(frame: pl.DataFrame, settings: SeedPairs, language: LanguageSettings) -> Split:
    """Turns rows of seed files into seed pairs. Bad rows are dropped with a reason."""
    texts = frame.with_columns(pl.col("instruction", "response").cast(pl.String).fill_null(""))
    frame = _cleaned(texts, language)
    code = pl.when(ENGLISH).then(pl.lit("en")).otherwise(pl.lit(language.code)).alias("language")
    measured = _measured(frame.with_columns(code), language)
    judged = measured.with_columns(
        _reason(settings).alias("reason"),
        pl.when(ENGLISH).then(pl.lit("english")).otherwise(_split(settings)).alias("split"),
    )
    judged = judged.with_columns(_value().alias("value"))
    shown = pl.when(pl.col("reason") == "private_data").then(pl.lit("")).otherwise("response").alias("response")
    split = Split.of(judged.select(*COLUMNS, "reason", "value").with_columns(shown), text="response", origin="source")
    hidden = sum(int(hidden_characters(texts[name], visible(texts[name])).sum()) for name in TEXTS)
    return replace(split, counts={"invisible_characters": hidden, **_removed_counts(frame["removed"])})


def _cleaned(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """Cleans both texts with `cleaned_texts`. Instructions and English responses are cleaned as English.

    So an instruction and its split are the same in every language.
    """
    english = frame.select(ENGLISH).to_series()
    responses = cleaned_texts(frame["response"], language)
    responses = changed_where(english, responses, lambda _: cleaned_texts(frame["response"].filter(english), None))
    return frame.with_columns(cleaned_texts(frame["instruction"], None), responses.alias("response"))


def _removed_counts(removed: pl.Series) -> dict[str, int]:
    """For each kind of addition (reasoning, preface, fence …), counts the translations from which it was removed."""
    kinds = removed.filter(removed != "").str.split(" ").explode().value_counts().sort(removed.name)
    return {f"translations_without_{kind}": count for kind, count in kinds.iter_rows()}


def _measured(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """Adds ids, and the columns that the rules read."""
    english_words = pl.col("response").str.count_matches(WORD).cast(pl.Int64)
    length, english_length = (pl.col(name).str.strip_chars().str.len_chars() for name in ("response", "english"))
    return frame.with_columns(
        _ids(frame),
        content_ids(frame, "instruction").alias("instruction_id"),
        pl.when(ENGLISH).then(english_words).otherwise(word_count(language, "response")).alias("words"),
        (length / english_length).alias("ratio"),
        _copied_share(language).alias("copied"),
        *_identified(frame, language),
        pl.any_horizontal(pl.lit(suspects(frame[name]).is_not_null()) for name in TEXTS).alias("suspected"),
    )


def _copied_share(language: LanguageSettings) -> pl.Expr:
    """Share of the English words that also occur in the response.

    Words of fewer than four letters do not count.
    """
    english, response = (
        folded(pl.col(name), language).str.extract_all(r"[\p{L}\p{M}]{4,}").list.unique()
        for name in ("english", "response")
    )
    return (english.list.set_intersection(response).list.len() / english.list.len()).fill_nan(0.0)


def _ids(frame: pl.DataFrame) -> pl.Series:
    """The id of a pair is the hash of its content. Pairs without a text are dropped, and get an id by their place.

    By content, two lines that are not JSON would have the same id.
    """
    complete = frame.select((pl.col("instruction") != "") & (pl.col("response") != "")).to_series()
    ids = content_ids(frame, "language", "instruction", "response")
    return ids.zip_with(complete, content_ids(frame, "language", "source"))


def _identified(frame: pl.DataFrame, language: LanguageSettings) -> list[pl.Series]:
    """`in_language`: whether each response may be in the language; for English pairs, whether it is in English.

    `judged` is the language that was identified, or "".
    """
    found = identify(frame["response"], language)
    judged = found["judged"]
    fits = judged.is_in(list(language.accepted)) | (found["language_score"] >= MIN_LANGUAGE_SCORE)
    english = frame.select(ENGLISH).to_series()
    if english.any():
        fits = is_english(frame["response"]).zip_with(english, fits)
    return [fits.alias("in_language"), judged]


def _reason(settings: SeedPairs) -> pl.Expr:
    """Why a row is dropped: the first rule that it breaks, or null."""
    no_response, max_ratio = pl.col("response") == "", settings.max_length_ratio
    rules = {
        "no_instruction": pl.col("instruction") == "",
        "translation_unfinished": TRANSLATED & no_response,
        "no_response": no_response,
        "response_copies_instruction": pl.col("response") == pl.col("instruction"),
        "translation_copies_english": TRANSLATED & (pl.col("copied") > settings.max_copied_share),
        "translation_of_odd_length": TRANSLATED & ~pl.col("ratio").is_between(1 / max_ratio, max_ratio),
        "control_string": pl.sum_horizontal(count_control_strings(pl.col(name)) for name in TEXTS) > 0,
        "markup": has_markup(pl.col("response")),
        "private_data": pl.col("suspected"),
        "response_too_short": pl.col("words") < settings.min_response_words,
        "response_not_in_language": ~pl.col("in_language"),
        "exact_duplicate": ~pl.col("id").is_first_distinct(),
    }
    bad_line = pl.when(pl.col("bad_line") != "").then("bad_line")
    refused = pl.when(pl.col("refused") != "").then(pl.format("translation_{}", "refused"))
    return pl.coalesce(bad_line, refused, *(pl.when(broken).then(pl.lit(reason)) for reason, broken in rules.items()))


def _value() -> pl.Expr:
    """What a dropped row shows: its place, then what was found, or what a model returned instead of a translation."""
    other = pl.when(pl.col("judged") == "").then(pl.lit("no language")).otherwise("judged")
    translation = pl.format("{} of the length, {} copied", pl.col("ratio").round(2), pl.col("copied").round(2))
    found = (
        pl.when(pl.col("bad_line") != "")
        .then("cause")
        .when(pl.col("returned") != "", pl.col("refused") != "")
        .then("returned")
        .when(pl.col("reason") == "response_not_in_language", ~ENGLISH)
        .then(pl.format("{} words, identified as {}", "words", other))
        .when(TRANSLATED)
        .then(translation)
        .otherwise(pl.format("{} words", "words"))
    )
    return pl.format("{}: {}", place(), found)


def _split(settings: SeedPairs) -> pl.Expr:
    """The split of an instruction. Its id is a hash, so the first 32 bits give a uniform number from 0 to 1.

    An instruction of a pair that is only for measuring is held out where it would be in `train`.
    """
    place = pl.col("instruction_id").str.head(8).str.to_integer(base=16) / 0xFFFFFFFF
    return (
        pl.when(place < settings.held_out_share)
        .then(pl.lit("held_out"))
        .when(place < settings.held_out_share + settings.calibration_share)
        .then(pl.lit("calibration"))
        .when(pl.col("measure_only").any().over("instruction_id"))
        .then(pl.lit("held_out"))
        .otherwise(pl.lit("train"))
    )


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    table = job.staged.table()
    seeds = table.filter(~ENGLISH)
    splits = dict(table.group_by("split").len().iter_rows())
    return {
        "bad_share": 1 - table.height / max(1, outcome.rows_in or 0),
        **{split: splits.get(split, 0) for split in ("train", "calibration", "held_out", "english")},
        "distinct_instructions": seeds["instruction"].n_unique(),
        "translated_share": mean(seeds["origin"] == "translated"),
        "unmasked_private_data": _unmasked(table, job),
        "wrong_ids": wrong_ids(table, "language", "instruction", "response"),
    }


def _unmasked(table: pl.DataFrame, job: Job) -> int:
    """Counts the private data left in the pairs. In English texts, number formats of single countries do not count."""
    assert job.language is not None
    countries = load_language(job.language, job.language_pages).countries
    native = table.filter(~ENGLISH)["response"]
    english = [table["instruction"], table.filter(ENGLISH)["response"]]
    return unmasked(native, countries) + sum(unmasked(texts, ()) for texts in english)
