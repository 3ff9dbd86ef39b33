"""A small project with nine of the real artifacts, in a git and DVC repository. Its stages load no model.

`make_miniature` writes the files, because a `dvc.yaml` in this folder would be part of the real graph. The settings are
the real settings with two languages. A language page has a name and two settings for filtered_text: `min_rows`, the
number of rows that its gate requires, and optionally `sleep`, the seconds for which the stage sleeps.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from dvc_project.dvc_command import environment

ROOT = Path(__file__).parents[1]
LANGUAGES = ("fi", "ur")

GRAPH = """\
stages:
  raw_web_text:
    foreach: ${languages}
    do:
      desc: Documents as found
      cmd: python -m stages raw_web_text ${item} data/sample/web/${item}
      params: [raw_web_text]
      deps:
        - stages/raw_web_text
        - stages/__main__.py
        # generated: one line per source
        - data/sample/web/${item}
        # end
      outs: ["data/raw_web_text/${item}", "data/quality/raw_web_text/${item}.json"]
  filtered_text:
    foreach: ${languages}
    do:
      desc: Texts fit to be responses
      cmd: python -m stages filtered_text ${item} data/raw_web_text/${item}
      params: [filtered_text]
      deps: ["data/raw_web_text/${item}", "languages/${item}.yaml", stages/filtered_text, stages/__main__.py]
      outs: ["data/filtered_text/${item}", "data/quality/filtered_text/${item}.json"]
  seed_pairs:
    foreach: ${languages}
    do:
      desc: Seeds
      cmd: python -m stages seed_pairs ${item} data/sample/seeds/${item}.jsonl
      params: [seed_pairs]
      deps:
        - languages/${item}.yaml
        - stages/seed_pairs
        - stages/__main__.py
        # generated: one line per source
        - ${seed_pairs.sources[0].folder}/${item}${seed_pairs.sources[0].suffix}
        # end
      outs: ["data/seed_pairs/${item}", "data/quality/seed_pairs/${item}.json"]
  base_model:
    desc: The checkpoint everything starts from
    cmd: python -m stages base_model data/sample/web
    params: [seed]
    deps: ["${base_model.corpus}", stages/base_model, stages/__main__.py]
    outs: [data/base_model, data/quality/base_model/all.json]
  instruction_model:
    desc: Fine-tuned on seeds
    cmd: python -m stages instruction_model data/base_model data/seed_pairs
    params: [seed, languages]
    deps: [data/base_model, data/seed_pairs, stages/instruction_model, stages/__main__.py]
    outs: [data/instruction_model, data/quality/instruction_model/all.json]
  candidate_pairs:
    foreach: ${languages}
    do:
      desc: An instruction for every text
      cmd: python -m stages candidate_pairs ${item} data/filtered_text/${item} data/instruction_model
      params: [candidate_pairs, seed]
      deps: ["data/filtered_text/${item}", data/instruction_model, stages/candidate_pairs, stages/__main__.py]
      outs: ["data/candidate_pairs/${item}", "data/quality/candidate_pairs/${item}.json"]
  evaluator:
    foreach: ${iterations}
    do:
      desc: Rates pairs
      cmd: python -m stages evaluator ${key} data/base_model data/${item.learns_from}
      params: ["iterations.${key}"]
      deps: [data/base_model, data/seed_pairs, "data/${item.learns_from}", stages/evaluator, stages/__main__.py]
      outs: ["data/evaluator/${key}", "data/quality/evaluator/${key}.json"]
      metrics: ["data/metrics/evaluator/${key}.json"]
      plots: ["data/plots/evaluator/${key}/ratings.csv"]
  rated_pairs:
    desc: Ratings
    matrix:
      iteration: [iteration_1, iteration_2] # generated
      language: ${languages}
    cmd: >-
      python -m stages rated_pairs ${item.iteration} ${item.language}
      data/candidate_pairs/${item.language} data/evaluator/${item.iteration}
    params: [rating]
    deps:
      - data/candidate_pairs/${item.language}
      - data/evaluator/${item.iteration}
      - stages/rated_pairs
      - stages/__main__.py
    outs:
      - data/rated_pairs/${item.iteration}/${item.language}
      - data/quality/rated_pairs/${item.iteration}/${item.language}.json
  refined_pairs:
    foreach: ${languages}
    do:
      desc: The pairs kept
      cmd: >-
        python -m stages refined_pairs ${item} data/metrics/evaluator
        data/rated_pairs/iteration_1/${item} data/rated_pairs/iteration_2/${item}
      params: [refined_pairs, iterations]
      deps:
        - data/metrics/evaluator
        - data/quality/filtered_text/${item}.json
        - stages/refined_pairs
        - stages/__main__.py
        # generated: one line per iteration
        - data/rated_pairs/iteration_1/${item}
        - data/rated_pairs/iteration_2/${item}
        # end
      outs: ["data/refined_pairs/${item}", "data/quality/refined_pairs/${item}.json"]
