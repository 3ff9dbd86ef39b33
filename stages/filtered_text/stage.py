"""Texts fit to be responses: right language, clean, private data masked, no near-duplicates.

python -m stages filtered_text fi
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import polars as pl

from stages.filtered_text.cleaning.clean import cleaned
from stages.filtered_text.cleaning.code_blocks import prose
from stages.filtered_text.cleaning.escapes import without_escapes
from stages.filtered_text.cleaning.fragments import trimmed
from stages.filtered_text.duplicates.minhash import ALGORITHM, signatures
from stages.filtered_text.duplicates.near_duplicates import duplicates
from stages.filtered_text.private_data.mask import KINDS, mask, unmasked
from stages.filtered_text.rules.all_rules import PROSE_RULES, REASONS, judge, overlap_rules, whole_rules
from stages.filtered_text.rules.blocked_sites import Sites, read_sites
from stages.filtered_text.rules.content import boilerplate_share
from stages.filtered_text.segments import cut
from stages.filtered_text.settings import FilteredText
from x_instruction.language.identification import MODEL, identify
from x_instruction.language.length import word_count
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.language.shared_ngrams import Ngrams, evaluation_ngrams
from x_instruction.runner.content_ids import content_ids, wrong_ids
from x_instruction.runner.files import hash_paths
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.second_pass import ORIGIN, drop_staged
from x_instruction.runner.shards import Split, by_parts

PARTITION = ("language",)

COUNTS = ("emails", "phones", "ips", "ibans", "national_ids", "control_strings")
COLUMNS = [
    "id",
    "document_id",
    "position",
    "segments",
    "language",
    "title",
    "text",
    "url",
    "source",
    "record",
    "date",
    "license",
    "source_id",
    "extractor",
    "words",
]
COLUMNS += ["language_score", *COUNTS]


class Lists(NamedTuple):
    """What files of the user's say is to be left out."""

    sites: Sites
    ngrams: Ngrams


NO_SITES = Sites({}, {})
NO_LISTS = Lists(NO_SITES, set())


def run(job: Job) -> Outcome:
    settings, language = job.section(FilteredText), _language(job)
    blocked = [job.root / settings.blocked_sites] if settings.blocked_sites else []
    evaluations = [job.root / path for path in settings.decontaminate_against]
    lists = Lists(
        read_sites(blocked[0]) if blocked else NO_SITES,
        evaluation_ngrams(evaluations, settings.decontamination_ngram, "filtered_text.decontaminate_against"),
    )
    outcome = job.map_frames(
        job.rows("raw_web_text", job.language).frames(),
        partial(by_parts, transform=partial(transform, settings=settings, language=language, lists=lists)),
        settings=[settings],
        depends_on=f"{language.model_dump_json()} {MODEL} {ALGORITHM} {hash_paths(blocked + evaluations)}",
    )
    with job.scratch() as folder:
        decisions = duplicates(job.staged.paths(), folder, settings, language)
    drop_staged(job, decisions, temporary=["signature"], id_column="document_id")
    return replace(outcome, rows_in=(outcome.rows_in or 0) + _added(outcome))


def _added(outcome: Outcome) -> int:
    """Rows that cutting made of documents beyond the first: they count as rows that came in."""
    return outcome.counts.get("segments", 0) - outcome.counts.get("documents_cut", 0)


def transform(
    frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings, lists: Lists = NO_LISTS
) -> Split:
    """Frame of raw_web_text to texts (COLUMNS and `signature`, for the second pass) and drops."""
    masked = mask(trimmed(cleaned(without_escapes(frame), language), settings, language))
    counted = masked.with_columns(word_count(language).alias("words"), ORIGIN.alias("origin"))
    rest, counts = cut(counted, settings, language)
    rules_for = (settings, language)
    rest, unfit = judge(rest, whole_rules(lists.sites), *rules_for)
    rest, unfit_prose = judge(rest.with_columns(prose(pl.col("text")), whole="text"), PROSE_RULES, *rules_for)
    rest, known = judge(_whole(rest), overlap_rules(lists.ngrams), *rules_for)
    unfit = pl.concat([unfit, _whole(unfit_prose), known])
    drops = Split.of(unfit, origin="origin").dropped
    return Split(_texts(rest, settings, language), drops, counts)


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    """With the code again that the rules on prose did not look at."""
    return frame.with_columns(text="whole").drop("whole")


def _texts(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """The kept rows under the id of what they now say, with their signatures."""
    return (
        frame.rename({"id": "document_id"})
        .with_columns(content_ids(frame, "language", "text"))
        .select(*COLUMNS, signatures(frame["text"], settings, language))
    )


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    language, rows_in = _language(job), max(outcome.rows_in or 0, 1)
    reasons = job.staged.drop_counts()
    shards = pl.concat([_facts(frame, language) for frame in job.staged.frames()] or [_facts(_no_texts(), language)])
    least, most = pl.col("min_words").min().fill_null(0), pl.col("max_words").max().fill_null(0)
    met = shards.select(pl.exclude("min_words", "max_words").sum(), least, most).row(0, named=True)
    rows = max(met["rows"], 1)
    return {
        "kept_share": met["rows"] / rows_in,
        "language_share": met["judged_ours"] / rows,
        "mean_language_score": met["scores"] / rows,
        "boilerplate_share": met["boilerplate"] / rows,
        "exact_duplicates": reasons.get("exact_duplicate", 0),
        "near_duplicates": reasons.get("near_duplicate", 0),
        **{f"dropped_{reason}": reasons.get(reason, 0) for reason in REASONS},
        "min_words_met": met["min_words"],
        "max_words_met": met["max_words"],
        "masked_private_data": met["masked"],
        "unmasked_private_data": met["unmasked"],
        "control_strings": met["control_strings"],
        "wrong_ids": met["wrong_ids"],
        "documents_cut": outcome.counts.get("documents_cut", 0),
        "characters_lost": outcome.counts.get("characters_lost", 0),
    }


def _facts(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """One row of sums over a shard. The language is judged anew, on the text as it is published."""
    told = frame.with_columns(prose(pl.col("text")))
    judged = identify(told["text"], language)["judged"]
    return frame.select(
        rows=pl.len(),
        judged_ours=pl.lit(judged.is_in(language.accepted).sum()),
        scores=pl.col("language_score").sum(),
        boilerplate=pl.lit(boilerplate_share(told, language).sum()),
        min_words=pl.col("words").min(),
        max_words=pl.col("words").max(),
        masked=pl.sum_horizontal(pl.col(KINDS).sum()),
        unmasked=unmasked(pl.col("text")).sum(),
        control_strings=pl.col("control_strings").sum(),
        wrong_ids=pl.lit(wrong_ids(frame, "language", "text")),
    )


def _no_texts() -> pl.DataFrame:
    numbers = dict.fromkeys(["words", *COUNTS], pl.Int64)
    return pl.DataFrame(
        schema={"id": pl.String, "language": pl.String, "text": pl.String, "language_score": pl.Float64, **numbers}
    )


def _language(job: Job) -> LanguageSettings:
    if job.language is None:
        raise ValueError("filtered_text is made language by language")
    return load_language(job.language, job.language_pages)
