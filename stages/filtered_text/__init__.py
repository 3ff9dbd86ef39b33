"""Texts fit to be responses: right language, clean, private data masked, no near-duplicates.

python -m stages filtered_text fi
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import polars as pl

from stages.decontamination import Ngrams, evaluation_ngrams
from stages.files import digest, hash_paths
from stages.filtered_text.blocked_sites import Sites, blocked_site, read_sites
from stages.filtered_text.boilerplate import boilerplate, boilerplate_share
from stages.filtered_text.cleaning import cleaned
from stages.filtered_text.code_blocks import mostly_code, prose
from stages.filtered_text.ellipsis_lines import teasers
from stages.filtered_text.escapes import without_escapes
from stages.filtered_text.evaluation_overlap import evaluation_overlap
from stages.filtered_text.fragments import fragment, trimmed
from stages.filtered_text.language import wrong_language
from stages.filtered_text.length import too_long, too_short, word_count
from stages.filtered_text.listed_words import listed_words
from stages.filtered_text.near_duplicates import duplicates
from stages.filtered_text.placeholder import placeholder
from stages.filtered_text.private_data import KINDS, mask, unmasked
from stages.filtered_text.quality import QUALITY
from stages.filtered_text.repetition import repetition
from stages.filtered_text.rule import Rule
from stages.filtered_text.segments import cut
from stages.filtered_text.signatures import ALGORITHM, signatures
from stages.filtered_text.titles import titles
from stages.gate import Metric
from stages.job import Job
from stages.language_id import MODEL, identify
from stages.languages import LanguageSettings, load_language
from stages.second_pass import ORIGIN, drop_staged, staged_shards
from stages.settings import FilteredText
from stages.shards import Split, by_parts, drop_counts

ID_LENGTH = 16
# Cheap to dear, and the telling reason first: a page of cookie notices is boilerplate, whatever else it is.
WHOLE_RULES: dict[str, Rule] = {"too_short": too_short, "too_long": too_long}
# Judged without blocks of code: their lines are short, alike, open and English.
PROSE_RULES: dict[str, Rule] = {
    "repetition": repetition,
    "boilerplate": boilerplate,
    "wrong_language": wrong_language,
    "mostly_code": mostly_code,
    "placeholder": placeholder,
    "listed_words": listed_words,
    "teasers": teasers,
    **QUALITY,
    "fragment": fragment,
    "titles": titles,
}
REASONS = ["blocked_site", *WHOLE_RULES, *PROSE_RULES, "evaluation_overlap"]
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


def run(job: Job) -> None:
    settings, language = job.settings.filtered_text, _language(job)
    blocked = [job.root / settings.blocked_sites] if settings.blocked_sites else []
    evaluations = [job.root / path for path in settings.decontaminate_against]
    lists = Lists(
        read_sites(blocked[0]) if blocked else NO_SITES,
        evaluation_ngrams(evaluations, settings.decontamination_ngram, "filtered_text.decontaminate_against"),
    )
    job.map_frames(
        job.read_shards("raw_web_text", job.language),
        partial(by_parts, transform=partial(transform, settings=settings, language=language, lists=lists)),
        settings=["filtered_text"],
        depends_on=f"{language.model_dump_json()} {MODEL} {ALGORITHM} {hash_paths(blocked + evaluations)}",
    )
    # What came in is counted in documents, and what a cut makes of one beyond the first comes in beside them.
    job.facts["rows_in"] = int(job.facts["rows_in"]) + _added(job)
    with job.scratch() as folder:
        decisions = duplicates(staged_shards(job), folder, settings, language)
    drop_staged(job, decisions, temporary=["signature"], id_column="document_id")


def _added(job: Job) -> int:
    """Rows that cutting made of documents beyond the first."""
    return job.counts.get("segments", 0) - job.counts.get("documents_cut", 0)


def transform(
    frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings, lists: Lists = NO_LISTS
) -> Split:
    """Frame of raw_web_text to texts (COLUMNS and `signature`, for the second pass) and drops."""
    masked = mask(trimmed(cleaned(without_escapes(frame), language), settings, language))
    counted = masked.with_columns(word_count(language).alias("words"), ORIGIN.alias("origin"))
    rest, counts = cut(counted, settings, language)
    of = (settings, language)
    rest, unfit = _judged(rest, {"blocked_site": partial(blocked_site, sites=lists.sites), **WHOLE_RULES}, *of)
    rest, unfit_prose = _judged(rest.with_columns(prose(pl.col("text")), whole="text"), PROSE_RULES, *of)
    rest, known = _judged(_whole(rest), {"evaluation_overlap": partial(evaluation_overlap, ngrams=lists.ngrams)}, *of)
    unfit = pl.concat([unfit, _whole(unfit_prose), known])
    drops = Split.of(unfit, origin="origin").dropped
    return Split(_texts(rest, settings, language), drops, counts)


def _judged(
    frame: pl.DataFrame, rules: dict[str, Rule], settings: FilteredText, language: LanguageSettings
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that break no rule, and those that do with the `reason` and `value` of the first that they break."""
    dropped = []
    for reason, rule in rules.items():
        judged = rule(frame, settings, language)
        dropped.append(judged.filter(pl.col("value").is_not_null()).with_columns(reason=pl.lit(reason)))
        frame = judged.filter(pl.col("value").is_null()).drop("value")
    wanted = ["id", "reason", "value", "origin", "text", *(name for name in ("whole",) if name in frame.columns)]
    return frame, pl.concat([one.select(wanted) for one in dropped])


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    """With the code again that the rules on prose did not look at."""
    return frame.with_columns(text="whole").drop("whole")


def _texts(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """The kept rows under the id of what they now say, with their signatures."""
    ids = pl.Series("id", [digest(language.code, text)[:ID_LENGTH] for text in frame["text"]], dtype=pl.String)
    return (
        frame.rename({"id": "document_id"})
        .with_columns(ids)
        .select(*COLUMNS, signatures(frame["text"], settings, language))
    )


def measure(job: Job) -> dict[str, Metric]:
    language, rows_in = _language(job), max(int(job.facts["rows_in"]), 1)
    reasons = drop_counts(job.staging)
    shards = pl.concat([_facts(frame, language) for frame in _staged(job)] or [_facts(_no_texts(), language)])
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
        "documents_cut": job.counts.get("documents_cut", 0),
        "characters_lost": job.counts.get("characters_lost", 0),
    }


def _facts(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """One row of sums over a shard. The language is judged anew, on the text as it is published."""
    told = frame.with_columns(prose(pl.col("text")))
    judged = identify(told["text"], language)["judged"]
    pairs = frame.select("id", "text").iter_rows()
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
        wrong_ids=pl.lit(sum(one != digest(language.code, text)[:ID_LENGTH] for one, text in pairs)),
    )


def _staged(job: Job) -> Iterator[pl.DataFrame]:
    for path in staged_shards(job):
        yield pl.read_parquet(path)


def _no_texts() -> pl.DataFrame:
    numbers = dict.fromkeys(["words", *COUNTS], pl.Int64)
    return pl.DataFrame(schema={"id": pl.String, "text": pl.String, "language_score": pl.Float64, **numbers})


def _language(job: Job) -> LanguageSettings:
    if job.language is None:
        raise ValueError("filtered_text is made language by language")
    return load_language(job.language)