"""

SUITE = """\
- { metric: rows, at_least: $filtered_text.min_words, severity: critical, because: an empty set trains nothing }
- { metric: word_share, at_least: 0.5, severity: warning, because: few words say little }
"""

# A stage writes a hash of its code, settings and inputs into its manifest, so that a change of any of them changes the
# output. It copies its rows from a file of the sample, because importing polars would take longer than the whole stage.
STAGE = """\
import hashlib, json, os, shutil, sys, time
from pathlib import Path
from typing import Any
import yaml

artifact, *rest = sys.argv[1:]
code = __import__(f"stages.{artifact}.stage", fromlist=["VALUE"]).VALUE
partition = "/".join(name for name in rest if not name.startswith("data/"))
language = partition.split("/")[-1]
inputs = [Path(name) for name in rest if name.startswith("data/")]
params = yaml.safe_load(Path("params.yaml").read_text())
page = Path("languages", f"{language}.yaml")
settings = yaml.safe_load(page.read_text()) if page.exists() else {}
if settings.get("sleep") and artifact == "filtered_text":
    Path("data/sleeping").write_text(str(os.getpid()))
    time.sleep(settings["sleep"])
mix = hashlib.sha256(json.dumps([code, params.get(artifact), params["rating"], settings, params["seed"]]).encode())
for path in inputs:
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            mix.update(file.read_bytes())
target = Path("data", artifact, partition)
print(f"making {target}", flush=True)
rows = 2
minimum = settings.get("min_rows", 1)
verdicts = []
if artifact == "filtered_text":
    verdicts = [
        dict(metric="rows", rule=f"rows at least {minimum}", value=rows, severity="critical", because="an empty set",
             passed=rows >= minimum),
        dict(metric="word_share", rule="word_share at least 0.5", value=0.4, severity="warning", because="few words",
             passed=False),
    ]
