"""A tuned model, for one or for all languages, is published with everything that its use needs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from stages.eval_scores.compared_models import folder_of
from stages.eval_scores.settings import ComparedModel
from stages.params import Settings
from stages.tuned_model import stage as tuned_model
from stages.tuned_model.settings import TunedModel
from tests.conftest import ROOT, TRAINING, KillTraining
from x_instruction.generation.open_engine import open_engine
from x_instruction.generation.sampling import answer_sampling
from x_instruction.models.base_record import write_base
from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.model_card import card
from x_instruction.models.model_folder import model_of
from x_instruction.models.prompts import PromptEncoder
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import write_shard
from x_instruction.runner.shell import run_stage

MakeTuned = Callable[..., Job]
SUITE = ROOT / "stages/tuned_model/expectations.yaml"
TUNING = TRAINING.model_copy(update={"epochs": 8.0, "max_tokens": 200, "batch_size": 2, "save_every": 4})
LANGUAGES = {"fi": "Leipä {} leivotaan uunissa.", "sw": "Mkate {} huokwa kwenye tanuri."}


def put_pairs(job: Job, artifact: str, language: str, splits: list[str]) -> None:
    rows = {
        "id": [f"{language}{number}" for number in range(len(splits))],
        "instruction_id": [f"i{number}" for number in range(len(splits))],
        "instruction": [f"How is bread {number} baked?" for number in range(len(splits))],
        "response": [LANGUAGES[language].format(number) for number in range(len(splits))],
        "split": splits,
    }
    frame = pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.String))
    write_shard(frame, job.input(artifact, language) / "part-00000.parquet")
    write_json(job.input(artifact, language) / "manifest.json", {})


@pytest.fixture
def make_tuned(make_job: Callable[..., Job], tiny_model: Path, tmp_path: Path) -> MakeTuned:
    """Makes a job of the stage with four seeds, two held-out seeds and two web pairs of each language."""

    def make(one_for: str, **changed: Any) -> Job:
        section = TunedModel.model_validate({"one_for": one_for, "training": TUNING})
        job = make_job("tuned_model", None, languages=list(LANGUAGES), tuned_model=section, **changed)
        if not job.input("base_model").exists():
            shutil.copytree(tiny_model, job.input("base_model"))
            source = tmp_path / "source"
            source.mkdir()
            (source / "README.md").write_text("---\nlicense: apache-2.0\n---\nA model.")
            (source / "LICENSE").write_text("Apache License\nVersion 2.0")
            write_base(job.input("base_model"), "some/model", source, "c" * 40)
            write_json(job.input("base_model") / "manifest.json", {"content": "of the base model"})
            for language in LANGUAGES:
                put_pairs(job, "seed_pairs", language, ["train"] * 4 + ["held_out"] * 2)
                put_pairs(job, "diversified_set", language, ["web"] * 2)
        return job

    return make


def test_a_tuned_model_can_be_used_as_it_was_trained(make_tuned: MakeTuned, settings: Settings) -> None:
    from transformers import GenerationConfig, pipeline

    job = make_tuned("all")
    run_stage(job, tuned_model, SUITE)
    folder = job.target
    # generation_config.json has the end tokens and those settings of `decoding` that mean the same in transformers and
    # vLLM.
    generation, decoding = GenerationConfig.from_pretrained(folder), settings.decoding
    assert (generation.do_sample, generation.temperature, generation.top_p) == (True, 0.7, 0.9)
    assert (generation.top_k, generation.max_new_tokens) == (0, decoding.max_new_tokens)
    tokenizer = load_tokenizer(folder)
    assert generation.eos_token_id == [tokenizer.eos_token_id]
    metrics = read_json(job.report)["metrics"]
    assert (metrics["template_share"], metrics["ends_with_token"]) == (1.0, 1)
    # The chat template writes the prompts of the training data. With it, a transformers pipeline generates the same
    # text as the engine.
    encoder = PromptEncoder(tokenizer, settings.prompts)
    question, language = "How is bread 2 baked?", {"language": "Finnish"}
    expected = encoder.write_response(question, "Finnish", settings.prompts.style_answer)
    messages = [{"role": "user", "content": question}]
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False, **language)
    assert ids == expected
    greedy = decoding.model_copy(update={"temperature": 0.0, "no_repeat_ngram": 0})
    with open_engine(folder, settings.text_generation.model_copy(update={"backend": "transformers"}), 1) as engine:
        (answer,) = engine.generate([expected], answer_sampling(greedy, 1, encoder))
    chat = pipeline("text-generation", str(folder))
    (found,) = chat(messages, do_sample=False, tokenizer_encode_kwargs=language, return_full_text=False)
    assert found["generated_text"].strip() == answer.text


def test_the_card_says_how_the_model_was_made_and_is_reproducible(make_tuned: MakeTuned) -> None:
    contents = []
    for _ in range(2):
        job = make_tuned("all")
        run_stage(job, tuned_model, SUITE)
        contents.append(read_json(job.target / "manifest.json")["content"])
        shutil.rmtree(job.work)
    assert contents[0] == contents[1]
    text, record = (job.target / "README.md").read_text(), read_json(job.target / "training.json")
    values = yaml.safe_load(text.split("---")[1])
    assert (values["license"], values["base_model"], values["language"]) == (
        "apache-2.0",
        "some/model",
        ["fi", "sw", "en"],
    )
    assert (job.target / "LICENSE").read_text().startswith("Apache License")
    assert record["data"]["by_language"] == {"fi": {"seeds": 4, "web": 2}, "sw": {"seeds": 4, "web": 2}}
    assert record["precision"] == {"weights": "float32", "products": "float32", "saved": "float32"}
    for part in (
        "say that the weights were changed", record["data"]["hash"], "learning_rate 0.005", "of the base model",
        "| `fi` | 4 | 2 |", "no run of 6 tokens occurs twice", '{"language": "Finnish"}', "data/metrics/eval_scores",
        record["prompt"], "Answer in the style of an AI assistant in Finnish.",
    ):  # fmt: skip
        assert part in text
    curve = pl.read_csv(job.plots / "loss.csv")
    assert f"| {curve['step'][-1]} | {curve['loss'][-1]:.4f} | training |" in text
    assert f"The loss on held-out seed pairs is {record['figures']['held_out_loss']:.4f}" in text
    unlicensed = {**record["base"], "license": "none", "license_link": ""}
    from_scratch = card({**record, "base": unlicensed})
    assert "beside this card" in text and "beside this card" not in from_scratch
    assert "only shows that the pipeline works" in from_scratch and "only shows" not in text
    assert "## Scores\n\nWell.\n\n## Known limits" in card(record, "Well.\n")


def test_a_killed_run_keeps_the_models_that_it_finished(make_tuned: MakeTuned, kill_training: KillTraining) -> None:
    job = make_tuned("each_language")
    put_pairs(job, "diversified_set", "sw", ["web"] * 4)
    with kill_training(30):  # the Finnish model takes 24 steps, and the Swahili model 32
        run_stage(job, tuned_model, SUITE)
    (finished,) = (job.work / "models").glob("[!.]*")
    weights = (finished / "model.safetensors").stat()
    assert not job.target.exists()
    run_stage(job, tuned_model, SUITE)
    assert (job.target / "fi/model.safetensors").stat().st_ino == weights.st_ino
    assert read_json(job.target / "sw/training.json")["data"]["by_language"] == {"sw": {"seeds": 4, "web": 4}}
    assert not (job.work / "models").exists()


def test_the_template_of_a_one_language_model_asks_for_that_language(make_tuned: MakeTuned) -> None:
    job = make_tuned("each_language")
    run_stage(job, tuned_model, SUITE)
    assert sorted(path.name for path in job.target.iterdir()) == ["fi", "manifest.json", "sw"]
    assert model_of(job.target, "sw") == job.target / "sw"
    compared = ComparedModel.model_validate({"name": "tuned", "model": "tuned_model"})
    assert folder_of(compared, replace(job, artifact="eval_scores", language="sw")) == job.target / "sw"
    for language, name in (("fi", "Finnish"), ("sw", "Swahili")):
        folder = model_of(job.target, language)
        text = load_tokenizer(folder).apply_chat_template([{"role": "user", "content": "Say."}], tokenize=False)
        assert text.endswith(f" in {name}.")
        record = read_json(folder / "training.json")
        assert list(record["data"]["by_language"]) == list(record["languages"]) == [language]
        manifest = read_json(folder / "manifest.json")
        assert (manifest["artifact"], manifest["partition"]) == ("tuned_model", language)
    assert set(pl.read_csv(job.plots / "loss.csv")["series"]) == {"fi training", "sw training"}
    metrics, log = read_json(job.report)["metrics"], read_json(job.root / "data/runs/tuned_model/all.json")
    losses = [metrics[f"{language}_held_out_loss"] for language in LANGUAGES]
    assert metrics["held_out_loss"] == max(losses) and losses[0] != losses[1]
    assert (metrics["pairs"], log["fi_pairs"]) == (12, 6)


def test_a_language_without_pairs_is_named(make_tuned: MakeTuned) -> None:
    job = make_tuned("each_language")
    for artifact in ("seed_pairs", "diversified_set"):
        put_pairs(job, artifact, "fi", [])
    with pytest.raises(InputError, match="there is no pair in 'fi' to learn from"):
        tuned_model.run(job)


def test_a_model_for_all_languages_answers_in_every_language(tmp_path: Path) -> None:
    assert model_of(tmp_path, "fi") == tmp_path
