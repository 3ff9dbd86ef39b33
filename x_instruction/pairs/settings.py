"""The section `refined_pairs` of params.yaml: which rated pairs are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from x_instruction.runner.settings import Positive, Section, Share


class RefinedPairs(Section):
    """The limits of the rules that select pairs, in the order of the rules. The last limit is that of the stop rule.

    A limit that is null does not apply. One rule needs no setting: only the best pair of each text is kept.
    """

    min_rating: Share
    always_kept: Annotated[int, Field(ge=0)]
    """`min_rating` does not apply to this many of the best pairs of a language. This is for the embedded model: its
    instructions do not fit their texts (median rating 0.1), so fewer than `min_pairs` would be left. With any other
    model it must be 0."""
    max_of_document: Positive | None
    """The largest number of pairs of one document."""
    max_of_domain: Positive | None
    """The largest number of pairs of one site, or of one source file if they have no address."""
    top_share: Annotated[float, Field(gt=0, le=1)]
    """All rated pairs of a language are divided by the length of their responses into `length_bands` equally large
    groups. Only this share of each group, its best pairs, can be kept, so that long responses do not displace short
    ones."""
    length_bands: Positive
    max_pairs: Positive
    """The largest number of pairs of one language. The next iteration learns from all of them."""
    min_pairs: Positive
    """If a language has fewer pairs than this, refined_pairs is not published for it."""
    max_precision_fall: Share
    """The stop rule. If an iteration's precision on held-out seeds is more than this below the best earlier precision,
    that iteration and all later ones are not used."""

    @model_validator(mode="after")
    def _some_number_is_allowed(self) -> RefinedPairs:
        if self.min_pairs > self.max_pairs:
            raise ValueError(f"min_pairs ({self.min_pairs}) must not be more than max_pairs ({self.max_pairs})")
        return self
