"""The parts that the cards of models share: the hub's front matter, the licence, the table of losses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl
import yaml

from x_instruction.models.base_record import demands
from x_instruction.runner.markdown import table

SHOWN_POINTS = 12  # a card shows at most this many points of each series of a loss curve
# Identifiers of licences on the hub. For any other licence, a card has the identifier `other` and a `license_name`.
ON_THE_HUB = ("apache-2.0", "mit", "bsd-3-clause", "gemma", "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3",
              "llama4", "openrail", "bigscience-openrail-m", "bigscience-bloom-rail-1.0", "cc-by-4.0", "cc-by-sa-4.0",
              "cc-by-nc-4.0")  # fmt: skip
NOT_STATED = "not stated in the checkpoint"  # on the hub, with hyphens, because a `license_name` has no spaces
METHOD = """\
The method is X-Instruction (Li et al., Findings of ACL 2024, [arXiv 2405.19744](https://arxiv.org/abs/2405.19744)); the
software is an independent implementation.
"""
TAG = "x-instruction"
# Settings that do not change the trained model, so a card does not list them.
NOT_SHOWN = ("report_to", "save_every")


def text_of(title: str, values: Mapping[str, Any], sections: Mapping[str, str]) -> str:
    """The text of a card. `values`: its front matter. `sections` maps titles to texts; a title may be empty."""
    front = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=120)
    body = "\n".join(f"## {name}\n\n{text}" if name else text for name, text in sections.items())
    return f"---\n{front}---\n\n# {title}\n\n{body}"


def front_matter(base: Mapping[str, Any], languages: Iterable[str], *tags: str) -> dict[str, Any]:
    """Values of the front matter of a model's card, with the licence of `base`; `languages` are language codes."""
    values: dict[str, Any] = {"library_name": "transformers"}
    if base["license"] in ON_THE_HUB:
        values["license"] = base["license"]
    else:
        values |= {"license": "other", "license_name": base["license"] or NOT_STATED.replace(" ", "-")}
    if base["license_link"]:
        values["license_link"] = base["license_link"]
    return {**values, "language": [*languages, "en"], "tags": [*tags, TAG]}


def tuned_from(base: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the front matter by which the hub links a tuned model to its base; empty if `base` has no revision."""
    return {"base_model": base["name"], "base_model_relation": "finetune"} if base["revision"] else {}


def base_name(base: Mapping[str, Any]) -> str:
    if base["revision"]:
        return f"[{base['name']}](https://huggingface.co/{base['name']}) (commit `{base['revision']}`)"
    made = ", a small Llama that was trained from scratch in the same run" if is_from_scratch(base) else ""
    return f"`{base['name'] or 'a checkpoint'}`{made}"


def is_from_scratch(base: Mapping[str, Any]) -> bool:
    """Whether the base model is the embedded one. No other model has the licence `none`."""
    return bool(base["license"] == "none")


def license_section(base: Mapping[str, Any]) -> str:
    """The base model's licence and what it demands of a model tuned from the base model."""
    name = base["license"] or NOT_STATED
    link = f" ({base['license_link']})" if base["license_link"] else ""
    texts = "" if name == "none" else "If texts of the licence came with the base model, they are beside this card. "
    return (
        f"Licence of the base model: {name}{link}. What it demands for a model tuned from the base model, in short: "
        f"{demands(base)}. {texts}"
    )


def training_settings(training: Mapping[str, Any]) -> str:
    listed = ", ".join(f"{name} {plain(value)}" for name, value in training.items() if name not in NOT_SHOWN)
    return f"Settings: {listed}."


def shown_points(curve: pl.DataFrame) -> list[list[Any]]:
    """At most SHOWN_POINTS points (step, loss, series) of each series of a loss curve; the last is always shown."""
    points: list[list[Any]] = []
    for (series,), part in curve.group_by("series", maintain_order=True):
        every = -(-part.height // SHOWN_POINTS)
        kept = part.filter((part.height - 1 - pl.int_range(pl.len())) % every == 0)
        points += [[step, round(loss, 4), series] for step, loss in kept.select("step", "loss").iter_rows()]
    return points


def loss_table(points: Iterable[Iterable[Any]]) -> str:
    rows = [[str(step), f"{loss:.4f}", series] for step, loss, series in points]
    return table(["step", "loss in nats per token", "series"], rows)


def plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value is None else str(value)
