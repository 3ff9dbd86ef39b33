"""The measures by which the compared models are scored. To add a measure, write a function and list it in MEASURES.

The tables, the gate, the metrics and the summary of `make run` use MEASURES. Each function returns
numbers for each question, from which the figure, its interval and the paired differences are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from x_instruction.judging.intervals import Array, Observed, mean_of, ratio

CHRF_WORDS = 2  # the longest word n-grams that chrF++ counts


@dataclass(frozen=True)
class Answered:
    """A compared model and its answers, with the columns of the published table.

    `losses` has the columns question_id, nats and tokens, with a row for each held-out response. It is None for a model
    from outside this pipeline, whose loss per token cannot be compared because its tokenizer may differ.
    """

    answers: pl.DataFrame
    losses: pl.DataFrame | None


@dataclass(frozen=True)
class Measure:
    """`better` says whether higher or lower values are better (None: neither).

    `shown`: whether the summary of `make run` has a column for the measure.
    """

    observe: Callable[[Answered], Observed | None]
    better: Literal["higher", "lower"] | None
    shown: bool = True


def language_share(model: Answered) -> Observed:
    """Share of answers written in the language asked for; an empty answer counts as another language."""
    return _mean(model.answers, pl.col("in_language"))


def empty_share(model: Answered) -> Observed:
    return _mean(model.answers, pl.col("response").str.strip_chars() == "")


def repeated_share(model: Answered) -> Observed:
    """Share of an answer's characters that are in sentences which repeat an earlier sentence; mean over the answers."""
    return _mean(model.answers, pl.col("repeated_share"))


def repeated_question_share(model: Answered) -> Observed:
    """Share of answers that only repeat their question."""
    return _mean(model.answers, pl.col("repeats_question"))


def cut_share(model: Answered) -> Observed:
    """Share of answers that were cut off at `decoding.max_new_tokens`."""
    return _mean(model.answers, pl.col("finish_reason") == "length")


def mean_characters(model: Answered) -> Observed:
    return _mean(model.answers, pl.col("response").str.len_chars())


def held_out_loss(model: Answered) -> Observed | None:
    """Mean loss in nats per token of the held-out responses."""
    if model.losses is None:
        return None
    return Observed(model.losses["question_id"].to_list(), _numbers(model.losses.select("nats", "tokens")), ratio)


def chrf_plus_plus(model: Answered) -> Observed:
    """chrF++ (Popović 2017), 0 to 100, as sacrebleu computes it for the corpus of all answers with a reference."""
    from sacrebleu.metrics import CHRF

    metric = CHRF(word_order=CHRF_WORDS)
    answers = model.answers.filter(pl.col("reference") != "")
    responses, references = answers["response"].to_list(), answers["reference"].to_list()
    sums = metric._extract_corpus_statistics(responses, [references]) if responses else []
    width = 3 * metric.order
    return Observed(answers["question_id"].to_list(), np.array(sums, dtype=np.float64).reshape(-1, width), _f_score)


def _f_score(sums: Array) -> Array:
    """Computes sacrebleu's corpus_score for many sums at once, from shape (…, 3 × orders) to shape (…).

    For each order, the three numbers count the n-grams of the answer, those of the reference, and those in both.
    """
    ours, theirs, both = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 3), -1, 0)
    counted = (ours > 0) & (theirs > 0)
    orders = np.maximum(counted.sum(axis=-1), 1)
    precision, recall = (
        np.divide(both, total, out=np.zeros_like(both), where=counted).sum(axis=-1) / orders for total in (ours, theirs)
    )
    weighted = 4 * precision + recall  # beta is 2 in chrF++, so its square is 4
    return 100 * np.divide(5 * precision * recall, weighted, out=np.zeros_like(weighted), where=weighted > 0)


def similarity(model: Answered) -> Observed | None:
    """Mean similarity of question and answer by a multilingual text encoder; None if the ratings do not use it.

    The similarity of an answer in another language than the one asked for is 0, and so is that of an answer that only
    repeats the question.
    """
    known = model.answers.filter(pl.col("similarity").is_finite())
    return _mean(known, pl.col("similarity")) if known.height else None


def mean_rating(model: Answered) -> Observed:
    return _mean(model.answers, pl.col("rating"))


def _mean(answers: pl.DataFrame, value: pl.Expr) -> Observed:
    return mean_of(answers["question_id"].to_list(), answers.select(value.cast(pl.Float64)).to_series().to_numpy())


def _numbers(frame: pl.DataFrame) -> Array:
    return frame.cast(pl.Float64).to_numpy()


MEASURES = {
    "language_share": Measure(language_share, better="higher"),
    "empty_share": Measure(empty_share, better="lower", shown=False),
    "repeated_share": Measure(repeated_share, better="lower", shown=False),
    "repeated_question_share": Measure(repeated_question_share, better="lower", shown=False),
    "cut_share": Measure(cut_share, better="lower", shown=False),
    "held_out_loss": Measure(held_out_loss, better="lower"),
    "chrf_plus_plus": Measure(chrf_plus_plus, better="higher"),
    "mean_characters": Measure(mean_characters, better=None),
    "similarity": Measure(similarity, better="higher"),
    "mean_rating": Measure(mean_rating, better="higher"),
}
SHOWN: Sequence[str] = [name for name, measure in MEASURES.items() if measure.shown]
