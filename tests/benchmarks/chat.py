"""Measures whether four ways to ask a published model give equal greedy answers.

    PROJECT=folder python -m tests.benchmarks chat

PROJECT names a finished project, whose tuned model is asked; if it has a model for each language, the first is asked.
Without PROJECT, the model is Gemma 3 270M (pretrained, not tuned), and its chat template, generation config and end
tokens are written as for a tuned model. The model runs in float32 on the CPU. The transformers pipeline, vLLM's
`LLM.chat` and `vllm serve` with the OpenAI client are compared, token by token, with `apply_chat_template` and
`generate`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stages.params import load_settings
from tests.benchmarks.gemma import gemma
from tests.benchmarks.real_model_project import DEFAULT_TEXTS
from tests.benchmarks.real_model_project import settings as of_real_model
from tests.benchmarks.table import ROOT, Row, SkippedError
from tests.vllm_server import NAME, served
from x_instruction.models.checkpoints import load_tokenizer, save_model
from x_instruction.models.generation_config import write_generation_config
from x_instruction.models.gguf_file import load_gguf
from x_instruction.models.model_folder import model_of
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.published_template import Asking
from x_instruction.models.publishing import RECORD, write_template
from x_instruction.models.settings import Prompts
from x_instruction.runner.files import read_json

TOKENS = 24  # maximum number of tokens of an answer
WINDOW = 512  # maximum number of tokens of a prompt and its answer together, in vLLM
SECONDS = 1200.0  # time limit of the server's start and of each request, enough for a busy machine
REFERENCE = "apply_chat_template and generate"


@dataclass(frozen=True)
class Chat:
    """A question, with the arguments of the chat template. Without `language`, the question names the language."""

    question: str
    arguments: Mapping[str, str] = field(default_factory=dict)

    @property
    def messages(self) -> list[Any]:
        return [{"role": "user", "content": self.question}]


QUESTIONS = (
    "How is rye bread baked?",
    "Why does it rain more in the mountains?",
    "Name three fruits that grow in India.",
)
WITHOUT_LANGUAGE = Chat("What is the capital of Finland?\n\nAnswer in English:")


def chats_in(languages: Sequence[str]) -> list[Chat]:
    """Each of QUESTIONS, in these languages in turn, and a question without the argument `language`."""
    asked = zip(QUESTIONS, cycle(languages), strict=False)
    return [*(Chat(question, {"language": language}) for question, language in asked), WITHOUT_LANGUAGE]


@dataclass(frozen=True)
class Published:
    """A published model, what it is asked, and the tokens of this project's prompt for each chat."""

    folder: Path
    chats: Sequence[Chat]
    prompts: list[list[int]]


@dataclass(frozen=True)
class Asked:
    """The tokens of a prompt, as the software that answered reports them, and those of the answer."""

    prompt: list[int]
    answer: list[int]


def run() -> list[Row]:
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")  # compiling takes half a minute and changes no result
    with TemporaryDirectory() as name:
        model = published(Path(name))
        ways = by_transformers(model.folder, model.chats)
        ways["vllm.LLM.chat"] = by_vllm(model.folder, model.chats)
        ways["vllm serve and the OpenAI client"] = by_server(model.folder, model.chats, Path(name, "log"))
    return rows(model.prompts, ways)


def published(scratch: Path) -> Published:
    """The tuned model of the project that PROJECT names. Without PROJECT, Gemma is saved in `scratch`."""
    if project := os.environ.get("PROJECT"):
        return tuned_model_of(Path(project).resolve())
    chats = chats_in(["Finnish", "Swahili", "Hindi"])
    return Published(scratch / "model", chats, publish(gemma(), scratch / "model", chats))


def tuned_model_of(project: Path) -> Published:
    """The tuned model of a finished project. Raises SkippedError if there is none."""
    parent = project / "data" / "tuned_model"
    if not (parent / "manifest.json").is_file():
        raise SkippedError(f"{parent} is missing; name a finished project in PROJECT")
    settings = load_settings(project / "params.yaml")
    folder = model_of(parent, settings.languages[0])
    chats = chats_in(list(read_json(folder / RECORD)["languages"].values()))
    return Published(folder, chats, prompts_for(folder, chats, settings.prompts))


def publish(checkpoint: Path, folder: Path, chats: Sequence[Chat]) -> list[list[int]]:
    """Saves the checkpoint in float32 with a chat template. Returns the tokens of this project's prompts."""
    model, tokenizer = load_gguf(checkpoint)
    save_model(model.float(), tokenizer, folder)
    return make_usable(folder, chats)


def make_usable(folder: Path, chats: Sequence[Chat]) -> list[list[int]]:
    """Writes a chat template and a generation config, as for a tuned model, into the folder of the weights.

    Returns the tokens that `prompts_for` returns.
    """
    project = load_settings(ROOT / "params.yaml")
    prompts = Prompts.model_validate(
        {**project.prompts.model_dump(), **of_real_model(["fi"], DEFAULT_TEXTS)["prompts"]}
    )
    encoder = PromptEncoder(load_tokenizer(folder), prompts)
    write_template(folder, encoder, Asking(prompts.write_response, "instruction", {"style": prompts.style_answer}))
    write_generation_config(folder, encoder.tokenizer, encoder.stop, project.decoding.model_dump(mode="json"))
    return prompts_for(folder, chats, prompts)


