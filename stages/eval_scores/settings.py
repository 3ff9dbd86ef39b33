"""The section `eval_scores` of params.yaml. docs/evaluator.md explains it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from x_instruction.generation.settings import Endpoint
from x_instruction.judging.settings import Judge
from x_instruction.models.settings import PLACEHOLDER
from x_instruction.runner.settings import NonEmpty, Positive, Section, Share

TUNED, BASE = "tuned", "base"
ARTIFACT = re.compile(r"base_model|tuned_model|response_model/iteration_\d+")
PLACEHOLDERS = {"instruction", "language"}
SEEDS = "seeds"  # name of the question set of the held-out seeds

BELEBELE = {
    "bn": "ben_Beng", "fi": "fin_Latn", "hi": "hin_Deva", "id": "ind_Latn", "sw": "swh_Latn", "ta": "tam_Taml",
    "th": "tha_Thai", "tr": "tur_Latn", "ur": "urd_Arab", "vi": "vie_Latn",
}  # fmt: skip


def _named(task: str, languages: str) -> dict[str, str]:
    return {code: f"{task}_{code}" for code in languages.split()}


# lm-eval's name of each task by language.
TASKS: Mapping[str, Mapping[str, str]] = {
    "xcopa": _named("xcopa", "id sw ta th tr vi"),
    "xnli": _named("xnli", "hi sw th tr ur vi"),
    "xstorycloze": _named("xstorycloze", "hi id sw"),
    "belebele": {code: f"belebele_{name}" for code, name in BELEBELE.items()},
    "global_mmlu": _named("global_mmlu", "bn hi id sw"),
    "global_mmlu_full": _named("global_mmlu_full", "bn hi id sw tr vi"),
}


class ComparedModel(Section):
    """An entry of `models`: `name` and either `model` or `endpoint`."""

    name: Annotated[str, Field(pattern=r"^\w+$")]
    model: NonEmpty | None = None
    """`base_model`, `tuned_model`, `response_model/iteration_1` …, a folder, or a hub id with its `revision`."""
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")] | None = None
    """The commit of a hub id."""
    endpoint: Endpoint | None = None
    """An OpenAI-compatible server, which answers chat requests."""
    prompt: NonEmpty | None = None
    """A template with {instruction} and {language}; null: `prompts.write_response`, or for an endpoint
    `{instruction} Answer in {language}.`"""
    chat_template: bool | None = None
    """Whether the prompt is put into the chat template of the model; null: as `prompts.chat_template` says."""

    @property
    def artifact(self) -> bool:
        """Whether the model is made by this pipeline."""
        return bool(self.model and ARTIFACT.fullmatch(self.model))

    def inputs(self, number: int, root: Path) -> list[str]:
        """The dependency in dvc.yaml: an artifact or a local folder. A hub id has its commit in params.yaml instead."""
        if self.artifact:
            return [f"data/{self.model}"]
        local = self.model is not None and (root / self.model).is_dir()
        return [f"${{eval_scores.models[{number}].model}}"] if local else []

    @model_validator(mode="after")
    def _usable(self) -> ComparedModel:
        if (self.model is None) == (self.endpoint is None):
            raise ValueError(f"give {self.name} either `model` or `endpoint`")
        if self.endpoint and not (self.endpoint.url and self.endpoint.model):
            raise ValueError(f"{self.name} needs endpoint.url and endpoint.model")
        if self.prompt and set(PLACEHOLDER.findall(self.prompt)) != PLACEHOLDERS:
            raise ValueError(
                f"the prompt of {self.name} must contain {{instruction}} and {{language}}, and no other placeholder"
            )
        return self


class Questions(Section):
    """An entry of `questions`: a JSONL file of questions in English or in the languages of the run."""

    name: Annotated[str, Field(pattern=r"^\w+$")]
    path: NonEmpty
    limit: Positive | None = None
    """At most this many questions in English are asked, and at most this many in the evaluated language; null: all."""
    language: NonEmpty | None = None
    """The language of rows without a column `language` or `lang`; null: English."""


class StandardTasks(Section):
    """Tasks that lm-eval runs; see stages/eval_scores/standard_tasks.py."""

    tasks: list[NonEmpty]
    """Keys of TASKS, which lists the languages in which each task is run."""
    data: NonEmpty | None
    """A folder with a copy of each data set at its hub id (`facebook/belebele`); null: the data come from the hub."""
    few_shot: Annotated[int, Field(ge=0)]
    """Number of solved examples before each question."""
    limit: Positive | None
    """Largest number of questions of each task; null: all."""

    @field_validator("tasks")
    @classmethod
    def _configured(cls, tasks: list[str]) -> list[str]:
        for task in tasks:
            if task not in TASKS:
                raise ValueError(f"{task} is not one of the tasks {', '.join(TASKS)}")
        return tasks


class EvalScores(Section):
    models: Annotated[list[ComparedModel], Field(min_length=2)]
    """The compared models. The answers of `tuned` are compared with those of each other model, pair by pair."""
    questions: Annotated[list[Questions], Field(min_length=1)]
    """Questions besides the held-out seeds."""
    tie_margin: Share
    """Two answers tie if their ratings, similarities or grades (as shares of the scale) differ by at most this."""
    bootstrap_samples: Positive
    """Number of bootstrap resamples of the questions, for the intervals."""
    judges: list[Judge]
    """Models at endpoints that compare two answers. The evaluator always compares them too, and so does the similarity
    if `rating.signals` contains a similarity."""
    human_verdicts: NonEmpty | None
    """A file of people's verdicts that `python -m x_instruction judging import` wrote; null: none."""
    standard_tasks: StandardTasks

    @field_validator("models")
    @classmethod
    def _tuned_and_base_are_there(cls, models: list[ComparedModel]) -> list[ComparedModel]:
        names = [model.name for model in models]
        _refuse_repeated(names)
        for name, artifact in ((TUNED, "tuned_model"), (BASE, "base_model")):
            if not any(model.name == name and model.model == artifact for model in models):
                raise ValueError(f"the gate compares tuned with base: list `{{name: {name}, model: {artifact}}}`")
        return models

    @field_validator("questions", "judges")
    @classmethod
    def _named_once(cls, entries: list[Questions] | list[Judge]) -> list[Questions] | list[Judge]:
        _refuse_repeated([entry.name for entry in entries])
        if any(entry.name == SEEDS for entry in entries):
            raise ValueError(f"the name {SEEDS} belongs to the held-out seeds: choose another")
        return entries

    def inputs(self, root: Path) -> list[str]:
        """Dependencies in dvc.yaml: models, question files, human verdicts, data of tasks."""
        models = [path for number, model in enumerate(self.models) for path in model.inputs(number, root)]
        questions = [f"${{eval_scores.questions[{number}].path}}" for number in range(len(self.questions))]
        verdicts = ["${eval_scores.human_verdicts}"] if self.human_verdicts else []
        data = ["${eval_scores.standard_tasks.data}"] if self.standard_tasks.data else []
        return [*dict.fromkeys(models), *questions, *verdicts, *data]


def _refuse_repeated(names: list[str]) -> None:
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"the name {repeated[0]} is given more than once")
