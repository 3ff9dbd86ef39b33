"""The project of the benchmark real_model is valid, and its figures are right on tiny frames. No model is loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from stages.params import Settings, load_settings, validated
from tests.benchmarks import real_model, real_model_project, real_model_swapped
from tests.benchmarks.project_copy import merged, run_python
from tests.benchmarks.real_documents import Excerpts
from tests.benchmarks.real_model_examples import write_examples
from tests.benchmarks.real_model_figures import (
    chrf,
    cosines,
    kept_precision,
    mean_of,
    own_first,
    precision_by_seed,
    precision_gain,
    well_formed_share,
)
from tests.benchmarks.real_model_project import (
    CHECKPOINT,
    chosen_languages,
    data_settings,
    make_project,
    settings,
    texts_per_language,
)
from tests.benchmarks.real_model_rows import (
    beside,
    evaluator_rows,
    formed_share,
    interval_note,
    kept_rows,
)
from tests.benchmarks.real_model_swapped import combinations, swapped_rows
from tests.benchmarks.swapped_likelihood import AS_IS, EMPTY, OTHERS, area, areas, means_of_others
from tests.conftest import ROOT
from x_instruction.embeddings.similarity import SIMILARITIES
from x_instruction.embeddings.vectors import INSTRUCTION, RESPONSE
from x_instruction.pairs.training_pairs import Pair
from x_instruction.runner.errors import SettingsError
from x_instruction.runner.files import write_json

ENGLISH = "Good bread needs flour, water, salt and time. " * 4


def changed(languages: list[str], texts: int = 60) -> Settings:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    return validated(merged(params, settings(languages, texts)), ROOT / "params.yaml")


@pytest.fixture
def collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real-text collection with three English pairs; the excerpts are replaced by nine short texts."""
    folder = tmp_path / "collection"
    (folder / "seed").mkdir(parents=True)
    rows = [
        {"instruction": "Describe bread.", "input": "", "output": ENGLISH},
        {"instruction": "Summarise this text.", "input": "A text.", "output": ENGLISH},
        {"instruction": "Say hello.", "input": "", "output": "Hello."},
    ]
    pl.DataFrame(rows).write_ndjson(folder / "seed" / "alpaca_en_demo.jsonl.zst", compression="zstd")
    monkeypatch.setenv("XI_SHARED_DATA", str(folder))
    found = Excerpts()
    found.parts["learned"] = [f"Teksti {number}." for number in range(9)]
    monkeypatch.setattr(real_model_project, "excerpts", lambda language: found)
    return folder


@pytest.mark.parametrize("languages", [["fi"], ["fi", "sw", "hi"]])
def test_the_settings_are_valid_and_ratings_use_the_similarities(languages: list[str]) -> None:
    valid = changed(languages)
    assert valid.languages == languages and len(valid.iterations) == 2
    assert set(SIMILARITIES) <= set(valid.rating.signals)
    assert valid.base_model.checkpoint == CHECKPOINT


@pytest.mark.parametrize(("texts", "pairs"), [(60, 40), (120, 80), (2, 2)])
def test_the_number_of_pairs_follows_the_number_of_texts(texts: int, pairs: int) -> None:
    valid = changed(["fi"], texts)
    assert valid.diversified_set.pairs == pairs and valid.refined_pairs.max_pairs == pairs


def test_every_training_keeps_checkpoints_and_freezes_the_embedding() -> None:
    valid = changed(["fi"])
    for artifact in ("instruction_model", "response_model", "evaluator", "tuned_model"):
        training = getattr(valid, artifact).training
        assert training.freeze_embeddings and training.save_every < 10
        assert training.batch_size * training.gradient_accumulation == 8


def test_the_project_has_the_texts_the_seeds_and_the_weights(tmp_path: Path, collection: Path) -> None:
    weights = tmp_path / "weights.gguf"
    weights.write_bytes(b"GGUF")
    make_project(tmp_path / "project", weights, ["fi"], 3)
    valid = load_settings(tmp_path / "project" / "params.yaml")
    assert (tmp_path / "project" / CHECKPOINT).read_bytes() == b"GGUF"
    texts = pl.read_ndjson(tmp_path / "project" / "data" / "real" / "web" / "fi.jsonl")["text"].to_list()
    assert texts == ["Teksti 0.", "Teksti 3.", "Teksti 6."]
    english = tmp_path / "project" / valid.seed_pairs.sources[1].file_name("fi")
    # A pair with an input, or with a short answer, is not a seed.
    assert pl.read_ndjson(english)["instruction"].to_list() == ["Describe bread."]


