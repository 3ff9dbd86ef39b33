"""Refuses, before the first stage runs, what a late stage would refuse only after hours of work."""

from __future__ import annotations

from pathlib import Path

from dvc_project.graph import Graph
from stages.params import Settings
from x_instruction.embeddings.settings import PACKAGES
from x_instruction.generation.open_engine import refuse_without_vllm
from x_instruction.rating.signals import similarities_wanted
from x_instruction.runner.errors import InputError
from x_instruction.words.evaluation_prompts import prompts_of


def refuse_missing(graph: Graph) -> None:
    """Raises InputError for the first given file that does not exist."""
    for stage in graph.stages.values():
        for source in stage.sources:
            if not (graph.root / source).exists():
                raise InputError(
                    f"{source}, an input of {stage.name}, does not exist: add it, or correct params.yaml and run "
                    "`make graph`"
                )


def refuse_unusable(settings: Settings, root: Path) -> None:
    """Raises XInstructionError for a value of params.yaml that no stage can use."""
    if settings.text_generation.backend == "vllm":
        refuse_without_vllm(settings.text_generation)
    used = [settings.diversified_set.encoder or settings.embeddings]
    if similarities_wanted(settings.rating):
        used.append(settings.embeddings)
    for encoder in used:
        if not (encoder.encoder in PACKAGES or encoder.revision or encoder.local_folder(root)):
            raise InputError(
                f"{encoder.SETTING}.encoder: {encoder.encoder} is not a folder here; for a hub id set "
                f"{encoder.SETTING}.revision to a commit"
            )
    given = {
        f"eval_scores.questions.{questions.name}": [questions.path] for questions in settings.eval_scores.questions
    }
    given["diversified_set.decontaminate_against"] = settings.diversified_set.decontaminate_against
    for setting, paths in given.items():
        for path in filter(Path.exists, (root / path for path in paths)):  # `refuse_missing` names missing files
            prompts_of(path, setting)
