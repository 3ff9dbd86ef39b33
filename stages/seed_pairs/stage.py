"""Seed pairs: an English instruction and a response in the language, native or translated, split in three:
to learn from, to calibrate ratings on, and to measure.

The split goes by a hash of the *instruction*: the same English instruction comes in every language, so a
split by the pair's own id would show a model in one language what it is tested on in another.
"""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path

import polars as pl

from stages.seed_pairs.settings import SeedPairs, SeedSource, Translation
from stages.seed_pairs.translation import Translator, translator
from x_instruction.language.identification import identify
from x_instruction.language.length import word_count
from x_instruction.language.names import load_names
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.runner.content_ids import content_ids, wrong_ids
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import digest, hash_paths
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.metrics import mean
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import Split, in_slices, no_drops

PARTITION = ("language",)

COLUMNS = [
    "id", "instruction_id", "language", "instruction", "response", "split", "origin", "translator", "source",
]  # fmt: skip
# A short translation full of names is not the likeliest in its language, yet it is in it.
LEAST_SCORE = 0.2
TRANSLATED_AT_ONCE = 64  # rows; what a killed run loses of its translations


def run(job: Job) -> Outcome:
    assert job.language is not None
    settings = job.section(SeedPairs)
    page = load_language(job.language, job.language_pages)
    # One frame, since a pair may come in two sources.
    seeds = pl.concat([_seeds(job, source, job.language) for source in settings.sources])
    return job.map_frames([seeds], partial(transform, settings=settings, language=page), settings=[settings])


def _seeds(job: Job, source: SeedSource, language: str) -> pl.DataFrame:
    if not source.translate:
        return _read(job.root, source, language)
    own = job.section(SeedPairs).translation
    assert own is not None  # the settings see to it
    english = _read(job.root, source, "en")
    work = partial(_translate, engine=_Loaded(own, language, load_names(job.language_pages)[language], job.root))
    key = digest(own.key(), language, _checkpoint_hash(own, language, job.root))
    return pl.concat(job.remembered(in_slices([english], TRANSLATED_AT_ONCE), work, depends_on=key))


class _Loaded:
    """A translator that loads on first use: a run whose translations are all in the work store loads none."""

    def __init__(self, settings: Translation, code: str, name: str, root: Path) -> None:
        self.given = (settings, code, name, root)

    @cached_property
    def translator(self) -> Translator:
        return translator(*self.given)


def _checkpoint_hash(settings: Translation, language: str, root: Path) -> str:
    folder = root / (settings.checkpoint or "").format(language=language)
    return hash_paths(list(folder.iterdir())) if settings.checkpoint and folder.is_dir() else ""


def _translate(frame: pl.DataFrame, engine: _Loaded) -> Split:
    """The responses in the language; the English ones stay beside, to be compared with."""
    english = frame["response"].fill_null("")
    filled = english.str.strip_chars() != ""
    made = iter(engine.translator.translate(english.filter(filled).to_list()))
    texts = [next(made) if one else "" for one in filled]
    kept = frame.with_columns(
        pl.Series("response", texts, dtype=pl.String),
        english.alias("english"),
        pl.lit("translated").alias("origin"),
        pl.lit(engine.translator.name).alias("translator"),
    )
    return Split(kept, no_drops())


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    table = job.staged.table()
    rows_in = outcome.rows_in or 0
    splits = dict(table.group_by("split").len().iter_rows())
    return {
        "bad_share": 1 - table.height / max(1, rows_in),
        **{split: splits.get(split, 0) for split in ("train", "calibration", "held_out")},
        "distinct_instructions": table["instruction"].n_unique(),
        "translated_share": mean(table["origin"] == "translated"),
        "wrong_ids": wrong_ids(table, "language", "instruction", "response"),
    }


