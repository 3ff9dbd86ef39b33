"""Writes what makes a tuned model usable by itself: chat template, generation config, training record and card.

<model>/chat_template.jinja      the prompts of the training; see published_template
<model>/generation_config.json   end tokens, and the decoding settings of a model that answers instructions
<model>/training.json            the record of the training, from which the card is made
<model>/README.md                the card
<model>/base.json, LICENSE …     facts about the base model; see base_record
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from x_instruction.models.base_record import pass_on
from x_instruction.models.card_parts import shown_points
from x_instruction.models.checkpoints import stored_dtype
from x_instruction.models.generation_config import write_generation_config
from x_instruction.models.model_card import card
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.published_template import Asking, published_template
from x_instruction.models.settings import Training
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.gate import Metric
from x_instruction.runner.published import read_manifest

RECORD, CARD, TEMPLATE = "training.json", "README.md", "chat_template.jinja"
FIGURES = ("examples", "steps", "training_loss", "loss_change", "changed_weights_share", "held_out_loss",
           "held_out_loss_change")  # fmt: skip


def write_template(folder: Path, encoder: PromptEncoder, asking: Asking) -> str:
    """Writes the chat template of a model, and returns it."""
    template = published_template(encoder, asking)
    (folder / TEMPLATE).write_text(template, encoding="utf-8")
    return template


@dataclass(frozen=True)
class Tuned:
    """A tuned model whose weights and tokenizer are saved in `folder`.

    `base`: folder of the base model. `decoding`: the settings with which the model answers instructions; empty if it
    does not answer instructions. `facts`: facts about the training, at least FIGURES and `precision`. `about`: a
    mapping with the keys `artifact`, `partition`, `about` (what the model does), `languages` (names by code), `data`
    and `seed`. `curve`: the loss curve of the training, from `loss_curve`.
    """

    folder: Path
    base: Path
    encoder: PromptEncoder
    asking: Asking
    training: Training
    decoding: Mapping[str, Any]
    facts: Mapping[str, Metric]
    about: Mapping[str, Any]
    curve: pl.DataFrame


def publish(tuned: Tuned) -> None:
    """Writes the files that are listed at the top of this module, except the chat template.

    `write_template` must have written the chat template. The files contain no times, so equal training runs give
    equal files.
    """
    folder, encoder = tuned.folder, tuned.encoder
    write_generation_config(folder, encoder.tokenizer, encoder.stop, tuned.decoding)
    write_json(folder / RECORD, _record(tuned))
    # The card is made from the file, whose keys are sorted, so that the card of a released copy has the same order.
    (folder / CARD).write_text(card(read_json(folder / RECORD)), encoding="utf-8")


def _record(tuned: Tuned) -> dict[str, Any]:
    encoder, asking = tuned.encoder, tuned.asking
    return {
        **tuned.about,
        **({"base_template": True} if encoder.prompts.chat_template else {}),
        "base": pass_on(tuned.base, tuned.folder),
        "base_content": read_manifest(tuned.base)["content"],
        "asks_for_language": "language" in asking.names,
        "default_language": asking.language,
        "default_style": asking.values.get("style", ""),
        "prompt": _prompt(tuned),
        "end": encoder.tokenizer.decode(encoder.end),
        "ends_with_token": bool(encoder.stop),
        "decoding": dict(tuned.decoding),
        "training": tuned.training.model_dump(mode="json"),
        "precision": {
            "weights": "float32",
            "products": tuned.facts["precision"],
            "saved": stored_dtype(tuned.folder),
        },
        "figures": {name: tuned.facts[name] for name in FIGURES},
        "loss_curve": shown_points(tuned.curve),
    }


def _prompt(tuned: Tuned) -> str:
    """An example of a prompt as the model reads it, with "…" as the message."""
    asking, languages = tuned.asking, tuned.about["languages"]
    values = {"language": asking.language or next(iter(languages.values())), **asking.values, asking.message: "…"}
    return str(tuned.encoder.tokenizer.decode(tuned.encoder.fill(asking.prompt, values)))
