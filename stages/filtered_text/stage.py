"""Texts that are fit to be responses: in the right language, clean, with private data masked, and no near-duplicates.

python -m stages filtered_text fi
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import polars as pl

from stages.filtered_text.cleaning.clean import cleaned
from stages.filtered_text.cleaning.fragments import trimmed
from stages.filtered_text.duplicates.minhash import ALGORITHM, signatures
from stages.filtered_text.duplicates.near_duplicates import duplicates
from stages.filtered_text.rules.all_rules import PROSE_RULES, REASONS, judge, last_rules, whole_rules
from stages.filtered_text.rules.blocked_sites import Sites, read_sites
from stages.filtered_text.rules.content import boilerplate_share
from stages.filtered_text.segments import cut
from stages.filtered_text.settings import FilteredText
from x_instruction.cleaning.code_blocks import prose
from x_instruction.cleaning.private_data.mask import KINDS, mask, masked, unmasked
from x_instruction.cleaning.private_data.second_look import suspects
from x_instruction.language.identification import MODEL, identify
from x_instruction.language.invisible import visible
from x_instruction.language.length import word_count
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.runner.content_ids import content_ids, wrong_ids
from x_instruction.runner.files import hash_paths
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.second_pass import ORIGIN, drop_staged
from x_instruction.runner.shards import Split, by_parts
from x_instruction.words.shared_ngrams import NO_NGRAMS, Ngrams, evaluation_ngrams

PARTITION = ("language",)

COUNTS = ("emails", "phones", "ips", "ibans", "cards", "national_ids", "control_strings")
COLUMNS = ["id", "document_id", "position", "segments", "language", "title", "text", "url", "source", "record", "date"]
COLUMNS += ["license", "source_id", "extractor", "words", "language_score", *COUNTS]


class Lists(NamedTuple):
    """Blocked sites and n-grams of evaluation prompts, from the user's files.

    Texts from such a site and texts with such an n-gram are dropped.
    """

    sites: Sites
    ngrams: Ngrams


NO_SITES = Sites({}, {})
NO_LISTS = Lists(NO_SITES, NO_NGRAMS)


def run(job: Job) -> Outcome:
    settings, language = job.section(FilteredText), _language(job)
    blocked = [job.root / settings.blocked_sites] if settings.blocked_sites else []
    evaluations = [job.root / path for path in settings.decontaminate_against]
    lists = Lists(
        read_sites(blocked[0]) if blocked else NO_SITES,
        evaluation_ngrams(evaluations, settings.decontamination_ngram, language, "filtered_text.decontaminate_against"),
    )
    lists.ngrams.print_warnings()
    outcome = job.map_frames(
        job.rows("raw_web_text", job.language).frames(),
        partial(by_parts, transform=partial(transform, settings=settings, language=language, lists=lists)),
        settings=[settings],
        depends_on=f"{language.model_dump_json()} {MODEL} {ALGORITHM} {hash_paths(blocked + evaluations)}",
    )
    with job.scratch() as folder:
        decisions = duplicates(job.staged.paths(), folder, settings, language)
    drop_staged(job, decisions, temporary=["signature"], id_column="document_id")
    counts = {**outcome.counts, **lists.ngrams.counts()}
    return replace(outcome, rows_in=(outcome.rows_in or 0) + _added(outcome), counts=counts)


def _added(outcome: Outcome) -> int:
    """The number of rows that cutting added: a document's segments after the first. They count as rows of the input."""
    return outcome.counts.get("segments", 0) - outcome.counts.get("documents_cut", 0)


