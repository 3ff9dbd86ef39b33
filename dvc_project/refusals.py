"""Refuses, before the first stage works, what a late stage would refuse only after hours of work.

`make run` checks all stages, and a run of Dagster checks the stages that the user materializes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from dvc_project.graph import Graph, Stage
from stages.params import Settings
from x_instruction.embeddings.settings import PACKAGES, Encoder
from x_instruction.generation.open_engine import refuse_without_vllm
from x_instruction.runner.errors import InputError
from x_instruction.words.evaluation_prompts import prompts_of


def refuse_early(graph: Graph, settings: Settings, stages: Collection[Stage]) -> None:
    """Raises XInstructionError for the first given file or setting that one of the stages cannot use."""
    refuse_missing(graph.root, stages)
    refuse_unusable(settings, graph.root, frozenset[str]().union(*(stage.sections for stage in stages)))


def refuse_missing(root: Path, stages: Collection[Stage]) -> None:
    """Raises InputError for the first given file that does not exist."""
    for stage in stages:
        for source in stage.sources:
            if not (root / source).exists():
                raise InputError(
                    f"{source}, an input of {stage.name}, does not exist: add it, or correct params.yaml and run "
                    "`make graph`"
                )


def refuse_unusable(settings: Settings, root: Path, sections: Collection[str]) -> None:
    """Raises XInstructionError for a value of these sections of params.yaml that no stage can use."""
    if "text_generation" in sections and settings.text_generation.backend == "vllm":
        refuse_without_vllm(settings.text_generation)
    for encoder in _encoders(settings, sections):
        if not (encoder.encoder in PACKAGES or encoder.revision or encoder.local_folder(root)):
            raise InputError(
                f"{encoder.SETTING}.encoder: {encoder.encoder} is not a folder here; for a hub id set "
                f"{encoder.SETTING}.revision to a commit"
            )
    for setting, name in _prompt_files(settings, sections):
        if (root / name).exists():  # `refuse_missing` names missing files
            prompts_of(root / name, setting)


def _encoders(settings: Settings, sections: Collection[str]) -> Iterator[Encoder]:
    """The text encoders that stages with these sections load."""
    if "diversified_set" in sections:
        yield settings.diversified_set.encoder or settings.embeddings
    if "rating" in sections:
        # Only these stages need the code of the signals, and importing it takes 0.3 s.
        from x_instruction.rating.signals import similarities_wanted

        if similarities_wanted(settings.rating):
            yield settings.embeddings


def _prompt_files(settings: Settings, sections: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each file of evaluation prompts that these sections name, after the setting that names it."""
    if "eval_scores" in sections:
        for questions in settings.eval_scores.questions:
            yield f"eval_scores.questions.{questions.name}", questions.path
    for section in ("filtered_text", "diversified_set"):
        if section in sections:
            for name in getattr(settings, section).decontaminate_against:
                yield f"{section}.decontaminate_against", name
