"""Chooses the likeliest of the instructions that were sampled for a text.

An instruction that is likely given any text says little about the text for which it was written. So half of its
likelihood given other texts is subtracted from its likelihood given that text, as in sampling by mutual information
(Li et al., arXiv 1510.03055). With Gemma 3 270M and four samples for each of 46 Finnish texts, similarity distinguished
an instruction's text from other texts with AUC 0.89 for the first sample, 0.92 for the likeliest sample if nothing was
subtracted, 0.93 if half was subtracted, and 0.91 if all was.
"""

from __future__ import annotations

import math

import polars as pl

from x_instruction.rating.likelihoods import OTHER_LIKELIHOOD
from x_instruction.runner.shards import Split

LESS_LIKELY = "less_likely_sample"
SUBTRACTED = 0.5  # this share of the likelihood given other texts is subtracted


def likeliest(pairs: pl.DataFrame, kept_samples: int) -> Split:
    """Keeps at most `kept_samples` pairs of each `text_id`, and drops the others with the reason LESS_LIKELY.

    `pairs` has the columns of LIKELIHOOD_COLUMNS. If two samples are equally likely, the earlier one is kept.
    """
    raised = pl.col("likelihood") - SUBTRACTED * pl.col(OTHER_LIKELIHOOD)
    # A likelihood of NaN, as after an overflow in the model, counts as the lowest.
    place = raised.fill_nan(None).fill_null(-math.inf).rank("ordinal", descending=True).over("text_id")
    reason = pl.when(place > kept_samples).then(pl.lit(LESS_LIKELY))
    return Split.of(pairs.with_columns(reason=reason, value=pl.col("instruction")), text="response")
