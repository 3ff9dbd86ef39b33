"""The three-level rating set, made from pairs known to be good: the true responses, and responses made worse.

best, flawed, worst: stages/evaluator/defects.py says what the lower two are.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stages.evaluator.boilerplate import taught_and_measured, with_notices
from stages.evaluator.defects import Maker, cut_off, makers, run_of_sentences, sentences_of
from stages.evaluator.settings import Evaluator
from x_instruction.pairs.training_pairs import Pair


@dataclass(frozen=True)
class RatedPair:
    """A pair of known level. `defect` is `none` for the best, else how it was made worse."""

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
    """About `rated_pairs` rated pairs, from passes over the pairs: every pair once per level, defects drawn by weight.

    `answers` are the current response model's, `drifts` the base model's, by the pair's id. The three levels are
    equally many, unless one cannot be made of a pair: a cut response stands in its place. Each pass
    takes other runs of sentences of the responses: few pairs are soon known by heart, and then nothing is learned
    of their kind (with the 54 of the sample, AUC on unseen ones fell from 0.74 to 0.44 within 400 steps). Runs are
    shorter than what is rated, so `whole_share` of the responses are taken whole: with many pairs that is better.
    """
    choose = random.Random(seed)
    # A model that knows a pair by heart says the true response, which is no flaw.
    truth = {pair.id: pair.response for pair in pairs}
    answers = {name: answer for name, answer in answers.items() if answer != truth.get(name)}
    weights, notices = settings.defects.model_dump(), _notices(choose, pages, measured=False)
    rated: list[RatedPair] = []
    for _ in range(max(1, round(settings.rated_pairs / max(1, 3 * len(pairs))))):
        pool = [_run_or_whole(pair, settings.whole_share, choose) for pair in pairs]
        made = makers(pool, answers, choose, notices, settings.open_instructions, drifts or {})
        for pair in pool:
            rated.append(RatedPair(pair, pair.response, "best", "none"))
            rated += [_worse(pair, level, made[level], weights, choose) for level in ("flawed", "worst")]
    choose.shuffle(rated)
    return rated


def _notices(choose: random.Random, pages: Path, *, measured: bool) -> Maker:
    """Boilerplate of the phrases that are taught, or of those that are measured."""

    def notices(pair: Pair) -> str | None:
        return with_notices(sentences_of(pair.response), taught_and_measured(pair.language, pages)[measured], choose)

    return notices


def _run_or_whole(pair: Pair, whole_share: float, choose: random.Random) -> Pair:
    # No number is drawn at 0: the set is then the one it was before there were whole ones.
    if whole_share and choose.random() < whole_share:
        return pair
    return replace(pair, response=run_of_sentences(pair.response, choose))


def _worse(
    pair: Pair,
    level: str,
    made: Mapping[str, Maker],
    weights: Mapping[str, float],
    choose: random.Random,
) -> RatedPair:
    for defect in _drawn(made, weights, choose):
        response = made[defect](pair)
        if response is not None and response != pair.response:
            return RatedPair(pair, response, level, defect)
    # One language and one instruction: a cut response is the only defect that can always be made.
    return RatedPair(pair, cut_off(pair.response, choose), "flawed", "cut")


def _drawn(defects: Iterable[str], weights: Mapping[str, float], choose: random.Random) -> list[str]:
    """The defects in an order drawn by weight (Efraimidis and Spirakis 2006); those of weight 0 are left out."""
    keys = {defect: choose.random() ** (1 / weights[defect]) for defect in defects if weights[defect]}
    return sorted(keys, key=lambda defect: -keys[defect])


def held_out_set(
    pairs: Sequence[Pair], seed: int, pages: Path, open_instructions: Collection[str] = ()
) -> list[RatedPair]:
    """Every pair as it is and with each defect that can be made, the same in every iteration: to measure.

    What models say is left out: how bad it is is not known, and the response model's changes.
    """
    return _every_defect(pairs, seed, pages, open_instructions, measured=True)


def calibration_set(
    pairs: Sequence[Pair], seed: int, pages: Path, open_instructions: Collection[str] = ()
) -> list[RatedPair]:
    """As `held_out_set`, with the boilerplate that is taught: to calibrate ratings on."""
    return _every_defect(pairs, seed, pages, open_instructions, measured=False)


def _every_defect(
    pairs: Sequence[Pair], seed: int, pages: Path, open_instructions: Collection[str], *, measured: bool
) -> list[RatedPair]:
    choose = random.Random(seed)
    # Numbers of its own, so that the other defects are those that were measured before there was boilerplate.
    notices = _notices(random.Random(f"boilerplate {seed}"), pages, measured=measured)
    rated = []
    for pair in pairs:
        rated.append(RatedPair(pair, pair.response, "best", "none"))
        for level, made in makers(pairs, {}, choose, notices, open_instructions).items():
            for defect, make in made.items():
                response = make(pair)
                if response is not None and response != pair.response:
                    rated.append(RatedPair(pair, response, level, defect))
    return rated
