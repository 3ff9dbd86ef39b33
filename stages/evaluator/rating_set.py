"""The three-level rating set, made from pairs known to be good. How the lower levels are made is ours.

best    the true response
flawed  cut off · a sentence repeated · the current response model's own answer
worst   the response of another instruction · a response in another language
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stages.pairs import Pair

SENTENCE = re.compile(r".+?(?:[.!?…।۔؟](?=\s|$)|\n|$)", re.DOTALL)


@dataclass(frozen=True)
class RatedPair:
    """A pair of known level. `defect` is `none` for the best, else how it was made worse."""

    pair: Pair
    response: str
    level: str
    defect: str


def cut_off(text: str, choose: random.Random) -> str:
    """The text without its end: 30 to 80 % of its characters, never at a sentence end."""
    kept = text[: max(1, int(len(text) * choose.uniform(0.3, 0.8)))].rstrip()
    return kept.rstrip(".!?…।۔؟") if len(kept) > 1 else kept


def with_repetition(text: str, choose: random.Random) -> str:
    """The text with one of its sentences said two to four times more in its place."""
    sentences = [match.strip() for match in SENTENCE.findall(text) if match.strip()]
    chosen = choose.randrange(len(sentences))
    repeated = [sentences[chosen]] * (1 + choose.randint(2, 4))
    return " ".join([*sentences[:chosen], *repeated, *sentences[chosen + 1 :]])


def swapped(pair: Pair, pool: Sequence[Pair], choose: random.Random) -> str | None:
    """A response in the same language to another instruction."""
    others = [one for one in pool if one.language == pair.language and one.instruction != pair.instruction]
    return choose.choice(others).response if others else None


def wrong_language(pair: Pair, pool: Sequence[Pair], choose: random.Random) -> str | None:
    """A response in another language, to the same instruction where there is one."""
    others = [one for one in pool if one.language != pair.language]
    same = [one for one in others if one.instruction == pair.instruction]
    return choose.choice(same or others).response if others else None


def _makers(
    pool: Sequence[Pair], answers: dict[str, str], choose: random.Random
) -> dict[str, dict[str, Callable[[Pair], str | None]]]:
    """By level and defect: how a response is made. None: cannot be made of this pair."""
    return {
        "flawed": {
            "cut": lambda pair: cut_off(pair.response, choose),
            "repeated": lambda pair: with_repetition(pair.response, choose),
            "model_answer": lambda pair: answers.get(pair.id),
        },
        "worst": {
            "swapped": lambda pair: swapped(pair, pool, choose),
            "wrong_language": lambda pair: wrong_language(pair, pool, choose),
        },
    }


def training_set(pairs: Sequence[Pair], answers: dict[str, str], sets: int, seed: int) -> list[RatedPair]:
    """`sets` passes over the pairs; in each, every pair once per level, its defects drawn afresh.

    `answers` are the current response model's, by the pair's id. The three levels are equally many.
    """
    choose = random.Random(seed)
    makers = _makers(pairs, answers, choose)
    rated = []
    for _ in range(sets):
        for pair in pairs:
            rated.append(RatedPair(pair, pair.response, "best", "none"))
            rated += [_worse(pair, level, makers[level], choose) for level in ("flawed", "worst")]
    choose.shuffle(rated)
    return rated


def _worse(pair: Pair, level: str, makers: dict[str, Callable[[Pair], str | None]], choose: random.Random) -> RatedPair:
    defects = list(makers)
    choose.shuffle(defects)
    for defect in defects:
        response = makers[defect](pair)
        if response is not None and response != pair.response:
            return RatedPair(pair, response, level, defect)
    # One language and one instruction: a cut response is the only defect that can always be made.
    return RatedPair(pair, cut_off(pair.response, choose), "flawed", "cut")


def held_out_set(pairs: Sequence[Pair], seed: int) -> list[RatedPair]:
    """Every pair as it is and with each defect that can be made, the same in every iteration.

    The response model's answers are left out: how bad they are is not known, and they change.
    """
    choose = random.Random(seed)
    rated = []
    for pair in pairs:
        rated.append(RatedPair(pair, pair.response, "best", "none"))
        for level, makers in _makers(pairs, {}, choose).items():
            for defect, make in makers.items():
                response = make(pair)
                if response is not None and response != pair.response:
                    rated.append(RatedPair(pair, response, level, defect))
    return rated
