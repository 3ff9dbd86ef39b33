"""The model everything starts from: a pinned checkpoint, or the embedded one.

The embedded model is a small Llama trained from scratch on the sample's pages, so that the whole graph can be
made without a download. It shows that the pipeline works; it says nothing of a real model's quality.
"""

from __future__ import annotations

from pathlib import Path

from stages.base_model.corpus import corpus_texts
from stages.base_model.embedded import new_model, packed_rows, train_tokenizer
from stages.base_model.settings import BaseModelSettings
from x_instruction.language.names import load_names
from x_instruction.models.checkpoints import load_model, load_tokenizer, save_model
from x_instruction.models.fine_tuning import train
from x_instruction.models.measures import model_facts
from x_instruction.runner.errors import InputError
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

PARTITION: tuple[str, ...] = ()


def run(job: Job) -> Outcome:
    settings = job.section(BaseModelSettings)
    if settings.checkpoint == "embedded":
        return _train_embedded(job)
    folder = job.root / settings.checkpoint
    if not folder.is_dir() and settings.revision is None:
        raise InputError(
            f"base_model.checkpoint: {settings.checkpoint} is no folder here; for a hub id set base_model.revision "
            "to a commit, so that the model cannot change under you"
        )
    name = folder if folder.is_dir() else Path(settings.checkpoint)
    save_model(load_model(name, settings.revision), load_tokenizer(name, settings.revision), job.staging)
    return Outcome()


def _train_embedded(job: Job) -> Outcome:
    settings = job.section(BaseModelSettings)
    texts = corpus_texts(job.root / settings.corpus, job.settings.languages, load_names(job.language_pages))
    tokenizer = train_tokenizer(texts, settings.architecture)
    model = new_model(settings.architecture, tokenizer, job.settings.seed)
    rows = packed_rows(texts, tokenizer, settings.training.max_tokens)
    return Outcome(facts=train(model, tokenizer, rows, job.staging, settings.training, job.settings.seed))


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    """Loads what was made and runs it once: a model that cannot answer is never published."""
    return model_facts(job.staging)
