"""The parts of the data card on the checks: overlaps with evaluation prompts, warnings of the gates, held-out seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from stages.released_set.card_making import setting
from stages.released_set.card_parts import escaped, manifests
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json
from x_instruction.runner.job import Job
from x_instruction.runner.markdown import table

OVERLAP = "evaluation_overlap"
NGRAMS = {"filtered_text": "decontamination_ngram", "diversified_set": "ngram"}
# Lines of the table of overlaps, and the counts of the manifests from which they are made
# (x_instruction/words/evaluation_prompts.py).
COUNTED = {"prompts": "evaluation_rows", "prompts that are too short to be compared": "evaluation_rows_unprotected"}
BY_LANGUAGE = ("raw_web_text", "filtered_text", "seed_pairs", "candidate_pairs", "refined_pairs", "diversified_set")

NOT_COMPARED = "No text or pair was compared with evaluation prompts.\n"
SUBJECTS = {"filtered_text": "texts", "diversified_set": "pairs"}  # what each step compares
COMPARED = """\
{subject} that share a run of words with an evaluation prompt were dropped, and so were those that contain a whole
shorter prompt of at least four words.

"""
CHECKS = """\
Each step published its rows only after they had passed its checks (a suite of Great Expectations), and each input row
was either kept, or dropped with a reason. The checks of this set itself run after this card is written.
"""
NO_WARNINGS = "\nNo warnings.\n"
WARNINGS = "\nThese checks failed as warnings, which do not stop a step:\n\n"


def overlaps(job: Job) -> str:
    """The evaluation prompts with which texts and pairs were compared, and the numbers of dropped texts and pairs."""
    compared = {name: setting(job, f"{name}.decontaminate_against") for name in NGRAMS}
    if not any(compared.values()):
        return NOT_COMPARED
    files = [
        [f"`{name}`", _named(paths), str(setting(job, f"{name}.{NGRAMS[name]}")) if paths else "–"]
        for name, paths in compared.items()
    ]
    counts = [row for name, paths in compared.items() if paths for row in _counts(job, name)]
    subject = " and ".join(SUBJECTS[name] for name, paths in compared.items() if paths).capitalize()
    return (
        COMPARED.format(subject=subject)
        + table(["step", "files of evaluation prompts", "words in a row"], files)
        + "\n"
        + table(["step", "number of", *job.settings.languages], counts)
    )


def _named(paths: list[str]) -> str:
    return ", ".join(escaped(Path(path).name) for path in paths) or "none"


def _counts(job: Job, name: str) -> list[list[str]]:
    found = manifests(job, name).values()
    counts = [[title, *(str(one.get("counts", {}).get(key, 0)) for one in found)] for title, key in COUNTED.items()]
    dropped = ["dropped rows", *(str(one["drop_reasons"].get(OVERLAP, 0)) for one in found)]
    return [[f"`{name}`", *row] for row in (*counts, dropped)]


def checks(job: Job, iterations: list[str]) -> str:
    """The expectations that failed as warnings. `iterations` are those whose evaluators rated released pairs."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for step, partition, path in _reports(job, iterations):
        for verdict in _verdicts(path):
            if not verdict["passed"]:
                value = escaped(str(verdict["value"]))
                found[step, verdict["rule"], verdict["because"]].append(f"{partition} {value}".strip())
    rows = [[step, f"`{rule}`", ", ".join(values), because] for (step, rule, because), values in found.items()]
    columns = ["step", "expected", "found", "why it matters"]
    return CHECKS + (WARNINGS + table(columns, rows) if rows else NO_WARNINGS)


def _reports(job: Job, iterations: list[str]) -> Iterator[tuple[str, str, Path]]:
    """The step, the language ("" if the step has none) and the path of each report of a gate that led to the set."""

    def report(artifact: str, language: str | None = None, iteration: str | None = None) -> tuple[str, str, Path]:
        step = f"`{artifact}`" + (f" of `{iteration}`" if iteration else "")
        made = replace(job, artifact=artifact, language=language, iteration=iteration)
        return step, language or "", made.report

    codes = job.settings.languages
    yield from (report(name) for name in ("base_model", "instruction_model"))
    yield from (report(name, code) for name in BY_LANGUAGE for code in codes)
    for iteration in _learned_from(job, iterations):
        yield from (report(name, iteration=iteration) for name in ("response_model", "evaluator"))
        yield from (report("rated_pairs", code, iteration) for code in codes)


def _learned_from(job: Job, iterations: list[str]) -> list[str]:
    """These iterations and all earlier ones, because each learns from the one before."""
    names = list(job.settings.iterations)
    return names[: max((names.index(name) + 1 for name in iterations), default=0)]


def _verdicts(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        raise InputError(f"{path} does not exist, so the card cannot show its warnings: run its stage (`dvc repro`)")
    return list(read_json(path, ours=True)["verdicts"])


def held_out_seeds(job: Job) -> pl.DataFrame:
    """The instructions and responses of the held-out seeds of all languages."""
    columns = ["instruction", "response", "split"]
    frames = (frame for code in job.settings.languages for frame in job.rows("seed_pairs", code).frames(columns))
    return pl.concat(frame.filter(pl.col("split") == "held_out") for frame in frames)


def held_out_rows(seeds: pl.DataFrame, released: pl.DataFrame) -> int:
    """The number of released pairs that have the instruction or the response of one of the seeds."""
    same = [pl.col(name).is_in(seeds[name].implode()) for name in ("instruction", "response")]
    return released.filter(pl.any_horizontal(same)).height
