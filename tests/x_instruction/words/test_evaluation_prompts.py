"""Every line in a file of evaluation prompts is read or reported, and a pipe is refused without waiting."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from x_instruction.runner.errors import InputError
from x_instruction.words.evaluation_prompts import prompts_of, rows_of

PROMPT = "How do you remove a fresh coffee stain from a white cotton shirt before work?"


def texts(path: Path) -> list[str]:
    return [text.text for text in prompts_of(path, "decontaminate_against")]


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        prompts_of(path, "decontaminate_against")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": PROMPT}, {"prompt": "", "question": PROMPT}, {"prompt": None, "turns": [PROMPT]},
        {"prompt": [{"role": "user", "content": PROMPT}]}, {"flores_passage": PROMPT, "answer": 1},
        {"data": {"examples": [[{"input": PROMPT}]]}}, {"messages": [{"content": {"parts": [PROMPT]}}]},
    ],
)  # fmt: skip
def test_a_prompt_is_found_in_any_column_and_list(tmp_path: Path, row: object) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    assert PROMPT in texts(tmp_path / "a.jsonl")


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0b", "\x1c"])
def test_a_unicode_line_separator_in_a_text_does_not_end_the_line(tmp_path: Path, mark: str) -> None:
    escaped = json.dumps({"prompt": PROMPT}, ensure_ascii=False).replace("fresh", f"fresh{mark if mark > ' ' else ''}")
    (tmp_path / "a.jsonl").write_text(escaped + "\r\n" + escaped, encoding="utf-8")
    assert len(texts(tmp_path / "a.jsonl")) == 2


def test_a_byte_order_mark_is_not_part_of_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"prompt": PROMPT}), encoding="utf-8-sig")
    assert texts(tmp_path / "a.jsonl") == [PROMPT]


def test_a_lone_surrogate_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "How \\ud800 do you remove a stain"}')
    assert texts(tmp_path / "a.jsonl") == ["How ? do you remove a stain"]
    (tmp_path / "b.jsonl").write_text('{"turns": ["\\udfff", {"\\ud800": 1}], "n": 1.5}')
    assert list(rows_of(tmp_path / "b.jsonl", "eval_scores.questions")) == [(1, {"turns": ["?", {"?": 1}], "n": 1.5})]


@pytest.mark.parametrize("data", [b"PAR1\xff\xfe", "Mitä?".encode("utf-16"), b"\x1f\x8b\x08\x00"])
def test_a_file_that_is_not_text_is_reported_in_one_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.jsonl").write_bytes(data)
    assert "cannot be read as text" in refused(tmp_path / "a.jsonl")


def test_a_path_that_is_not_a_file_is_reported_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    for path in (tmp_path / "a.jsonl", tmp_path, Path("/dev/zero")):
        assert "is not a file but a folder, pipe or device" in refused(path)


@pytest.mark.parametrize("line", ["[" * 5000, '{"prompt": ' + "9" * 5000 + "}", '{"prompt"', '"text"'])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"prompt": PROMPT}) + "\n" + line)
    assert "line 2 of" in refused(tmp_path / "a.jsonl")
