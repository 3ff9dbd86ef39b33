"""A checkpoint translates English responses, and a truncated output does not count as a translation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from stages.seed_pairs import stage as seed_pairs
from stages.seed_pairs.settings import SeedSource, Translation
from stages.seed_pairs.translation import Translator, translator
from tests.stages.seed_pairs.rows import MakeJob, job_of, write
from x_instruction.runner.errors import InputError
from x_instruction.runner.job import Job

ENGLISH = "Bread is baked in a hot oven. Eat it with butter."
LEARNED = {
    "Bread is baked in a hot oven.": "Leipä paistetaan aina kuumassa uunissa.",
    "Eat it with butter.": "Se syödään sitten voin kanssa.",
}


@pytest.fixture(scope="module")
def translating_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny T5 that has memorized two sentences."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    words = sorted({word for pair in LEARNED.items() for text in pair for word in text.split()})
    vocabulary = {word: number for number, word in enumerate(["<pad>", "</s>", "<unk>", "finnish:", *words])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    torch.manual_seed(1)
    config = T5Config(
        vocab_size=len(vocabulary), d_model=32, d_kv=16, d_ff=64, num_layers=1, num_heads=2, dropout_rate=0.0,
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip
    model = T5ForConditionalGeneration(config).train()
    inputs = tokenizer([f"finnish: {text}" for text in LEARNED], return_tensors="pt", padding=True)
    labels = tokenizer(list(LEARNED.values()), return_tensors="pt", padding=True)["input_ids"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(80):
        loss = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            labels=labels.masked_fill(labels == 0, -100),
        ).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    folder = tmp_path_factory.mktemp("translating_model")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def translated(make_job: MakeJob, translation: Translation) -> Job:
    return job_of(make_job, SeedSource(folder="english", translate=True), translation=translation)


def written_at(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (root / "data/.work").rglob("part.parquet")}


def finnish(settings: Translation, root: Path) -> Translator:
    return translator(settings, "fi", "Finnish", root)


def test_a_checkpoint_translates_english_pairs(make_job: MakeJob, tmp_path: Path, translating_model: Path) -> None:
    write(
        tmp_path / "english/en.jsonl",
        {"instruction": "Say.", "response": ENGLISH},
        {"instruction": "Tell.", "response": ""},
    )
    settings = Translation(checkpoint=str(translating_model), prefix="finnish: ", max_tokens=12, beams=2)
    job = translated(make_job, settings)
    outcome = seed_pairs.run(job)
    row = job.staged.table().row(0, named=True)
    assert row["response"] == " ".join(LEARNED.values())
    assert (row["instruction"], row["origin"], row["translator"]) == ("Say.", "translated", str(translating_model))
    assert job.staged.drop_counts() == {"no_response": 1}
    assert seed_pairs.measure(job, outcome)["translated_share"] == 1.0


def test_a_text_is_not_translated_twice(make_job: MakeJob, tmp_path: Path, translating_model: Path) -> None:
    write(tmp_path / "english/en.jsonl", {"instruction": "Say.", "response": ENGLISH})
    settings = Translation(checkpoint=str(translating_model), prefix="finnish: ", max_tokens=12, beams=2)
    seed_pairs.run(translated(make_job, settings))
    first = written_at(tmp_path)
    again = translated(make_job, settings)
    shutil.rmtree(again.staging)
    seed_pairs.run(again)
    assert written_at(tmp_path) == first
    assert len(again.used) == 2  # the work store has one entry for the translations and one for the shard


def test_a_translated_text_keeps_its_lines(translating_model: Path, tmp_path: Path) -> None:
    settings = Translation(checkpoint=str(translating_model), prefix="finnish: ", max_tokens=12, beams=1)
    (text,) = finnish(settings, tmp_path).translate(["Bread is baked in a hot oven.\n\nEat it with butter."])
    assert text.text == "\n\n".join(LEARNED.values())


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Bread is baked in a hot oven.", 3),  # the translation has more than 3 tokens
        ("Eat it with butter. " + "Bread " * 12 + "is baked.", 12),  # the second sentence has more than 12 tokens
    ],
)
def test_a_truncated_text_has_no_translation(translating_model: Path, tmp_path: Path, text: str, tokens: int) -> None:
    settings = Translation(checkpoint=str(translating_model), prefix="finnish: ", max_tokens=tokens, beams=1)
    cut_off, other = finnish(settings, tmp_path).translate([text, "Eat it with butter."])
    assert cut_off.refused == "unfinished" and (tokens == 3 or other.text == LEARNED["Eat it with butter."])


def test_a_forced_end_token_does_not_count_as_an_end(translating_model: Path, tmp_path: Path) -> None:
    marian = shutil.copytree(translating_model, tmp_path / "marian")
    path = marian / "generation_config.json"
    options = json.loads(path.read_text())
    path.write_text(json.dumps({**options, "forced_eos_token_id": options["eos_token_id"]}))
    settings = Translation(checkpoint=str(marian), prefix="finnish: ", max_tokens=5, beams=1)
    assert [one.refused for one in finnish(settings, tmp_path).translate(["Eat it."])] == ["unfinished"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Translation(checkpoint="models/none"), "is not a folder; for a hub id, set translation.revision"),
        (Translation(checkpoint="seeds"), "seeds is not a usable translation model"),
    ],
)
def test_an_unusable_checkpoint_is_named(settings: Translation, message: str, tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    with pytest.raises(InputError, match=message):
        finnish(settings, tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"checkpoint": "models/en-{lang}"}, r"\{lang\} is not a placeholder of checkpoint, which knows \{language\}"),
        ({"checkpoint": "models/en-{language", "prefix": ">>{lang}<<"}, r"\{lang\} is not a placeholder of prefix"),
        (
            {"endpoint": {"url": "http://a", "model": "b"}, "prompt": "{text} {target}"},
            r"\{target\} is not a placeholder",
        ),
    ],
)
def test_an_unknown_placeholder_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Translation.model_validate(settings)


def test_a_brace_in_the_name_of_a_checkpoint_does_no_harm() -> None:
    settings = Translation(checkpoint="models/{a-{language}")
    assert settings.checkpoint_for("fi") == "models/{a-fi"


def test_a_language_the_model_does_not_know_is_named(translating_model: Path, tmp_path: Path) -> None:
    settings = Translation(checkpoint=str(translating_model), language_codes={"fi": "fin_Latn"})
    with pytest.raises(InputError, match=r"language_codes\.fi: .* does not know 'fin_Latn'"):
        finnish(settings, tmp_path).translate(["Bread"])
