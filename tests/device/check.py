"""The device check: trains and uses models on a GPU, and compares the results with those of the CPU and of float32.

    tests/device/check.sh [--tiny] [--minutes 9] [--only TEXT]

The models have Gemma 3's shapes and random weights, so their speed and memory are realistic but their answers are
meaningless. `--tiny` uses one very small shape. `--only` restricts the check to training runs whose names contain the
text. A run that would not end within `--minutes` is skipped, and the result says so. The check does not cover vLLM or a
run of the whole pipeline.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import math
import os
import platform
import sys
import time
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from tests.device.training_runs import PLAIN, ROOT, RUNS, Lab, Run, difference, plan, train
from x_instruction.generation.interface import Sampling
from x_instruction.generation.settings import Endpoint, TextGeneration, Vllm
from x_instruction.generation.transformers_engine import TransformersEngine
from x_instruction.models.checkpoints import load_model, load_tokenizer, save_model
from x_instruction.models.examples import Example
from x_instruction.models.measures import mean_loss

LARGEST_LOSS_DIFFERENCE = 0.05  # allowed mean difference of the losses of two runs that must agree, in nats
LARGEST_DIFFERENCE = 0.02  # allowed difference of a likelihood, or of a label's log-probability, in nats
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "polars")

Figures = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    runs = [run for run in RUNS if options.only in run.name and not (options.tiny and run.shape != "270m")]
    if options.tiny and not torch.cuda.is_available():
        runs = [run for run in runs if not run.needs_gpu]
    print(json.dumps(versions()))
    with TemporaryDirectory() as name:
        lab = Lab(Path(name), options.tiny)
        print(f"{len(lab.examples)} examples, {sum(len(one.prompt + one.completion) for one in lab.examples)} tokens")
        if not (torch.cuda.is_available() or options.tiny):
            print("There is no GPU, so nothing was measured. With one, this script would train:")
            print("\n".join(plan(run) for run in runs))
            print("and compare greedy texts, likelihoods and label probabilities of the GPU with those of the CPU.")
            return 0
        result = measured(lab, runs, time.monotonic() + 60 * options.minutes)
    folder = Path(os.environ.get("OUT") or ROOT / "data/bench")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "device.json").write_text(json.dumps({**versions(), **result}, indent=1) + "\n", encoding="utf-8")
    return show(result)


def measured(lab: Lab, runs: list[Run], deadline: float) -> Figures:
    """Makes as many measurements as the deadline allows. Records those that fail, and goes on with the others."""
    trainings: list[Figures] = []
    inference: Figures = {}
    for run in runs:
        # The first runs train small models. The engines are compared on one of these models before the large runs,
        # which may use up the time.
        if trainings and not inference and run.shape != "270m":
            inference = attempted(lambda: compare_engines(lab, trainings))
        if time.monotonic() + run.seconds > deadline:
            trainings.append({"name": run.name, "skipped": "no time left"})
            continue
        began = time.monotonic()
        figures = attempted(lambda run=run: train(lab, run))  # type: ignore[misc]
        trainings.append({"name": run.name, **figures, "whole_seconds": round(time.monotonic() - began, 1)})
        print(f"{run.name}: {brief(trainings[-1])}", flush=True)
    if any(figures.get("shape") in ("tiny", "270m") for figures in trainings):
        inference = inference or attempted(lambda: compare_engines(lab, trainings))
    return {"trainings": trainings, "inference": inference, "checks": checks(runs, trainings, inference)}


def attempted(work: Any) -> Figures:
    try:
        result: Figures = work()
    except Exception:
        traceback.print_exc()
        result = {"error": traceback.format_exc()[-2000:]}
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return result


def compare_engines(lab: Lab, trainings: list[Figures]) -> Figures:
    """Compares one model's results on the CPU with those on the GPU in float32 and in bfloat16.

    The results are likelihoods, label probabilities and greedy texts. The weights are rounded to bfloat16 first, so
    that all three engines have the same weights.
    """
    done = [figures for figures in trainings if "folder" in figures]
    trained = Path(next((one for one in done if one["name"] == "full, bfloat16"), done[0])["folder"])
    exact, rounded = lab.folder / "float32", lab.folder / "bfloat16"
    save_model(load_model(trained, dtype="bfloat16"), load_tokenizer(trained), rounded)
    save_model(load_model(rounded, dtype="float32"), load_tokenizer(trained), exact)
    gpu = "cuda" if torch.cuda.is_available() else "cpu"
    reference = answers(lab, exact, "cpu")
    result: Figures = {"first training loss": first_loss(lab, trainings)}
    result["CPU, float32"] = {key: reference[key] for key in ("seconds", "tokens_per_second")}
    for name, folder in (("GPU, float32", exact), ("GPU, bfloat16", rounded)):
        result[name] = {**compared(answers(lab, folder, gpu), reference), "speed": speed(lab, folder, gpu)}
        print(f"{name}: {result[name]}", flush=True)
    return result


def first_loss(lab: Lab, trainings: list[Figures]) -> Figures:
    """The loss of the first batch before any training: as the CPU computes it, and as each run logged it."""
    small = [figures for figures in trainings if "losses" in figures]
    rows, limit = (4, 64) if lab.tiny else (PLAIN.batch_size, PLAIN.max_tokens)
    cut = [Example(one.prompt, one.completion[: limit - len(one.prompt)]) for one in lab.examples[:rows]]
    on_cpu = mean_loss(load_model(lab.start("tiny" if lab.tiny else "270m"), dtype="float32"), cut)
    return {"CPU, float32": round(on_cpu, 5), **{one["name"]: one["losses"][0] for one in small}}


def answers(lab: Lab, model: Path, device: str) -> Figures:
    """Computes likelihoods, label probabilities and greedy texts of the model for the first examples on a device."""
    engine = engine_of(model, device)
    examples = [(one.prompt, one.completion[:200]) for one in lab.examples[: 4 if lab.tiny else 24]]
    prompts = [[*prompt, *completion[:40]] for prompt, completion in examples]
    began = time.monotonic()
    likelihoods = engine.likelihood([prompt for prompt, _ in examples], [completion for _, completion in examples])
    shares = engine.score(prompts, lab.labels)
    texts = engine.generate(prompts, greedy(6 if lab.tiny else 48))
    seconds = time.monotonic() - began
    ids = [lab.ids(text.text) for text in texts]
    tokens = sum(text.tokens for text in texts)
    engine.close()
    return {
        "likelihoods": likelihoods,
        "shares": shares,
        "ids": ids,
        "seconds": round(seconds, 2),
        "tokens_per_second": round(tokens / seconds),
    }


def compared(found: Figures, reference: Figures) -> Figures:
    """Returns the differences from the reference, and the shares of greedy tokens and texts that are equal."""
    likelihoods = [abs(a - b) for a, b in zip(found["likelihoods"], reference["likelihoods"], strict=True)]
    pairs = [
        (a, b)
        for row, other in zip(found["shares"], reference["shares"], strict=True)
        for a, b in zip(row, other, strict=True)
    ]
    texts = list(zip(found["ids"], reference["ids"], strict=True))
    equal = sum(a == b for one, other in texts for a, b in zip(one, other, strict=False))
    return {
        "likelihood_difference": round(max(likelihoods), 6),
        "mean_likelihood_difference": round(sum(likelihoods) / len(likelihoods), 6),
        "label_difference": round(max(abs(math.log(max(a, 1e-30) / max(b, 1e-30))) for a, b in pairs), 6),
        "label_probability_difference": round(max(abs(a - b) for a, b in pairs), 6),
        "equal_tokens_share": round(equal / max(1, sum(max(len(one), len(other)) for one, other in texts)), 4),
        "equal_texts_share": round(sum(one == other for one, other in texts) / len(texts), 4),
        "mean_likelihood": round(sum(reference["likelihoods"]) / len(likelihoods), 4),
    }


def speed(lab: Lab, model: Path, device: str) -> Figures:
    """Measures sampled tokens per second, likelihoods per second and ratings (label probabilities) per second."""
    engine = engine_of(model, device, batch_size=8 if lab.tiny else 64)
    examples = lab.examples[: 4 if lab.tiny else 128]
    prompts = [one.prompt for one in examples]
    engine.generate(prompts[:8], greedy(4))
    began = time.monotonic()
    sampling = Sampling(0.7, 0.9, 6 if lab.tiny else 128, stop=(0,), seed=1, no_repeat_ngram=6)
    generated = sum(text.tokens for text in engine.generate(prompts, sampling))
    generated_at = time.monotonic()
    engine.likelihood(prompts, [one.completion[:400] for one in examples])
    read_at = time.monotonic()
    engine.score([[*one.prompt, *one.completion[:400]] for one in examples], lab.labels)
    scored_at = time.monotonic()
    engine.close()
    return {
        "generated_tokens_per_second": round(generated / (generated_at - began)),
        "likelihoods_per_second": round(len(examples) / (read_at - generated_at), 1),
        "ratings_per_second": round(len(examples) / (scored_at - read_at), 1),
    }


def engine_of(model: Path, device: str, batch_size: int = 8) -> TransformersEngine:
    settings = TextGeneration(
        backend="transformers",
        batch_size=batch_size,
        max_model_length=None,
        texts_per_shard=1_000,
        vllm=Vllm(
            tensor_parallel=1, dtype=None, quantization=None, prefix_caching=True, gpu_memory_share=0.9, kv_cache_gib=1
        ),
        endpoint=Endpoint(),
    )
    return TransformersEngine(model, settings, seed=1, device=device)


def greedy(tokens: int) -> Sampling:
    return Sampling(temperature=0, top_p=1, max_new_tokens=tokens, stop=(0,), seed=1, no_repeat_ngram=6)


def checks(runs: list[Run], trainings: list[Figures], inference: Figures) -> list[Figures]:
    """Lists the conditions on the measurements, each with the measured figure and whether it holds."""
    by_name = {figures["name"]: figures for figures in trainings}
    found: list[Figures] = []

    def add(what: str, figure: Any, holds: bool) -> None:
        found.append({"check": what, "figure": figure, "holds": bool(holds)})

    for run in runs:
        figures = by_name[run.name]
        if "skipped" in figures:
            continue
        if "error" in figures:
            add(f"{run.name}: runs", figures["error"].strip().splitlines()[-1][:200], False)
            continue
        facts = figures["facts"]
        add(
            f"{run.name}: share of changed weights",
            facts["changed_weights_share"],
            facts["changed_weights_share"] > 0.9,
        )
        add(f"{run.name}: the loss falls", facts["loss_change"], facts["loss_change"] < 0)
        if "losses" in (other := by_name.get(run.like, {})):
            apart = difference(figures["losses"], other["losses"])
            figures["loss_difference"] = round(apart, 5)
            add(f"{run.name}: losses as in '{run.like}'", round(apart, 5), apart <= LARGEST_LOSS_DIFFERENCE)
    if "error" in inference:
        add("inference: runs", inference["error"].strip().splitlines()[-1][:200], False)
    first = inference.get("first training loss", {})
    for run in runs:
        if run.name in first and run.in_order and not run.over_labels:
            apart = round(abs(first[run.name] - first["CPU, float32"]), 5)
            add(f"{run.name}: first loss as on the CPU", apart, apart <= LARGEST_DIFFERENCE)
    for name, figures in inference.items():
        if isinstance(figures, dict) and "likelihood_difference" in figures:
            for key in ("likelihood_difference", "label_difference"):
                add(f"{name}: {key} to the CPU, nats", figures[key], figures[key] <= LARGEST_DIFFERENCE)
    return found


def versions() -> Figures:
    """The GPU and the versions of the software."""
    gpu = torch.cuda.is_available()
    return {
        "card": torch.cuda.get_device_name() if gpu else None,
        "card_memory_gb": round(torch.cuda.get_device_properties(0).total_memory / 1e9, 1) if gpu else None,
        "cuda": torch.version.cuda if gpu else None,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def brief(figures: Figures) -> str:
    if "facts" not in figures:
        return "failed"
    facts = figures["facts"]
    return (
        f"loss {facts['training_loss']}, change {facts['loss_change']}, changed weights "
        f"{facts['changed_weights_share']}, {figures['tokens_per_second']} tokens/s, {figures['peak_gb']} GB, "
        f"{figures['whole_seconds']} s with loading and saving"
    )


def show(result: Figures) -> int:
    print(f"\n{'training':<54}{'loss':>8}{'apart':>9}{'changed':>9}{'tokens/s':>10}{'peak GB':>9}")
    for figures in result["trainings"]:
        if "facts" not in figures:
            print(f"{figures['name']:<54}{figures.get('skipped', 'failed'):>8}")
            continue
        facts, apart = figures["facts"], figures.get("loss_difference", "")
        print(
            f"{figures['name']:<54}{facts['training_loss']:>8.3f}{apart:>9}{facts['changed_weights_share']:>9.3f}"
            f"{figures['tokens_per_second'] or 0:>10,}{figures['peak_gb']:>9}"
        )
    print(json.dumps(result["inference"], indent=1))
    for check in result["checks"]:
        print(f"{'ok    ' if check['holds'] else 'FAILED'}  {check['check']}: {check['figure']}")
    return 0 if all(check["holds"] for check in result["checks"]) else 1


if __name__ == "__main__":
    sys.exit(main())
