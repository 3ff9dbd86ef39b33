"""Seed pairs: read from any of the formats, bad rows dropped with a reason, split by the instruction."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from stages.seed_pairs import stage as seed_pairs
from stages.seed_pairs.settings import SeedPairs, SeedSource, Translation
from stages.seed_pairs.stage import COLUMNS, transform
from stages.seed_pairs.translation import translator
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import digest
from x_instruction.runner.job import Job
from x_instruction.runner.shards import Split, drop_counts

MakeJob = Callable[..., Job]
SETTINGS = SeedPairs(sources=[SeedSource(folder="seeds")], held_out_share=0.3, min_response_words=3, max_bad_share=0.2)


FINNISH, SWAHILI = "kolme ihan hyvää", "Watoto watatu wanacheza mpira nje ya nyumba yao kila siku jioni."


def split(*rows: tuple[str | None, str | None], language: str = "fi", english: str = "") -> Split:
    names = ("instruction", "response", "origin", "translator", "english", "source")
    origin = ("translated", "a model") if english else ("native", "")
    frame = pl.DataFrame(
        [(asked, said, *origin, english, f"seeds#{number}") for number, (asked, said) in enumerate(rows)],
        schema=dict.fromkeys(names, pl.String),
        orient="row",
    )
    return transform(frame, SETTINGS, language)


@pytest.mark.parametrize(
    ("instruction", "response", "reason"),
    [
        ("", "kolme ihan hyvää", "no_instruction"),
        (None, "kolme ihan hyvää", "no_instruction"),
        ("Say.", "", "no_response"),
        ("Say.", None, "no_response"),
        ("Say.", " \n ", "no_response"),
        ("Say.", "vain kaksi", "response_too_short"),
        ("Say it to me.", "Say it to me.", "response_copies_instruction"),
        ("Say.", "three quite good ones of them", "response_not_in_language"),
    ],
)
def test_a_bad_row_is_dropped_with_its_reason(instruction: str | None, response: str | None, reason: str) -> None:
    made = split((instruction, response))
    assert made.kept.is_empty()
    assert made.dropped.select("reason", "origin").rows() == [(reason, "seeds#0")]


def test_a_good_row_is_kept_without_the_spaces_around_it() -> None:
    row = split((" Say. ", "kolme ihan hyvää\n")).kept.row(0, named=True)
    assert list(row) == COLUMNS
    assert (row["instruction"], row["response"], row["language"]) == ("Say.", "kolme ihan hyvää", "fi")
    assert row["id"] == digest("fi", "Say.", "kolme ihan hyvää")[:16]


def test_the_second_of_two_equal_pairs_is_dropped() -> None:
    made = split(("Say.", "kolme ihan hyvää"), ("Say.", "kolme ihan hyvää"), ("Say.", "jotain ihan muuta"))
    assert made.kept.height == 2
    assert made.dropped["reason"].to_list() == ["exact_duplicate"]


def test_an_instruction_is_held_out_in_every_language_or_in_none() -> None:
    finnish, swahili = (
        split(*((f"Instruction {n}", said) for n in range(60)), language=language).kept
        for language, said in (("fi", FINNISH), ("sw", SWAHILI))
    )
    assert finnish["split"].to_list() == swahili["split"].to_list()
    assert finnish["instruction_id"].to_list() == swahili["instruction_id"].to_list()
    assert not set(finnish["id"]) & set(swahili["id"])


def test_about_the_share_asked_for_is_held_out() -> None:
    kept = split(*((f"Instruction {n}", "kolme ihan hyvää") for n in range(1000))).kept
    assert (kept["split"] == "held_out").mean() == pytest.approx(0.3, abs=0.05)


def test_an_instruction_stays_where_it_is_when_others_come() -> None:
    few, many = (split(*((f"Instruction {n}", "kolme ihan hyvää") for n in range(count))).kept for count in (10, 50))
    assert few["split"].to_list() == many["split"].head(10).to_list()


def test_thai_words_are_counted_by_characters() -> None:
    assert split(("Say.", "ภาษาไทยไม่มีช่องว่าง"), language="th").kept.height == 1
    assert split(("Say.", "ภาษาไทย"), language="th").dropped["reason"].item() == "response_too_short"


def job(make_job: MakeJob, *sources: SeedSource) -> Job:
    return make_job("seed_pairs", seed_pairs=SETTINGS.model_copy(update={"sources": list(sources)}))


def write(path: Path, *rows: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    if path.suffix == ".parquet":
        pl.DataFrame(rows).write_parquet(path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(text))
    elif path.suffix == ".zst":
        with pa.output_stream(str(path), compression="zstd") as file:
            file.write(text)
    else:
        path.write_bytes(text)


PAIR = {"instruction": "Say.", "response": "kolme ihan hyvää"}


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_each_format_is_read(make_job: MakeJob, tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"seeds/fi{suffix}", PAIR, {**PAIR, "response": None})
    one = job(make_job, SeedSource(folder="seeds", suffix=suffix))
    seed_pairs.run(one)
    row = pl.read_parquet(one.staging / "part-00000.parquet").row(0, named=True)
    assert (row["response"], row["source"], row["origin"]) == ("kolme ihan hyvää", f"seeds/fi{suffix}#1", "native")
    assert drop_counts(one.staging) == {"no_response": 1}


def test_a_translated_response_stays_marked(make_job: MakeJob, tmp_path: Path) -> None:
    write(tmp_path / "seeds/fi.jsonl", {**PAIR, "translated": True, "translator": "by hand"})
    one = job(make_job, SeedSource(folder="seeds"))
    seed_pairs.run(one)
    row = pl.read_parquet(one.staging / "part-00000.parquet").row(0, named=True)
    assert (row["origin"], row["translator"]) == ("translated", "by hand")


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        (True, "translated"),
        (1, "translated"),
        ("True", "translated"),
        ("false", "native"),
        (0, "native"),
        (None, "native"),
    ],
)
def test_a_file_says_in_its_own_way_what_was_translated(
    make_job: MakeJob, tmp_path: Path, said: object, origin: str
) -> None:
    write(tmp_path / "seeds/fi.jsonl", {**PAIR, "translated": said})
    one = job(make_job, SeedSource(folder="seeds"))
    seed_pairs.run(one)
    assert pl.read_parquet(one.staging / "part-00000.parquet")["origin"].to_list() == [origin]


@pytest.mark.parametrize("value", [["Say."], {"role": "user", "content": "Say."}])
def test_a_column_that_holds_no_texts_is_named(make_job: MakeJob, tmp_path: Path, value: object) -> None:
    write(tmp_path / "seeds/fi.jsonl", {**PAIR, "instruction": value})
    with pytest.raises(
        InputError, match=r"column `instruction` of .*fi\.jsonl holds (List|Struct).*: give a text a row"
    ):
        seed_pairs.run(job(make_job, SeedSource(folder="seeds")))


def test_what_is_measured_is_what_was_read(make_job: MakeJob, tmp_path: Path) -> None:
    write(
        tmp_path / "seeds/fi.jsonl", *({**PAIR, "instruction": f"Say {n}."} for n in range(9)), {**PAIR, "response": ""}
    )
    one = job(make_job, SeedSource(folder="seeds"))
    seed_pairs.run(one)
    metrics = seed_pairs.measure(one)
    assert metrics["bad_share"] == pytest.approx(0.1)
    assert int(metrics["train"]) + int(metrics["held_out"]) == metrics["distinct_instructions"] == 9
    assert metrics["wrong_ids"] == 0


def test_the_same_pair_in_two_sources_counts_once(make_job: MakeJob, tmp_path: Path) -> None:
    write(tmp_path / "seeds/fi.jsonl", PAIR)
    write(tmp_path / "more/fi.jsonl", PAIR, {**PAIR, "instruction": "Tell."})
    one = job(make_job, SeedSource(folder="seeds"), SeedSource(folder="more"))
    seed_pairs.run(one)
    rows = pl.concat([pl.read_parquet(path) for path in sorted(one.staging.glob("part-*"))])
    assert rows["instruction"].to_list() == ["Say.", "Tell."]


def test_a_missing_file_is_named(make_job: MakeJob) -> None:
    with pytest.raises(InputError, match=r"seeds/fi.jsonl is not there; add the file or take fi out of languages"):
        seed_pairs.run(job(make_job, SeedSource(folder="seeds")))


def test_an_absent_column_is_named_with_those_met(make_job: MakeJob, tmp_path: Path) -> None:
    write(tmp_path / "seeds/fi.jsonl", {"instruction": "Say.", "answer": "kolme ihan hyvää"})
    with pytest.raises(InputError, match="has no column `response`; met instruction, answer"):
        seed_pairs.run(job(make_job, SeedSource(folder="seeds")))


@pytest.mark.parametrize("content", [b"", b"not json\n", b'{"instruction": "a", "resp', b"\xff\xfe\x00"])
def test_an_unreadable_file_is_named(make_job: MakeJob, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds/fi.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=r"seeds/fi\.jsonl"):
        seed_pairs.run(job(make_job, SeedSource(folder="seeds")))


ENGLISH = "Bread is baked in a hot oven. Eat it with butter."


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("Bread baked in a hot oven, sanoi hän, ja söi sen voin kanssa.", "translation_copies_english"),
        ("Leipä leivotaan.", "translation_of_odd_length"),
        ("", "translation_unfinished"),
        ("Leipä leivotaan kuumassa uunissa. " * 5, "translation_of_odd_length"),
        ("Das Brot wird im heißen Ofen gebacken und gegessen.", "response_not_in_language"),
    ],
)
def test_a_bad_translation_is_dropped_with_its_reason(response: str, reason: str) -> None:
    made = split(("Say.", response), english=ENGLISH)
    assert made.dropped["reason"].to_list() == [reason]


def test_a_good_translation_is_kept_and_marked() -> None:
    row = split(("Say.", "Leipä paistetaan kuumassa uunissa. Syö se voin kanssa."), english=ENGLISH).kept.row(
        0, named=True
    )
    assert (row["origin"], row["translator"]) == ("translated", "a model")


LEARNED = {
    "Bread is baked in a hot oven.": "Leipä paistetaan aina kuumassa uunissa.",
    "Eat it with butter.": "Se syödään sitten voin kanssa.",
}


@pytest.fixture(scope="module")
def translating_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 of some thousand parameters that learned two sentences by heart."""
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
    asked = tokenizer([f"finnish: {text}" for text in LEARNED], return_tensors="pt", padding=True)
    labels = tokenizer(list(LEARNED.values()), return_tensors="pt", padding=True)["input_ids"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(80):
        loss = model(
            input_ids=asked["input_ids"],
            attention_mask=asked["attention_mask"],
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
    sources = [SeedSource(folder="english", translate=True)]
    own = SETTINGS.model_copy(update={"sources": sources, "translation": translation})
    return make_job("seed_pairs", seed_pairs=own)


def test_english_pairs_are_put_into_the_language_by_a_checkpoint(
    make_job: MakeJob, tmp_path: Path, translating_model: Path
) -> None:
    write(
        tmp_path / "english/en.jsonl",
        {"instruction": "Say.", "response": ENGLISH},
        {"instruction": "Tell.", "response": ""},
    )
    settings = Translation(checkpoint=str(translating_model), prefix="finnish: ", max_tokens=12, beams=2)
    job = translated(make_job, settings)
    seed_pairs.run(job)
    row = pl.read_parquet(job.staging / "part-00000.parquet").row(0, named=True)
    assert row["response"] == " ".join(LEARNED.values())
    assert (row["instruction"], row["origin"], row["translator"]) == ("Say.", "translated", str(translating_model))
    assert drop_counts(job.staging) == {"no_response": 1}
    assert seed_pairs.measure(job)["translated_share"] == 1.0


def test_what_was_translated_is_not_translated_again(
    make_job: MakeJob, tmp_path: Path, translating_model: Path
) -> None:
    write(tmp_path / "english/en.jsonl", {"instruction": "Say.", "response": ENGLISH})
    settings = Translation(checkpoint=str(translating_model), prefix="finnish: ", max_tokens=12, beams=2)
    seed_pairs.run(translated(make_job, settings))
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "data/.work").rglob("part.parquet")}
    again = translated(make_job, settings)
    shutil.rmtree(again.staging)
    seed_pairs.run(again)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data/.work").rglob("part.parquet")} == first
    assert len(again.used) == 2  # the translations and the shard


