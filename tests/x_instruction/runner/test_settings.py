"""`params.yaml` is refused at start, in one sentence that names the key, the value met and the rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.params import load_settings
from tests.conftest import ROOT
from x_instruction.language.names import LANGUAGES
from x_instruction.runner.errors import SettingsError


def problem(tmp_path: Path, *keys: str, value: Any = None, gone: bool = False) -> str:
    """What the real settings are refused with after one change."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    section = values
    for key in keys[:-1]:
        section = section[key]
    if gone:
        del section[keys[-1]]
    else:
        section[keys[-1]] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return refusal(path)


def refusal(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_settings_of_the_project_load() -> None:
    settings = load_settings(ROOT / "params.yaml")
    assert set(settings.languages) <= set(LANGUAGES)
    assert next(iter(settings.iterations)) == "iteration_1"


def test_a_misspelt_key_is_met_with_the_right_one(tmp_path: Path) -> None:
    message = problem(tmp_path, "filtered_text", "min_word", value=3)
    assert message == "params.yaml: `filtered_text.min_word` is not a setting; did you mean `min_words`?"


def test_a_misspelt_key_deep_down_is_met_with_the_right_one(tmp_path: Path) -> None:
    message = problem(tmp_path, "tuned_model", "training", "learning_rates", value=0.1)
    assert "`tuned_model.training.learning_rates` is not a setting; did you mean `learning_rate`?" in message


def test_a_misspelt_section_is_met_with_the_right_one(tmp_path: Path) -> None:
    assert "`filterd_text` is not a setting; did you mean `filtered_text`?" in problem(
        tmp_path, "filterd_text", value={}
    )


def test_an_unknown_key_is_to_be_removed(tmp_path: Path) -> None:
    assert problem(tmp_path, "decoding", "zzz", value=1) == "params.yaml: `decoding.zzz` is not a setting; remove it"


def test_a_misspelt_key_of_a_source_is_met_with_the_right_one(tmp_path: Path) -> None:
    message = problem(tmp_path, "raw_web_text", "sources", value=[{"path": "web", "languges": ["fi"]}])
    assert "`raw_web_text.sources.0.languges` is not a setting; did you mean `languages`?" in message


def test_a_missing_key_is_to_be_added(tmp_path: Path) -> None:
    message = problem(tmp_path, "decoding", "top_p", gone=True)
    assert message == "params.yaml: `decoding.top_p` is missing; add it"


def test_several_problems_are_counted(tmp_path: Path) -> None:
    assert "is missing; add it (and 3 more)" in problem(tmp_path, "decoding", value={})


def test_an_unknown_language_is_named_with_those_known(tmp_path: Path) -> None:
    message = problem(tmp_path, "languages", value=["fi", "xx"])
    assert message == f"params.yaml: `languages.1`: 'xx' is not one of the languages {', '.join(LANGUAGES)}"


def test_a_language_named_in_the_prompts_is_known(tmp_path: Path) -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["prompts"]["languages"] = {"xx": "Exish"}
    values["languages"] = ["fi", "xx"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    assert load_settings(tmp_path / "params.yaml").prompts.language_names["xx"] == "Exish"


def test_norwegian_which_yaml_reads_as_false_is_an_unknown_language(tmp_path: Path) -> None:
    assert "`languages.0`: False is not one of the languages" in problem(tmp_path, "languages", value=[False])


def test_a_language_listed_twice_is_named(tmp_path: Path) -> None:
    message = problem(tmp_path, "languages", value=["fi", "sw", "fi"])
    assert message == "params.yaml: `languages` is ['fi', 'sw', 'fi']: 'fi' is listed more than once"


def test_an_empty_list_of_languages_is_refused(tmp_path: Path) -> None:
    assert "`languages` is []: List should have at least 1 item" in problem(tmp_path, "languages", value=[])


@pytest.mark.parametrize(
    ("keys", "value", "rule"),
    [
        (("decoding", "top_p"), 1.2, "less than or equal to 1"),
        (("decoding", "temperature"), -0.5, "greater than or equal to 0"),
        (("seed_pairs", "held_out_share"), 1.0, "less than 1"),
        (("filtered_text", "min_words"), 0, "greater than or equal to 1"),
        (("filtered_text", "min_words"), "many", "valid integer"),
        (("execution", "executor"), "threads", "'in_process', 'processes' or 'ray'"),
        (("text_generation", "batch_size"), 2.5, "valid integer"),
        (("evaluator", "labels"), [" A", " B"], "at least 3 items"),
        (("tuned_model", "training", "learning_rate"), 0, "greater than 0"),
    ],
)
def test_an_impossible_value_is_named_with_its_rule(
    tmp_path: Path, keys: tuple[str, ...], value: Any, rule: str
) -> None:
    message = problem(tmp_path, *keys, value=value)
    assert message.startswith(f"params.yaml: `{'.'.join(keys)}` is {value!r}: ")
    assert rule in message


def test_two_values_that_contradict_each_other_are_both_named(tmp_path: Path) -> None:
    message = problem(tmp_path, "filtered_text", "max_words", value=40)
    assert "`filtered_text`" in message and "max_words (40) must be above min_words (40)" in message


def test_heads_that_do_not_divide_the_width_are_refused(tmp_path: Path) -> None:
    message = problem(tmp_path, "base_model", "architecture", "heads", value=7)
    assert "hidden (192) must be a multiple of heads (7)" in message


def test_a_template_without_its_placeholder_is_refused(tmp_path: Path) -> None:
    message = problem(tmp_path, "prompts", "rate", value="{instruction} in {language}")
    assert message == "params.yaml: `prompts.rate` is '{instruction} in {language}': the template must hold {response}"


def test_a_level_without_any_defect_is_refused(tmp_path: Path) -> None:
    weights = {
        "cut": 1,
        "repeated": 1,
        "partly_foreign": 1,
        "strays": 1,
        "model_answer": 1,
        "swapped": 0,
        "wrong_language": 0,
    }
    assert "`evaluator.defects`" in problem(tmp_path, "evaluator", "defects", value=weights)
    # What a model says is not in the set that ratings are calibrated on: it alone makes no level.
    assert "`evaluator.defects`" in problem(tmp_path, "evaluator", "defects", value={**weights, "drift": 1})


def test_more_pairs_at_least_than_at_most_are_refused(tmp_path: Path) -> None:
    message = problem(tmp_path, "refined_pairs", "min_pairs", value=1001)
    assert "min_pairs (1001) must not be more than max_pairs (1000)" in message


def test_seeds_of_which_none_is_learned_are_refused(tmp_path: Path) -> None:
    assert "no seed is left to learn from" in problem(tmp_path, "seed_pairs", "calibration_share", value=0.7)


def test_an_unknown_sign_is_refused_with_those_known(tmp_path: Path) -> None:
    message = problem(tmp_path, "evaluator", "signs", value=["likelihood", "smell"])
    assert "evaluator.signs" in message and "'repeated_share'" in message


def test_a_temperature_that_vllm_does_not_take_is_refused(tmp_path: Path) -> None:
    assert "`decoding.temperature` is 2.5: " in problem(tmp_path, "decoding", "temperature", value=2.5)


@pytest.mark.parametrize(
    ("name", "template", "rule"),
    [
        ("write_instruction", "{response} Asked:{foo}", "nothing is put into {foo} of this template"),
        ("write_instruction", "{language}: {response}", "nothing is put into {language} of this template"),
        ("rate", "{instruction}{response}", "the template must hold {language}"),
    ],
)
def test_a_template_with_other_placeholders_is_refused(tmp_path: Path, name: str, template: str, rule: str) -> None:
    assert rule in problem(tmp_path, "prompts", name, value=template)


def test_prompts_without_an_end_are_refused(tmp_path: Path) -> None:
    assert "prompts.end is empty" in problem(tmp_path, "prompts", "end", value="")


def test_an_endpoint_without_address_is_refused(tmp_path: Path) -> None:
    message = problem(tmp_path, "text_generation", "backend", value="endpoint")
    assert "backend 'endpoint' needs endpoint.url and endpoint.model" in message


@pytest.mark.parametrize(
    "chain",
    [
        {"iteration_1": "seed_pairs", "iteration_2": "seed_pairs"},
        {"iteration_1": "seed_pairs", "iteration_3": "rated_pairs/iteration_1"},
        {"iteration_1": "seed_pairs", "iteration_2": "rated_pairs/iteration_2"},
    ],
)
def test_a_broken_chain_of_iterations_is_refused_with_the_right_entry(tmp_path: Path, chain: dict[str, str]) -> None:
    entries = {name: {"learns_from": source} for name, source in chain.items()}
    message = problem(tmp_path, "iterations", value=entries)
    name, source = list(chain.items())[1]
    assert "entry 2 must read `iteration_2: {learns_from: rated_pairs/iteration_1}`" in message
    assert f"met `{name}: {{learns_from: {source}}}`" in message


def test_a_third_iteration_that_goes_on_is_taken(tmp_path: Path) -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["iterations"]["iteration_3"] = {"learns_from": "rated_pairs/iteration_2"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    assert list(load_settings(tmp_path / "params.yaml").iterations)[-1] == "iteration_3"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "does not exist: run from the project's folder" in refusal(tmp_path / "params.yaml")


@pytest.mark.parametrize("content", [b"languages: [fi\nseed: 1\n", b"seed: \xff\n", b"- a\n", b""])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    message = refusal(tmp_path / "params.yaml")
    assert "is not readable YAML" in message or "must hold a mapping of sections, met" in message


def test_settings_cannot_be_changed_after_they_were_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings(ROOT / "params.yaml").seed = 3