def prompts_for(folder: Path, chats: Sequence[Chat], prompts: Prompts) -> list[list[int]]:
    """The tokens of the prompt that this project makes for each chat; a chat without `language` has an empty list."""
    encoder = PromptEncoder(load_tokenizer(folder), prompts)
    return [
        encoder.write_response(chat.question, chat.arguments["language"], prompts.style_answer)
        if chat.arguments
        else []
        for chat in chats
    ]


def by_transformers(folder: Path, chats: Sequence[Chat]) -> dict[str, list[Asked]]:
    """The prompts and answers of `generate` with `apply_chat_template`, and those of the transformers pipeline."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    talk = pipeline("text-generation", model=model, tokenizer=tokenizer)
    greedy: dict[str, Any] = {"do_sample": False, "max_new_tokens": TOKENS}
    found: dict[str, list[Asked]] = {REFERENCE: [], "transformers pipeline": []}
    for chat in chats:
        arguments = dict(chat.arguments)
        inputs = tokenizer.apply_chat_template(
            chat.messages, add_generation_prompt=True, return_tensors="pt", **arguments
        )
        prompt = inputs["input_ids"][0].tolist()
        (whole,) = model.generate(**inputs, **greedy).tolist()
        (piped,) = talk(chat.messages, return_tensors=True, tokenizer_encode_kwargs=arguments, **greedy)
        for way, tokens in zip(found, (whole, piped["generated_token_ids"]), strict=True):
            found[way].append(Asked(list(tokens[: len(prompt)]), list(tokens[len(prompt) :])))
    return found


def by_vllm(folder: Path, chats: Sequence[Chat]) -> list[Asked]:
    from vllm import LLM, SamplingParams

    llm = LLM(
        model=str(folder), dtype="float32", max_model_len=WINDOW, enforce_eager=True, enable_chunked_prefill=False
    )
    greedy = SamplingParams(temperature=0.0, max_tokens=TOKENS)
    found = []
    for chat in chats:
        (output,) = llm.chat(chat.messages, greedy, chat_template_kwargs=dict(chat.arguments), use_tqdm=False)
        found.append(Asked(list(output.prompt_token_ids or []), list(output.outputs[0].token_ids)))
    # The engine's process would otherwise keep its model in memory beside that of `vllm serve`.
    llm.llm_engine.engine_core.shutdown()
    return found


def by_server(folder: Path, chats: Sequence[Chat], log: Path) -> list[Asked]:
    from openai import OpenAI

    with served(folder, log, ["--max-model-len", str(WINDOW)], SECONDS) as address:
        client = OpenAI(base_url=address(), api_key="none", timeout=SECONDS)
        return [_served(client, chat) for chat in chats]


def _served(client: Any, chat: Chat) -> Asked:
    # A server takes top_k and top_p from the generation config if a request does not set them.
    body = {"top_k": 0, "return_token_ids": True, "chat_template_kwargs": dict(chat.arguments)}
    answer = client.chat.completions.create(
        model=NAME, messages=chat.messages, temperature=0.0, top_p=1.0, max_tokens=TOKENS, extra_body=body
    )
    return Asked(list(answer.prompt_token_ids), list(answer.choices[0].token_ids))


def rows(expected: Sequence[list[int]], ways: Mapping[str, Sequence[Asked]]) -> list[Row]:
    """Rows that count, for each way, the prompts that equal `expected`.

    For each way except REFERENCE, rows also count the answers and the tokens that equal those of REFERENCE.
    """
    reference, found = ways[REFERENCE], []
    for way, asked in ways.items():
        prompts = [(one.prompt, prompt) for one, prompt in zip(asked, expected, strict=True) if prompt]
        same = sum(one == prompt for one, prompt in prompts)
        note = "the prompts of the training, token for token; only questions with `language` have such a prompt"
        found.append(Row(f"same prompts, {way}", "prompts", float(same), float(len(prompts)), note))
        if way == REFERENCE:
            continue
        answers = [(one.answer, other.answer) for one, other in zip(asked, reference, strict=True)]
        equal = sum(one == other for one, other in answers)
        found.append(Row(f"same answers, {way}", "answers", float(equal), float(len(answers)), REFERENCE))
        tokens, of = sum(equal_tokens(*pair) for pair in answers), sum(len(other) for _, other in answers)
        found.append(Row(f"same tokens, {way}", "tokens", float(tokens), float(of), REFERENCE))
    return found


def equal_tokens(one: Sequence[int], other: Sequence[int]) -> int:
    """Number of places at which both answers have the same token."""
    return sum(first == second for first, second in zip(one, other, strict=False))
