"""Whether the likelihood of an instruction shows that a response belongs to it, with and without a correction.

An instruction that is likely after any text says nothing; only what the text adds does. Two corrections are compared:
the likelihood without a text, and the mean likelihood after other texts of the language. Seeds that the instruction
model did not learn from are combined in all ways: each instruction with each response.
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
AS_IS, EMPTY, OTHERS = "as it is", "less that without a text", "less the mean after other texts"


def likelihoods(engine: LazyEngine, pairs: Sequence[Pair], prompts: Prompts) -> tuple[Matrix, Matrix]:
    """Mean log-likelihood a token of instruction i after response j, shape (pairs, pairs), and after no text."""
    encoder = PromptEncoder(engine.tokenizer, prompts, budget=prompts.max_response_tokens)
    completions = [encoder.completed(pair.instruction) for pair in pairs]
    questions = [encoder.write_instruction(text) for text in [*(pair.response for pair in pairs), ""]]
    asked = [(question, completion) for completion in completions for question in questions]
    found = engine.likelihood([question for question, _ in asked], [completion for _, completion in asked])
    table = np.array(found).reshape(len(pairs), len(pairs) + 1)
    return table[:, :-1], table[:, -1]


def areas(table: Matrix, without: Matrix) -> dict[str, float]:
    """AUC of own against other responses, by correction."""
    return {
        AS_IS: area(table),
        EMPTY: area(table - without[:, None]),
        OTHERS: area(table - means_of_others(table)),
    }


def means_of_others(table: Matrix) -> Matrix:
    """The mean of each instruction over the responses that are neither its own nor the one that it is compared with."""
    count, own = len(table), np.diag(table)
    sums = table.sum(axis=1, keepdims=True) - table - own[:, None]
    sums[np.diag_indices(count)] += own
    return sums / (count - 2 + np.eye(count))


def area(table: Matrix) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(np.eye(len(table)).ravel(), table.ravel()))


def own_first(table: Matrix) -> float:
    """Share of instructions whose own response makes them likeliest; no correction by instruction changes it."""
    return float((table.argmax(axis=1) == np.arange(len(table))).mean())
