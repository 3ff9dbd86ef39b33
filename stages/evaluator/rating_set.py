"""The three-level rating set, made from pairs known to be good. How the lower levels are made is ours.

best    the true response
flawed  cut off · a sentence repeated · goes on in another language · strays to another instruction · the current
        response model's own answer · a site's notices in the place of some sentences
worst   the response of another instruction · a response in another language
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from stages.evaluator.boilerplate import taught_and_measured, with_notices
from stages.pairs import Pair

SENTENCE = re.compile(r".+?(?:[.!?…।۔؟](?=\s|$)|\n|$)", re.DOTALL)


@dataclass(frozen=True)
class RatedPair:
    """A pair of known level. `defect` is `none` for the best, else how it was made worse."""

    pair: Pair
    response: str
    level: str
    defect: str


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
    return kept.rstrip(".!?…।۔؟") if len(kept) > 1 else kept


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


def alike(pool: Sequence[Pair]) -> Callable[[Pair, random.Random], list[Pair]]:
    """What finds the pairs of the pool and the pair's language whose instruction shares a word with it, drawn evenly.

    Of the words that others have: an evaluator that meets only responses to quite other instructions learns to tell
    the kind of task and not what it is about.
    """
    by_word: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in pool:
        for word in _words(pair):
            by_word[pair.language, word].append(pair)

    def found(pair: Pair, choose: random.Random) -> list[Pair]:
        shared = [word for word in _words(pair) if len(by_word[pair.language, word]) > 1]
        return by_word[pair.language, choose.choice(shared)] if shared else []

    return found


def _words(pair: Pair) -> list[str]:
    return sorted(set(pair.instruction.lower().split()))


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


def _makers(
    pool: Sequence[Pair],
    answers: dict[str, str],
    choose: random.Random,
    notices: Callable[[Pair], str | None],
    open_instructions: Collection[str] = (),
    alike_share: float = 0.0,
) -> dict[str, dict[str, Callable[[Pair], str | None]]]:
    """By level and defect: how a response is made. None: cannot be made of this pair.

    `alike_share` of the swapped and straying ones are of an instruction that shares a word with the pair's.
    """
    near = alike(pool) if alike_share else None

    def other(pair: Pair) -> str | None:
        # No number is drawn at 0: the set is then the one it was before there were near ones.
        taken = near(pair, choose) if near and choose.random() < alike_share else []
        return swapped(pair, taken, choose, open_instructions) or swapped(pair, pool, choose, open_instructions)

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
        },
    }


def training_set(
    pairs: Sequence[Pair],
    answers: dict[str, str],
    weights: dict[str, float],
    size: int,
    seed: int,
    whole_share: float = 0.0,
    open_instructions: Collection[str] = (),
    alike_share: float = 0.0,
    matching_share: float = 0.0,
) -> list[RatedPair]:
    """About `size` rated pairs, from passes over the pairs: every pair once per level, defects drawn by weight.

    They are meant to be learned in this order. First comes `matching_share` of them, true responses and swapped ones
    alone: whether a response is the instruction's is learned from what the start model knows, before the other kinds
    have overwritten it. Where the base model had met the words of both languages side by side (a planted world whose
    pages had headings), responses that differ in the concept alone were so told with AUC 0.89 after 16,000 pairs and
    0.93 after 52,000, and never (0.45 to 0.57 after 62,000) without; where it had not, they were not told either way.

    `answers` are the current response model's, by the pair's id. The three levels are equally many. Each pass
    takes other runs of sentences of the responses: few pairs are soon known by heart, and then nothing is learned
    of their kind (with the 54 of the sample, AUC on unseen ones fell from 0.74 to 0.44 within 400 steps). Runs are
    shorter than what is rated, so `whole_share` of the responses are taken whole: with many pairs that is better.
    """
    choose = random.Random(seed)
    # A model that knows a pair by heart says the true response, which is no flaw.
    truth = {pair.id: pair.response for pair in pairs}
    answers = {name: answer for name, answer in answers.items() if answer != truth.get(name)}

    def notices(pair: Pair) -> str | None:
        return with_notices(sentences_of(pair.response), taught_and_measured(pair.language)[0], choose)

    def passes(number: int, levels: Sequence[str], weights: dict[str, float]) -> list[RatedPair]:
        rated: list[RatedPair] = []
        for _ in range(number):
            pool = [_run_or_whole(pair, whole_share, choose) for pair in pairs]
            makers = _makers(pool, answers, choose, notices, open_instructions, alike_share)
            for pair in pool:
                rated.append(RatedPair(pair, pair.response, "best", "none"))
                rated += [_worse(pair, level, makers[level], weights, choose) for level in levels]
        choose.shuffle(rated)
        return rated

    of_each = size / max(1, len(pairs))
    matching = passes(round(of_each * matching_share / 2), ["worst"], {**dict.fromkeys(weights, 0.0), "swapped": 1.0})
    return [*matching, *passes(max(1, round(of_each * (1 - matching_share) / 3)), ["flawed", "worst"], weights)]


def _run_or_whole(pair: Pair, whole_share: float, choose: random.Random) -> Pair:
    # No number is drawn at 0: the set is then the one it was before there were whole ones.
    if whole_share and choose.random() < whole_share:
        return pair
    return replace(pair, response=run_of_sentences(pair.response, choose))


def _worse(
    pair: Pair,
    level: str,
    makers: dict[str, Callable[[Pair], str | None]],
    weights: dict[str, float],
    choose: random.Random,
) -> RatedPair:
    for defect in _drawn(makers, weights, choose):
        response = makers[defect](pair)
        if response is not None and response != pair.response:
            return RatedPair(pair, response, level, defect)
    # One language and one instruction: a cut response is the only defect that can always be made.
    return RatedPair(pair, cut_off(pair.response, choose), "flawed", "cut")


def _drawn(defects: Iterable[str], weights: dict[str, float], choose: random.Random) -> list[str]:
    """The defects in an order drawn by weight (Efraimidis and Spirakis 2006); those of weight 0 are left out."""
    keys = {defect: choose.random() ** (1 / weights[defect]) for defect in defects if weights[defect]}
    return sorted(keys, key=lambda defect: -keys[defect])


def held_out_set(pairs: Sequence[Pair], seed: int) -> list[RatedPair]:
    """Every pair as it is and with each defect that can be made, the same in every iteration.

    The response model's answers are left out: how bad they are is not known, and they change.
    """
    choose = random.Random(seed)
    # Numbers of its own, so that the other defects are those that were measured before there was boilerplate.
    apart = random.Random(f"boilerplate {seed}")

    def notices(pair: Pair) -> str | None:
        return with_notices(sentences_of(pair.response), taught_and_measured(pair.language)[1], apart)

    rated = []
    for pair in pairs:
        rated.append(RatedPair(pair, pair.response, "best", "none"))
        for level, makers in _makers(pairs, {}, choose, notices).items():
            for defect, make in makers.items():
                response = make(pair)
                if response is not None and response != pair.response:
                    rated.append(RatedPair(pair, response, level, defect))
    return rated
