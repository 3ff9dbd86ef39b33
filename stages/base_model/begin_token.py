"""Checks whether the tokenizer begins a text in the way in which the model was trained.

Gemma without its begin token writes "The capital of Finland is Finland is Finland is", and nothing else shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.examples import Example
from x_instruction.models.measures import mean_loss, model_to_measure

TOKENS = 200  # of each text


def begin_token_cost(folder: Path, texts: Iterable[str]) -> float:
    """Mean loss per token with the tokenizer's way of beginning a text, minus that with the other way, in nats.

    The other way is without the begin token if the tokenizer adds it, and with it if not. The result is 0 if there is
    no begin token.
    """
    tokenizer = load_tokenizer(folder)
    begin = tokenizer.bos_token_id
    if begin is None:
        return 0.0
    encoded = [tokenizer(text, add_special_tokens=False)["input_ids"][:TOKENS] for text in texts]
    bare = [Example(ids[:1], ids[1:]) for ids in encoded if len(ids) > 1]
    begun = [Example([begin, *example.prompt], example.completion) for example in bare]
    model = model_to_measure(folder)
    gain = mean_loss(model, bare) - mean_loss(model, begun)
    return -gain if begin in tokenizer("")["input_ids"] else gain
