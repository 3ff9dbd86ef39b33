"""The section `refined_pairs` of params.yaml: which rated pairs are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from x_instruction.runner.settings import Positive, Section, Share


class RefinedPairs(Section):
    """`length_bands`: equally large groups by length, from each of which as many are taken. Null is no limit."""

    min_rating: Share
    top_share: Annotated[float, Field(gt=0, le=1)]
    length_bands: Positive
    max_of_domain: Positive | None
    max_of_document: Positive | None
    min_pairs: Positive
    max_pairs: Positive
    max_precision_fall: Share

    @model_validator(mode="after")
    def _some_number_is_allowed(self) -> RefinedPairs:
        if self.min_pairs > self.max_pairs:
            raise ValueError(f"min_pairs ({self.min_pairs}) must not be more than max_pairs ({self.max_pairs})")
        return self