def test_the_embedded_model_gets_the_same_data_and_its_usual_settings(tmp_path: Path, collection: Path) -> None:
    make_project(tmp_path / "project", None, ["fi"], 3)
    valid, usual = load_settings(tmp_path / "project" / "params.yaml"), load_settings(ROOT / "params.yaml")
    assert valid.base_model == usual.base_model and valid.prompts == usual.prompts
    assert valid.seed_pairs == changed(["fi"]).seed_pairs and set(data_settings(["fi"])) <= set(settings(["fi"], 3))


def test_an_environment_variable_chooses_the_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANGUAGES", raising=False)
    assert chosen_languages() == ["fi", "sw", "hi"]
    monkeypatch.setenv("LANGUAGES", "th, ta")
    assert chosen_languages() == ["th", "ta"]
    monkeypatch.setenv("LANGUAGES", "all")
    assert len(chosen_languages()) == 10
    monkeypatch.setenv("LANGUAGES", "fi xx")
    with pytest.raises(SettingsError, match="LANGUAGES: 'xx' is not a language; choose from"):
        chosen_languages()


def test_an_environment_variable_sets_the_number_of_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTS", raising=False)
    assert texts_per_language() == 60
    monkeypatch.setenv("TEXTS", "many")
    with pytest.raises(SettingsError, match="TEXTS: 'many' is not a number of texts"):
        texts_per_language()


def test_runs_of_other_texts_have_another_project() -> None:
    names = [real_model.project_name("gemma", *of) for of in ((["fi", "sw", "hi"], 60), (["fi"], 60), (["fi"], 30))]
    assert names == ["real_model_gemma", "real_model_gemma_fi_60", "real_model_gemma_fi_30"]


