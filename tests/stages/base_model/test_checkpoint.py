"""A foreign checkpoint is used with unchanged weights, or refused with one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFWriter, quantize
from transformers import BertConfig, BertLMHeadModel, T5Config, T5ForConditionalGeneration

from stages.base_model import stage as base_model
from stages.base_model.begin_token import begin_token_cost
from stages.base_model.checkpoint import load_checkpoint
from stages.base_model.embedded import new_model, train_tokenizer
from stages.base_model.settings import BaseModelSettings
from stages.params import Settings
from tests.conftest import ARCHITECTURE, ROOT, TRAINING
from x_instruction.models.checkpoints import load_model, load_tokenizer, save_model
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import fine_tune
from x_instruction.models.gguf_file import begin_texts
from x_instruction.runner.checksums import FILES, checksums, write_sealed
from x_instruction.runner.errors import GateFailedError, InputError, SettingsError
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shell import run_stage

MakeJob = Callable[..., Job]
BEGIN = 1  # the id of the BOS token in the GGUF file
# Maps the names of a Llama layer's tensors in a GGUF file to those in transformers.
OF_LAYER = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


def write_gguf(model: Any, tokenizer: Any, path: Path, architecture: str = "llama") -> None:
    """Writes the model as a GGUF file with 8-bit weights, as llama.cpp does."""
    config, writer = model.config, GGUFWriter(path, architecture)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    parts = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    writer.add_tokenizer_model("gpt2")
    tokens = sorted(parts["vocab"], key=parts["vocab"].get)
    tokens[BEGIN] = "<|endoftext|>"  # transformers adds this token if it is missing
    writer.add_token_list(tokens)
    writer.add_token_merges([" ".join(pair) for pair in parts["merges"]])
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(True)
    weights = model.state_dict()

    def add(name: str, weight: torch.Tensor) -> None:
        numbers = weight.numpy()
        if numbers.ndim == 1:
            writer.add_tensor(name, numbers)
        else:
            kind = GGMLQuantizationType.Q8_0
            writer.add_tensor(name, quantize(numbers, kind), raw_dtype=kind)

    add("token_embd.weight", weights["model.embed_tokens.weight"])
    add("output_norm.weight", weights["model.norm.weight"])
    for layer in range(config.num_hidden_layers):
        for ours, theirs in OF_LAYER.items():
            weight = weights[f"model.layers.{layer}.{theirs}.weight"]
            if ours in ("attn_q", "attn_k"):
                # llama.cpp keeps the two halves of each head's rotation interleaved.
                heads = config.num_attention_heads
                parted = weight.reshape(heads, 2, weight.shape[0] // heads // 2, weight.shape[1])
                weight = parted.swapaxes(1, 2).reshape(weight.shape).contiguous()
            add(f"blk.{layer}.{ours}.weight", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def merging_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose tokenizer has merges, because a GGUF file cannot have a tokenizer without merges."""
    folder = tmp_path_factory.mktemp("merging")
    tokenizer = train_tokenizer(["kissa istuu ja kissa nukkuu"] * 9, ARCHITECTURE)
    save_model(new_model(ARCHITECTURE, tokenizer, seed=3), tokenizer, folder)
    return folder


