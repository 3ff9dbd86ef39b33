"""Makes documents that are not filtered yet: the main text of each page, and its provenance.

python -m stages raw_web_text fi
"""

from __future__ import annotations

import sys
from functools import partial

import polars as pl

from stages.raw_web_text.documents import read_pages
from stages.raw_web_text.records import read_sources
from stages.raw_web_text.settings import RawWebText
from stages.raw_web_text.shared_sources import SharedPages
from stages.raw_web_text.unread import BAD, CAUSES, doubtful_share, unread_sentence, unread_share, weights
from stages.raw_web_text.unused_sources import UnusedSources
from x_instruction.language.identification import MODEL, identify
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.pages.main_text import HTML_EXTRACTOR
from x_instruction.runner.content_ids import content_ids, wrong_ids
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.metrics import counted_median
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.second_pass import PLACE, drop_staged, staged_repeated
from x_instruction.runner.shards import Split, by_parts

PARTITION = ("language",)

# Reasons to drop archive records without a page: the response is not HTML, or its HTTP status is not 200. These records
# do not count as bad.
NO_PAGE = ("not_html", "http_status")
COLUMNS = ("id", "language", "title", "text", "url", "source", "record", "date", "license", "source_id", "extractor")
WORD = r"\S*[\p{L}\p{N}]\S*"


def run(job: Job) -> Outcome:
    settings = job.section(RawWebText)
    language = _language(job)
    routed = (
        load_language(language, job.language_pages) if any(not source.labelled for source in settings.sources) else None
    )
    unused = UnusedSources()
    outcome = job.map_frames(
        read_sources(settings, language, job.root, SharedPages(job, language).of if routed else None, unused),
        partial(by_parts, transform=partial(transform, settings=settings, language=language, routed=routed)),
        settings=[settings],
        depends_on=f"{language} {HTML_EXTRACTOR} {f'{MODEL} {routed.model_dump_json()}' if routed else ''}",
    )
    unused.report_dropped(job.staged)  # before duplicates are dropped, because a source may repeat another one
    drop_staged(job, exact_duplicates(staged_repeated(job, "id", ["source", "record"])), temporary=[])
    return outcome


def transform(
    frame: pl.DataFrame, settings: RawWebText, language: str, routed: LanguageSettings | None = None
) -> Split:
    """Turns a frame of records (`RECORD_SCHEMA`) into documents (`COLUMNS`) and dropped rows.

    `routed` has the settings of the language. It is required if some records are not labelled, because unlabelled
    records in another language are dropped.
    """
    pages = read_pages(frame, settings).with_columns(language=pl.lit(language))
    documents = pages.with_columns(content_ids(pages, "language", "text"))
    if routed:
        documents = _routed(documents, frame["labelled"], routed)
    # The origin of a dropped row is its place in the source, because the address of its page may be wrong.
    split = Split.of(documents.with_columns(origin=PLACE), origin="origin")
    return Split(split.kept.select(COLUMNS), split.dropped, weights(pages))


def _routed(documents: pl.DataFrame, labelled: pl.Series, language: LanguageSettings) -> pl.DataFrame:
    """Gives unlabelled documents in another language the reason `other_language`, and removes their text."""
    numbered = documents.with_row_index("row")
    unlabelled = numbered.filter(~labelled & pl.col("reason").is_null())
    judged = unlabelled.select("row", identify(unlabelled["text"], language, unlabelled["likeliest"])["judged"])
    other = judged.filter(~pl.col("judged").is_in(list(language.accepted)))
    elsewhere = pl.col("judged").is_not_null()
    return (
        numbered.join(other, on="row", how="left", maintain_order="left")
        .with_columns(
            reason=pl.when(elsewhere).then(pl.lit("other_language")).otherwise("reason"),
            value=pl.when(elsewhere).then(pl.format("identified as {}", "judged")).otherwise("value"),
            text=pl.when(elsewhere).then(pl.lit("")).otherwise("text"),
        )
        .drop("row", "judged")
    )


def exact_duplicates(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows to drop because an earlier row has the same id: columns `shard`, `row`, `reason` and `value`.

    A row is earlier if it comes first in the order of `source` and `record`.
    """
    first = pl.format("{}#{}", pl.col("source").first(), pl.col("record").first()).over("id")
    return (
        rows.sort("source", "record")
        .with_columns(earlier=first, again=pl.int_range(pl.len()).over("id") > 0)
        .filter("again")
        .select("shard", "row", reason=pl.lit("exact_duplicate"), value=pl.format("same text as {}", "earlier"))
    )


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    reasons = job.staged.drop_counts()
    lengths, wrong = pl.DataFrame(schema={"words": pl.UInt32, "count": pl.UInt32}), 0
    for documents in job.staged.frames(["id", "language", "text"]):
        counted = documents["text"].str.count_matches(WORD).alias("words").value_counts()
        lengths = pl.concat([lengths, counted]).group_by("words").agg(pl.col("count").sum())
        wrong += wrong_ids(documents, "language", "text")
    # Documents in another language count as pages too, because the bad records include those of other languages.
    pages = max((outcome.rows_in or 0) - sum(reasons.get(reason, 0) for reason in (*NO_PAGE, *CAUSES)), 1)
    bad = {reason: reasons[reason] for reason in BAD if reason in reasons}
    counts, share = ", ".join(f"{count} {reason}" for reason, count in bad.items()) or "none", sum(bad.values()) / pages
    if share > job.section(RawWebText).max_bad_share:
        print(f"raw_web_text {job.partition}: bad records among {pages} pages: {counts}", file=sys.stderr)
    unread = unread_sentence(outcome.counts, reasons)
    if unread != "none":
        print(f"raw_web_text {job.partition}: not read: {unread}", file=sys.stderr)
    return {
        "bad_records": counts,
        "unread": unread,
        "unread_share": unread_share(outcome.counts),
        "doubtful_share": doubtful_share(outcome.counts),
        "passed_over": sum(reasons.get(reason, 0) for reason in ("other_language", *NO_PAGE)),
        "bad_share": share,
        "exact_duplicates": reasons.get("exact_duplicate", 0),
        "median_words": counted_median(lengths["words"], lengths["count"]),
        "wrong_ids": wrong,
    }


def _language(job: Job) -> str:
    if job.language is None:
        raise ValueError("raw_web_text is made for one language at a time")
    return job.language
