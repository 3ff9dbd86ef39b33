"""The card of the base model: README.md, written when the saved model has been measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stages.base_model.settings import EMBEDDED, BaseModelSettings
from x_instruction.models.card_parts import (
    base_name,
    front_matter,
    license_section,
    plain,
    text_of,
    training_settings,
)
from x_instruction.runner.gate import Metric
from x_instruction.runner.markdown import table

Facts = Mapping[str, Metric]

TITLE = "The base model of an X-Instruction run"
IS_EMBEDDED = """\
A small Llama with a byte-level BPE vocabulary, trained from scratch by this project on the main texts of web pages in
{languages} and English, so that a run of X-Instruction needs no download.
"""
IS_CHECKPOINT = """\
A copy of {name}, from which a run of X-Instruction trained its models. The weights were not trained further; they are
stored in {dtype}.
"""
IS_GGUF = "The weights were unpacked from the file `{name}`. If it is quantized, they keep its rounding errors.\n"
USE = """\
This model did not learn the prompts of the run's other models, which were fine-tuned from it. It only continues a
text:

```python
from transformers import pipeline

pipeline("text-generation", "<this folder>")("The bread is", max_new_tokens=20, return_full_text=False)
```
"""
OF_PAGES = "The pages from which it learned have their own licences."
# The figures that the card shows, and what they mean. The other figures of the run are in its reports.
MEANINGS = {
    "parameters": "parameters",
    "entropy_share": 'entropy of the distribution of the next token after "A short text.", divided by the entropy of a '
    "uniform distribution",
    "begin_token_cost": "mean loss, in nats per token, of texts that begin as the tokenizer begins them (with or "
    "without a BOS token), minus the mean loss of the same texts begun the other way; 0 if there is no BOS token",
    "examples": "windows of text in the training data",
    "tokens": "tokens of all epochs together",
    "steps": "training steps",
    "training_loss": "mean training loss, in nats per token",
    "loss_change": "mean training loss in the last quarter of the steps minus that in the first quarter, in nats per "
    "token",
}
LIMITS_OF_EMBEDDED = """\
- The model only shows that the pipeline works. It is far too small, and learned from far too little text, to write
  anything useful.
- The model learned from all texts of the corpus, so no figure here was measured on unseen text.
"""
LIMITS_OF_CHECKPOINT = """\
- The figures check that the copy loads and that its tokenizer begins a text correctly. They say nothing about quality.
- The card of the original model describes what the model learned, and from which texts.
"""


def card(base: Mapping[str, Any], settings: BaseModelSettings, languages: Mapping[str, str], facts: Facts) -> str:
    """The text of the card.

    `base` has the content of base.json, `languages` maps codes to names, and `facts` has the figures.
    """
    embedded = settings.checkpoint == EMBEDDED
    values = {**front_matter(base, languages), "pipeline_tag": "text-generation"}
    if not embedded:
        # The run cannot know the languages of a checkpoint that was made elsewhere.
        del values["language"]
    sections = {
        "": IS_EMBEDDED.format(languages=_listed(languages)) if embedded else _copied(base),
        "How to use": USE,
        "Licence": (license_section(base) + (OF_PAGES if embedded else "")).strip() + "\n",
        "Training": _training(settings) if embedded else "",
        "Figures": _figures(facts),
        "Known limits": LIMITS_OF_EMBEDDED if embedded else LIMITS_OF_CHECKPOINT,
    }
    return text_of(TITLE, values, {title: text for title, text in sections.items() if text})


def _listed(languages: Mapping[str, str]) -> str:
    return ", ".join(f"{name} (`{code}`)" for code, name in languages.items() if code != "en")


def _copied(base: Mapping[str, Any]) -> str:
    text = IS_CHECKPOINT.format(name=base_name(base), dtype=base["dtype"])
    return text + (IS_GGUF.format(name=base["name"]) if str(base["name"]).endswith(".gguf") else "")


def _training(settings: BaseModelSettings) -> str:
    shape = ", ".join(f"{name} {plain(value)}" for name, value in settings.architecture.model_dump().items())
    return f"Shape: {shape}.\n\n{training_settings(settings.training.model_dump(mode='json'))}\n"


def _figures(facts: Facts) -> str:
    return table(["what", "value"], [[text, plain(facts[name])] for name, text in MEANINGS.items() if name in facts])
