"""The asset graph is that of `dvc.yaml`: the real one against a list written by hand, and a stage added to it."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from dagster_project.definitions import build_definitions
from dvc_project.graph import read_graph
from tests.miniature import LANGUAGES

PROJECT = Path(__file__).resolve().parents[2]

# Per asset: whether it is made per language, and the artifacts it is made from.
EXPECTED = {
    "raw_web_text": (True, set()),
    "filtered_text": (True, {"raw_web_text"}),
    "seed_pairs": (True, set()),
    "base_model": (False, set()),
    "instruction_model": (False, {"base_model", "seed_pairs"}),
    "candidate_pairs": (True, {"filtered_text", "instruction_model"}),
    "iteration_1/response_model": (False, {"base_model", "seed_pairs"}),
    "iteration_1/evaluator": (False, {"base_model", "instruction_model", "seed_pairs", "iteration_1/response_model"}),
    "iteration_1/rated_pairs": (True, {"candidate_pairs", "iteration_1/evaluator"}),
    "iteration_2/response_model": (False, {"base_model", "seed_pairs", "iteration_1/rated_pairs"}),
    "iteration_2/evaluator": (
        False,
        {"base_model", "instruction_model", "seed_pairs", "iteration_2/response_model", "iteration_1/rated_pairs"},
    ),
    "iteration_2/rated_pairs": (True, {"candidate_pairs", "iteration_2/evaluator"}),
    "refined_pairs": (
        True,
        {"iteration_1/evaluator", "iteration_2/evaluator", "iteration_1/rated_pairs", "iteration_2/rated_pairs"},
    ),
    "diversified_set": (True, {"refined_pairs"}),
    "tuned_model": (False, {"base_model", "seed_pairs", "diversified_set"}),
    "eval_scores": (
        True,
        {
            "seed_pairs",
            "base_model",
            "instruction_model",
            "iteration_1/response_model",
            "tuned_model",
            "iteration_1/evaluator",
            "iteration_2/evaluator",
        },
    ),
}


def asset_graph(root: Path) -> dict[str, tuple[list[str] | None, set[str]]]:
    """Partitions and upstream of every asset, by key; the inputs apart."""
    assets = build_definitions(root).resolve_asset_graph()
    found = {}
    for key in assets.materializable_asset_keys:
        node = assets.get(key)
        languages = node.partitions_def.get_partition_keys() if node.partitions_def else None
        upstream = {parent.to_user_string() for parent in node.parent_keys}
        assert f"inputs/{key.to_user_string()}" in upstream
        found[key.to_user_string()] = (languages, {name for name in upstream if not name.startswith("inputs/")})
    return found


def test_the_real_graph() -> None:
    languages = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))["languages"]
    expected = {key: (languages if per_language else None, made) for key, (per_language, made) in EXPECTED.items()}
    assert asset_graph(PROJECT) == expected


def test_every_stage_says_what_it_is() -> None:
    assert [artifact.name for artifact in read_graph(PROJECT).artifacts if not artifact.description] == []


def test_every_expectation_is_a_check() -> None:
    suites = (PROJECT / "stages/expectations").glob("*.yaml")
    expectations = {suite.stem: len(yaml.safe_load(suite.read_text(encoding="utf-8")) or []) for suite in suites}
    graph = read_graph(PROJECT)
    wanted = sum(expectations.get(artifact.name, 0) for artifact in graph.artifacts)
    assert len(build_definitions(PROJECT).resolve_asset_graph().asset_check_keys) == wanted


def test_a_stage_added_to_the_file_is_an_asset(fresh: Path) -> None:
    before = asset_graph(fresh)
    with (fresh / "dvc.yaml").open("a", encoding="utf-8") as file:
        file.write("  summary: { cmd: echo, deps: [data/rated_pairs/iteration_2], outs: [data/summary] }\n")
    assert asset_graph(fresh) == before | {"summary": (None, {"iteration_2/rated_pairs"})}


@pytest.mark.parametrize(
    ("asset", "needed"), [("filtered_text", {"fi"}), ("instruction_model", set(LANGUAGES)), ("base_model", set())]
)
def test_the_languages_an_asset_needs(fresh: Path, asset: str, needed: set[str]) -> None:
    graph = read_graph(fresh)
    artifact = next(one for one in graph.artifacts if one.name == asset)
    found = graph.upstream(artifact).values()
    own = "fi" if artifact.languages else None
    assert {language for needs in found for language in needs[own] if language} == needed


def test_the_inputs_are_observed_and_not_made(fresh: Path) -> None:
    assets = build_definitions(fresh).resolve_asset_graph()
    assert len(assets.observable_asset_keys) == len(assets.materializable_asset_keys)
    assert all(isinstance(key, dg.AssetKey) and key.path[0] == "inputs" for key in assets.observable_asset_keys)
