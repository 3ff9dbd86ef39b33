"""A small project of the real one's shape whose stages take milliseconds: own git and DVC repository, own `stages`.

Written out by `make_miniature`, since a `dvc.yaml` lying in this folder would be part of the real graph.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from dvc_project.dvc_command import environment

LANGUAGES = ("fi", "ur")

PARAMS = """\
languages: [fi, ur]
seed: 17
iterations:
  iteration_1: { learns_from: seed_pairs }
  iteration_2: { learns_from: rated_pairs/iteration_1 }
filtered_text: { min_words: 1 }
candidate_pairs: { temperature: 0.7 }
rated_pairs: { batch_size: 32 }
"""

GRAPH = """\
stages:
  raw_web_text:
    foreach: ${languages}
    do:
      desc: Documents as found
      cmd: python -m stages raw_web_text ${item}
      deps: [stages/__main__.py, stages/raw_web_text.py, "data/sample/${item}.txt"]
      outs: ["data/raw_web_text/${item}", "data/quality/raw_web_text/${item}.json"]
  filtered_text:
    foreach: ${languages}
    do:
      desc: Texts fit to be responses
      cmd: python -m stages filtered_text ${item} data/raw_web_text/${item}
      params: [filtered_text]
      deps:
        - data/raw_web_text/${item}
        - stages/languages/${item}.yaml
        - stages/__main__.py
        - stages/filtered_text.py
        - stages/expectations/filtered_text.yaml
      outs: ["data/filtered_text/${item}", "data/quality/filtered_text/${item}.json"]
  seed_pairs:
    foreach: ${languages}
    do:
      desc: Seeds
      cmd: python -m stages seed_pairs ${item}
      deps: [stages/__main__.py, stages/seed_pairs.py, "stages/languages/${item}.yaml", "data/sample/${item}.txt"]
      outs: ["data/seed_pairs/${item}", "data/quality/seed_pairs/${item}.json"]
  base_model:
    desc: The checkpoint everything starts from
    cmd: python -m stages base_model
    params: [seed]
    deps: [stages/__main__.py, stages/base_model.py, data/sample]
    outs: [data/base_model, data/quality/base_model/all.json]
  instruction_model:
    desc: Fine-tuned on seeds
    cmd: python -m stages instruction_model data/base_model data/seed_pairs
    params: [seed, languages]
    deps: [data/base_model, data/seed_pairs, stages/__main__.py, stages/instruction_model.py]
    outs: [data/instruction_model, data/quality/instruction_model/all.json]
  candidate_pairs:
    foreach: ${languages}
    do:
      desc: An instruction for every text
      cmd: python -m stages candidate_pairs ${item} data/filtered_text/${item} data/instruction_model
      params: [candidate_pairs, seed]
      deps:
        - data/filtered_text/${item}
        - data/instruction_model
        - stages/__main__.py
        - stages/candidate_pairs.py
      outs: ["data/candidate_pairs/${item}", "data/quality/candidate_pairs/${item}.json"]
  evaluator:
    foreach: ${iterations}
    do:
      desc: Rates pairs
      cmd: python -m stages evaluator ${key} data/base_model data/${item.learns_from}
      params: ["iterations.${key}"]
      deps: [data/base_model, data/seed_pairs, "data/${item.learns_from}", stages/__main__.py, stages/evaluator.py]
      outs: ["data/evaluator/${key}", "data/quality/evaluator/${key}.json"]
  rated_pairs:
    desc: Ratings
    matrix:
      iteration: [iteration_1, iteration_2]
      language: ${languages}
    cmd: >-
      python -m stages rated_pairs ${item.iteration}/${item.language}
      data/candidate_pairs/${item.language} data/evaluator/${item.iteration}
    params: [rated_pairs]
    deps:
      - data/candidate_pairs/${item.language}
      - data/evaluator/${item.iteration}
      - stages/__main__.py
      - stages/rated_pairs.py
    outs:
      - data/rated_pairs/${item.iteration}/${item.language}
      - data/quality/rated_pairs/${item.iteration}/${item.language}.json
  refined_pairs:
    foreach: ${languages}
    do:
      desc: The pairs kept
      cmd: >-
        python -m stages refined_pairs ${item}
        data/rated_pairs/iteration_1/${item} data/rated_pairs/iteration_2/${item}
      params: [iterations]
      deps:
        - data/rated_pairs/iteration_1/${item}
        - data/rated_pairs/iteration_2/${item}
        - stages/__main__.py
        - stages/refined_pairs.py
      outs: ["data/refined_pairs/${item}", "data/quality/refined_pairs/${item}.json"]
"""

ARTIFACTS = (
    "raw_web_text",
    "filtered_text",
    "seed_pairs",
    "base_model",
    "instruction_model",
    "candidate_pairs",
    "evaluator",
    "rated_pairs",
    "refined_pairs",
)

SUITE = """\
- { metric: rows, at_least: $filtered_text.min_rows, severity: critical, because: an empty set trains nothing }
- { metric: word_share, at_least: 0.5, severity: warning, because: few words say little }
"""

# Rows are a hash of all that went in, so that a change of any input changes the output as real work would.
STAGE = """\
import hashlib, json, os, shutil, sys, time
from pathlib import Path
import polars as pl
import yaml

