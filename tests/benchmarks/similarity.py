"""Measures whether the encoder alone, without training, shows that a response belongs to its instruction.

The instructions are English and the responses are in ten languages. The sample's seeds of each language are split at
random into two halves. One half gives the mean vectors; in the other half, every instruction is combined with every
response. The reported AUC is the mean over ten splits.
"""

from __future__ import annotations

from statistics import fmean

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from stages.params import load_settings
from tests.benchmarks.table import ROOT, Row
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.similarity import Similarity
from x_instruction.embeddings.vectors import VECTORS, add_vectors
from x_instruction.language.names import load_names

SPLITS = 10
LANGUAGES = list(load_names(ROOT / "languages"))
NOTE = "at least; every instruction with every response of 20 seeds (Swahili: 35); mean over ten random halves"


def seeds(language: str) -> pl.DataFrame:
    """The sample's seeds of the language, with their vectors."""
    table = pl.read_ndjson(ROOT / "data" / "sample" / "seeds" / f"{language}.jsonl")
    encoder = LazyEncoder(load_settings(ROOT / "params.yaml").embeddings, ROOT)
    return add_vectors(table.with_columns(language=pl.lit(language)), encoder, ROOT / "languages")


def combined(pairs: pl.DataFrame) -> pl.DataFrame:
    """Every combination of an instruction and a response. The column `true` says whether they belong together."""
    numbered = pairs.with_row_index("pair")
    left, right = numbered.select("language", "pair", VECTORS[0]), numbered.select(*VECTORS[1:], other="pair")
    return left.join(right, how="cross").with_columns(true=pl.col("pair") == pl.col("other"))


def swapped_auc(pairs: pl.DataFrame, column: str, seed: int) -> float:
    """The AUC with which a column of `Similarity.score` separates true from wrong combinations of half of the pairs."""
    order = np.random.default_rng(seed).permutation(pairs.height)
    half = pairs.height // 2
    scored = Similarity.fit(pairs[order[:half]]).score(combined(pairs[order[half:]]))
    return float(roc_auc_score(scored["true"].to_numpy(), scored[column].to_numpy()))


def run() -> list[Row]:
    rows, found = [], []
    for language in LANGUAGES:
        pairs = seeds(language)
        found.append(fmean(swapped_auc(pairs, "similarity", seed) for seed in range(SPLITS)))
        rows.append(Row(f"swapped responses, {language}", "AUC", found[-1], 0.9, NOTE))
    return [*rows, Row("swapped responses, mean of the ten languages", "AUC", fmean(found), 0.9, NOTE)]
