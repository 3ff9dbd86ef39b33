"""Compares the tuned model's answers with those of each other model: the judges' verdicts, and how far judges agree."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

import polars as pl

from stages.eval_scores.settings import TUNED, EvalScores
from x_instruction.generation.endpoint_client import EndpointClient
from x_instruction.judging.agreement import agreement
from x_instruction.judging.endpoint_judge import AnswerPair, ask_judge
from x_instruction.judging.settings import EVALUATOR, SIMILARITY, Judge
from x_instruction.judging.verdicts import PAIR, VERDICTS, Opinion, by_column, by_opinions, no_verdicts, pairs_of
from x_instruction.language.names import load_names
from x_instruction.runner.errors import InputError
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.shards import Split, no_drops

JUDGED_AT_ONCE = 16  # a judge's verdicts are saved after this many pairs, in case a later pair fails
OPINION = {"shown_first": pl.Float64, "shown_second": pl.Float64, "failure": pl.String}


def verdicts_of(job: Job, rated: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Metric]]:
    """The verdicts of the evaluator, the similarity and the judges, and the numbers and cost of requests to endpoints.

    `rated` has the answers with similarity and rating. A judge that fails leaves pairs without a verdict.
    """
    settings, facts = job.section(EvalScores), dict[str, Metric]()
    others = [model.name for model in settings.models if model.name != TUNED]
    pairs = pl.concat([pairs_of(rated, TUNED, other) for other in others])
    tables = [no_verdicts(), by_column(pairs, EVALUATOR, "rating", settings.tie_margin)]
    if rated["similarity"].is_finite().any():
        tables.append(by_column(lowest_elsewhere(pairs), SIMILARITY, "similarity", settings.tie_margin))
    for judge in settings.judges:
        verdicts, judge_facts = _by_endpoint(job, judge, pairs, settings.tie_margin)
        tables.append(verdicts)
        facts |= {f"{judge.name}_{name}": value for name, value in judge_facts.items()}
    return pl.concat(tables), facts


def lowest_elsewhere(pairs: pl.DataFrame) -> pl.DataFrame:
    """Gives answers in another language and repeated questions the lowest cosine, so that any other answer wins."""
    return pairs.with_columns(
        pl.when(pl.col(f"in_language{suffix}") & ~pl.col(f"repeats_question{suffix}"))
        .then(f"similarity{suffix}")
        .otherwise(-1.0)
        .alias(f"similarity{suffix}")
        for suffix in ("", "_other")
    )


def _by_endpoint(job: Job, judge: Judge, pairs: pl.DataFrame, margin: float) -> tuple[pl.DataFrame, dict[str, Metric]]:
    """The judge's verdicts on the pairs, and the numbers and cost of its requests.

    Verdicts are saved after every JUDGED_AT_ONCE pairs. After a failure, the next run asks only about the pairs without
    a saved verdict. If `judge.questions` is set, only the pairs of that many questions are judged.
    """
    asked = pairs.filter(pl.col("question_id").rank("dense").over("against") <= (judge.questions or pairs.height))
    client: EndpointClient | None = None
    opinions = list[Opinion]()
    try:
        client = EndpointClient(judge.endpoint)
        for frame in _opinions(job, judge, client, asked):
            opinions += [Opinion(*row) for row in frame.select(OPINION.keys()).iter_rows()]
    except InputError as error:
        failure = str(error)
        print(
            f"warning: {judge.name} gave no verdict on {asked.height - len(opinions)} of {asked.height} pairs: "
            f"{failure}",
            file=sys.stderr,
        )
        opinions += [Opinion(failure=failure)] * (asked.height - len(opinions))
    finally:
        if client:
            client.close()
    facts = dict(client.facts()) if client else {}
    # Of the judges at endpoints, only those that give grades need a margin for ties.
    return by_opinions(asked, judge.name, opinions, margin if judge.scale == "grade" else 0.0), facts


def _opinions(job: Job, judge: Judge, client: EndpointClient, pairs: pl.DataFrame) -> Iterator[pl.DataFrame]:
    work = partial(judge_pairs, judge=judge, client=client, language=load_names(job.language_pages)[job.language or ""])
    shown = pairs.select(*PAIR, "instruction", "response", "response_other")
    for part in shown.iter_slices(JUDGED_AT_ONCE):
        yield from job.remembered([part], work, depends_on=judge.key())


def judge_pairs(pairs: pl.DataFrame, judge: Judge, client: EndpointClient, language: str) -> Split:
    """Returns a row with the columns of PAIR and OPINION for each pair. Raises InputError if the endpoint fails."""
    shown = [
        AnswerPair(language, *row) for row in pairs.select("instruction", "response", "response_other").iter_rows()
    ]
    opinions = [
        (opinion.shown_first, opinion.shown_second, opinion.failure) for opinion in ask_judge(judge, client, shown)
    ]
    return Split(pairs.select(PAIR).hstack(pl.DataFrame(opinions, schema=OPINION, orient="row")), no_drops())


def judges_agreement(verdicts: pl.DataFrame) -> pl.DataFrame:
    """The agreement of every two judges, and of all judges, with the columns of x_instruction/judging/agreement.py."""
    known = verdicts.filter(pl.col("verdict").is_not_null())
    labels = {
        str(judge): {" ".join(pair): verdict for *pair, verdict in of_judge.iter_rows()}
        for (judge,), of_judge in known.select("judge", *PAIR, "verdict")
        .partition_by("judge", as_dict=True, maintain_order=True, include_key=False)
        .items()
    }
    return agreement(labels, VERDICTS, "verdicts")