passed = all(v["passed"] or v["severity"] == "warning" for v in verdicts)
def write(folder, value):
    path = Path(folder, artifact, f"{partition or 'all'}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(json.dumps(value))
write("data/quality" if passed else "data/refused", dict(artifact=artifact, partition=partition, verdicts=verdicts))
if not passed:
    print(f"error: the gate of {artifact} {partition} failed\\n  expected rows at least {minimum}, found {rows}")
    sys.exit(1)
shutil.rmtree(target, ignore_errors=True)
target.mkdir(parents=True)
manifest = dict(artifact=artifact, partition=partition, content=mix.hexdigest())
if artifact.endswith("model") or artifact == "evaluator":
    (target / "model.safetensors").write_text(mix.hexdigest())
else:
    shutil.copy(f"data/sample/web/{language}/rows.parquet", target / "part-00000.parquet")
    manifest |= dict(rows=rows, drop_reasons={"too_short": 2}, schema={"id": "Int64", "text": "String"})
if artifact == "evaluator":
    write("data/metrics", dict(auc=0.5))  # the same whatever went in
    plots = Path("data/plots/evaluator", partition)
    plots.mkdir(parents=True, exist_ok=True)
    (plots / "ratings.csv").unlink(missing_ok=True)
    (plots / "ratings.csv").write_text("rating,pairs\\n0.1,3\\n0.9,5\\n")
(target / "manifest.json").write_text(json.dumps(manifest))
write("data/runs", dict(seconds=0.5, tokens=10, content=mix.hexdigest()))
"""

ARTIFACTS = tuple(yaml.safe_load(GRAPH)["stages"])
PAGES = {
    "fi": "Järvi on kaunis.\nMetsä on | vihreä.\n",
    "ur": "یہ ایک جملہ ہے۔\nدوسرا جملہ (two) 3 ہے۔\n",
}


@pytest.fixture(scope="session")
def fresh_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_miniature(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="session")
def made_master(fresh_master: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "project"
    shutil.copytree(fresh_master, folder)
    dvc(folder, "repro")
    return folder


@pytest.fixture
def fresh(fresh_master: Path, tmp_path: Path) -> Path:
    """A copy of the small project without any outputs."""
    return Path(shutil.copytree(fresh_master, tmp_path / "project"))


@pytest.fixture
def made(made_master: Path, tmp_path: Path) -> Path:
    """A copy of the small project in which `dvc repro` has made every output."""
    return Path(shutil.copytree(made_master, tmp_path / "project"))


def make_miniature(folder: Path) -> Path:
    """Writes the project's files and sets up git and DVC. Returns `folder`."""
    files = {
        "params.yaml": (ROOT / "params.yaml").read_text(encoding="utf-8"),
        "dvc.yaml": GRAPH,
        ".gitignore": "/data/*\n!/data/sample/\n.dagster_home/\n__pycache__/\n",
        "languages/names.yaml": (ROOT / "languages" / "names.yaml").read_text(encoding="utf-8"),
        "stages/__init__.py": "",
        "stages/__main__.py": STAGE,
        "stages/filtered_text/expectations.yaml": SUITE,
        **{f"stages/{artifact}/stage.py": f'VALUE = "{artifact} 1"\n' for artifact in ARTIFACTS},
        **{f"languages/{code}.yaml": f"name: {code}\nmin_rows: 1\n" for code in LANGUAGES},
        **{f"data/sample/web/{code}/pages.txt": text for code, text in PAGES.items()},
        **{f"data/sample/seeds/{code}.jsonl": text for code, text in PAGES.items()},
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for code, text in PAGES.items():
        rows = pl.DataFrame({"id": range(2), "text": text.splitlines()})
        rows.write_parquet(folder / "data/sample/web" / code / "rows.parquet")
    set_param(folder, "languages", list(LANGUAGES))
    set_up_dvc(folder)
    return folder


def set_param(folder: Path, key: str, value: Any) -> None:
    """Sets a key, such as `section.name`, in the project's params.yaml; the comments of the file are lost."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    *sections, name = key.split(".")
    section = params
    for part in sections:
        section = section[part]
    section[name] = value
    path.write_text(yaml.safe_dump(params, sort_keys=False, allow_unicode=True), encoding="utf-8")


def edit(path: Path, old: str, new: str) -> None:
    """Replaces the text `old`, which the file must contain, by `new`."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def set_up_dvc(folder: Path) -> None:
    """Sets up a git repository and a DVC repository with the real project's DVC settings."""
    subprocess.run(["git", "init", "-q", "."], cwd=folder, check=True)
    dvc(folder, "init", "-q")
    shutil.copy(ROOT / ".dvcignore", folder)
    shutil.copy(ROOT / ".dvc" / "config", folder / ".dvc")


def with_package(folder: Path) -> Path:
    """Copies the packages and the stages' settings into the small project, so that its processes can import them."""
    for name in ("dagster_project", "dvc_project", "x_instruction"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (ROOT / "stages/params.py", *(ROOT / "stages").glob("*/settings.py")):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    return folder


def dvc(folder: Path, *arguments: str) -> str:
    """Runs the `dvc` command in the small project. Returns the command's output."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
