"""README.md and docs/ agree with the project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.filtered_text.rules.all_rules import REASONS
from stages.filtered_text.settings import FilteredText
from tests.conftest import ROOT
from tests.documents import PARTS, rendered
from x_instruction.language.settings import LanguageSettings

DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
PARAMS: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
SETTING = re.compile(r"`(\w+(?:\.\w+)+)[`:]")
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


@pytest.mark.parametrize("document", PARTS)
def test_generated_parts_are_up_to_date(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    assert text == rendered(document, text), f"run `python -m tests.documents` and commit {document}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files_of_the_project(document: Path) -> None:
    links = LINK.findall(document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def known(setting: str) -> bool:
    """Whether params.yaml has the setting, or could have it in a list or in a section that may be null."""
    value: Any = PARAMS
    for key in setting.split("."):
        if isinstance(value, dict) and key not in value:
            return False
        value = value[key] if isinstance(value, dict) else None
    return True


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_only_settings_that_params_yaml_can_have(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = [setting for setting in SETTING.findall(text) if setting.split(".")[0] in PARAMS]
    assert [setting for setting in named if not known(setting)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_only_make_targets_that_exist(document: Path) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(re.findall(r"`make (\w+)", document.read_text(encoding="utf-8"))) <= set(targets)


FILTERS = (ROOT / "docs" / "filters.md").read_text(encoding="utf-8")
CELLS = re.compile(r"^\| (.+) \|$", re.M)
CODE = re.compile(r"`(\w+)`")


def rows(width: int) -> list[list[str]]:
    """The table rows in docs/filters.md that have this many cells."""
    tables = [[cell.strip() for cell in row.split(" | ")] for row in CELLS.findall(FILTERS)]
    return [cells for cells in tables if len(cells) == width and CODE.search(cells[0])]


def defaults() -> dict[str, str]:
    """Maps each threshold to its default as docs/filters.md writes it, or to `by language` if language pages set it."""
    shared = PARAMS["filtered_text"].items()
    written = {name: yaml.safe_dump(value, default_flow_style=True) for name, value in shared}
    plain = {name: text.removesuffix("...\n").strip() for name, text in written.items()}
    return {**dict.fromkeys(LanguageSettings.model_fields, "by language"), **plain}


def test_the_thresholds_of_the_filters_are_documented_with_their_defaults() -> None:
    documented = [(row[1], row[2]) for row in rows(6)] + [(row[0], row[1]) for row in rows(4)]
    assert documented
    for names, value in documented:
        assert {defaults()[name] for name in CODE.findall(names)} <= {value}, names


def test_every_drop_reason_and_every_setting_of_the_filter_is_documented() -> None:
    assert set(REASONS) | {"exact_duplicate", "near_duplicate"} == {CODE.findall(row[0])[0] for row in rows(6)}
    assert set(FilteredText.model_fields) <= set(CODE.findall(FILTERS))
