"""Checks whether the tokenizer begins a text as in the training of the model: with or without a BOS token.

Without its BOS token, Gemma writes "The capital of Finland is Finland is Finland is", and no other check notices the
missing token.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.examples import Example
from x_instruction.models.measures import mean_loss, model_to_measure

TOKENS = 200  # the loss is measured on this many tokens of each text


def begin_token_cost(folder: Path, texts: Iterable[str]) -> float:
    """Mean loss per token, in nats, with the tokenizer's choice (BOS token or none), minus that with the other choice.

    The difference is 0 if the tokenizer has no BOS token.
    """
    tokenizer = load_tokenizer(folder)
    begin = tokenizer.bos_token_id
    if begin is None:
        return 0.0
    encoded = [tokenizer(text, add_special_tokens=False)["input_ids"][:TOKENS] for text in texts]
    without_token = [Example(ids[:1], ids[1:]) for ids in encoded if len(ids) > 1]
    with_token = [Example([begin, *example.prompt], example.completion) for example in without_token]
    model = model_to_measure(folder)
    gain = mean_loss(model, without_token) - mean_loss(model, with_token)
    return -gain if begin in tokenizer("")["input_ids"] else gain
