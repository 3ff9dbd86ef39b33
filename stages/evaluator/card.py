"""The card of an evaluator: README.md, written when the evaluator has been measured on the held-out pairs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from stages.evaluator.rating_set import RatedPair
from x_instruction.language.names import listed
from x_instruction.models.card_parts import (
    METHOD,
    base_name,
    front_matter,
    license_section,
    loss_table,
    plain,
    shown_points,
    text_of,
    training_settings,
    tuned_from,
)
from x_instruction.models.prompts import PromptEncoder, parts_of
from x_instruction.models.settings import Training
from x_instruction.rating.calibration import LEVELS, Calibration
from x_instruction.rating.rate import label_tokens
from x_instruction.rating.settings import Rating
from x_instruction.rating.signals import HIGHER_IS_BETTER
from x_instruction.runner.files import digest
from x_instruction.runner.gate import Metric
from x_instruction.runner.markdown import table

# The placeholders of the rating prompt, and the variables of the card's Python code that replace them.
TEXTS = {"instruction": "instruction", "response": "response"}
SIGNALS = {
    "similarity": "cosine similarity of the instruction's and the response's vectors from a text encoder, after "
    "the mean vectors of the language (in `similarity/`) are subtracted",
    "part_similarity": "the lowest such cosine similarity of the instruction and a part of the response",
    "likelihood": "mean log-probability, in nats per token, that the run's instruction model gives to the instruction, "
    "given the response, minus a share of its mean log-probability given other texts",
    "part_likelihood": "the lowest such log-probability of the instruction given a part of the response",
    "repeated_share": "share of the response in sentences that repeat an earlier one",
    "short_run": "longest run of very short sentences or lines in the response",
    "open_end": "1 if the response does not end like a sentence",
    "other_language_share": "share of the response in passages of another language",
}
FIGURES = {
    "pairs": "held-out pairs",
    "auc": "AUC, best pairs against all others",
    "auc_surface": "AUC, best pairs against pairs with surface defects",
    "precision": "precision: share of best pairs among the pairs rated {threshold} or more",
    "recall": "recall: share of the best pairs that are rated {threshold} or more",
    "expected_calibration_error": "expected calibration error of the probability of best",
    "calibration_error_before": "expected calibration error before calibration",
    "calibration_pairs": "pairs on which the calibration was fitted",
}
MEASURED = """\
All figures were measured on pairs that were made from held-out seeds. No model of the run learned from these seeds, and
the calibration was not fitted on them. AUC is the probability that a best pair gets a higher rating than another pair
(in the table of defects: a pair with this defect); 0.5 is chance.
"""
LIMITS = """\
- The evaluator learned from defects that were made artificially from good pairs, and was measured on such defects.
  Other faults, such as false statements, were neither learned nor measured.
- A rating says how good a pair is as training data, and only in the languages above.
- The {pairs} held-out pairs were made from {seeds} instructions, and pairs of one instruction are not independent.
- The calibration is valid only with the prompt, the labels and the length of responses that are described above.
"""


@dataclass(frozen=True)
class Trained:
    """What the card of an evaluator is made from.

    `base` is the content of base.json, and `scores` of scores.json. `start` is the artifact that the evaluator was
    tuned from, and `start_content` the hash of its content. `rated` are the training pairs, and `held_out` the measured
    pairs. `facts` and `curve` are the figures and the loss curve of the training. `names` are the English names of the
    languages by code.
    """

    iteration: str
    base: Mapping[str, Any]
    start: str
    start_content: str
    names: Mapping[str, str]
    encoder: PromptEncoder
    rating: Rating
    training: Training
    rated: Sequence[RatedPair]
    facts: Mapping[str, Metric]
    curve: pl.DataFrame
    calibration: Calibration
    scores: Mapping[str, Any]
    held_out: Sequence[RatedPair]


def card(trained: Trained) -> str:
    """The text of the card."""
    sections = {
        "": f"This model rates pairs of an English instruction and a response in {listed(trained.names)}. It gives the "
        f"probabilities that a pair is best, flawed or worst. It was fine-tuned from the `{trained.start}` of the same "
        f"run, whose base model is {base_name(trained.base)}. {METHOD}",
        "How to use": _use(trained),
        "Signals and calibration": _calibration(trained),
        "Licence": f"{license_section(trained.base)}The licences of the pages from which the pairs were made are in "
        "the card of the released set.\n",
        "Training": _training(trained),
        "Loss": loss_table(shown_points(trained.curve)),
        "Measured": f"{MEASURED}\n{_measured(trained)}",
        "Known limits": _limits(trained),
    }
    values = {**front_matter(trained.base, trained.names, "reward-model", "cross-lingual"), **tuned_from(trained.base)}
    title = f"The evaluator of {trained.iteration.replace('_', ' ')} of an X-Instruction run"
    return text_of(title, values, sections)


def _use(trained: Trained) -> str:
    """Code that gives the label probabilities before calibration.

    It makes exactly the tokens of the pipeline's prompt, unless the response is too long or a text contains a control
    string.
    """
    rating, encoder = trained.rating, trained.encoder
    language = next(iter(trained.names.values()))
    labels = ", ".join(f"{label!r} is {level}" for level, label in zip(LEVELS, rating.labels, strict=True))
    values = ", ".join(f"{level} {value:g}" for level, value in zip(LEVELS, rating.values, strict=True))
    return f"""The token after the prompt is one of three labels: {labels}. A rating is the expected value of the