def test_the_times_of_all_attempts_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise RuntimeError("killed")

    clock = iter([0.0, 60.0, 100.0, 280.0])
    monkeypatch.setattr(real_model.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(real_model, "run_python", interrupted)
    with pytest.raises(RuntimeError):
        real_model.finish(tmp_path)
    monkeypatch.setattr(real_model, "run_python", lambda *arguments, **options: None)
    real_model.finish(tmp_path)
    assert real_model.minutes(tmp_path) == 4.0


def test_the_output_of_a_long_run_is_appended_to_its_log(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    run_python(tmp_path, "-c", "print('first')", log=log)
    with pytest.raises(RuntimeError, match="second"):
        run_python(tmp_path, "-c", "raise SystemExit('second')", log=log)
    assert log.read_text(encoding="utf-8").split() == ["first", "second"]


def test_only_drops_for_form_make_an_instruction_ill_formed() -> None:
    drops = {"instruction_not_english": 1, "several_instructions": 1, "similar_instructions": 8}
    assert well_formed_share(10, drops) == pytest.approx(0.9)


def test_an_interval_contains_its_mean_and_is_reproducible() -> None:
    values = [0.0, 1.0, 1.0, 1.0] * 5
    measured = mean_of(values)
    assert measured.interval.low < measured.value == 0.75 < measured.interval.high
    assert measured == mean_of(values)
    assert mean_of([1.0, 3.0], [3.0, 1.0]).value == 1.5


def vectors(rows: list[list[float]]) -> list[bytes]:
    return [np.array(row, np.float16).tobytes() for row in rows]


def test_cosines_are_taken_after_the_means_are_subtracted() -> None:
    # All vectors share a large component. After it is removed, each instruction is near its own text.
    shared = [[9.0, 1.0], [9.0, -1.0]]
    frame = pl.DataFrame({INSTRUCTION: vectors(shared), RESPONSE: vectors(shared)})
    assert cosines(frame).round(3).tolist() == [[1.0, -1.0], [-1.0, 1.0]]


def test_own_first_is_the_probability_that_no_drawn_text_is_nearer() -> None:
    table = np.eye(5)
    assert own_first(table, of=3) == 1.0
    table[0, 1] = 2.0  # text 1 is nearer to instruction 0 than text 0 is; half of the draws lack text 1
    assert own_first(table, of=3) == pytest.approx((4 + 0.5) / 5)


def rated(ratings: dict[str, float], seeds: int = 4) -> pl.DataFrame:
    rows = [(defect, rating) for _ in range(seeds) for defect, rating in ratings.items()]
    return pl.DataFrame(rows, schema=["defect", "rating"], orient="row")


GOOD = {"none": 0.9, "swapped": 0.1, "cut": 0.1, "repeated": 0.1, "wrong_language": 0.1, "boilerplate": 0.1}


def test_precision_weights_the_pairs_by_the_planted_shares() -> None:
    assert kept_precision(rated(GOOD), 0.5) == 1.0
    # The good pairs are half of the set, and each defect is a tenth.
    assert kept_precision(rated({**GOOD, "swapped": 0.8}), 0.5) == pytest.approx(0.5 / 0.6)
    assert kept_precision(rated({**GOOD, "strays": 0.8}), 0.5) == 1.0  # PLANTED has no such defect
    assert kept_precision(rated(dict.fromkeys(GOOD, 0.1)), 0.5) == 0.0


def test_the_gain_of_an_iteration_has_an_interval_over_seeds() -> None:
    before, after = rated({**GOOD, "cut": 0.8}), rated(GOOD)
    gain = precision_gain(before, after, 0.5)
    assert gain.value == pytest.approx(1 - 0.5 / 0.6) and gain.interval.low == pytest.approx(gain.value)
    assert precision_by_seed(after, 0.5).value == 1.0


def test_chrf_of_equal_texts_is_100() -> None:
    answers = pl.DataFrame(
        {"response": ["Hyvää huomenta kaikille."] * 3, "reference": ["Hyvää huomenta kaikille."] * 3}
    )
    assert chrf(answers).value == pytest.approx(100.0)


def test_both_corrections_make_instructions_of_different_likelihood_comparable() -> None:
    # Each instruction's own response adds 1 to its likelihood. But the first instruction is unlikely after any text.
    without = np.array([-9.0, -2.0, -1.0])
    table = without[:, None] + np.eye(3)
    found = areas(table, without)
    assert found[AS_IS] < 1 and found[EMPTY] == 1.0 and found[OTHERS] == 1.0


def test_the_mean_after_other_texts_excludes_the_own_and_the_compared_text() -> None:
    table = np.array([[5.0, 1.0, 3.0], [2.0, 5.0, 4.0], [6.0, 8.0, 5.0]])
    assert means_of_others(table).tolist() == [[2.0, 3.0, 1.0], [4.0, 3.0, 2.0], [8.0, 6.0, 7.0]]
    assert area(np.eye(2)) == 1.0


def test_the_examples_show_instructions_texts_and_the_tuned_models_answers(tmp_path: Path) -> None:
    pairs = tmp_path / "data" / "rated_pairs" / "iteration_1" / "fi"
    answers = tmp_path / "data" / "eval_scores" / "fi"
    for folder in (pairs, answers):
        folder.mkdir(parents=True)
    row = {"id": "1", "instruction": "Describe tea.", "response": "Tee on\nkuumaa.", "rating": 0.5}
    pl.DataFrame([row]).write_parquet(pairs / "part-00000.parquet")
    asked = [{**row, "model": model, "response": f"Vastaus: {model}"} for model in ("base", "tuned")]
    pl.DataFrame(asked).write_parquet(answers / "part-00000.parquet")
    write_examples(tmp_path, ["fi"], tmp_path / "examples.md")
    text = (tmp_path / "examples.md").read_text(encoding="utf-8")
    assert "- **Describe tea.** (rated 0.50) Tee on kuumaa." in text
    assert "Vastaus: tuned" in text and "Vastaus: base" not in text


SCORES = {
    "by_language": {"fi": {"auc": 0.92}},
    "auc_by_defect": {"swapped": 0.8},
    "labels_alone": {"auc": 0.7, "auc_by_defect": {"swapped": 0.6}},
    "auc": 0.9,
}


def with_scores(project: Path, **changed: object) -> Path:
    for number in (1, 2):
        write_json(project / f"data/metrics/evaluator/iteration_{number}.json", {**SCORES, **changed})
        folder = project / f"data/evaluator/iteration_{number}"
        folder.mkdir(parents=True)
        rated(GOOD).write_parquet(folder / "held_out.parquet")
    return project


def test_evaluators_are_compared_with_their_labels_alone_and_the_embedded_model(tmp_path: Path) -> None:
    ours = with_scores(tmp_path / "ours")
    embedded = with_scores(tmp_path / "embedded", by_language={"fi": {"auc": 0.5}}, auc_by_defect={"swapped": 0.4})
    rows = {row.case: row for row in evaluator_rows(ours, embedded)}
    assert len(rows) == 6
    assert rows["evaluator 1, fi"].ours == 0.92 and rows["evaluator 1, fi"].note == "at least; embedded model 0.5"
    assert rows["evaluator 2, swapped"].note == "at least; labels alone 0.6; embedded model 0.4"
    assert rows["evaluator 2, labels alone"].peer == 0.9


def test_swapped_responses_are_all_those_of_other_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = {
        "fi": [Pair(str(number), "fi", f"Say {number}.", f"Vastaus {number}.", "") for number in range(3)],
        "sw": [Pair("a", "sw", "Say a.", "Jibu a.", "")],
        "hi": [],
    }
    monkeypatch.setattr(real_model_swapped, "load_settings", lambda path: changed(list(seeds)))
    monkeypatch.setattr(real_model_swapped, "unlearned_seeds", lambda project, code, splits: seeds[code])
    monkeypatch.setattr(real_model_swapped, "with_signals", lambda pairs, project, settings: pairs)

    def rate(pairs: pl.DataFrame, project: Path, settings: Settings, iteration: int) -> pl.DataFrame:
        # The second iteration rates one of the six swapped pairs as high as the good pairs.
        same = (pl.col("instruction") == "Say 0.") & (pl.col("response") == "Vastaus 1.") & (iteration == 2)
        high = pl.col("asked") == pl.col("answered") if project.name == "ours" else pl.lit(True)
        return pairs.with_columns(rating=(high | same).cast(pl.Float64))

    monkeypatch.setattr(real_model_swapped, "with_ratings", rate)
    first, second = swapped_rows(tmp_path / "ours", tmp_path / "embedded")
    assert (first.case, first.ours, second.case) == ("evaluator 1, swapped, fi", 1.0, "evaluator 2, swapped, fi")
    assert second.ours == pytest.approx(1 - 0.5 / 6) and second.peer == 0.9
    assert first.note.startswith("at least; 1 (")
    assert first.note.endswith("all combinations of 3 seeds; embedded model 0.5")


def test_the_own_response_comes_first_in_the_combinations_of_an_instruction() -> None:
    seeds = [Pair(str(number), "fi", f"Say {number}.", f"Vastaus {number}.", "") for number in range(3)]
    made = combinations("fi", seeds)
    firsts = made.group_by("instruction", maintain_order=True).first()
    assert firsts["asked"].to_list() == firsts["answered"].to_list() == [0, 1, 2]
    assert made.height == made.n_unique(["instruction", "response"]) == made.n_unique(["asked", "answered"]) == 9


def test_the_second_iteration_is_compared_with_the_first_on_planted_pairs(tmp_path: Path, settings: Settings) -> None:
    first, second = kept_rows(with_scores(tmp_path), settings)
    assert first.ours == 1.0 and first.peer == 0.9 and first.note == "at least; 1 (1 to 1)"
    assert second.peer == first.ours and "the difference is 0 (0 to 0)" in second.note


def test_the_well_formed_share_counts_the_drops_of_all_languages(tmp_path: Path) -> None:
    for code, rows, reasons in (("fi", 8, {"instruction_not_english": 2}), ("sw", 10, {"similar_instructions": 5})):
        manifest = {"rows": rows, "drop_reasons": reasons}
        write_json(tmp_path / f"data/candidate_pairs/{code}/manifest.json", manifest)
    assert formed_share(tmp_path, ["fi", "sw"]) == pytest.approx(1 - 2 / 25)


def test_the_note_has_the_intervals_of_all_models() -> None:
    found = {name: mean_of([value] * 3) for name, value in (("tuned", 0.9), ("seed_only", 0.8), ("base", 0.1))}
    note = "seed-only; 0.9 (0.9 to 0.9) against 0.8 (0.8 to 0.8); base 0.1 (0.1 to 0.1)"
    assert interval_note(found) == note
    assert interval_note({**found, "embedded": mean_of([0.5] * 3)}) == f"{note}; embedded model 0.5"


def test_a_figure_that_could_not_be_measured_is_left_out() -> None:
    assert beside({"labels alone": None, "embedded model": 0.5}) == "at least; embedded model 0.5"
