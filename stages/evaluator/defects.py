"""How true responses are made worse, for the lower levels of the rating set. How is ours.

flawed  cut off · a sentence repeated · goes on in another language · strays to another instruction · the current
        response model's own answer · a site's notices in the place of some sentences
worst   the response of another instruction · a response in another language · what the base model, which was never
        tuned, goes on to say after the instruction
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from x_instruction.language.sentences import marks, sentence_end
from x_instruction.pairs.training_pairs import Pair

Maker = Callable[[Pair], str | None]  # None: the defect cannot be made of this pair
SENTENCE = re.compile(rf".+?(?:{sentence_end(marks())}|\n|$)", re.DOTALL)


def run_of_sentences(text: str, choose: random.Random) -> str:
    """Some whole sentences of the text, one after the other: a first one drawn evenly, then an end behind it."""
    sentences = sentences_of(text)
    start = choose.randrange(len(sentences))
    end = choose.randint(start + 1, len(sentences))
    return " ".join(sentences[start:end])


def sentences_of(text: str) -> list[str]:
    return [match.strip() for match in SENTENCE.findall(text) if match.strip()] or [text]


def cut_off(text: str, choose: random.Random) -> str:
    """The text without its end: 30 to 80 % of its characters, never at a sentence end."""
    kept = text[: max(1, int(len(text) * choose.uniform(0.3, 0.8)))].rstrip()
    return kept.rstrip(marks()) if len(kept) > 1 else kept


def with_repetition(text: str, choose: random.Random) -> str:
    """The text with one of its sentences said again in the place of those that follow, its length about kept.

    Were the sentence only added, length alone would tell: the embedded model then reached an AUC of 1.0 without
    looking at the words.
    """
    sentences = sentences_of(text)
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
    """A response in the same language to another instruction; None to an open one, which any text answers."""
    known = {pair.instruction, *open_instructions}
    others = [one for one in pool if one.language == pair.language and one.instruction not in known]
    if pair.instruction in open_instructions:
        return None
    return choose.choice(others).response if others else None


def wrong_language(pair: Pair, pool: Sequence[Pair], choose: random.Random) -> str | None:
    """A response in another language, to the same instruction where there is one."""
    others = [one for one in pool if one.language != pair.language]
    same = [one for one in others if one.instruction == pair.instruction]
    return choose.choice(same or others).response if others else None


def going_on_with(text: str, other: str | None, choose: random.Random) -> str | None:
    """The text's beginning, then the end of the other in place of the rest; both in whole sentences."""
    if other is None:
        return None
    own, others = sentences_of(text), sentences_of(other)
    kept = choose.randint(1, max(1, len(own) - 1))
    return " ".join([*own[:kept], *others[-max(1, len(own) - kept) :]])


def makers(
    pool: Sequence[Pair],
    answers: Mapping[str, str],
    choose: random.Random,
    notices: Callable[[Pair], str | None],
    open_instructions: Collection[str] = (),
    drifts: Mapping[str, str] | None = None,
) -> dict[str, dict[str, Maker]]:
    """By level and defect: how a response is made. `answers` and `drifts` are by the pair's id."""

    def other(pair: Pair) -> str | None:
        return swapped(pair, pool, choose, open_instructions)

    return {
        "flawed": {
            "cut": lambda pair: cut_off(pair.response, choose),
            "repeated": lambda pair: with_repetition(pair.response, choose),
            "partly_foreign": lambda pair: going_on_with(pair.response, wrong_language(pair, pool, choose), choose),
            "strays": lambda pair: going_on_with(pair.response, other(pair), choose),
            "model_answer": lambda pair: answers.get(pair.id),
            "boilerplate": notices,
        },
        "worst": {
            "swapped": other,
            "wrong_language": lambda pair: wrong_language(pair, pool, choose),
            "drift": lambda pair: (drifts or {}).get(pair.id),
        },
    }