levels ({values}). The prompt is encoded in parts, as in the training. A response of more than
{rating.max_response_tokens} tokens is first shortened to whole sentences.

```python
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "<this folder>"
tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
instruction, response = "How is rye bread baked?", "The text to rate."
parts = [{", ".join(_parts(encoder, language))}]  # for {language}
ids = [token for part in parts for token in tokenizer(part, add_special_tokens=False)["input_ids"]]
with torch.inference_mode():
    logits = model(torch.tensor([ids])).logits[0, -1]
best, flawed, worst = logits[{label_tokens(encoder, rating.labels)}].float().softmax(-1).tolist()
```

These are the label probabilities before calibration, and not yet a rating of the pipeline. The pipeline also encodes
control strings in a text as ordinary characters, which this code does not.
"""


def _parts(encoder: PromptEncoder, language: str) -> list[str]:
    """The parts of the prompt as Python expressions: strings, and variables of TEXTS for the texts between them."""
    first, *rest = parts_of(encoder.prompts.rate, {"language": language})
    before, after = (str(encoder.tokenizer.decode(ids)) for ids in (encoder.start, encoder.after))
    parts = [*([before] if before else []), first, *rest, after]
    # `rest` begins with the placeholder of a text, and then strings and placeholders alternate.
    texts = range(len(parts) - 1 - len(rest), len(parts) - 1, 2)
    return [TEXTS[part] if number in texts else json.dumps(part, ensure_ascii=False)
            for number, part in enumerate(parts) if part]  # fmt: skip


def _calibration(trained: Trained) -> str:
    regression, temperature = trained.calibration.regression, trained.calibration.temperature
    if regression is None:
        if temperature == 1.0:
            return "The probabilities are used as they are: nothing was fitted that improves them.\n"
        return f"The log-probabilities are divided by a temperature of {temperature:g} (`calibration.json`).\n"
    medians = {
        name: -median if name in HIGHER_IS_BETTER else median
        for name, median in zip(regression.signals, regression.medians, strict=True)
    }
    rows = [[f"`{name}`", SIGNALS[name], plain(median)] for name, median in medians.items()]
    subtracted = f"The share of the log-probability given other texts that is subtracted is {regression.subtracted:g}. "
    likelihood = any("likelihood" in name for name in regression.signals)
    return (
        "A multinomial logistic regression over the log-odds of the labels and the signals of the pair gives the final "
        "probabilities. The regression uses by how much a signal is worse than its median among the best pairs:\n\n"
        f"{table(['signal', 'what it is', 'median'], rows)}"
        f"\n{subtracted if likelihood else ''}`calibration.json` has the coefficients. In the project's software, "
        "`x_instruction.rating.calibration.read_calibration(folder).apply(frame)` applies it to a polars table with "
        "the columns best, flawed, worst and the signals; `rated_pairs` computes the signals, too.\n"
    )


def _training(trained: Trained) -> str:
    counts = Counter((pair.level, pair.defect) for pair in trained.rated)
    of_language = Counter(pair.pair.language for pair in trained.rated)
    settings, facts = training_settings(trained.training.model_dump(mode="json")), trained.facts
    order = sorted(counts, key=lambda key: (LEVELS.index(key[0]), -counts[key], key[1]))
    by_language = ", ".join(f"`{code}` {of_language[code]}" for code in trained.names)
    return (
        f"It learned the labels of {len(trained.rated)} rated pairs ({by_language}). Each is a good pair, unchanged or "
        "with a defect:\n\n"
        + table(["level", "defect", "pairs"], [[*key, str(counts[key])] for key in order])
        + f"\nHash of the rated pairs: `{digest(*map(repr, trained.rated))[:32]}`. Content hash of the model from "
        f"which it was tuned: `{trained.start_content[:16]}`.\n\n{settings}\n\nThe training took {facts['steps']} "
        f"steps. The mean loss is {plain(facts['training_loss'])} nats. Matrix products are in {facts['precision']}.\n"
    )


def _measured(trained: Trained) -> str:
    scores = trained.scores
    rows = [[text.format(threshold=scores["threshold"]), plain(scores[name])] for name, text in FIGURES.items()]
    rows.append(["AUC of the label probabilities before calibration and without signals",
                 plain(scores["labels_alone"]["auc"])])  # fmt: skip
    defects = [[name, plain(value)] for name, value in scores["auc_by_defect"].items()]
    languages = [
        [f"`{code}`", *(plain(figures[name]) for name in ("pairs", "auc", "precision", "recall"))]
        for code, figures in scores["by_language"].items()
    ]
    return "\n".join(
        [
            table(["figure", "value"], rows),
            table(["defect", "AUC"], defects),
            table(["language", "pairs", "AUC", "precision", "recall"], languages),
        ]
    )


def _limits(trained: Trained) -> str:
    seeds = len({pair.pair.instruction for pair in trained.held_out})
    return LIMITS.format(pairs=len(trained.held_out), seeds=seeds)
