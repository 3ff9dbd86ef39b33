"""How the responses of the flawed and worst levels are made (our design; the paper does not say).

flawed  cut off · a sentence repeated · continues in another language · continues with the response to another
        instruction · the current response model's answer · site notices in place of some sentences
worst   the response to another instruction · a response in another language · what the base model writes after the
        instruction
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from x_instruction.language.sentences import marks, sentence_end
from x_instruction.pairs.training_pairs import Pair

Maker = Callable[[Pair], str | None]  # None: the pair cannot have this defect
SENTENCE = re.compile(rf".+?(?:{sentence_end(marks())}|\n|$)", re.DOTALL)


def run_of_sentences(text: str, choose: random.Random) -> str:
    """Consecutive sentences of the text, with a random beginning and a random end."""
    sentences = split_sentences(text)
    start = choose.randrange(len(sentences))
    end = choose.randint(start + 1, len(sentences))
    return " ".join(sentences[start:end])


def split_sentences(text: str) -> list[str]:
    return [match.strip() for match in SENTENCE.findall(text) if match.strip()] or [text]


def cut_off(text: str, choose: random.Random) -> str:
    """The first 30 to 80 % of the characters, without a sentence end at the cut."""
    kept = text[: max(1, int(len(text) * choose.uniform(0.3, 0.8)))].rstrip()
    return kept.rstrip(marks()) if len(kept) > 1 else kept


def with_repetition(text: str, choose: random.Random) -> str:
    """The text with one of its sentences repeated in place of the sentences that follow it.

    The length stays about the same, except that a text of one sentence is doubled. When the length did not stay the
    same, the embedded model recognized the defect by the length alone and reached AUC 1.0.
    """
    sentences = split_sentences(text)
    if len(sentences) < 2:
        return f"{text} {text}"
    chosen = choose.randrange(max(1, len(sentences) // 2))
    kept = sentences[: chosen + 1]
    while len(" ".join(kept)) < len(text) - len(sentences[chosen]) / 2:
        kept.append(sentences[chosen])
    return " ".join(kept if len(kept) > chosen + 1 else [*kept, sentences[chosen]])


def swapped(
    pair: Pair, pool: Sequence[Pair], choose: random.Random, open_instructions: Collection[str] = ()
) -> str | None:
    """A response to another instruction in the same language; None if `pool` has none.

    The result is also None for an open instruction, which any text answers.
    """
    if pair.instruction in open_instructions:
        return None
    excluded = {pair.instruction, *open_instructions}
    others = [other for other in pool if other.language == pair.language and other.instruction not in excluded]
    return choose.choice(others).response if others else None


def wrong_language(pair: Pair, pool: Sequence[Pair], choose: random.Random) -> str | None:
    """A response in another language, to the same instruction if there is one; None if `pool` has none."""
    others = [other for other in pool if other.language != pair.language]
    same = [other for other in others if other.instruction == pair.instruction]
    return choose.choice(same or others).response if others else None


def continued_with(text: str, other: str | None, choose: random.Random) -> str | None:
    """The first sentences of the text, then the last sentences of `other`; None if there is no other text."""
    if other is None:
        return None
    sentences = split_sentences(text)
    kept = choose.randint(1, max(1, len(sentences) - 1))
    return " ".join([*sentences[:kept], *split_sentences(other)[-max(1, len(sentences) - kept) :]])


def makers(
    pool: Sequence[Pair],
    answers: Mapping[str, str],
    choose: random.Random,
    notices: Maker,
    open_instructions: Collection[str] = (),
    drifts: Mapping[str, str] | None = None,
) -> dict[str, dict[str, Maker]]:
    """The functions that return a pair's response with a defect, by level and by name of the defect.

    `answers` and `drifts` map a pair's id to what the response model and the base model wrote for its instruction.
    """

    def other(pair: Pair) -> str | None:
        return swapped(pair, pool, choose, open_instructions)

    return {
        "flawed": {
            "cut": lambda pair: cut_off(pair.response, choose),
            "repeated": lambda pair: with_repetition(pair.response, choose),
            "partly_foreign": lambda pair: continued_with(pair.response, wrong_language(pair, pool, choose), choose),
            "strays": lambda pair: continued_with(pair.response, other(pair), choose),
            "model_answer": lambda pair: answers.get(pair.id),
            "boilerplate": notices,
        },
        "worst": {
            "swapped": other,
            "wrong_language": lambda pair: wrong_language(pair, pool, choose),
            "drift": lambda pair: (drifts or {}).get(pair.id),
        },
    }
