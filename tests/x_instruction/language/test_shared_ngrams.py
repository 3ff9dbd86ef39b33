"""Words that a text shares with evaluation prompts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from x_instruction.language.shared_ngrams import evaluation_ngrams, overlap
from x_instruction.runner.errors import InputError

PROMPT = "How do you remove a fresh coffee stain from a white shirt?"


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": text}) for text in (PROMPT, "Why?", "Name five large rivers.")))
    return path


@pytest.mark.parametrize(
    "text",
    [
        PROMPT,
        "Tell me: how do you REMOVE a fresh, coffee stain … please.",
        "Ennen. remove a fresh coffee stain from a white Jälkeen.",
        "Please name five large rivers in Asia.",
    ],
)
def test_shared_words_are_found_with_any_case_and_punctuation(prompts: Path, text: str) -> None:
    assert overlap(text, evaluation_ngrams([prompts], 8), 8)


@pytest.mark.parametrize(
    "text",
    [
        "How do you remove a fresh coffee spot?",  # seven words in a row, but eight are needed
        "Remove the stain of fresh coffee from your shirt, however white you want it.",
        "Why? Because five large rivers are there.",
        "",
    ],
)
def test_a_text_without_enough_shared_words_is_clean(prompts: Path, text: str) -> None:
    assert overlap(text, evaluation_ngrams([prompts], 8), 8) is None


def test_the_shared_words_are_returned(prompts: Path) -> None:
    assert overlap(f"x {PROMPT}", evaluation_ngrams([prompts], 8), 8) == "how do you remove a fresh coffee stain"


def test_prompts_of_other_scripts_are_found(tmp_path: Path) -> None:
    prompt = "भारत की राजधानी क्या है और वह कहाँ बसी हुई है"
    (tmp_path / "hi.jsonl").write_text(json.dumps({"question": prompt}))
    assert overlap(f"सुनो, {prompt}?", evaluation_ngrams([tmp_path / "hi.jsonl"], 8), 8)


def test_a_missing_evaluation_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"decontaminate_against: .*absent.jsonl (is not there|does not exist)"):
        evaluation_ngrams([tmp_path / "absent.jsonl"], 8)


def test_an_evaluation_set_without_a_known_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"ask": "x"}')
    with pytest.raises(InputError, match="has none of the columns prompt, question, instruction, text"):
        evaluation_ngrams([tmp_path / "a.jsonl"], 8)


@pytest.mark.parametrize("content", ["", "not json"])
def test_an_unreadable_evaluation_set_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(InputError, match=r"a\.jsonl"):
        evaluation_ngrams([tmp_path / "a.jsonl"], 8)
