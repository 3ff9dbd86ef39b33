"""Examples are tokenised once for the same pairs, prompts and model, and again if any of these changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from x_instruction.models.examples import Example
from x_instruction.models.settings import Prompts
from x_instruction.models.training_store import kept_examples
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job

PAIRS = [("kissa", "istuu"), ("koira", "juoksee")]
EXAMPLES = [Example([1, 2, 70_000], [4]), Example([5], [6, 7])]


class Tokenizer:
    """Counts the calls that tokenise the pairs."""

    calls = 0

    def __call__(self) -> list[Example]:
        self.calls += 1
        return EXAMPLES


@pytest.fixture
def job(make_job: Callable[..., Job], tmp_path: Path) -> Job:
    write_json(tmp_path / "start" / "manifest.json", {"content": "of the start model"})
    return make_job("response_model", None)


def kept(job: Job, tokenizer: Tokenizer, pairs: Any = PAIRS, settings: tuple[int, ...] = (240,)) -> list[Example]:
    return kept_examples(job, job.root / "start", pairs, settings, tokenizer)


def test_a_second_run_reads_the_stored_examples(job: Job) -> None:
    tokenizer = Tokenizer()
    assert kept(job, tokenizer) == kept(job, tokenizer) == EXAMPLES
    assert tokenizer.calls == 1
    (folder,) = job.work.iterdir()
    assert job.used == {folder.name}
    assert {path.name for path in folder.iterdir()} == {"part.parquet", "sealed.json"}


def other_prompts(job: Job) -> Job:
    prompts = job.section(Prompts).model_copy(update={"end": "<|pad|>"})
    return replace(job, settings=job.settings.model_copy(update={"prompts": prompts}))  # type: ignore[attr-defined]


def other_names(job: Job) -> Job:
    (job.root / "languages").unlink()
    (job.root / "languages").mkdir()
    names = (ROOT / "languages/names.yaml").read_text(encoding="utf-8").replace("Finnish", "Suomi")
    (job.root / "languages/names.yaml").write_text(names, encoding="utf-8")
    return job


def other_model(job: Job) -> Job:
    write_json(job.root / "start" / "manifest.json", {"content": "of another model"})
    return job


CHANGES = [other_prompts, other_names, other_model, lambda job: replace(job, code="other code")]


@pytest.mark.parametrize("change", CHANGES, ids=["prompts", "names", "model", "code"])
def test_a_change_of_prompts_names_model_or_code_tokenises_again(job: Job, change: Callable[[Job], Job]) -> None:
    tokenizer = Tokenizer()
    kept(job, tokenizer)
    kept(change(job), tokenizer)
    assert tokenizer.calls == 2


def test_other_pairs_or_another_budget_are_tokenised_again(job: Job) -> None:
    tokenizer = Tokenizer()
    kept(job, tokenizer)
    kept(job, tokenizer, pairs=PAIRS[::-1])
    kept(job, tokenizer, settings=(120,))
    assert tokenizer.calls == 3