def transform(
    frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings, lists: Lists = NO_LISTS
) -> Split:
    """Turns a frame of raw_web_text into texts (COLUMNS, and `signature` for finding duplicates) and dropped rows."""
    clean = cleaned(frame, language)
    without_private = mask(trimmed(clean, settings, language), language)
    counted = without_private.with_columns(word_count(language).alias("words"), ORIGIN.alias("origin"))
    rest, counts = cut(counted, settings, language)
    rest, unfit = judge(rest, whole_rules(lists.sites), settings, language)
    rest, unfit_prose = judge(rest.with_columns(prose(pl.col("text")), whole="text"), PROSE_RULES, settings, language)
    rest, unfit_whole = judge(_whole(rest), last_rules(lists.ngrams), settings, language)
    drops = Split.of(pl.concat([unfit, _whole(unfit_prose), unfit_whole]), origin="origin").dropped
    counts["invisible_characters"] = int(clean["invisible_characters"].sum())
    return Split(_texts(rest, settings, language), drops, counts)


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    """Puts the program code, which the rules on prose do not see, back into `text`."""
    return frame.with_columns(text="whole").drop("whole")


def _texts(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """The kept rows with their signatures and a new `id`, which is a hash of language and cleaned text."""
    return (
        frame.rename({"id": "document_id"})
        .with_columns(content_ids(frame, "language", "text"), _titles(frame["title"], language))
        .select(*COLUMNS, signatures(frame["text"], settings, language))
    )


def _titles(titles: pl.Series, language: LanguageSettings) -> pl.Series:
    """The titles with their private data masked; a title that may still have private data becomes empty."""
    without_private = masked(visible(titles), language.countries)[0]
    return without_private.zip_with(suspects(without_private).is_null(), pl.Series([""])).alias("title")


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    language, rows_in = _language(job), max(outcome.rows_in or 0, 1)
    reasons = job.staged.drop_counts()
    shards = pl.concat([_sums(frame, language) for frame in job.staged.frames()] or [_sums(_no_texts(), language)])
    fewest, most = pl.col("fewest_words").min().fill_null(0), pl.col("most_words").max().fill_null(0)
    sums = shards.select(pl.exclude("fewest_words", "most_words").sum(), fewest, most).row(0, named=True)
    rows = max(sums["rows"], 1)
    return {
        "kept_share": sums["rows"] / rows_in,
        "language_share": sums["judged_right"] / rows,
        "mean_language_score": sums["scores"] / rows,
        "boilerplate_share": sums["boilerplate"] / rows,
        "exact_duplicates": reasons.get("exact_duplicate", 0),
        "near_duplicates": reasons.get("near_duplicate", 0),
        **{f"dropped_{reason}": reasons.get(reason, 0) for reason in REASONS},
        "fewest_words": sums["fewest_words"],
        "most_words": sums["most_words"],
        "masked_private_data": sums["masked"],
        "unmasked_private_data": sums["unmasked"],
        "control_strings": sums["control_strings"],
        "wrong_ids": sums["wrong_ids"],
        "documents_cut": outcome.counts.get("documents_cut", 0),
        "invisible_characters": outcome.counts.get("invisible_characters", 0),
        "characters_lost": outcome.counts.get("characters_lost", 0),
    }


def _sums(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """One row with the figures of a shard: sums, and the fewest and most words of a text.

    The language is identified again, from the text as it is published, but without its program code.
    """
    prose_only = frame.with_columns(prose(pl.col("text")))
    judged = identify(prose_only["text"], language)["judged"]
    return frame.select(
        rows=pl.len(),
        judged_right=pl.lit(judged.is_in(language.accepted).sum()),
        scores=pl.col("language_score").sum(),
        boilerplate=pl.lit(boilerplate_share(prose_only, language).sum()),
        fewest_words=pl.col("words").min(),
        most_words=pl.col("words").max(),
        masked=pl.sum_horizontal(pl.col(KINDS).sum()),
        unmasked=pl.lit(sum(unmasked(frame[name], language.countries) for name in ("text", "title"))),
        control_strings=pl.col("control_strings").sum(),
        wrong_ids=pl.lit(wrong_ids(frame, "language", "text")),
    )


def _no_texts() -> pl.DataFrame:
    texts = dict.fromkeys(["id", "language", "title", "text"], pl.String)
    numbers = dict.fromkeys(["words", *COUNTS], pl.Int64)
    return pl.DataFrame(schema={**texts, "language_score": pl.Float64, **numbers})


def _language(job: Job) -> LanguageSettings:
    if job.language is None:
        raise ValueError("filtered_text is made for one language at a time")
    return load_language(job.language, job.language_pages)
