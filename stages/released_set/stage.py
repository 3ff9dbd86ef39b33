"""The set to publish: a folder in the layout of the Hugging Face hub, with a card that is made from the run.

`data/released_set/dataset` has only the Parquet files of each language, the card README.md, and croissant.json, which
describes the set for programs. The first four columns (LEARNED) are for training. The other columns say where each pair
is from and how it was rated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from stages.released_set.card import READ, card
from stages.released_set.card_checks import held_out_rows, held_out_seeds
from stages.released_set.croissant import NAME as CROISSANT
from stages.released_set.croissant import croissant
from stages.released_set.licenses import spdx
from stages.released_set.settings import UNKNOWN, ReleasedSet
from stages.released_set.source_names import PUBLIC_SOURCE
from x_instruction.language.names import load_names
from x_instruction.runner.files import hash_paths, write_json
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import DROPS, Split, write_shard

PARTITION: tuple[str, ...] = ()

FOLDER = "dataset"
NONE = "none"  # the value of a metric that names languages, if there are none
LEARNED = ("instruction", "response", "language", "messages")
# A test checks that these names are the same as in x_instruction/rating. They are not imported from there, because the
# stage would then depend on the engines and run again after every change of their code.
LEVELS = ("best", "flawed", "worst")
SIGNALS = (
    "similarity", "part_similarity", "likelihood", "part_likelihood", "other_likelihood",
    "repeated_share", "short_run", "open_end", "other_language_share",
)  # fmt: skip
SOURCE = ("id", "text_id", "document_id", "title", "url", "source", "record", "date", "license", "spdx", "source_id")


def run(job: Job) -> Outcome:
    settings, names = job.section(ReleasedSet), load_names(job.language_pages)
    seeds, held_out, rows_in, dropped = held_out_seeds(job), 0, 0, []
    reasons: dict[str, Counter[str]] = {language: Counter() for language in job.settings.languages}
    for language in job.settings.languages:
        for number, frame in enumerate(job.rows("diversified_set", language).frames()):
            split = transform(frame, settings, names[language])
            write_shard(split.kept, _files(job, language) / f"train-{number:05d}.parquet")
            held_out += held_out_rows(seeds, split.kept)
            rows_in += frame.height
            dropped.append(split.dropped)
            reasons[language].update(split.dropped["reason"].to_list())
    write_shard(pl.concat(dropped), job.staging / DROPS / "part-00000.parquet")
    folder = job.staging / FOLDER
    pairs = hash_paths([_files(job, language) for language in job.settings.languages])
    text = card(job, _table(job, READ), reasons, pairs, held_out)
    (folder / "README.md").write_text(text, encoding="utf-8")
    write_json(folder / CROISSANT, croissant(folder, settings, job.settings.languages))
    return Outcome(rows_in=rows_in, facts={"held_out_rows": held_out})


def transform(frame: pl.DataFrame, settings: ReleasedSet, language: str) -> Split:
    """The pairs of a language with the columns of the release; `language` is its English name."""
    licenses = frame["license"].unique()
    named = pl.col("license").replace_strict(licenses, [spdx(name) for name in licenses], return_dtype=pl.String)
    rows = frame.with_columns(PUBLIC_SOURCE, spdx=named)
    known = pl.when(pl.col("spdx") == "").then(pl.lit(UNKNOWN)).otherwise("spdx")
    refused = pl.lit(False) if settings.allowed_licenses is None else ~known.is_in(settings.allowed_licenses)
    asked = pl.format("{} Answer in {}.", "instruction", pl.lit(language))
    turns = [
        pl.struct(role=pl.lit(role), content=content)
        for role, content in (("user", asked), ("assistant", pl.col("response")))
    ]
    signals = [pl.col(name).alias(f"signal_{name}") for name in SIGNALS]
    ratings = [pl.col("rating"), *(pl.col(level).alias(f"rating_{level}") for level in LEVELS)]
    return Split.of(
        rows.with_columns(messages=pl.concat_list(turns)).select(
            *LEARNED,
            *SOURCE,
            *ratings,
            *signals,
            "iteration",
            "cluster",
            reason=pl.when(refused).then(pl.lit("license_not_allowed")),
            value=pl.format("{} (the page says: {})", known, "license"),
        ),
        text="response",
    )


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    table, languages = _table(job, ("id", "spdx")), job.settings.languages
    dropped = sum(job.staged.drop_counts().values())
    return {
        "rows": table.height,
        "languages_without_rows": _named(code for code in languages if not _rows(job, code)),
        "dropped": dropped,
        "unaccounted_rows": (outcome.rows_in or 0) - table.height - dropped,
        "duplicate_ids": table.height - table["id"].n_unique(),
        "null_values": sum(_nulls(path) for path in _paths(job)),
        "columns": ", ".join(pl.read_parquet_schema(_paths(job)[0])),
        "rows_without_license": int((table["spdx"] == "").sum()),
        "held_out_rows": outcome.facts["held_out_rows"],
        "unreadable_languages": _named(code for code in languages if not _loads(job, code)),
        "other_files": len(_others(job)),
    }


def _named(languages: Iterable[str]) -> str:
    return ", ".join(languages) or NONE


def _files(job: Job, language: str) -> Path:
    return job.staging / FOLDER / language


def _paths(job: Job) -> list[Path]:
    return [path for language in job.settings.languages for path in sorted(_files(job, language).glob("*.parquet"))]


def _table(job: Job, columns: Iterable[str]) -> pl.DataFrame:
    """These columns of all pairs. Without the texts, they need little memory."""
    return pl.concat(pl.read_parquet(path, columns=list(columns)) for path in _paths(job))


def _nulls(path: Path) -> int:
    return sum(pl.read_parquet(path).null_count().row(0))


def _rows(job: Job, language: str) -> int:
    return sum(pq.read_metadata(path).num_rows for path in _files(job, language).glob("*.parquet"))


def _loads(job: Job, language: str) -> bool:
    """Whether `datasets.load_dataset` reads the language's pairs from the folder."""
    from datasets import load_dataset

    rows = load_dataset(str(job.staging / FOLDER), language, split="train", streaming=True)
    first = next(iter(rows), None)
    return first is not None and tuple(first)[: len(LEARNED)] == LEARNED and first["language"] == language


def _others(job: Job) -> list[Path]:
    """Files in the folder that are neither Parquet files of a language nor the card nor croissant.json."""
    folder = job.staging / FOLDER
    known = {folder / "README.md", folder / CROISSANT, *folder.glob("*/train-*.parquet")}
    return [path for path in folder.rglob("*") if path.is_file() and path not in known]