def test_a_translated_text_keeps_its_lines(translating_model: Path, tmp_path: Path) -> None:
    settings = Translation(checkpoint=str(translating_model), prefix="finnish: ", max_tokens=12, beams=1)
    engine = translator(settings, "fi", tmp_path)
    (text,) = engine.translate(["Bread is baked in a hot oven.\n\nEat it with butter."])
    assert text == "\n\n".join(LEARNED.values())


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Bread is baked in a hot oven.", 3),  # its translation is longer
        ("Eat it with butter. " + "Bread " * 12 + "is baked.", 12),  # a sentence is
    ],
)
def test_a_text_that_was_cut_off_is_no_translation(
    translating_model: Path, tmp_path: Path, text: str, tokens: int
) -> None:
    settings = Translation(checkpoint=str(translating_model), prefix="finnish: ", max_tokens=tokens, beams=1)
    made = translator(settings, "fi", tmp_path).translate([text, "Eat it with butter."])
    assert made[0] == "" and (tokens == 3 or made[1] == LEARNED["Eat it with butter."])


def test_an_end_that_a_model_is_made_to_say_in_the_last_place_is_none(translating_model: Path, tmp_path: Path) -> None:
    marian = shutil.copytree(translating_model, tmp_path / "marian")
    path = marian / "generation_config.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "forced_eos_token_id": said["eos_token_id"]}))
    settings = Translation(checkpoint=str(marian), prefix="finnish: ", max_tokens=5, beams=1)
    assert translator(settings, "fi", tmp_path).translate(["Eat it."]) == [""]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Translation(checkpoint="models/none"), "no folder; for a hub id set translation.revision"),
        (Translation(checkpoint="seeds"), "seeds is no usable translation model"),
    ],
)
def test_a_checkpoint_that_translates_nothing_is_named(settings: Translation, message: str, tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    with pytest.raises(InputError, match=message):
        translator(settings, "fi", tmp_path)


def test_a_language_the_model_does_not_know_is_named(translating_model: Path, tmp_path: Path) -> None:
    settings = Translation(checkpoint=str(translating_model), language_codes={"fi": "fin_Latn"})
    with pytest.raises(InputError, match=r"language_codes\.fi: .* does not know 'fin_Latn'"):
        translator(settings, "fi", tmp_path).translate(["Bread"])


def test_a_source_to_be_translated_needs_a_translation() -> None:
    with pytest.raises(ValueError, match=r"needs seed_pairs\.translation"):
        SeedPairs.model_validate({**SETTINGS.model_dump(), "sources": [{"folder": "english", "translate": True}]})