artifact, *rest = sys.argv[1:]
code = __import__(f"stages.{artifact}", fromlist=["VALUE"]).VALUE
is_model = artifact.endswith("model") or artifact == "evaluator"
partition = rest[0] if rest and not rest[0].startswith("data/") else ""
inputs = [Path(name) for name in rest if name.startswith("data/")]
params = yaml.safe_load(Path("params.yaml").read_text())
language = Path("stages/languages") / (partition.split("/")[-1] + ".yaml")
settings = yaml.safe_load(language.read_text()) if language.exists() else {}
if settings.get("sleep") and artifact == "filtered_text":
    Path("data/sleeping").write_text(str(os.getpid()))
    time.sleep(settings["sleep"])
sample = Path("data/sample") / (partition.split("/")[-1] + ".txt")
mix = hashlib.sha256(json.dumps([code, params.get(artifact), settings, params["seed"]]).encode())
for folder in inputs:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            mix.update(file.read_bytes())
if not inputs and sample.exists():
    mix.update(sample.read_bytes())
target = Path("data") / artifact / partition
print(f"making {target}", flush=True)
texts = sample.read_text().splitlines() if sample.exists() else ["weights"]
frame = pl.DataFrame({"id": [f"{n}" for n in range(len(texts))], "text": texts, "mix": mix.hexdigest()})
minimum = settings.get("min_rows", 1)
met = frame.height
verdicts = []
if artifact == "filtered_text":
    rule = f"rows at least {minimum}"
    verdicts = [
        dict(metric="rows", rule=rule, met=met, severity="critical", because="an empty set", passed=met >= minimum),
        dict(metric="word_share", rule="at least 0.5", met=0.4, severity="warning", because="", passed=False),
    ]
passed = all(v["passed"] or v["severity"] == "warning" for v in verdicts)
report = Path("data/quality" if passed else "data/refused") / artifact / f"{partition or 'all'}.json"
report.parent.mkdir(parents=True, exist_ok=True)
report.write_text(json.dumps(dict(artifact=artifact, partition=partition, verdicts=verdicts, passed=passed)))
if not passed:
    print(f"error: gate of {artifact} {partition} failed\\n  expected rows at least {minimum}, met {met}")
    sys.exit(1)
shutil.rmtree(target, ignore_errors=True)
target.mkdir(parents=True)
manifest = dict(artifact=artifact, partition=partition, content=mix.hexdigest())
if is_model:
    (target / "model.safetensors").write_text(mix.hexdigest())
else:
    frame.write_parquet(target / "part-00000.parquet")
    manifest |= dict(rows=met, drop_reasons={"too_short": 2}, schema={k: str(v) for k, v in frame.schema.items()})
(target / "manifest.json").write_text(json.dumps(manifest))
log = Path("data/runs") / artifact / f"{partition or 'all'}.json"
log.parent.mkdir(parents=True, exist_ok=True)
log.write_text(json.dumps(dict(seconds=0.5, tokens=10, content=mix.hexdigest())))
"""

SAMPLES = {
    "fi": "Järvi on kaunis.\nMetsä on | vihreä.\n",
    "ur": "یہ ایک جملہ ہے۔\nدوسرا جملہ (two) 3 ہے۔\n",
}


def make_miniature(folder: Path) -> Path:
    """Write the project out and set up git and DVC. Returns `folder`."""
    files = {
        "params.yaml": PARAMS,
        "dvc.yaml": GRAPH,
        ".gitignore": "/data/*\n!/data/sample/\n.dagster_home/\n__pycache__/\n",
        "stages/__init__.py": "",
        "stages/__main__.py": STAGE,
        "stages/expectations/filtered_text.yaml": SUITE,
        **{f"stages/{artifact}.py": f'VALUE = "{artifact} 1"\n' for artifact in ARTIFACTS},
        **{f"stages/languages/{code}.yaml": f"name: {code}\nmin_rows: 1\n" for code in LANGUAGES},
        **{f"data/sample/{code}.txt": text for code, text in SAMPLES.items()},
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "-q", "."], cwd=folder, check=True)
    dvc(folder, "init", "-q")
    for setting in ("core.analytics", "core.check_update"):
        dvc(folder, "config", setting, "false")
    return folder


def with_package(folder: Path) -> Path:
    """Put the package under test, and what it imports of `stages`, into the miniature, to be started as a process."""
    root = Path(__file__).resolve().parents[2]
    for name in ("dagster_project", "stages/settings"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("errors", "preloaded", "processes"):
        shutil.copy(root / f"stages/{name}.py", folder / f"stages/{name}.py")
    return folder


def dvc(folder: Path, *arguments: str) -> str:
    """Run the `dvc` command in the miniature. Returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
