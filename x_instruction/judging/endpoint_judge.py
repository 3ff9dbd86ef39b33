"""Asks a judge at an OpenAI-compatible endpoint for one token, and reads the probabilities of its labels.

No text is parsed: a public reproduction of an earlier method found no score in 45 % of the replies. Each pair is shown
in both orders, because judges prefer one of the two positions (Zheng et al., arXiv 2306.05685).
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

TOP = 20  # OpenAI and vLLM give at most this many log-probabilities for a position
MOST = 1.01  # the largest sum of probabilities: a server may round each of them up
# A chat server reads control strings in a message as structure. A space inside them prevents this.
CONTROL = re.compile(r"<(?=[|/a-zA-Z_])|\[(?=/?INST)")


@dataclass(frozen=True)
class AnswerPair:
    """Two answers to one instruction. `language` is the English name of the requested language."""

    language: str
    instruction: str
    answer: str
    other: str


class UnclearError(Exception):
    """The probabilities of the judge's labels are too low for a verdict, or are no probabilities."""


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
    """How much better `pair.answer` is than `pair.other`, from -1 to 1; 0 if the judge chooses neither."""
    if judge.scale == "verdict":
        better, worse, neither = _shares(judge, client, pair, "")
        return 0.0 if neither >= max(better, worse) else better - worse
    return _grade(judge, client, pair, "1") - _grade(judge, client, pair, "2")


def _grade(judge: Judge, client: EndpointClient, pair: AnswerPair, graded: str) -> float:
    """The expected grade of the answer `graded` ("1" or "2"): 0 for the worst grade, 1 for the best."""
    shares = _shares(judge, client, pair, graded)
    return sum(number * share for number, share in enumerate(shares)) / (len(shares) - 1)


def _shares(judge: Judge, client: EndpointClient, pair: AnswerPair, graded: str) -> list[float]:
    """Probabilities of the labels as the first token of the reply, normalised to sum to one."""
    values = {
        "language": pair.language,
        "instruction": as_text(pair.instruction),
        "answer_1": as_text(pair.answer),
        "answer_2": as_text(pair.other),
        "graded": graded,
    }
    message = PLACEHOLDER.sub(lambda match: values[match[1]], judge.template)
    # The client sends the request again if the probabilities cannot be read.
    weights: list[float] = client.chat(
        message,
        lambda choice: label_weights(_probabilities(choice, judge), judge.tokens),
        max_tokens=1,
        temperature=0.0,
        logprobs=True,
        top_logprobs=TOP,
    )
    total = sum(weights)
    if not judge.min_label_share <= total <= MOST or not total:  # also if the sum is not a number
        raise UnclearError(
            f"{judge.name} gives its labels a probability of {total:.2f} together, which is not between "
            f"min_label_share ({judge.min_label_share}) and 1"
        )
    return [weight / total for weight in weights]


def label_weights(probabilities: Mapping[str, float], labels: Sequence[str]) -> list[float]:
    """The probability of each label: the sum over all tokens that equal the label apart from spaces at their ends."""
    return [sum(share for token, share in probabilities.items() if token.strip() == label.strip()) for label in labels]


def _probabilities(choice: Any, judge: Judge) -> dict[str, float]:
    content = choice.logprobs.content if getattr(choice, "logprobs", None) else None
    if not content:
        raise InputError(
            f"the judge {judge.name} at {judge.endpoint.url} returned no probabilities: it must support `logprobs` and "
            "`top_logprobs` of chat completions"
        )
    probabilities: dict[str, float] = {}
    for entry in content[0].top_logprobs:
        probabilities[entry.token] = probabilities.get(entry.token, 0.0) + math.exp(entry.logprob)
    return probabilities


def as_text(text: str) -> str:
    """The text with every control string, such as `<|im_end|>` or `[INST]`, broken by a space."""
    return CONTROL.sub(lambda match: f"{match[0]} ", text)
