"""Runs the unchanged pipeline with a real model, Gemma 3 270M (pretrained, 4 bits), on real text.

    python -m tests.benchmarks real_model

Only settings and data differ from a normal run. The model comes from data packages (gemma.py), the texts and the
English seeds from the real-text collection, and the native seeds from the sample. LANGUAGES names the languages
(`fi,sw,hi`, or `all`), and TEXTS is the number of texts in each. The same pipeline also runs with the embedded model,
for comparison. The two projects stay in data/bench-cache, or in the folder that XI_REAL_MODEL names, so an interrupted
run continues there. Each project has the output of its runs (run.log), and the real model's project also has a sample
of instructions and answers (examples.md).
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from stages.params import load_settings
from tests.benchmarks.gemma import CACHE, gemma
from tests.benchmarks.project_copy import run_python
from tests.benchmarks.real_model_examples import write_examples
from tests.benchmarks.real_model_project import (
    DEFAULT,
    DEFAULT_TEXTS,
    chosen_languages,
    make_project,
    texts_per_language,
)
from tests.benchmarks.real_model_rows import rows_of
from tests.benchmarks.table import Row
from x_instruction.runner.files import read_json, write_json

MOST_MINUTES = 75.0


def run() -> list[Row]:
    folder = Path(os.environ.get("XI_REAL_MODEL") or CACHE)
    languages, texts, checkpoint = chosen_languages(), texts_per_language(), gemma()
    projects = {name: folder / project_name(name, languages, texts) for name in ("embedded", "gemma")}
    for name, project in projects.items():
        if not (project / ".dvc").is_dir():
            make_project(project, checkpoint if name == "gemma" else None, languages, texts)
            run_python(project, "-m", "dvc_project.generated_lines")
            run_python(project, "-m", "dvc", "init", "-q")
        finish(project)
    project = projects["gemma"]
    write_examples(project, load_settings(project / "params.yaml").languages, project / "examples.md")
    note = "at most, two idle cores; all attempts together"
    return [
        *rows_of(project, projects["embedded"]),
        Row("whole pipeline", "minutes", minutes(project), MOST_MINUTES, note),
    ]


def project_name(model: str, languages: Sequence[str], texts: int) -> str:
    """The folder name of a project. It names the languages and the number of texts unless both are the default."""
    default = tuple(languages) == DEFAULT and texts == DEFAULT_TEXTS
    return f"real_model_{model}" + ("" if default else f"_{'-'.join(languages)}_{texts}")


def finish(project: Path) -> None:
    """Runs the pipeline, or the rest of an interrupted run, and saves the minutes of all attempts together."""
    started, before = time.monotonic(), minutes(project)
    try:
        run_python(project, "-m", "dvc_project.run", log=project / "run.log")
    finally:
        write_json(project / "minutes.json", {"minutes": before + (time.monotonic() - started) / 60})


def minutes(project: Path) -> float:
    path = project / "minutes.json"
    return float(read_json(path)["minutes"]) if path.exists() else 0.0
