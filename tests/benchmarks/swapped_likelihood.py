"""Measures whether an instruction's likelihood, with or without a correction, shows that a response belongs to it.

Some instructions are likely after any text, so only the likelihood that a text adds is informative. Two corrections are
compared. One subtracts the likelihood without a text, the other the mean likelihood after the other texts. The pairs
are all combinations of the instructions and responses of the given seeds, from which the model must not have learned.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts
from x_instruction.pairs.training_pairs import Pair

Matrix = npt.NDArray[np.float64]
AS_IS, EMPTY, OTHERS = "nothing subtracted", "minus that without a text", "minus the mean after other texts"


def likelihoods(engine: LazyEngine, pairs: Sequence[Pair], prompts: Prompts) -> tuple[Matrix, Matrix]:
    """Two arrays of mean log-likelihoods per token: of instruction i after response j, and of i without a text."""
    encoder = PromptEncoder(engine.tokenizer, prompts, budget=prompts.max_response_tokens)
    completions = [encoder.completed(pair.instruction) for pair in pairs]
    questions = [encoder.write_instruction(text) for text in [*(pair.response for pair in pairs), ""]]
    asked = [(question, completion) for completion in completions for question in questions]
    found = engine.likelihood([question for question, _ in asked], [completion for _, completion in asked])
    table = np.array(found).reshape(len(pairs), len(pairs) + 1)
    return table[:, :-1], table[:, -1]


def areas(table: Matrix, without: Matrix) -> dict[str, float]:
    """Maps each correction to the AUC with which the likelihood tells an instruction's own response from others."""
    return {
        AS_IS: area(table),
        EMPTY: area(table - without[:, None]),
        OTHERS: area(table - means_of_others(table)),
    }


def means_of_others(table: Matrix) -> Matrix:
    """For each entry, the mean of the other entries in its row; the instruction's own response is left out."""
    count, own = len(table), np.diag(table)
    sums = table.sum(axis=1, keepdims=True) - table - own[:, None]
    sums[np.diag_indices(count)] += own
    return sums / (count - 2 + np.eye(count))


def area(table: Matrix) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(np.eye(len(table)).ravel(), table.ravel()))
