"""Samples answers and pairs of answers for people to judge. These people do not see the names of the models.

The order of a pair's two answers is random. Only the file key.jsonl names the models; it stays with the person who
exports the sample.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from x_instruction.judging.verdicts import LOSS, TIE, WIN, pairs_of
from x_instruction.runner.files import digest

FIRST, SECOND, NEITHER = PAIR_CHOICES = ("answer_1", "answer_2", "neither")
LEVELS = ("best", "flawed", "worst")
PAIRS, ANSWERS = "pairs", "answers"
CHOICES = {PAIRS: PAIR_CHOICES, ANSWERS: LEVELS}
LANGUAGE = "language"
ID_DIGITS = 12


@dataclass(frozen=True)
class Item:
    """An item to judge. A person sees `id` and `texts`; question, models and order are hidden.

    `texts` has the English name of the requested language, and `language` has its code.
    `kind` is `pairs` or `answers`. `against` is "" for a single answer. `turned` means that the answer of `against` is
    shown first. `content` is a hash of the answers; a verdict counts only if this hash has not changed. `id` depends on
    the answers too, so that a verdict fits only an export of the same answers.
    """

    id: str
    kind: str
    language: str
    texts: dict[str, str]
    question_id: str
    model: str
    against: str
    turned: bool
    content: str

    @property
    def key(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "texts"}


def content_of(*responses: str) -> str:
    return digest(*responses)[:ID_DIGITS]


def _id(kind: str, *parts: str) -> str:
    """The id of an item. It begins with a letter, because a spreadsheet would save 12 digits as a number (1.23E+11)."""
    return f"{kind[0]}{digest(kind, *parts)[:ID_DIGITS]}"


def sample_pairs(answers: pl.DataFrame, model: str, number: int, seed: int, language: str) -> list[Item]:
    """Pairs of this model's answer and another model's answer, drawn at random from all questions and all other models.

    `answers` are those of one language, as eval_scores publishes them. `language` is its English name.
    """
    others = [name for name in answers["model"].unique().sort() if name != model]
    frames = [pairs_of(answers, model, other) for other in others]
    if not frames:
        return []
    pairs = pl.concat(frames)
    chance = random.Random(f"{seed} {PAIRS}")
    columns = ("question_id", "model", "against", "language", "instruction", "response", "response_other")
    rows = list(pairs.select(columns).iter_rows())
    items = []
    for question, name, other, code, instruction, response, other_response in chance.sample(
        rows, min(number, len(rows))
    ):
        turned = chance.random() < 0.5
        first, second = (other_response, response) if turned else (response, other_response)
        items.append(
            Item(
                id=_id(PAIRS, question, name, other, str(seed), response, other_response),
                kind=PAIRS,
                language=code,
                texts={LANGUAGE: language, "instruction": instruction, FIRST: first, SECOND: second},
                question_id=question,
                model=name,
                against=other,
                turned=turned,
                content=content_of(response, other_response),
            )
        )
    return items


def sample_answers(answers: pl.DataFrame, number: int, seed: int, language: str) -> list[Item]:
    """Single answers, drawn at random from all models. `language` is the English name of their language."""
    chance = random.Random(f"{seed} {ANSWERS}")
    rows = list(answers.select("question_id", "model", "language", "instruction", "response").iter_rows())
    return [
        Item(
            id=_id(ANSWERS, question, model, str(seed), response),
            kind=ANSWERS,
            language=code,
            texts={LANGUAGE: language, "instruction": instruction, "answer": response},
            question_id=question,
            model=model,
            against="",
            turned=False,
            content=content_of(response),
        )
        for question, model, code, instruction, response in chance.sample(rows, min(number, len(rows)))
    ]


def label_of(key: dict[str, Any], choice: str) -> str:
    """The label that a person's choice gives the model in `key`: win, tie or loss, or the level of a single answer."""
    if key["kind"] == ANSWERS:
        return choice
    if choice == NEITHER:
        return TIE
    return WIN if (choice == FIRST) != key["turned"] else LOSS
