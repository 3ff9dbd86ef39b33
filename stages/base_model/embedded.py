"""The embedded model: a small Llama and its byte-level BPE, built from scratch."""

from __future__ import annotations

from typing import Any

from stages.base_model.settings import Architecture

# These tokens structure the default prompts. Text is never encoded as one of them (x_instruction/models/prompts.py).
SPECIAL_TOKENS = ["<|end|>", "<|pad|>", "<|instruction|>", "<|response|>", "<|rating|>"]


def train_tokenizer(texts: list[str], architecture: Architecture) -> Any:
    """Trains a byte-level BPE on the texts. It can encode any text in any script."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=architecture.vocabulary,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=SPECIAL_TOKENS[0],
        pad_token=SPECIAL_TOKENS[1],
        additional_special_tokens=SPECIAL_TOKENS[2:],
        model_max_length=architecture.context,
        clean_up_tokenization_spaces=False,
    )


def new_model(architecture: Architecture, tokenizer: Any, seed: int) -> Any:
    """A Llama with random weights and tied input and output embeddings."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=architecture.hidden,
            intermediate_size=architecture.intermediate,
            num_hidden_layers=architecture.layers,
            num_attention_heads=architecture.heads,
            num_key_value_heads=architecture.heads,
            max_position_embeddings=architecture.context,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def packed_rows(texts: list[str], tokenizer: Any, max_tokens: int) -> list[dict[str, list[int]]]:
    """The concatenated texts, each followed by the end token, in windows of `max_tokens` tokens.

    The last window may be shorter.
    """
    stream: list[int] = []
    for text in texts:
        stream += [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    windows = [stream[start : start + max_tokens] for start in range(0, len(stream), max_tokens)]
    return [{"input_ids": window, "labels": list(window)} for window in windows if len(window) > 1]
