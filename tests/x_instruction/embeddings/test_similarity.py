"""The similarity separates an instruction's own response from other responses, in the languages it was fitted on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from tests.conftest import ROOT
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.settings import Embeddings
from x_instruction.embeddings.similarity import NAME, SIMILARITIES, Similarity
from x_instruction.embeddings.vectors import VECTORS, add_vectors, without_vectors
from x_instruction.runner.errors import InputError

PAGES = ROOT / "languages"
SEEDS = 12


@pytest.fixture(scope="module")
def pairs(encoder: LazyEncoder) -> pl.DataFrame:
    """The sample's seeds in two languages, with their vectors."""
    tables = [
        pl.read_ndjson(ROOT / "data" / "sample" / "seeds" / f"{code}.jsonl")
        .head(SEEDS)
        .with_columns(language=pl.lit(code))
        for code in ("fi", "th")
    ]
    return add_vectors(pl.concat(tables), encoder, PAGES)


def combined(pairs: pl.DataFrame, language: str) -> pl.DataFrame:
    """Combines each instruction with each response of a language; the column `true` marks those of the same seed."""
    of_language = pairs.filter(pl.col("language") == language).with_row_index("pair")
    left, right = of_language.select("language", "pair", VECTORS[0]), of_language.select(*VECTORS[1:], other="pair")
    return left.join(right, how="cross").with_columns(true=pl.col("pair") == pl.col("other"))


@pytest.mark.parametrize("language", ["fi", "th"])
def test_true_responses_are_nearer_than_swapped_ones(pairs: pl.DataFrame, language: str) -> None:
    table = combined(pairs, language)
    fitted = Similarity.fit(pairs)
    bare = Similarity({name: 0 * mean for name, mean in fitted.means.items()})

    def auc(similarity: Similarity) -> float:
        return float(roc_auc_score(table["true"].to_numpy(), similarity.score(table)["similarity"].to_numpy()))

    assert auc(fitted) > 0.95
    assert auc(fitted) > auc(bare)


def test_a_response_that_strays_has_a_part_far_from_the_instruction(pairs: pl.DataFrame, encoder: LazyEncoder) -> None:
    finnish = pairs.filter(pl.col("language") == "fi")
    half = pl.col("response").str.len_chars() // 2
    strays = finnish.select(
        "language",
        "instruction",
        response=pl.col("response").str.head(half) + ". " + pl.col("response").shift(3, fill_value="").str.tail(half),
    ).tail(SEEDS - 3)
    found = Similarity.fit(pairs).score(add_vectors(strays, encoder, PAGES))
    true = Similarity.fit(pairs).score(finnish).tail(SEEDS - 3)
    assert (found["part_similarity"] < true["part_similarity"]).mean() > 0.7  # type: ignore[operator]


def test_a_similarity_is_a_cosine_and_the_farthest_part_is_not_nearer(pairs: pl.DataFrame) -> None:
    found = Similarity.fit(pairs).score(pairs)
    assert found.select(pl.col(SIMILARITIES).abs().max()).row(0) < (1.0, 1.0)
    assert found["part_similarity"].mean() < found["similarity"].mean()  # type: ignore[operator]


def test_a_similarity_does_not_depend_on_the_other_pairs(pairs: pl.DataFrame) -> None:
    similarity, mixed = Similarity.fit(pairs), pairs.sample(fraction=1, shuffle=True, seed=1)
    together = similarity.score(mixed).select("response", *SIMILARITIES)
    alone = pl.concat([similarity.score(mixed[row]) for row in range(mixed.height)]).select("response", *SIMILARITIES)
    assert together.equals(alone)


def test_means_are_read_as_they_were_written(pairs: pl.DataFrame, tmp_path: Path) -> None:
    written = Similarity.fit(pairs)
    written.write(tmp_path)
    read = Similarity.read(tmp_path)
    assert read.score(pairs).equals(written.score(pairs))
    assert not list(tmp_path.glob("*.safetensors")), "vLLM would take the means for weights of a model beside them"


def test_missing_means_are_reported_in_one_sentence(pairs: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{NAME} does not exist: run the stage that makes"):
        Similarity.read(tmp_path)
    with pytest.raises(InputError, match="has no mean vectors of th: give seed pairs in the language"):
        Similarity.fit(pairs.filter(pl.col("language") == "fi")).score(pairs)


def test_an_empty_response_gets_a_finite_similarity(pairs: pl.DataFrame, encoder: LazyEncoder) -> None:
    empty = pl.DataFrame({"language": ["fi"], "instruction": ["Tell of bread."], "response": [""]})
    found = Similarity.fit(pairs).score(add_vectors(empty, encoder, PAGES))
    assert np.isfinite(found.select(SIMILARITIES).row(0)).all()


def test_a_frame_without_rows_gets_the_columns(pairs: pl.DataFrame, encoder: LazyEncoder) -> None:
    empty = pairs.select("language", "instruction", "response").clear()
    found = Similarity.fit(pairs).score(add_vectors(empty, encoder, PAGES))
    assert found.is_empty() and {*VECTORS, *SIMILARITIES} < set(found.columns)


def test_vectors_are_empty_if_no_signal_needs_them(pairs: pl.DataFrame) -> None:
    found = without_vectors(pairs.select("response"))
    assert set(found.select(VECTORS).row(0)) == {b""}


def test_vectors_have_the_size_of_their_encoder(embeddings: Embeddings, tiny_encoder: Path) -> None:
    tiny = LazyEncoder(embeddings.model_copy(update={"encoder": tiny_encoder.name}), tiny_encoder.parent)
    rows = {"language": ["fi", "fi"], "instruction": ["bread", "cat"], "response": ["leipä kissa", "kissa"]}
    found = add_vectors(pl.DataFrame(rows), tiny, PAGES)
    assert Similarity.fit(found).means["fi.responses"].shape == (16,)
    assert Similarity.fit(found).score(found)["similarity"].is_finite().all()


def numbered(language: str, *rows: tuple[float, float]) -> pl.DataFrame:
    """Pairs with vectors of two dimensions; a pair has the same vector for instruction, response and part."""
    stored = [np.array(row, np.float16).tobytes() for row in rows]
    return pl.DataFrame({"language": [language] * len(rows), **dict.fromkeys(VECTORS, stored)})


def test_adapted_means_combine_the_pairs_with_ten_seeds() -> None:
    seeds = Similarity.fit(numbered("fi", (1, 0)))
    few, many = (seeds.adapted(numbered("fi", *[(0, 1)] * count)).means["fi.responses"] for count in (10, 990))
    assert few == pytest.approx([0.5, 0.5]) and many == pytest.approx([0.01, 0.99])


def test_means_come_from_seeds_alone_or_pairs_alone_if_the_others_are_missing() -> None:
    seeds = Similarity.fit(numbered("fi", (1, 0)))
    assert seeds.adapted(numbered("fi")).means.keys() == seeds.means.keys()
    adapted = seeds.adapted(numbered("sw", (0, 1)))
    assert adapted.means["fi.responses"] == pytest.approx([1, 0])
    assert adapted.means["sw.instructions"] == pytest.approx([0, 1])


def test_the_key_changes_with_the_means() -> None:
    one, other = (Similarity.fit(numbered("fi", row)) for row in ((1, 0), (0, 1)))
    assert one.key() == Similarity(dict(one.means)).key() != other.key()
