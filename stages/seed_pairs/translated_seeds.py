"""Translates the responses of a source's English pairs into the language of the job."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path

import polars as pl

from stages.seed_pairs.seed_files import read_seeds
from stages.seed_pairs.settings import SeedPairs, SeedSource, Translation
from stages.seed_pairs.translation import Translator, translator
from x_instruction.generation.returned_text import Returned
from x_instruction.language.names import load_names
from x_instruction.runner.files import digest, hash_paths
from x_instruction.runner.job import Job
from x_instruction.runner.shards import Split, in_slices, no_drops

# Rows that are translated and saved at a time. An interrupted run loses only the translations of unfinished slices.
SLICE = 64


def translated_seeds(job: Job, source: SeedSource) -> pl.DataFrame:
    """The rows of `read_seeds` with translated responses. The column `english` has the English response."""
    settings, language = job.section(SeedPairs).translation, job.language
    assert settings is not None  # SeedPairs requires it for a source with `translate: true`
    assert language is not None
    engine = _LazyTranslator(settings, language, load_names(job.language_pages)[language], job.root)
    english = in_slices([read_seeds(job.root, source, language)], SLICE)
    key = digest(settings.key(), language, _checkpoint_hash(settings, language, job.root))
    return pl.concat(job.remembered(english, partial(_translated, engine=engine), depends_on=key))


class _LazyTranslator:
    """Loads the translator on first use. It is not loaded if the work store, a cache on disk, has every translation."""

    def __init__(self, settings: Translation, code: str, name: str, root: Path) -> None:
        self.arguments = (settings, code, name, root)

    @cached_property
    def translator(self) -> Translator:
        return translator(*self.arguments)


def _checkpoint_hash(settings: Translation, language: str, root: Path) -> str:
    folder = root / settings.checkpoint_for(language)
    return hash_paths(list(folder.iterdir())) if settings.checkpoint and folder.is_dir() else ""


def _translated(frame: pl.DataFrame, engine: _LazyTranslator) -> Split:
    english = frame["response"].fill_null("")
    filled = english.str.strip_chars() != ""
    translations = iter(engine.translator.translate(english.filter(filled).to_list()))
    returned = [next(translations) if text else Returned("") for text in filled]
    columns = {
        "response": [text.text for text in returned],
        "refused": [text.refused for text in returned],
        "removed": [" ".join(text.removed) for text in returned],
        "returned": [text.raw for text in returned],
    }
    kept = frame.with_columns(
        *(pl.Series(name, values, dtype=pl.String) for name, values in columns.items()),
        english.alias("english"),
        pl.lit("translated").alias("origin"),
        pl.lit(engine.translator.name).alias("translator"),
    )
    return Split(kept, no_drops())
