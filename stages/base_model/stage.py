"""The model from which all other models are trained: a copy of a checkpoint, or the embedded model.

The embedded model is a small Llama that is trained from scratch on the pages of `base_model.corpus`, so that the
whole graph runs without a download. It shows that the pipeline works, but not how good a real model would be.
"""

from __future__ import annotations

from pathlib import Path

from stages.base_model.begin_token import begin_token_cost
from stages.base_model.card import card
from stages.base_model.checkpoint import load_checkpoint
from stages.base_model.corpus import corpus_texts, text_of_each
from stages.base_model.embedded import new_model, packed_rows, train_tokenizer
from stages.base_model.settings import EMBEDDED, BaseModelSettings
from x_instruction.language.names import load_names
from x_instruction.models.base_record import FILE as BASE
from x_instruction.models.base_record import write_base
from x_instruction.models.chat_template import chat_turn
from x_instruction.models.checkpoints import save_model
from x_instruction.models.fine_tuning import train_from_scratch
from x_instruction.models.measures import model_facts
from x_instruction.models.settings import Prompts
from x_instruction.runner.files import read_json
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

PARTITION: tuple[str, ...] = ()

CARD = "README.md"
CHECKED = ("parameters", "finite", "entropy_share", "vocabulary_fits", "begin_token_cost")


def run(job: Job) -> Outcome:
    settings = job.section(BaseModelSettings)
    trained = _train_embedded(job) if settings.checkpoint == EMBEDDED else _copy_checkpoint(job)
    facts = {**trained, **_checks(job)}
    names = load_names(job.language_pages)
    languages = {code: names[code] for code in job.settings.languages}
    (job.staging / CARD).write_text(card(read_json(job.staging / BASE), settings, languages, facts), encoding="utf-8")
    return Outcome(facts=facts)


def _copy_checkpoint(job: Job) -> dict[str, Metric]:
    settings = job.section(BaseModelSettings)
    model, tokenizer = load_checkpoint(settings, job.root)
    if job.section(Prompts).chat_template:
        # A chat template that cannot be used is refused here, before hours of work on other artifacts.
        chat_turn(tokenizer)
    save_model(model, tokenizer, job.staging)
    path = job.root / settings.checkpoint
    source = path if path.exists() else Path(settings.checkpoint)
    # A local path shows where the user's files are, so only its last part is recorded.
    name = path.name if path.exists() else settings.checkpoint
    write_base(job.staging, name, source, None if path.exists() else settings.revision)
    return {}


def _train_embedded(job: Job) -> dict[str, Metric]:
    settings = job.section(BaseModelSettings)
    texts = corpus_texts(job.root / settings.corpus, job.settings.languages, load_names(job.language_pages))
    tokenizer = train_tokenizer(texts, settings.architecture)
    model = new_model(settings.architecture, tokenizer, job.settings.seed)
    rows = packed_rows(texts, tokenizer, settings.training.max_tokens)
    facts = train_from_scratch(model, tokenizer, rows, job.staging, settings.training, job.settings.seed)
    write_base(job.staging, EMBEDDED, None, None)
    return facts


def _checks(job: Job) -> dict[str, Metric]:
    """Loads the saved model and runs it, so that a broken model is never published."""
    texts = text_of_each(job.root / job.section(BaseModelSettings).corpus, job.settings.languages)
    return {**model_facts(job.staging), "begin_token_cost": begin_token_cost(job.staging, texts)}


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    """The figures of the saved model, which `run` measured for the card."""
    return {name: outcome.facts[name] for name in CHECKED}