def transform(frame: pl.DataFrame, settings: SeedPairs, language: LanguageSettings) -> Split:
    """Rows as `_read` gives them to seed pairs; bad rows to drops with a reason."""
    frame = frame.with_columns(
        pl.col("instruction", "response").cast(pl.String).fill_null("").str.strip_chars(),
    ).with_columns(
        pl.lit(language.code).alias("language"),
        word_count(language, "response").alias("words"),
        _copied_share().alias("copied"),
        (pl.col("response").str.len_chars() / pl.col("english").str.strip_chars().str.len_chars()).alias("ratio"),
    )
    frame = frame.with_columns(
        content_ids(frame, "instruction").alias("instruction_id"),
        content_ids(frame, "language", "instruction", "response"),
        _in_language(frame["response"], language),
    )
    native = pl.col("english") == ""
    reason = (
        pl.when(pl.col("instruction") == "")
        .then(pl.lit("no_instruction"))
        .when(~native & (pl.col("response") == ""))
        .then(pl.lit("translation_unfinished"))
        .when(pl.col("response") == "")
        .then(pl.lit("no_response"))
        .when(pl.col("response") == pl.col("instruction"))
        .then(pl.lit("response_copies_instruction"))
        .when(~native & (pl.col("copied") > settings.max_copied_share))
        .then(pl.lit("translation_copies_english"))
        .when(~native & ~pl.col("ratio").is_between(1 / settings.max_length_ratio, settings.max_length_ratio))
        .then(pl.lit("translation_of_odd_length"))
        .when(pl.col("words") < settings.min_response_words)
        .then(pl.lit("response_too_short"))
        .when(~pl.col("in_language"))
        .then(pl.lit("response_not_in_language"))
        .when(~pl.col("id").is_first_distinct())
        .then(pl.lit("exact_duplicate"))
    )
    frame = frame.with_columns(
        reason.alias("reason"),
        pl.when(native)
        .then(pl.format("{} words", "words"))
        .otherwise(pl.format("{} of the length, {} copied", pl.col("ratio").round(2), pl.col("copied").round(2)))
        .alias("value"),
        pl.col("instruction_id")
        .map_elements(lambda hashed: _split(hashed, settings), return_dtype=pl.String)
        .alias("split"),
    )
    return Split.of(frame.select(*COLUMNS, "reason", "value"), text="response", origin="source")


def _in_language(responses: pl.Series, language: LanguageSettings) -> pl.Series:
    """Whether each may be in the language; somebody chose it, so only what is clearly in another is refused.

    An Indonesian seed of the sample is judged Malay at 0.43, Indonesian at 0.38.
    """
    found = identify(responses, language)
    return (found["judged"].is_in(list(language.accepted)) | (found["language_score"] >= LEAST_SCORE)).alias(
        "in_language"
    )


def _copied_share() -> pl.Expr:
    """Share of the English words of four letters or more that also stand in the response; shorter ones are names."""
    english, response = (
        pl.col(name).str.to_lowercase().str.extract_all(r"\p{L}{4,}").list.unique() for name in ("english", "response")
    )
    share = english.list.set_intersection(response).list.len() / english.list.len()
    return share.fill_nan(0.0)


def _split(instruction_id: str, settings: SeedPairs) -> str:
    place = int(instruction_id[:8], 16) / 0xFFFFFFFF
    if place < settings.held_out_share:
        return "held_out"
    return "calibration" if place < settings.held_out_share + settings.calibration_share else "train"


def _read(root: Path, source: SeedSource, language: str) -> pl.DataFrame:
    """Rows of one seed file: JSONL (plain, gz, zst) or Parquet, with `instruction` and `response`."""
    path = root / f"{source.folder}/{language}{source.suffix}"
    if not path.exists():
        raise InputError(f"seed_pairs: {path} is not there; add the file or take {language} out of languages")
    try:
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_ndjson(path, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"seed_pairs: {path} cannot be read: {' '.join(str(error).split())[:200]}") from None
    missing = {"instruction", "response"} - set(frame.columns)
    if missing:
        raise InputError(f"seed_pairs: {path} has no column `{sorted(missing)[0]}`; met {', '.join(frame.columns)}")
    for name in ("instruction", "response"):
        if isinstance(frame.schema[name], pl.List | pl.Struct | pl.Array):
            raise InputError(f"seed_pairs: column `{name}` of {path} holds {frame.schema[name]}: give a text a row")
    # A file may say that its responses were translated elsewhere.
    said = pl.col("translated").cast(pl.String).str.to_lowercase()
    translated = said.is_in(["true", "1", "1.0", "yes"]) if "translated" in frame.columns else pl.lit(False)
    by = pl.col("translator").cast(pl.String).fill_null("") if "translator" in frame.columns else pl.lit("")
    return frame.select(
        pl.col("instruction", "response").cast(pl.String),
        pl.when(translated.fill_null(False)).then(pl.lit("translated")).otherwise(pl.lit("native")).alias("origin"),
        by.alias("translator"),
        pl.lit("").alias("english"),
        (pl.lit(f"{source.folder}/{language}{source.suffix}#") + pl.int_range(1, pl.len() + 1).cast(pl.String)).alias(
            "source"
        ),
    )
