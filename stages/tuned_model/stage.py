"""The tuned model: the base model trained on seeds and the diversified set; one for all languages or one for each."""

from __future__ import annotations

from functools import partial

from stages.tuned_model.settings import TunedModel
from x_instruction.models.settings import Decoding
from x_instruction.pairs.tasks import answering
from x_instruction.pairs.training_pairs import Pair, seed_pairs, web_pairs
from x_instruction.pairs.tuning import measure_tuned, tune
from x_instruction.pairs.tuning_each import Each, measure_each, tune_each
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

PARTITION: tuple[str, ...] = ()


def run(job: Job) -> Outcome:
    settings, decoding = job.section(TunedModel), job.section(Decoding).model_dump(mode="json")
    if settings.one_for == "all":
        return tune(job, settings.training, _pairs(job, job.settings.languages), answering(job), decoding)
    pairs = {language: _pairs(job, [language]) for language in job.settings.languages}
    return tune_each(Each(job, settings.training, partial(answering, job), decoding), pairs)


def _pairs(job: Job, languages: list[str]) -> list[Pair]:
    return [*seed_pairs(job, "train", languages), *web_pairs(job, "diversified_set", languages)]


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    measured = measure_tuned if job.section(TunedModel).one_for == "all" else measure_each
    return measured(job, outcome)
