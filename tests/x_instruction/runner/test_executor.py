"""A stage publishes the same content in this process and on a Ray cluster, and a worker that hangs is ended."""

from __future__ import annotations

import builtins
import importlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.raw_web_text.settings import RawWebText
from tests.conftest import ROOT
from x_instruction.runner.errors import InputError, SettingsError
from x_instruction.runner.executor import ordered_map
from x_instruction.runner.files import read_json
from x_instruction.runner.job import Job
from x_instruction.runner.settings import Execution
from x_instruction.runner.shell import run_stage

ON_RAY = Execution(executor="ray", workers=2, threads=1)
ARTIFACTS = ("raw_web_text", "filtered_text")


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[str]:
    """The address of a local Ray cluster with two nodes of one core each."""
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        cluster.add_node(num_cpus=1)
        patched.setenv("RAY_ADDRESS", cluster.address)
        yield cluster.address
        ray.shutdown()
        cluster.shutdown()


def test_results_come_in_the_order_of_the_items(two_nodes: str) -> None:
    import ray

    assert list(ordered_map(abs, range(-7, 0), ON_RAY)) == [7, 6, 5, 4, 3, 2, 1]
    assert len([node for node in ray.nodes() if node["Alive"]]) == 2


def test_a_text_stage_publishes_the_same_content_on_two_nodes(
    two_nodes: str, make_job: Callable[..., Job], tmp_path: Path
) -> None:
    here = Execution(executor="in_process", workers=1, threads=1)
    assert _contents(make_job, tmp_path / "cluster", ON_RAY) == _contents(make_job, tmp_path / "here", here)


def _contents(make_job: Callable[..., Job], root: Path, execution: Execution) -> list[str]:
    """The content hashes of raw_web_text and filtered_text, made from the sample's Finnish pages in several shards."""
    shutil.copytree(ROOT / "languages", root / "languages")
    shutil.copytree(ROOT / "data/sample/web/fi", root / "data/sample/web/fi")
    for artifact in ARTIFACTS:
        raw = make_job().section(RawWebText).model_copy(update={"rows_per_shard": 8})
        job = make_job(artifact, root=root, execution=execution, raw_web_text=raw)
        stage: Any = importlib.import_module(f"stages.{artifact}.stage")
        run_stage(job, stage, ROOT / "stages" / artifact / "expectations.yaml")
    manifests = [read_json(root / "data" / artifact / "fi" / "manifest.json") for artifact in ARTIFACTS]
    assert len(list((root / "data/raw_web_text/fi").glob("part-*.parquet"))) > 2
    return [manifest["content"] for manifest in manifests]


def test_an_absent_ray_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_ray(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "ray":
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    with pytest.raises(SettingsError, match="Ray is not installed: run `make ray`"):
        list(ordered_map(abs, [1], ON_RAY))


def hang(item: int) -> int:
    """A task that never ends for the second item."""
    while item:
        pass
    return item


def test_a_hanging_worker_is_ended_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("x_instruction.runner.executor.LONGEST_SHARD", 3.0)
    execution = Execution(executor="processes", workers=1, threads=1)
    results = ordered_map(hang, [0, 1], execution)
    with pytest.raises(InputError, match=r"no shard was finished for 3 s by processes \d+; they were ended"):
        list(results)
