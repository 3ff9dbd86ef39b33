"""Copies this project into a folder with changed settings, to run its stages there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.table import ROOT

COPIED = (
    "stages/", "x_instruction/", "dvc_project/", "dagster_project/", "languages/", "dvc.yaml", "params.yaml",
    ".gitignore", ".dvcignore",
)  # fmt: skip


def copy_project(project: Path, changed: dict[str, Any], also: tuple[str, ...] = ()) -> None:
    """Copy the code and the paths that start with one of `also`, change params.yaml, and run `git init`."""
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in files.stdout.splitlines():
        if name.startswith((*COPIED, *also)) and (ROOT / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, project / name)
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    (project / "params.yaml").write_text(
        yaml.safe_dump(merged(params, changed), allow_unicode=True, sort_keys=False), encoding="utf-8"
    )
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The old settings, overridden by the new ones. Sections are merged key by key."""
    both = {key: merged(old[key], new[key]) for key in new if isinstance(new[key], dict) and key in old}
    return {**old, **new, **both}


def run_python(project: Path, *arguments: str, log: Path | None = None) -> None:
    """Run Python with these arguments in the project. If Python fails, raises RuntimeError with the end of the output.

    If `log` is given, the output is appended to it while the command runs.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1"}
    with (log or Path(os.devnull)).open("ab") as file:
        process = subprocess.run(
            [sys.executable, *arguments],
            cwd=project,
            env=environment,
            stdout=file if log else subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    if process.returncode:
        output = (log.read_bytes() if log else process.stdout).decode(errors="replace")[-3000:]
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}:\n{output}")
