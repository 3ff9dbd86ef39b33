"""The answers of a compared model to the questions.

They are kept in the work store, a cache on disk. When the stage publishes its output, the stored answers that the
output does not use are deleted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from stages.eval_scores.compared_models import CHAT_PROMPT, engine_settings, folder_of, identity, prompts_of
from stages.eval_scores.settings import ComparedModel
from x_instruction.generation.endpoint_client import EndpointClient, storable
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.returned_text import without_reasoning
from x_instruction.generation.sampling import answer_sampling
from x_instruction.generation.settings import TextGeneration
from x_instruction.language.identification import in_language
from x_instruction.language.names import load_names
from x_instruction.language.settings import load_language
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Decoding, Prompts
from x_instruction.runner.content_ids import content_ids
from x_instruction.runner.errors import InputError
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.shards import Split, drops, no_drops

ASKED_AT_ONCE = 16  # an endpoint's answers are saved after this many questions, in case a later question fails
WRITTEN = {"response": pl.String, "finish_reason": pl.String, "question_cut": pl.Boolean}


@dataclass(frozen=True)
class Answers:
    """`frame` has the answered questions with `response`; `unanswered` has the other questions, as dropped rows."""

    folder: Path | None
    frame: pl.DataFrame
    unanswered: pl.DataFrame
    facts: dict[str, Metric] = field(default_factory=dict)


def answers_of(job: Job, model: ComparedModel, questions: pl.DataFrame) -> Answers:
    """Asks the model the questions. Raises InputError if it cannot be loaded or answers none of them."""
    folder = folder_of(model, job)
    ask = _of_endpoint if folder is None else partial(_of_weights, folder=folder)
    written, facts, failure = ask(job, model, questions)
    answered = written.join(questions, on="question_id", how="left", maintain_order="left")
    missing = questions.join(written, on="question_id", how="anti", maintain_order="left")
    if answered.is_empty() and questions.height:
        raise InputError(f"eval_scores.models.{model.name} answered none of {questions.height} questions: {failure}")
    if missing.height:
        print(
            f"warning: {model.name} left {missing.height} of {questions.height} questions unanswered: {failure}",
            file=sys.stderr,
        )
    facts["questions_cut"] = int(written["question_cut"].sum())
    return Answers(folder, _rows(job, model.name, answered), _unanswered(model.name, missing, failure), facts)


def _rows(job: Job, name: str, answered: pl.DataFrame) -> pl.DataFrame:
    language = load_language(job.language or "", job.language_pages)
    frame = answered.with_columns(model=pl.lit(name), in_language=in_language(answered["response"], language))
    return frame.select(
        content_ids(frame, "question_id", "model"), "question_id", "language", "model", "kind", "questions", "asked_in",
        "instruction", "response", "reference", "in_language", "finish_reason",
    )  # fmt: skip


def _unanswered(name: str, missing: pl.DataFrame, failure: str) -> pl.DataFrame:
    marked = missing.with_columns(
        id=pl.format("{}-{}", "question_id", pl.lit(name)),
        reason=pl.lit("no_answer"),
        value=pl.lit(f"{name}: {failure}"),
        url=pl.lit(name),
    )
    return drops(marked, text="instruction")


def _of_weights(
    job: Job, model: ComparedModel, questions: pl.DataFrame, folder: Path
) -> tuple[pl.DataFrame, dict[str, Metric], str]:
    prompts, settings = prompts_of(model, job.section(Prompts)), engine_settings(model, job.section(TextGeneration))
    decoding, seed = job.section(Decoding), job.settings.seed
    parts = (identity(model, folder), prompts, settings, decoding)
    with LazyEngine(folder, settings, seed) as engine:
        ask = partial(
            write_answers, engine=engine, prompts=prompts, decoding=decoding, seed=seed, language=_english_name(job)
        )
        written = pl.concat(job.remembered([questions], ask, depends_on=_key(*parts, str(seed), _english_name(job))))
        return written, dict(engine.facts()), ""


def write_answers(
    questions: pl.DataFrame, engine: LazyEngine, prompts: Prompts, decoding: Decoding, seed: int, language: str
) -> Split:
    """Returns rows with question_id and the columns of WRITTEN. `language` is the English name of the language."""
    encoder = PromptEncoder(engine.tokenizer, prompts, room=engine.room(decoding.max_new_tokens))
    asked, cut = [], []
    for instruction in questions["instruction"]:
        before = encoder.cut
        asked.append(encoder.write_response(instruction, language, prompts.style_answer))
        cut.append(encoder.cut > before)
    texts = engine.generate(asked, answer_sampling(decoding, seed, encoder))
    rows = [(text.text, text.finish_reason, question_cut) for text, question_cut in zip(texts, cut, strict=True)]
    return _written(questions, rows)


def _written(questions: pl.DataFrame, rows: Sequence[tuple[str, str, bool]]) -> Split:
    answers = pl.DataFrame(rows, schema=WRITTEN, orient="row")
    return Split(questions.head(len(rows)).select("question_id").hstack(answers), no_drops())


def _of_endpoint(
    job: Job, model: ComparedModel, questions: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, Metric], str]:
    """Returns the answers, the client's figures, and the error that ended the requests ("": no error).

    Answers are saved after every ASKED_AT_ONCE questions. After a failure, the next run asks only the questions without
    a saved answer.
    """
    assert model.endpoint is not None
    decoding, seed = job.section(Decoding), job.settings.seed
    template = model.prompt or CHAT_PROMPT
    client = EndpointClient(model.endpoint)
    ask = partial(
        ask_endpoint, client=client, template=template, decoding=decoding, seed=seed, language=_english_name(job)
    )
    key = _key(identity(model, None), template, decoding, str(seed), _english_name(job))
    frames, failure = [questions.head(0).select("question_id").hstack(pl.DataFrame(schema=WRITTEN))], ""
    try:
        for frame in _in_turn(job, questions, ask, key):
            frames.append(frame)
    except InputError as error:
        failure = str(error)
    finally:
        client.close()
    return pl.concat(frames), dict(client.facts()), failure


def _in_turn(
    job: Job, questions: pl.DataFrame, ask: Callable[[pl.DataFrame], Split], key: str
) -> Iterator[pl.DataFrame]:
    for part in questions.iter_slices(ASKED_AT_ONCE):
        yield from job.remembered([part], ask, depends_on=key)


def ask_endpoint(
    questions: pl.DataFrame, client: EndpointClient, template: str, decoding: Decoding, seed: int, language: str
) -> Split:
    """Returns rows with question_id and the columns of WRITTEN. Raises InputError if a question gets no answer."""

    def ask(question: tuple[str, str]) -> tuple[str, str, bool]:
        identifier, instruction = question
        choice = client.chat(
            template.replace("{language}", language).replace("{instruction}", instruction),
            temperature=decoding.temperature,
            top_p=decoding.top_p,
            max_tokens=decoding.max_new_tokens,
            stop=list(decoding.stop_strings) or None,
            seed=(seed + int(identifier[:7], 16)) % 2**31,
        )
        return without_reasoning(choice.message.content), storable(str(choice.finish_reason or "stop")), False

    pool = ThreadPoolExecutor(client.settings.concurrency)
    try:
        return _written(questions, list(pool.map(ask, questions.select("question_id", "instruction").iter_rows())))
    finally:
        pool.shutdown(cancel_futures=True)


def _english_name(job: Job) -> str:
    return load_names(job.language_pages)[job.language or ""]


def _key(*parts: Any) -> str:
    return " ".join(part if isinstance(part, str) else part.key() for part in parts)
