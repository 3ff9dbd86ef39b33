"""The section `rating` of params.yaml: how a pair is rated, in every stage that rates pairs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from x_instruction.runner.settings import NonEmpty, Positive, Section, Share

Signal = Literal[
    "similarity", "part_similarity", "likelihood", "part_likelihood",
    "repeated_share", "short_run", "open_end", "other_language_share",
]  # fmt: skip


class Rating(Section):
    labels: Annotated[list[NonEmpty], Field(min_length=3, max_length=3)]
    """The tokens that stand for best, flawed and worst; each must be a single token of the model."""
    values: Annotated[list[Share], Field(min_length=3, max_length=3)]
    """The values of the three levels; a rating is their expected value. In detecting defects of the response alone
    (wrong language, cuts, repetitions, boilerplate), AUC was 0.62 with 0.5 for flawed, and 0.91 with 0.2."""
    signals: tuple[Signal, ...]
    """The signals (x_instruction/rating/signals.py) that a regression combines with the label probabilities. If the
    list is empty, the labels decide alone. candidate_pairs computes likelihoods and vectors only if a listed signal
    needs them."""
    other_texts: Positive
    """For comparison, an instruction's likelihood is also computed after this many other texts of the language."""
    max_response_tokens: Positive
    """In the prompt for the labels, a response with more tokens is cut after the last sentence that fits, or exactly
    at the limit if that sentence ends in the first half of what fits. Signals do not depend on this limit."""

    @model_validator(mode="after")
    def _levels_differ(self) -> Rating:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels {self.labels} must be three different tokens")
        best, flawed, worst = self.values
        if not best >= flawed >= worst or best == worst:
            raise ValueError(f"values {self.values} must fall from best over flawed to worst")
        return self
