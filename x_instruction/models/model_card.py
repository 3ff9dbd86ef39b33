"""Makes the card of a tuned model from its training record: README.md with front matter for the Hugging Face hub.

The card of a published model has no scores, because eval_scores scores the published model, whose content hash must not
change afterwards. The card of a released copy has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from x_instruction.language.names import listed
from x_instruction.models.card_parts import (
    METHOD,
    base_name,
    front_matter,
    is_from_scratch,
    license_section,
    loss_table,
    text_of,
    training_settings,
    tuned_from,
)
from x_instruction.runner.markdown import table

TITLES = {
    "tuned_model": "A model tuned with X-Instruction",
    "response_model": "A response model of X-Instruction",
    "instruction_model": "The instruction model of X-Instruction",
}
NEVER_SCORED = "instruction_model"  # it writes instructions, and eval_scores measures answers
SCORES_ARE_ELSEWHERE = (
    "This card has no scores, because models are scored after they are published. The scores of the models that "
    "`eval_scores.models` lists are in `data/metrics/eval_scores/<language>.json` of the same project.\n"
)
FROM_WEB = "Seed pairs were given to the run, which made the web pairs from web pages."
FROM_SEEDS = "All of them are seed pairs, which were given to the run."
OF_PAGES = "The licences of the pages from which the model learned are in the card of the released set."
QUESTION = "How is rye bread baked?"
LIMITS = """\
- The model learned from {source}, and no person checked them for this training.
- Each training example has a single turn, so the model did not learn dialogues. The chat template accepts them.
"""
ONLY_SHOWS_A_RUN = """\
- **This model only shows that the pipeline works.** Its base model is far too small, and learned from far too little
  text, to write anything useful.
"""
SYSTEM = "- The chat template puts the text of a system message in front of the first question.\n"
SYSTEM_OF_BASE = (
    "- The chat template is that of the base model. The model did not learn system messages in this training.\n"
)


def card(record: Mapping[str, Any], scores: str = SCORES_ARE_ELSEWHERE) -> str:
    """The text of the card. `record` is the content of training.json. For a released copy, `scores` is the section."""
    base, names = record["base"], record["languages"]
    sections = {
        "": f"This model {record['about']} in {listed(names)}. It was fine-tuned from {base_name(base)}. {METHOD}",
        "How to ask": _asking(record),
        "Licence": _license(record),
        "Training": _training(record),
        "Loss": _loss(record),
        "Scores": scores if record["artifact"] != NEVER_SCORED else "",
        "Known limits": _limits(record),
    }
    values = {
        **front_matter(base, names, "instruction-tuning", "cross-lingual"),
        **tuned_from(base),
        "pipeline_tag": "text-generation",
    }
    filled = {title: text for title, text in sections.items() if text}
    return text_of(TITLES.get(record["artifact"], record["artifact"]), values, filled)


def _asking(record: Mapping[str, Any]) -> str:
    shown = f"A training prompt, in which `…` is the message:\n\n```\n{record['prompt']}\n```\n"
    return "\n".join(filter(None, [_says(record), _calls(record), shown, _rules(record)]))


def _says(record: Mapping[str, Any]) -> str:
    """Explains how a user asks for the language of an answer."""
    if not record["asks_for_language"]:
        return "The user's message is the text for which the model writes an instruction.\n"
    argument = "With the chat template's argument `language`, the prompt is exactly the one used in training. "
    if record["default_language"]:
        return f"{argument}Without this argument, the prompt asks for an answer in {record['default_language']}.\n"
    language = next(iter(record["languages"].values()))
    example = f"`{QUESTION} Answer{record['default_style']} in {language}.`"
    return f"{argument}Without this argument, the message must name the language: {example}\n"


def _calls(record: Mapping[str, Any]) -> str:
    """Code that uses the model with transformers, vLLM and an OpenAI client."""
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
    """Names the rules of decoding that are not in generation_config.json; "" if there are none."""
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
    also = ", and transformers would apply the rule on repeated tokens to the prompt, too" if size else ""
    return (
        f"When X-Instruction itself generates answers, it follows rules that are not in `generation_config.json`: "
        f"{'; '.join(rules)}. vLLM would ignore such rules in this file{also}. To apply them, give them with each "
        "request.\n"
    )


def _limits(record: Mapping[str, Any]) -> str:
    of_template = SYSTEM_OF_BASE if record.get("base_template") else SYSTEM
    source = "seed pairs and web texts" if _has_web_pairs(record) else "seed pairs"
    return LIMITS.format(source=source) + of_template + (ONLY_SHOWS_A_RUN if is_from_scratch(record["base"]) else "")


def _license(record: Mapping[str, Any]) -> str:
    of_base = license_section(record["base"])
    return (of_base + OF_PAGES if _has_web_pairs(record) else of_base).strip() + "\n"


def _has_web_pairs(record: Mapping[str, Any]) -> bool:
    """Whether the model learned from web pairs. The instruction model and the first response model do not."""
    return any(row["web"] for row in record["data"]["by_language"].values())


def _training(record: Mapping[str, Any]) -> str:
    data = record["data"]
    columns = {"seed pairs": "seeds", "web pairs": "web"} if _has_web_pairs(record) else {"seed pairs": "seeds"}
    rows = [[f"`{code}`", *(str(row[key]) for key in columns.values())] for code, row in data["by_language"].items()]
    precision, source = record["precision"], FROM_WEB if _has_web_pairs(record) else FROM_SEEDS
    return (
        f"The model learned from pairs of an instruction and a response. {source}\n\n"
        + table(["language", *columns], rows)
        + f"\nHash of the pairs: `{data['hash']}`. Content hash of the base model: `{record['base_content'][:16]}`. "
        f"Random seed: {record['seed']}.\n\n"
        f"{training_settings(record['training'])}\n\n"
        f"The weights were trained in {precision['weights']} with matrix products in {precision['products']}, and are "
        f"saved in {precision['saved']}. The weights of the base model are stored in {record['base']['dtype']}.\n"
    )


def _loss(record: Mapping[str, Any]) -> str:
    figures = record["figures"]
    return (
        loss_table(record["loss_curve"])
        + f"\nThe loss on held-out seed pairs is {figures['held_out_loss']:.4f} nats per token; the loss of the base "
        f"model is {figures['held_out_loss'] - figures['held_out_loss_change']:.4f}.\n"
    )
