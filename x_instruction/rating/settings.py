"""The section `rating` of params.yaml: how a pair is judged, wherever one is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from x_instruction.runner.settings import Positive, Section, Share

Signal = Literal["likelihood", "part_likelihood", "repeated_share", "short_run", "open_end", "other_language_share"]


class Rating(Section):
    """`labels` stand for best, flawed and worst; each is one token of the model.

    `values` are those of the levels, and a rating is their expectation. At 0.5 for flawed, a pair that is surely cut
    off would be worth as much as one that is either good or swapped: AUC over the surface defects was 0.62, and 0.91
    with 0.2.
    `signals` (x_instruction/rating/signals.py) are joined with the labels' probabilities by a regression. An empty list
    leaves the labels alone. Without both likelihoods, candidate_pairs does not ask for them.
    `max_response_tokens`: a longer response is cut at a sentence end, in the prompt only.
    """

    labels: Annotated[list[str], Field(min_length=3, max_length=3)]
    values: Annotated[list[Share], Field(min_length=3, max_length=3)]
    signals: tuple[Signal, ...]
    max_response_tokens: Positive