@pytest.fixture(scope="module")
def gguf(merging_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "merging.gguf"
    write_gguf(load_model(merging_model), load_tokenizer(merging_model), path)
    return path


def chosen(settings: Settings, checkpoint: Path | str) -> BaseModelSettings:
    return settings.base_model.model_copy(update={"checkpoint": str(checkpoint)})


def test_a_gguf_file_becomes_a_model_that_can_be_trained(
    settings: Settings, gguf: Path, merging_model: Path, lessons: list[Example], tmp_path: Path
) -> None:
    model, tokenizer = load_checkpoint(chosen(settings, gguf), Path("/"))
    save_model(model, tokenizer, tmp_path / "base")
    ids = torch.tensor([lessons[0].prompt])
    expected = load_model(merging_model).eval()(ids).logits
    found = load_model(tmp_path / "base").eval()(ids).logits.float()
    assert (found - expected).abs().mean() < 0.1 * expected.std()
    assert "quantization_config" not in read_json(tmp_path / "base" / "config.json")
    training = TRAINING.model_copy(update={"epochs": 5.0})
    facts = fine_tune(tmp_path / "base", lessons, tmp_path / "tuned", training, 1)
    assert facts["changed_weights_share"] > 0.9


def test_the_tokenizer_of_a_gguf_file_begins_texts_as_the_file_says(settings: Settings, gguf: Path) -> None:
    _, tokenizer = load_checkpoint(chosen(settings, gguf), Path("/"))
    ids = tokenizer("kissa")["input_ids"]
    assert ids[0] == BEGIN and BEGIN not in ids[1:] and tokenizer.decode(ids[1:]) == "kissa"


def beginning(model: Path, folder: Path, learns_with: bool, begins_with: bool) -> Path:
    """A model that was trained with or without a BOS token, with a tokenizer that adds or omits this token."""
    tokenizer = load_tokenizer(model)
    tokenizer.bos_token = "<|pad|>"
    texts = ["kissa istuu ikkunalla", "koira juoksee pihalla"] * 4
    prompt = [tokenizer.bos_token_id] if learns_with else []
    examples = []
    for text in texts:
        first, *rest = tokenizer(text, add_special_tokens=False)["input_ids"]
        examples.append(Example([*prompt, first], rest))
    fine_tune(model, examples, folder, TRAINING.model_copy(update={"epochs": 40.0}), 1)
    if begins_with:
        begin_texts(tokenizer)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("learns_with", [True, False])
def test_a_tokenizer_that_begins_texts_differently_from_training_raises_the_loss(
    tiny_model: Path, tmp_path: Path, learns_with: bool
) -> None:
    texts = ["kissa istuu ikkunalla", "koira juoksee pihalla"]
    right = beginning(tiny_model, tmp_path / "right", learns_with, learns_with)
    wrong = beginning(tiny_model, tmp_path / "wrong", learns_with, not learns_with)
    assert begin_token_cost(right, texts) < -0.05
    assert begin_token_cost(wrong, texts) == pytest.approx(-begin_token_cost(right, texts), abs=1e-6)


def test_a_model_without_a_begin_token_has_no_begin_token_cost(tiny_model: Path) -> None:
    assert begin_token_cost(tiny_model, ["kissa"]) == 0


def made(make_job: MakeJob, settings: Settings, checkpoint: Path) -> Job:
    job = make_job("base_model", None, languages=["fi"], base_model=chosen(settings, checkpoint))
    shutil.copytree(ROOT / "data/sample/web/fi", job.root / "data/sample/web/fi")
    shutil.copytree(ROOT / "data/sample/web/en", job.root / "data/sample/web/en")
    return job


def test_the_gate_refuses_a_tokenizer_that_begins_texts_wrongly(
    make_job: MakeJob, settings: Settings, taught_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_model, "begin_token_cost", lambda *_: 2.5)
    job = made(make_job, settings, taught_model)
    with pytest.raises(GateFailedError, match=r"begin_token_cost .*does not begin a text as in the model's training"):
        run_stage(job, base_model, ROOT / "stages/base_model/expectations.yaml")
    assert not job.target.exists()


def test_a_checkpoint_is_published(make_job: MakeJob, settings: Settings, taught_model: Path) -> None:
    job = made(make_job, settings, taught_model)
    run_stage(job, base_model, ROOT / "stages/base_model/expectations.yaml")
    assert (job.target / "model.safetensors").read_bytes() == (taught_model / "model.safetensors").read_bytes()
    record = read_json(job.target / "base.json")
    # The path of a local checkpoint is not published.
    assert (record["name"], record["revision"], record["dtype"]) == (taught_model.name, None, "float32")


SAMPLING = {"bos_token_id": 1, "eos_token_id": [0, 2], "temperature": 0.9, "top_p": 0.6, "max_length": 4096}
# Defects in parts of a checkpoint that the pipeline does not use.
UNUSED = {
    "sampling values without do_sample": ("generation_config.json", SAMPLING),
    "a number of beams that is a word": ("generation_config.json", {**SAMPLING, "num_beams": "four"}),
    "a negative temperature": ("generation_config.json", {**SAMPLING, "temperature": -1.0}),
    "a temperature in config.json": ("config.json", {"temperature": 0.9}),
    "a preprocessor": ("preprocessor_config.json", {"image_processor_type": "NoSuchProcessor"}),
    "a template that does not parse": ("chat_template.jinja", "{% for message in messages %}{{ message"),
    "a model card without sense": ("README.md", "---\nlicense: [\n---\n"),
}


@pytest.mark.parametrize("unused", UNUSED)
def test_defects_in_unused_parts_of_a_checkpoint_do_not_matter(
    settings: Settings, taught_model: Path, tmp_path: Path, unused: str
) -> None:
    name, content = UNUSED[unused]
    folder = shutil.copytree(taught_model, tmp_path / "model")
    values = read_json(folder / name) if isinstance(content, dict) and (folder / name).exists() else {}
    (folder / name).write_text(content if isinstance(content, str) else json.dumps({**values, **content}))
    save_model(*load_checkpoint(chosen(settings, folder), ROOT), tmp_path / "saved")
    saved = read_json(tmp_path / "saved/generation_config.json")
    assert set(saved) <= {"bos_token_id", "eos_token_id", "pad_token_id", "transformers_version"}
    assert saved["eos_token_id"] == ([0, 2] if isinstance(content, dict) and "eos_token_id" in content else 0)


@pytest.mark.parametrize("broken", ['{"temperature": ', "[1]", '"text"', "", "\u00ff"])
def test_an_unreadable_generation_config_becomes_none(
    settings: Settings, taught_model: Path, tmp_path: Path, broken: str
) -> None:
    folder = shutil.copytree(taught_model, tmp_path / "model")
    (folder / "generation_config.json").write_text(broken, encoding="latin-1")
    model, _ = load_checkpoint(chosen(settings, folder), ROOT)
    assert model.generation_config.eos_token_id == 0


def test_a_checkpoint_with_an_unusable_chat_template_is_refused(
    make_job: MakeJob, settings: Settings, taught_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(taught_model, tmp_path / "model")
    (folder / "chat_template.jinja").write_text("{{ raise_exception('a system message must come first') }}")
    job = made(make_job, settings, folder)
    prompts = settings.prompts.model_copy(update={"chat_template": True})
    asking = make_job("base_model", None, languages=["fi"], base_model=job.settings.base_model, prompts=prompts)
    with pytest.raises(SettingsError, match=r"^prompts\.chat_template: this model's template .*must come first"):
        run_stage(asking, base_model, ROOT / "stages/base_model/expectations.yaml")
    run_stage(job, base_model, ROOT / "stages/base_model/expectations.yaml")
    assert (job.target / "model.safetensors").exists()


def encoder(folder: Path, model: Path) -> None:
    torch.manual_seed(1)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    tokenizer = load_tokenizer(model)
    save_model(BertLMHeadModel(BertConfig(vocab_size=len(tokenizer), **shape)), tokenizer, folder)


def without_tokenizer(folder: Path, model: Path) -> None:
    load_model(model).save_pretrained(folder)


def custom_code(folder: Path, model: Path) -> None:
    shutil.copytree(model, folder)
    config = read_json(folder / "config.json")
    write_json(
        folder / "config.json",
        {**config, "model_type": "mine", "auto_map": {"AutoConfig": "mine.C", "AutoModelForCausalLM": "mine.M"}},
    )
    (folder / "mine.py").write_text("raise SystemExit('this code was run')")


def pickled(folder: Path, model: Path) -> None:
    shutil.copytree(model, folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def small_vocabulary(folder: Path, model: Path) -> None:
    loaded = load_model(model)
    loaded.resize_token_embeddings(100)
    save_model(loaded, load_tokenizer(model), folder)


def missing_weights(folder: Path, model: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(model, folder)
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def with_an_encoder(folder: Path, model: Path) -> None:
    tokenizer = load_tokenizer(model)
    shape = {"d_model": 32, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    save_model(T5ForConditionalGeneration(T5Config(vocab_size=len(tokenizer), **shape)), tokenizer, folder)


def change_weights(folder: Path, model: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(model, folder)
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def further_weights(folder: Path, model: Path) -> None:
    change_weights(folder, model, lambda weights: weights.update({"model.layers.7.bias": torch.zeros(3)}))


def not_a_number(folder: Path, model: Path) -> None:
    change_weights(folder, model, lambda weights: weights["model.norm.weight"].fill_(float("nan")))


def infinite(folder: Path, model: Path) -> None:
    change_weights(folder, model, lambda weights: weights["model.norm.weight"][:1].fill_(float("inf")))


def of_another_project(folder: Path, model: Path) -> None:
    """A folder that another X-Instruction project published and that was damaged afterwards."""
    shutil.copytree(model, folder)
    write_sealed(folder / "manifest.json", {"artifact": "tuned_model", FILES: checksums(folder)})
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)


def no_safetensors(folder: Path, model: Path) -> None:
    shutil.copytree(model, folder)
    torch.save({}, folder / "model.safetensors")


def indexed_pickle(folder: Path, model: Path) -> None:
    pickled(folder, model)
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"model.norm.weight": "pytorch_model.bin"}})


def indexed_elsewhere(folder: Path, model: Path) -> None:
    shutil.copytree(model, folder)
    (folder / "model.safetensors").rename(folder.parent / "elsewhere.safetensors")
    weights = {"weight_map": {"model.norm.weight": "../elsewhere.safetensors"}}
    write_json(folder / "model.safetensors.index.json", weights)


def cut_weights(folder: Path, model: Path) -> None:
    shutil.copytree(model, folder)
    (folder / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:5000])


def other_sizes(folder: Path, model: Path) -> None:
    shutil.copytree(model, folder)
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", {**config, "intermediate_size": 96})


def quantised(folder: Path, model: Path) -> None:
    shutil.copytree(model, folder)
    config = read_json(folder / "config.json")
    quantisation = {"quant_method": "gptq", "bits": 4, "group_size": 128}
    write_json(folder / "config.json", {**config, "quantization_config": quantisation})


def broken_tokenizer(folder: Path, model: Path) -> None:
    shutil.copytree(model, folder)
    (folder / "tokenizer.json").write_text('{"version": "1.0"')


BAD = {
    encoder: "is not a causal language model, because later tokens change its earlier predictions",
    with_an_encoder: "t5 is not a causal language model: take a decoder",
    without_tokenizer: r"has no usable tokenizer: there is no tokenizer\.json in it",
    broken_tokenizer: "has no usable tokenizer: Expecting ',' delimiter",
    custom_code: "it needs custom code, which is never run",
    pickled: r"pytorch_model\.bin is a pickle, which could run code: convert the model to safetensors",
    small_vocabulary: r"has \d+ tokens, but its model has only 100",
    missing_weights: r"weights are missing .*up_proj",
    further_weights: r"it has 1 weights that the architecture .* such as model\.layers\.7\.bias: take the config",
    not_a_number: r"model\.norm\.weight has numbers that are not finite \(NaN or infinity\)",
    infinite: r"model\.norm\.weight has numbers that are not finite",
    of_another_project: r"model\.safetensors is damaged: .*; copy .*/bad again from where it came, then run again$",
    no_safetensors: "is not a usable model with safetensors: ",
    indexed_pickle: r"index\.json names pytorch_model\.bin, which is not a safetensors file of this folder: convert",
    indexed_elsewhere: r"index\.json names \.\./elsewhere\.safetensors, which is not a safetensors file of this folder",
    cut_weights: "is not a usable model with safetensors: Error while deserializing header",
    other_sizes: r"down_proj\.weight has the shape \(64, 128\), but config\.json asks for \(64, 96\)",
    quantised: "its weights are quantized .*: choose a checkpoint whose weights are not",
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_a_bad_checkpoint_is_refused_with_one_sentence(
    settings: Settings, taught_model: Path, tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    make(tmp_path / "bad", taught_model)
    with pytest.raises(InputError, match=BAD[make]) as refused:
        load_checkpoint(chosen(settings, tmp_path / "bad"), ROOT)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500


def unknown_kind(path: Path, model: Path) -> None:
    write_gguf(load_model(model), load_tokenizer(model), path, architecture="newmodel")


def no_gguf(path: Path, model: Path) -> None:
    path.write_bytes(b"this is text" * 9)


def cut_short(path: Path, model: Path) -> None:
    write_gguf(load_model(model), load_tokenizer(model), path)
    path.write_bytes(path.read_bytes()[:5000])


BAD_GGUF = {unknown_kind: "architecture newmodel is not supported", no_gguf: "magic invalid", cut_short: ""}


@pytest.mark.parametrize("make", BAD_GGUF, ids=lambda make: make.__name__)
def test_a_bad_gguf_file_is_refused_with_one_sentence(
    settings: Settings, taught_model: Path, tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    make(tmp_path / "bad.gguf", taught_model)
    with pytest.raises(InputError, match=rf"bad\.gguf is not a usable GGUF file: .*{BAD_GGUF[make]}") as refused:
        load_checkpoint(chosen(settings, tmp_path / "bad.gguf"), ROOT)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500


@pytest.mark.parametrize(
    ("name", "sentence"), [("models/x.gguf", "there is no file"), ("google/gemma-3-270m", "set base_model.revision")]
)
def test_a_checkpoint_that_does_not_exist_is_named(settings: Settings, name: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load_checkpoint(chosen(settings, name), ROOT)


def test_the_weights_of_a_gguf_file_are_those_of_the_model(gguf: Path, merging_model: Path, settings: Settings) -> None:
    loaded, _ = load_checkpoint(chosen(settings, gguf), Path("/"))
    ours, theirs = load_model(merging_model).state_dict(), loaded.state_dict()
    worst = max(float(np.abs((ours[name] - theirs[name].float()).numpy()).max()) for name in ours)
    assert worst < 0.02
