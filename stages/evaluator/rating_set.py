"""Makes the rating set of three levels (best, flawed, worst) from good pairs, unchanged or with a defect.

stages/evaluator/defects.py defines the defects of the two lower levels.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stages.evaluator.boilerplate import split_phrases, with_notices
from stages.evaluator.defects import Maker, cut_off, makers, run_of_sentences, split_sentences
from stages.evaluator.settings import Evaluator
from x_instruction.pairs.training_pairs import Pair


@dataclass(frozen=True)
class RatedPair:
    """A pair of known level. `defect` is `none` at the best level."""

    pair: Pair
    response: str
    level: str
    defect: str


def training_set(
    pairs: Sequence[Pair],
    answers: Mapping[str, str],
    settings: Evaluator,
    seed: int,
    pages: Path,
    drifts: Mapping[str, str] | None = None,
) -> list[RatedPair]:
    """About `rated_pairs` rated pairs. Each pass over the pairs uses every pair once per level.

    `answers` and `drifts` map a pair's id to what the response model and the base model wrote for its instruction.
    Defects are drawn by weight. Every pass draws new defects and new runs of sentences, because a small number of pairs
    is soon memorized: with the sample's 54 pairs, held-out AUC fell from 0.74 to 0.44 within 400 steps. `whole_share`
    can keep some responses whole, because runs are shorter than the responses that are rated later. If a pair can have
    no defect of a level, its response is cut off instead, and the pair counts as flawed.
    """
    choose = random.Random(seed)
    # A model that has memorized a pair answers with the good response, which is not flawed.
    good = {pair.id: pair.response for pair in pairs}
    answers = {identifier: answer for identifier, answer in answers.items() if answer != good.get(identifier)}
    weights, notices = settings.defects.model_dump(), _notices(choose, pages, held_out=False)
    rated: list[RatedPair] = []
    for _ in range(max(1, round(settings.rated_pairs / max(1, 3 * len(pairs))))):
        pool = [_run_or_whole(pair, settings.whole_share, choose) for pair in pairs]
        by_level = makers(pool, answers, choose, notices, settings.open_instructions, drifts or {})
        for pair in pool:
            rated.append(RatedPair(pair, pair.response, "best", "none"))
            rated += [_worse(pair, level, by_level[level], weights, choose) for level in ("flawed", "worst")]
    choose.shuffle(rated)
    return rated


def _notices(choose: random.Random, pages: Path, *, held_out: bool) -> Maker:
    """Returns a function that puts boilerplate into a response, with the training phrases or the held-out phrases."""

    def notices(pair: Pair) -> str | None:
        phrases = split_phrases(pair.language, pages)[int(held_out)]
        return with_notices(split_sentences(pair.response), phrases, choose)

    return notices


def _run_or_whole(pair: Pair, whole_share: float, choose: random.Random) -> Pair:
    if whole_share and choose.random() < whole_share:
        return pair
    return replace(pair, response=run_of_sentences(pair.response, choose))


def _worse(
    pair: Pair,
    level: str,
    by_defect: Mapping[str, Maker],
    weights: Mapping[str, float],
    choose: random.Random,
) -> RatedPair:
    for defect in _drawn(by_defect, weights, choose):
        response = by_defect[defect](pair)
        if response is not None and response != pair.response:
            return RatedPair(pair, response, level, defect)
    # With a single language and a single instruction, there may be no response for the worst level.
    return RatedPair(pair, cut_off(pair.response, choose), "flawed", "cut")


def _drawn(defects: Iterable[str], weights: Mapping[str, float], choose: random.Random) -> list[str]:
    """The defects of positive weight, in an order drawn by weight (Efraimidis and Spirakis 2006)."""
    keys = {defect: choose.random() ** (1 / weights[defect]) for defect in defects if weights[defect]}
    return sorted(keys, key=lambda defect: -keys[defect])


def held_out_set(
    pairs: Sequence[Pair], seed: int, pages: Path, open_instructions: Collection[str] = ()
) -> list[RatedPair]:
    """Every pair, once unchanged and once with each defect that it can have, for measuring.

    The set is the same in every iteration. It contains no answers of models, because their level is unknown and the
    response model changes between iterations.
    """
    return _every_defect(pairs, seed, pages, open_instructions, held_out=True)


def calibration_set(
    pairs: Sequence[Pair], seed: int, pages: Path, open_instructions: Collection[str] = ()
) -> list[RatedPair]:
    """Like `held_out_set`, but with the boilerplate phrases of the training set, for calibrating ratings."""
    return _every_defect(pairs, seed, pages, open_instructions, held_out=False)


def _every_defect(
    pairs: Sequence[Pair], seed: int, pages: Path, open_instructions: Collection[str], *, held_out: bool
) -> list[RatedPair]:
    choose = random.Random(seed)
    # Boilerplate draws from a separate generator, so that its phrases do not change the other defects.
    notices = _notices(random.Random(f"boilerplate {seed}"), pages, held_out=held_out)
    rated = []
    for pair in pairs:
        rated.append(RatedPair(pair, pair.response, "best", "none"))
        for level, by_defect in makers(pairs, {}, choose, notices, open_instructions).items():
            for defect, make in by_defect.items():
                response = make(pair)
                if response is not None and response != pair.response:
                    rated.append(RatedPair(pair, response, level, defect))
    return rated
