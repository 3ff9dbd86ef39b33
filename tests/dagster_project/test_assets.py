"""The asset graph follows `dvc.yaml`: it is compared with a list written by hand, and a new stage becomes an asset."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from dagster_project.definitions import build_definitions
from dvc_project.graph import read_graph
from tests.conftest import ROOT

# Each asset is mapped to two values: whether it has a partition per language, and the artifacts that it is made from.
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
    "diversified_set": (True, {"candidate_pairs", "refined_pairs"}),
    "released_set": (
        False,
        {
            "raw_web_text",
            "filtered_text",
            "candidate_pairs",
            "refined_pairs",
            "diversified_set",
            "base_model",
            "instruction_model",
            "seed_pairs",
            "iteration_1/evaluator",
            "iteration_2/evaluator",
        },
    ),
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
    "row_index": (
        True,
        {
            "raw_web_text",
            "filtered_text",
            "candidate_pairs",
            "iteration_1/rated_pairs",
            "iteration_2/rated_pairs",
            "refined_pairs",
            "diversified_set",
            "released_set",
        },
    ),
    "report": (
        False,
        {
            "raw_web_text",
            "filtered_text",
            "candidate_pairs",
            "refined_pairs",
            "diversified_set",
            "released_set",
            "base_model",
            "eval_scores",
            "iteration_1/evaluator",
            "iteration_2/evaluator",
        },
    ),
}


def asset_graph(root: Path) -> dict[str, tuple[list[str] | None, set[str]]]:
    """Maps the key of each asset to its partitions and its upstream assets; observed inputs are left out."""
    assets = build_definitions(root).resolve_asset_graph()
    found = {}
    for key in assets.materializable_asset_keys:
        node = assets.get(key)
        languages = node.partitions_def.get_partition_keys() if node.partitions_def else None
        upstream = {parent.to_user_string() for parent in node.parent_keys}
        assert f"inputs/{key.to_user_string()}" in upstream
        found[key.to_user_string()] = (languages, {name for name in upstream if not name.startswith("inputs/")})
    return found


def test_the_asset_graph_is_the_expected_graph() -> None:
    languages = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["languages"]
    expected = {key: (languages if per_language else None, made) for key, (per_language, made) in EXPECTED.items()}
    assert asset_graph(ROOT) == expected


def test_every_expectation_is_an_asset_check() -> None:
    suites = (ROOT / "stages").glob("*/expectations.yaml")
    expectations = {path.parent.name: len(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in suites}
    wanted = sum(expectations[artifact.name] for artifact in read_graph(ROOT).artifacts)
    assert len(build_definitions(ROOT).resolve_asset_graph().asset_check_keys) == wanted


def test_a_stage_added_to_dvc_yaml_becomes_an_asset(fresh: Path) -> None:
    before = asset_graph(fresh)
    with (fresh / "dvc.yaml").open("a", encoding="utf-8") as file:
        file.write("  summary: { cmd: echo, deps: [data/rated_pairs/iteration_2], outs: [data/summary] }\n")
    assert asset_graph(fresh) == before | {"summary": (None, {"iteration_2/rated_pairs"})}


def test_inputs_are_observed_and_not_made(fresh: Path) -> None:
    assets = build_definitions(fresh).resolve_asset_graph()
    assert len(assets.observable_asset_keys) == len(assets.materializable_asset_keys)
    assert all(isinstance(key, dg.AssetKey) and key.path[0] == "inputs" for key in assets.observable_asset_keys)


def test_the_command_dg_loads_the_definitions() -> None:
    pytest.importorskip("dagster_dg_cli")
    command = [str(Path(sys.executable).with_name("dg")), "check", "defs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "All definitions loaded successfully" in done.stdout + done.stderr
