"""Training settings have their effects, and impossible settings are refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file

from tests.conftest import TRAINING
from x_instruction.models.checkpoints import load_model, load_tokenizer, save_model, stored_dtype
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import Surroundings, fine_tune
from x_instruction.models.measures import held_out_loss
from x_instruction.models.precision import inference_dtype, uses_bfloat16
from x_instruction.models.settings import Adapter, Training
from x_instruction.models.training_record import WeightSample, loss_change, loss_curve
from x_instruction.runner.errors import SettingsError

Facts = dict[str, Any]


def changed(**settings: Any) -> Training:
    return Training.model_validate({**TRAINING.model_dump(), "epochs": 6, "batch_size": 2, **settings})


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.fixture(scope="module")
def bfloat16_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bfloat16")
    save_model(load_model(tiny_model).to(torch.bfloat16), load_tokenizer(tiny_model), folder)
    return folder


def test_a_bfloat16_checkpoint_is_trained_in_float32(
    bfloat16_model: Path, lessons: list[Example], tmp_path: Path
) -> None:
    # In bfloat16, steps of this size would be lost by rounding.
    small = changed(learning_rate=1e-5, precision="float32")
    facts = fine_tune(
        bfloat16_model, lessons, tmp_path / "float32", small.model_copy(update={"save_dtype": "float32"}), 1
    )
    assert facts["changed_weights_share"] > 0.99
    assert {tensor.dtype for tensor in weights(tmp_path / "float32").values()} == {torch.float32}
    fine_tune(bfloat16_model, lessons, tmp_path / "as_base", small, 1)
    assert {tensor.dtype for tensor in weights(tmp_path / "as_base").values()} == {torch.bfloat16}
    assert stored_dtype(tmp_path / "as_base") == "bfloat16"


def test_matrix_products_can_be_in_bfloat16(tiny_model: Path, lessons: list[Example], tmp_path: Path) -> None:
    facts = fine_tune(tiny_model, lessons, tmp_path / "half", changed(precision="bfloat16"), 1)
    fine_tune(tiny_model, lessons, tmp_path / "full", changed(precision="float32"), 1)
    half, full = weights(tmp_path / "half"), weights(tmp_path / "full")
    assert facts["precision"] == "bfloat16" and {tensor.dtype for tensor in half.values()} == {torch.float32}
    assert any((half[name] != full[name]).any() for name in full)


@pytest.mark.parametrize(
    ("precision", "stored", "supported", "expected"),
    [
        ("auto", "bfloat16", True, True),
        ("auto", "bfloat16", False, False),
        ("auto", "float32", True, False),
        ("float32", "bfloat16", True, False),
        ("bfloat16", "float32", False, True),
    ],
)
def test_auto_is_bfloat16_if_processor_and_checkpoint_have_it(
    precision: str, stored: str, supported: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("x_instruction.models.precision.has_bfloat16", lambda: supported)
    assert uses_bfloat16(changed(precision=precision), stored) is expected


@pytest.mark.parametrize(("supported", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_bfloat16_model_is_used_in_float32_on_a_processor_without_bfloat16(
    bfloat16_model: Path, supported: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("x_instruction.models.precision.has_bfloat16", lambda: supported)
    assert load_model(bfloat16_model, dtype=inference_dtype()).dtype == dtype


@pytest.mark.parametrize("dora", [False, True])
def test_an_adapter_is_trained_merged_and_kept(
    tiny_model: Path, lessons: list[Example], tmp_path: Path, dora: bool
) -> None:
    adapter = {"rank": 4, "alpha": 16, "modules": ["q_proj", "v_proj"], "dora": dora}
    training = changed(epochs=40, learning_rate=0.01, adapter=adapter)
    facts = fine_tune(tiny_model, lessons, tmp_path, training, 1)
    before, after = weights(tiny_model), weights(tmp_path)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved and all("q_proj" in name or "v_proj" in name for name in moved)
    assert facts["changed_weights_share"] > 0.9
    assert held_out_loss(tmp_path, lessons) < held_out_loss(tiny_model, lessons)
    # The start model with the adapter equals the merged model; loading the folder does not apply the adapter again.
    applied = PeftModel.from_pretrained(load_model(tiny_model), tmp_path / "adapter").eval()
    ids = torch.tensor([lessons[0].prompt])
    assert torch.allclose(applied(ids).logits, load_model(tmp_path).eval()(ids).logits, atol=1e-4)
    assert str(tiny_model) not in (tmp_path / "adapter" / "adapter_config.json").read_text()


def test_an_adapter_without_modules_is_on_all_linear_layers(
    tiny_model: Path, lessons: list[Example], tmp_path: Path
) -> None:
    fine_tune(tiny_model, lessons, tmp_path, changed(adapter={"rank": 2, "alpha": 4}), 1)
    before, after = weights(tiny_model), weights(tmp_path)
    linear = {name for name in before if "proj" in name}
    assert {name for name in before if not torch.equal(before[name], after[name])} == linear


def test_unknown_modules_of_an_adapter_are_refused_with_those_that_exist(
    tiny_model: Path, lessons: list[Example], tmp_path: Path
) -> None:
    known = "down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj"
    with pytest.raises(SettingsError, match=f"query is not a linear layer of this model; it has {known}$"):
        fine_tune(tiny_model, lessons, tmp_path, changed(adapter={"rank": 2, "alpha": 4, "modules": ["query"]}), 1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_four_bits_without_bitsandbytes_are_refused(
    tiny_model: Path, lessons: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("x_instruction.models.adapters.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"bitsandbytes: install requirements-gpu\.txt or set it to false"):
        fine_tune(tiny_model, lessons, tmp_path, changed(adapter={"rank": 2, "alpha": 4, "four_bits": True}), 1)


def test_four_bits_without_a_gpu_are_refused(tiny_model: Path, lessons: list[Example], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="four_bits needs a CUDA GPU"):
        fine_tune(tiny_model, lessons, tmp_path, changed(adapter={"rank": 2, "alpha": 4, "four_bits": True}), 1)


def test_frozen_embeddings_do_not_change(tiny_model: Path, lessons: list[Example], tmp_path: Path) -> None:
    fine_tune(tiny_model, lessons, tmp_path, changed(freeze_embeddings=True, weight_decay=0.1), 1)
    before, after = weights(tiny_model), weights(tmp_path)
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {"model.embed_tokens.weight"}


def test_accumulated_gradients_equal_those_of_a_large_batch(
    tiny_model: Path, lessons: list[Example], tmp_path: Path
) -> None:
    # The completions differ in length, so a mean over examples instead of tokens would be visible after a few steps.
    curves = []
    for batch_size, accumulation in ((4, 1), (1, 4)):
        training = changed(epochs=30, batch_size=batch_size, gradient_accumulation=accumulation)
        out = tmp_path / str(batch_size)
        facts = fine_tune(tiny_model, lessons, out, training, 1, in_order=True, surroundings=Surroundings(plots=out))
        assert facts["steps"] == 30
        curves.append(pl.read_csv(out / "plots" / "loss.csv")["loss"].to_list())
    assert curves[0] == pytest.approx(curves[1], rel=1e-2) and curves[0][-1] < curves[0][0] / 2


def test_packed_batches_teach_the_same(tiny_model: Path, lessons: list[Example], tmp_path: Path) -> None:
    for packing in (False, True):
        fine_tune(tiny_model, lessons, tmp_path / str(packing), changed(packing=packing), 1, in_order=True)
    apart, packed = weights(tmp_path / "False"), weights(tmp_path / "True")
    assert all(torch.allclose(apart[name], packed[name], atol=1e-4) for name in apart)


def test_gradient_checkpointing_does_not_change_the_result(
    tiny_model: Path, lessons: list[Example], tmp_path: Path
) -> None:
    for saving in (False, True):
        training = changed(gradient_checkpointing=saving, freeze_embeddings=True)
        fine_tune(tiny_model, lessons, tmp_path / str(saving), training, 1)
    stored, computed = weights(tmp_path / "False"), weights(tmp_path / "True")
    assert all(torch.allclose(stored[name], computed[name], atol=1e-6) for name in stored)


@pytest.mark.parametrize(
    "setting",
    [
        {"neftune": 5.0},
        {"schedule": "cosine"},
        {"schedule": "constant"},
        {"warmup_share": 0.5},
        {"max_gradient_norm": 0.01},
        {"weight_decay": 0.5},
    ],
    ids=str,
)
def test_a_setting_of_the_training_has_an_effect(
    tiny_model: Path, lessons: list[Example], tmp_path: Path, setting: dict[str, Any]
) -> None:
    fine_tune(tiny_model, lessons, tmp_path / "plain", changed(), 1)
    fine_tune(tiny_model, lessons, tmp_path / "set", changed(**setting), 1)
    plain, other = weights(tmp_path / "plain"), weights(tmp_path / "set")
    assert all(torch.isfinite(other[name]).all() for name in other)
    assert any(not torch.equal(plain[name], other[name]) for name in plain)


def test_the_best_weights_are_kept_and_training_ends_early(
    tiny_model: Path, lessons: list[Example], tmp_path: Path
) -> None:
    # Learning one completion of a prompt makes another completion of this prompt less likely.
    learned = lessons[:2]
    held_out = [Example(learned[0].prompt, learned[1].completion)]
    surroundings = Surroundings(plots=tmp_path / "plots", held_out=held_out)
    training = changed(epochs=100, learning_rate=0.01, evaluate_every=5, patience=3, keep_best=True)
    facts = fine_tune(tiny_model, learned, tmp_path / "best", training, 1, surroundings=surroundings)
    curve = pl.read_csv(tmp_path / "plots" / "plots" / "loss.csv")
    measured = curve.filter(pl.col("series") == "held-out")
    assert facts["steps"] < 100
    assert measured["step"].to_list() == list(range(5, int(facts["steps"]) + 1, 5))
    assert held_out_loss(tmp_path / "best", held_out) == pytest.approx(measured["loss"].min(), abs=1e-3)
    assert measured["loss"][-1] > measured["loss"].min() + 0.01


def test_settings_that_need_a_held_out_loss_require_it() -> None:
    with pytest.raises(ValueError, match="keep_best and patience need evaluate_every"):
        changed(keep_best=True)


def test_tensorboard_files_are_written(tiny_model: Path, lessons: list[Example], tmp_path: Path) -> None:
    fine_tune(tiny_model, lessons, tmp_path / "m", changed(), 1, surroundings=Surroundings(logs=tmp_path / "t"))
    assert list((tmp_path / "t.tensorboard").glob("events.out.tfevents.*"))
    silent = changed(report_to=())
    fine_tune(tiny_model, lessons, tmp_path / "n", silent, 1, surroundings=Surroundings(logs=tmp_path / "u"))
    assert not list(tmp_path.glob("u*"))


def test_the_share_of_changed_weights_is_reported(tiny_model: Path) -> None:
    model = load_model(tiny_model)
    sample = WeightSample(model)
    assert sample.changed_share(model) == 0
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight += 1
    assert 0 < sample.changed_share(model) < 0.5


def test_the_loss_change_is_between_the_first_and_the_last_quarter() -> None:
    assert loss_change([4, 4, 3, 3, 2, 2, 1, 1]) == -3
    assert loss_change([1, 1, 1, 2]) == 1
    assert loss_change([5.0]) == 0


def test_a_loss_curve_has_a_limited_number_of_points() -> None:
    history: list[dict[str, float]] = [{"step": step, "loss": 1.0 * step} for step in range(1, 1001)]
    history += [{"step": 500, "eval_loss": 2.0}]
    curve = loss_curve(history)
    assert curve.filter(pl.col("series") == "training").height == 200
    assert curve.row(0) == (5, 3.0, "training") and curve.row(-1) == (500, 2.0, "held-out")


def test_the_interval_between_checkpoints_is_not_part_of_the_identity() -> None:
    assert changed(save_every=7, report_to=()).key() == changed().key() != changed(warmup_share=0.2).key()


def test_equal_adapters_are_written_as_equal_files(tiny_model: Path, lessons: list[Example], tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        start = Path(shutil.copytree(tiny_model, tmp_path / f"start_{name}"))
        fine_tune(start, lessons, tmp_path / name, changed(adapter=Adapter(rank=2, alpha=4).model_dump()), 1)
        files.append({path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()})
    assert files[0] == files[1]
