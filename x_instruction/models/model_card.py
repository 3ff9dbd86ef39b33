"""The card of a tuned model: README.md with the front matter that the Hugging Face hub reads, from its training record.

The card in a published model has no scores: eval_scores computes them later, and the content hash of a published model
must not change. So this card says where the scores are. When a copy of the model is released, its card is written again
with the scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from x_instruction.models.base_record import demands

SHOWN_POINTS = 12  # number of points of the loss curve in the card
TITLES = {
    "tuned_model": "A model tuned with X-Instruction",
    "response_model": "A response model of X-Instruction",
    "instruction_model": "The instruction model of X-Instruction",
}
# Licences that the hub knows by this name. For another licence, the hub wants `other` and the name in a second field.
ON_THE_HUB = ("apache-2.0", "mit", "bsd-3-clause", "gemma", "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3",
              "llama4", "openrail", "bigscience-openrail-m", "bigscience-bloom-rail-1.0", "cc-by-4.0", "cc-by-sa-4.0",
              "cc-by-nc-4.0")  # fmt: skip
SCORES_LIE = (
    "`eval_scores` compares this model with its baselines after it was published, so its scores are not part of it. "
    "They are in `data/metrics/eval_scores/<language>.json` of the same project."
)
METHOD = """\
The method is X-Instruction (Li et al., Findings of ACL 2024, [arXiv 2405.19744](https://arxiv.org/abs/2405.19744)); the
software is an independent implementation.
"""
QUESTION = "How is rye bread baked?"
LIMITS = """\
- The answers were learned from web text and from seeds, and no person checked them.
- Each training example has a single turn. Later turns of a dialogue follow the same template, untrained.
- What a system message says is put in front of the first question.
"""


def card(record: Mapping[str, Any], scores: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """The text of the card. `record` is training.json; `scores` are figures of the model by language."""
    base, names = record["base"], record["languages"]
    languages = ", ".join(f"{name} (`{code}`)" for code, name in names.items())
    sections = {
        "": f"It {record['about']} in {languages}, and was fine-tuned from {_base_name(base)}. {METHOD}",
        "How to ask": _asking(record),
        "Licence": _license(base),
        "Training": _training(record),
        "Loss": _loss(record),
        "Scores": _scores(scores) if scores else f"{SCORES_LIE}\n",
        "Known limits": LIMITS,
    }
    body = "\n".join(f"## {title}\n\n{text}" if title else text for title, text in sections.items())
    title = TITLES.get(record["artifact"], record["artifact"])
    return f"---\n{_front_matter(record)}---\n\n# {title}\n\n{body}"


def _front_matter(record: Mapping[str, Any]) -> str:
    base = record["base"]
    values: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation"}
    if base["license"] in ON_THE_HUB:
        values["license"] = base["license"]
    else:
        values |= {"license": "other", "license_name": base["license"] or "unknown"}
    if base["license_link"]:
        values["license_link"] = base["license_link"]
    if base["revision"]:
        values |= {"base_model": base["name"], "base_model_relation": "finetune"}
    values["language"] = [*record["languages"], "en"]
    values["tags"] = ["instruction-tuning", "cross-lingual", "x-instruction"]
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120)


def _base_name(base: Mapping[str, Any]) -> str:
    if base["revision"]:
        return f"[{base['name']}](https://huggingface.co/{base['name']}) (commit `{base['revision']}`)"
    return f"`{base['name'] or 'a checkpoint'}`"


def _asking(record: Mapping[str, Any]) -> str:
    shown = f"A prompt of the training, where `…` is the message:\n\n```\n{record['prompt']}\n```\n"
    return "\n".join(filter(None, [_says(record), _calls(record), shown, _rules(record)]))


def _says(record: Mapping[str, Any]) -> str:
    """Explains how a user asks for the language of an answer."""
    if not record["asks_for_language"]:
        return "The user's message is the text whose instruction is wanted.\n"
    argument = "With the template's argument `language` the prompt is exactly that of the training. "
    if record["default_language"]:
        return f"{argument}Without it, the model asks for {record['default_language']}.\n"
    language = next(iter(record["languages"].values()))
    return f"{argument}Without it, the message must say: `{QUESTION} Answer{record['default_style']} in {language}.`\n"


def _calls(record: Mapping[str, Any]) -> str:
    """Examples of code for the four ways to use the model."""
    asks = record["asks_for_language"]
    chosen = json.dumps({"language": next(iter(record["languages"].values()))})
    message = QUESTION if asks else "The text."
    body = json.dumps({"chat_template_kwargs": json.loads(chosen)}) if asks else "{}"
    return f"""```python
messages = [{{"role": "user", "content": "{message}"}}]

# transformers
from transformers import pipeline
chat = pipeline("text-generation", "<this folder or its id>")
chat(messages{f", tokenizer_encode_kwargs={chosen}" if asks else ""})
chat.tokenizer.apply_chat_template(messages, add_generation_prompt=True{f", **{chosen}" if asks else ""})

# vLLM
from vllm import LLM
LLM("<this folder or its id>").chat(messages{f", chat_template_kwargs={chosen}" if asks else ""})

# vllm serve <this folder or its id>
from openai import OpenAI
client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none")
client.chat.completions.create(model="<the served name>", messages=messages, extra_body={body})
```
"""


def _rules(record: Mapping[str, Any]) -> str:
    """Text on the decoding settings that generation_config.json cannot contain."""
    decoding = record["decoding"]
    rules = []
    if size := decoding.get("no_repeat_ngram"):
        rules.append(f"no run of {size} tokens occurs twice in an answer")
    if strings := decoding.get("stop_strings"):
        rules.append(f"an answer ends at {' or '.join(map(repr, strings))}")
    if not record["ends_with_token"]:
        rules.append(f"an answer ends at {record['end']!r}, which is not a token")
    if not rules:
        return ""
    return (
        f"The pipeline's own answers follow rules that `generation_config.json` does not have: {'; '.join(rules)}. "
        "vLLM does not read them there, and transformers would apply the first to the prompt, too. Give them with each "
        "request if you want them.\n"
    )


def _license(base: Mapping[str, Any]) -> str:
    name = base["license"] or "not named by the checkpoint"
    link = f" ({base['license_link']})" if base["license_link"] else ""
    texts = "" if name == "none" else "If texts of the licence came with the base model, they are beside this card. "
    return (
        f"Licence of the base model: {name}{link}. What it asks of a model tuned from it, in short: {demands(base)}. "
        f"{texts}The licences of the pages from which the model learned are in the card of the released set.\n"
    )


def _training(record: Mapping[str, Any]) -> str:
    data = record["data"]
    rows = [[f"`{code}`", str(row["seeds"]), str(row["web"])] for code, row in data["by_language"].items()]
    settings = {name: value for name, value in record["training"].items() if name not in ("report_to", "save_every")}
    listed = ", ".join(f"{name} {_plain(value)}" for name, value in settings.items())
    precision = record["precision"]
    return (
        _table(["language", "seeds", "web pairs"], rows)
        + f"\nHash of the pairs: `{data['hash']}`. Content of the base model: `{record['base_content'][:16]}`. Random "
        f"numbers are seeded with {record['seed']}.\n\n"
        f"Settings: {listed}.\n\n"
        f"Weights were trained in {precision['weights']} with products in {precision['products']}, and are saved in "
        f"{precision['saved']}; the base model is stored in {record['base']['dtype']}.\n"
    )


def _loss(record: Mapping[str, Any]) -> str:
    figures = record["figures"]
    rows = [[str(step), f"{loss:.4f}", series] for step, loss, series in record["loss_curve"]]
    return (
        _table(["step", "loss in nats per token", "series"], rows)
        + f"\nHeld-out loss {figures['held_out_loss']:.4f} nats per token, and that of the base model "
        f"{figures['held_out_loss'] - figures['held_out_loss_change']:.4f}.\n"
    )


def _scores(scores: Mapping[str, Mapping[str, Any]]) -> str:
    """A table of figures by language. A cell is empty if the language has no such figure."""
    names = list(dict.fromkeys(name for figures in scores.values() for name in figures))
    rows = [[name, *(_plain(scores[code].get(name, "")) for code in scores)] for name in names]
    return _table(["", *(f"`{code}`" for code in scores)], rows)


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value is None else str(value)
