"""Defines what a tuned model learns: how pairs become examples, and how a user's message becomes a prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from x_instruction.language.names import load_names
from x_instruction.models.examples import Example
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.published_template import Asking
from x_instruction.models.settings import Prompts
from x_instruction.pairs.training_pairs import Pair, instruction_examples, response_examples
from x_instruction.runner.job import Job


@dataclass(frozen=True)
class Task:
    """What a model is tuned to do. `message` returns a pair's user message and the chat template's arguments."""

    about: str
    asking: Asking
    examples: Callable[[Iterable[Pair], PromptEncoder], list[Example]]
    message: Callable[[Pair, PromptEncoder], tuple[str, dict[str, str]]]


def answering(job: Job, language: str = "") -> Task:
    """The task of answering an instruction. `language` is the code of the default language of the answer, or ""."""
    prompts, names = job.section(Prompts), load_names(job.language_pages)
    return Task(
        about="answers instructions",
        asking=Asking(
            prompts.write_response, "instruction", {"style": prompts.style_answer}, names[language] if language else ""
        ),
        examples=partial(response_examples, names=names),
        message=lambda pair, _: (pair.instruction, {"language": names[pair.language], "style": pair.style}),
    )


def instructing(job: Job) -> Task:
    """The task of writing the instruction that a text answers."""
    return Task(
        about="writes an English instruction for a text",
        asking=Asking(job.section(Prompts).write_instruction, "response", {}),
        examples=instruction_examples,
        message=lambda pair, encoder: (encoder.fitted(pair.response), {}),
    )
