"""The project can be read while a run writes to it."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dvc.repo import Repo

from dvc_project.graph import read_graph
from dvc_project.workspace import read_workspace


def test_a_half_written_lock_is_never_read(made: Path) -> None:
    """A user's `dvc` command writes `dvc.lock` in place, so a reader could see a file without its last entries."""
    graph = read_graph(made)
    path = made / "dvc.lock"
    whole = path.read_text(encoding="utf-8")
    with Repo(str(made)) as repo, ThreadPoolExecutor(1) as pool:
        with repo.lock:
            path.write_text(whole[: whole.index("  rated_pairs@")], encoding="utf-8")
            reading = pool.submit(read_workspace, graph)
            time.sleep(2)
            path.write_text(whole, encoding="utf-8")
        states = reading.result(timeout=30)
    assert [name for name, state in states.items() if state.version is None] == []
