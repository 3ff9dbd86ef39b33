"""A judge at an OpenAI-compatible endpoint. It is asked for one token, and the probabilities of its labels are read.

No text is parsed: a public reproduction of a related method lost 45 % of its judgements because no score could be found
in the prose. Each pair is asked about in both orders, because judges prefer a place (Zheng et al., arXiv 2306.05685).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from x_instruction.generation.endpoint_client import EndpointClient
from x_instruction.judging.settings import Judge
from x_instruction.judging.verdicts import Opinion
from x_instruction.models.settings import PLACEHOLDER
from x_instruction.runner.errors import InputError

TOP = 20  # the most log-probabilities that OpenAI and vLLM give for a position
# A chat server reads control strings in a message as structure. A space inside keeps them text.
CONTROL = re.compile(r"<(?=[|/a-zA-Z_])|\[(?=/?INST)")


@dataclass(frozen=True)
class AnswerPair:
    """Two answers to one instruction. `language` is the English name of the language that was asked for."""

    language: str
    instruction: str
    answer: str
    other: str


class UnclearError(Exception):
    """The judge's next token is none of its labels."""


def ask_judge(judge: Judge, client: EndpointClient, pairs: Sequence[AnswerPair]) -> list[Opinion]:
    """The judge's opinion on each pair, in order. Raises InputError if the endpoint fails or gives no probabilities."""
    pool = ThreadPoolExecutor(client.settings.concurrency)
    try:
        return list(pool.map(lambda pair: _opinion(judge, client, pair), pairs))
    finally:
        pool.shutdown(cancel_futures=True)


def _opinion(judge: Judge, client: EndpointClient, pair: AnswerPair) -> Opinion:
    turned = AnswerPair(pair.language, pair.instruction, pair.other, pair.answer)
    try:
        return Opinion(_lead(judge, client, pair), -_lead(judge, client, turned))
    except UnclearError as error:
        return Opinion(failure=str(error))


def _lead(judge: Judge, client: EndpointClient, pair: AnswerPair) -> float:
    """How much better the first answer is, from -1 to 1."""
    if judge.scale == "verdict":
        better, worse, _ = _shares(judge, client, pair, "")
        return better - worse
    return _grade(judge, client, pair, "1") - _grade(judge, client, pair, "2")


def _grade(judge: Judge, client: EndpointClient, pair: AnswerPair, graded: str) -> float:
    """The expected grade of one of the two answers as a share of the scale."""
    shares = _shares(judge, client, pair, graded)
    return sum(number * share for number, share in enumerate(shares)) / (len(shares) - 1)


def _shares(judge: Judge, client: EndpointClient, pair: AnswerPair, graded: str) -> list[float]:
    """Probabilities of the labels at the first position of the reply, normalised to one."""
    values = {
        "language": pair.language,
        "instruction": as_text(pair.instruction),
        "answer_1": as_text(pair.answer),
        "answer_2": as_text(pair.other),
        "graded": graded,
    }
    message = PLACEHOLDER.sub(lambda match: values[match[1]], judge.template)
    choice = client.chat(message, max_tokens=1, temperature=0.0, logprobs=True, top_logprobs=TOP)
    found = label_weights(_probabilities(choice, judge), judge.tokens)
    total = sum(found)
    if total < judge.min_label_share or not total:
        raise UnclearError(
            f"{judge.name} gives its labels a probability of {total:.2f} together, below min_label_share "
            f"({judge.min_label_share})"
        )
    return [weight / total for weight in found]


def label_weights(probabilities: Mapping[str, float], labels: Sequence[str]) -> list[float]:
    """The probability of each label; tokens that differ from it in spaces around them count too."""
    return [sum(share for token, share in probabilities.items() if token.strip() == label.strip()) for label in labels]


def _probabilities(choice: Any, judge: Judge) -> dict[str, float]:
    content = choice.logprobs.content if getattr(choice, "logprobs", None) else None
    if not content:
        raise InputError(
            f"the judge {judge.name} at {judge.endpoint.url} returned no probabilities: it must support `logprobs` and "
            "`top_logprobs` of chat completions"
        )
    found: dict[str, float] = {}
    for one in content[0].top_logprobs:
        found[one.token] = found.get(one.token, 0.0) + math.exp(one.logprob)
    return found


def as_text(text: str) -> str:
    """A text in which no control string, such as `<|im_end|>` or `[INST]`, is left whole."""
    return CONTROL.sub(lambda match: f"{match[0]} ", text)
