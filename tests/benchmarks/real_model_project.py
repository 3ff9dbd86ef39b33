"""Makes the project of the benchmark real_model: a copy of this project with other texts, seeds and settings.

The numbers of texts and pairs are small, so that a run does not take too long: on one slow core without bfloat16
instructions, the model of 270 million weights is trained at 50 tokens/s and reads 160 tokens/s.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tests.benchmarks.gemma import NAME
from tests.benchmarks.project_copy import copy_project
from tests.benchmarks.real_documents import excerpts
from tests.benchmarks.table import ROOT, real_text
from x_instruction.language.names import load_names
from x_instruction.runner.errors import SettingsError

DATA = "data/real"
CHECKPOINT = f"{DATA}/{NAME}"
DEFAULT = ("fi", "sw", "hi")
DEFAULT_TEXTS = 60
ENGLISH_PAIRS = 70
ENGLISH_CHARACTERS = (120, 600)  # characters of the shortest and the longest response
# About the number of training pairs of a language. The other 45 % of its 40 seeds (without those that are only for
# measuring) are held out or used for calibration: with 20 % in place of 45 %, Swahili had only 5 held-out seeds and 1
# for calibration.
NATIVE_TRAIN_PAIRS = 23


def chosen_languages() -> list[str]:
    """The languages in the environment variable LANGUAGES: codes separated by commas or spaces, or `all`."""
    known = list(load_names(ROOT / "languages"))
    named = os.environ.get("LANGUAGES", "").replace(",", " ").split() or list(DEFAULT)
    chosen = known if named == ["all"] else named
    if unknown := sorted(set(chosen) - set(known)):
        raise SettingsError(f"LANGUAGES: '{unknown[0]}' is not a language; choose from {', '.join(known)} or all")
    return chosen


def texts_per_language() -> int:
    """The number in the environment variable TEXTS; the default is 60."""
    given = os.environ.get("TEXTS") or str(DEFAULT_TEXTS)
    if not given.isdecimal() or int(given) < 2:
        raise SettingsError(f"TEXTS: '{given}' is not a number of texts; give a whole number from 2")
    return int(given)


def training(**changed: Any) -> dict[str, Any]:
    """Training settings. A batch of 8 is computed in two parts of 4, which halves the memory of the logits."""
    usual = {"epochs": 1, "learning_rate": 2e-5, "batch_size": 4, "gradient_accumulation": 2, "weight_decay": 0.0}
    frozen = {"dropout": 0.0, "freeze_embeddings": True, "max_tokens": 176, "save_every": 4}
    return {**usual, **frozen, **changed}


def data_settings(languages: Sequence[str]) -> dict[str, Any]:
    """The changes to params.yaml for languages, texts and seeds, which are the same for every model."""
    return {
        "languages": list(languages),
        "raw_web_text": {"sources": [{"path": f"{DATA}/web/{{language}}.jsonl"}]},
        "filtered_text": {"min_words": 15},
        "seed_pairs": {
            "sources": [
                {"folder": "data/sample/seeds", "suffix": ".jsonl"},
                {"folder": f"{DATA}/seeds", "suffix": ".jsonl", "language": "en"},
            ],
            "held_out_share": 0.25,
            "calibration_share": 0.2,
        },
    }


def settings(languages: Sequence[str], texts: int) -> dict[str, Any]:
    """The changes to params.yaml for the real model, with this number of texts of each language."""
    pairs = max(2, texts * 2 // 3)  # of a language; about as many as pass the quality gates
    return {
        **data_settings(languages),
        "base_model": {"checkpoint": CHECKPOINT},
        "prompts": {
            "write_instruction": "Text:\n{response}\n\nThe text above answers this instruction:\n",
            "write_response": "Instruction: {instruction}\n\nAnswer{style} in {language}:\n",
            # The response comes first, as in the prompts of the instruction model, from which the evaluator starts.
            "rate": "Text:\n{response}\n\nThe text above answers this instruction:\n{instruction}\n\nGrade of this "
            "answer in {language}:",
            "end": "<eos>",
            "max_response_tokens": 80,
        },
        "text_generation": {"backend": "transformers"},
        "instruction_model": {
            "english_per_native": ENGLISH_PAIRS / (NATIVE_TRAIN_PAIRS * len(languages)),
            "training": training(batch_size=8, gradient_accumulation=1),
        },
        # With at most 32 tokens, 14 of 1,312 instructions were cut.
        "candidate_pairs": {"samples": 8, "kept_samples": 1, "max_new_tokens": 48},
        "decoding": {"max_new_tokens": 56},
        "response_model": {"training": training()},
        "rating": {"max_response_tokens": 96},
        "evaluator": {
            "start_from": "instruction_model",
            "loss_over": "labels",
            "batches": "in_order",
            "rated_pairs": 40 * len(languages),
            "whole_share": 0.8,
            "defects": {"strays": 0, "model_answer": 0, "swapped": 1, "drift": 0},
            # Three rated pairs are made from each seed, so half an epoch has 1.5 examples per seed.
            "training": training(epochs=0.5, learning_rate=5e-5, batch_size=8, gradient_accumulation=1),
        },
        "refined_pairs": {"min_rating": 0.5, "always_kept": 0, "min_pairs": 2, "max_pairs": pairs},
        "diversified_set": {"pairs": pairs},
        "tuned_model": {"training": training()},
        "eval_scores": {"questions": [{"name": "prompts", "path": "data/sample/eval_prompts.jsonl", "limit": 12}]},
    }  # fmt: skip


def make_project(project: Path, checkpoint: Path | None, languages: Sequence[str], texts: int) -> None:
    """Makes a copy of this project with the texts and seeds. Without a checkpoint, it uses the embedded model."""
    changed = settings(languages, texts) if checkpoint else data_settings(languages)
    copy_project(project, changed, also=("data/sample/",))
    folder = project / DATA
    write_texts(folder / "web", languages, texts)
    write_english(folder / "seeds")
    if checkpoint:
        shutil.copy(checkpoint, project / CHECKPOINT)


def write_texts(folder: Path, languages: Sequence[str], number: int) -> None:
    """Writes excerpts of real documents. They are evenly spaced, since neighbours may be from one document."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in languages:
        found = excerpts(language).parts["learned"]
        chosen = found[:: max(1, len(found) // number)][:number]
        pl.DataFrame({"text": chosen}).write_ndjson(folder / f"{language}.jsonl")


def write_english(folder: Path) -> None:
    """Writes, as seeds, the English pairs that need no input text and whose response fits ENGLISH_CHARACTERS."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = pl.read_ndjson(real_text("seed", "alpaca_en_demo.jsonl.zst"), infer_schema_length=None)
    fitting = pl.col("output").str.len_chars().is_between(*ENGLISH_CHARACTERS) & (pl.col("input") == "")
    rows.filter(fitting).select("instruction", response="output").write_ndjson(folder / "en.jsonl")
