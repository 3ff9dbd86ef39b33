"""The benchmark of chats counts equal answers and tokens, and publishes its model as a tuned model is published."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.benchmarks import chat
from tests.benchmarks.chat import (
    REFERENCE,
    Asked,
    Chat,
    by_transformers,
    chats_in,
    equal_tokens,
    make_usable,
    published,
    rows,
)
from tests.benchmarks.table import ROOT, Row, SkippedError
from x_instruction.models.publishing import RECORD
from x_instruction.runner.files import write_json

CHATS = (Chat("one", {"language": "Finnish"}), Chat("two"))


def test_equal_and_unequal_answers_are_counted_apart() -> None:
    ways = {
        REFERENCE: [Asked([1, 2], [7, 8, 9]), Asked([3], [7, 7])],
        "another way": [Asked([1, 2], [7, 8, 9]), Asked([4], [7, 8, 9])],
    }
    assert [(row.case, row.ours, row.peer) for row in rows([[1, 2], []], ways)] == [
        (f"same prompts, {REFERENCE}", 1.0, 1.0),
        ("same prompts, another way", 1.0, 1.0),
        ("same answers, another way", 1.0, 2.0),
        ("same tokens, another way", 4.0, 5.0),
    ]


def test_another_prompt_than_that_of_the_training_is_seen() -> None:
    first: Row = rows([[1, 2]], {REFERENCE: [Asked([1], [7])]})[0]
    assert (first.case, first.ours, first.peer) == (f"same prompts, {REFERENCE}", 0.0, 1.0)


def test_tokens_are_compared_place_by_place() -> None:
    assert (equal_tokens([1, 2, 3], [1, 9, 3, 4]), equal_tokens([], [1])) == (2, 0)


def test_both_ways_of_transformers_read_the_published_template(taught_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(taught_model, tmp_path / "model"))
    expected = make_usable(folder, CHATS)
    assert expected[0] and not expected[1]
    ways = by_transformers(folder, CHATS)
    assert {(row.ours, row.peer) for row in rows(expected, ways) if row.unit == "prompts"} == {(1.0, 1.0)}
    assert ways[REFERENCE] == ways["transformers pipeline"] and all(one.answer for one in ways[REFERENCE])


@pytest.fixture
def make_project(taught_model: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a finished project. Its tuned model answers in these languages; with `each`, each language has a model."""

    def make(languages: Mapping[str, str], each: bool = False) -> Path:
        project = tmp_path / "project"
        parent = project / "data" / "tuned_model"
        for folder in [parent / code for code in languages] if each else [parent]:
            make_usable(Path(shutil.copytree(taught_model, folder)), CHATS)
            names = {folder.name: languages[folder.name]} if each else languages
            write_json(folder / RECORD, {"languages": dict(names)})
        write_json(parent / "manifest.json", {"content": "of the tuned model"})
        shutil.copytree(ROOT / "languages", project / "languages")
        shutil.copy(ROOT / "params.yaml", project)
        return project

    return make


def test_the_tuned_model_of_a_named_project_is_asked_in_its_languages(
    make_project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = make_project({"fi": "Finnish", "ur": "Urdu"})
    monkeypatch.setenv("PROJECT", str(project))
    monkeypatch.setattr(chat, "gemma", lambda: pytest.fail("Gemma is not needed"))
    found = published(tmp_path)
    assert found.folder == project / "data/tuned_model"
    assert [one.arguments.get("language") for one in found.chats] == ["Finnish", "Urdu", "Finnish", None]
    assert [bool(tokens) for tokens in found.prompts] == [True, True, True, False]


def test_of_several_tuned_models_the_first_is_asked(
    make_project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = make_project({"fi": "Finnish", "sw": "Swahili"}, each=True)
    monkeypatch.setenv("PROJECT", str(project))
    found = published(tmp_path)
    assert found.folder == project / "data/tuned_model/fi"
    assert {one.arguments.get("language") for one in found.chats} == {"Finnish", None}


def test_without_a_project_gemma_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fetch() -> Path:
        raise SkippedError("Gemma cannot be downloaded")

    monkeypatch.delenv("PROJECT", raising=False)
    monkeypatch.setattr(chat, "gemma", fetch)
    with pytest.raises(SkippedError, match="Gemma cannot be downloaded"):
        published(tmp_path)
    asked = [one.arguments.get("language") for one in chats_in(["Finnish", "Swahili", "Hindi"])]
    assert asked == ["Finnish", "Swahili", "Hindi", None]


def test_a_project_without_a_tuned_model_is_skipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROJECT", str(tmp_path))
    with pytest.raises(SkippedError, match="tuned_model is missing; name a finished project in PROJECT"):
        published(tmp_path)
