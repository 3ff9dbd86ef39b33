"""A wrong `params.yaml` is refused at the start, in one sentence that names the key, the value and the rule."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from stages.params import Settings, load_settings, validated
from tests.conftest import ROOT
from x_instruction.language.names import load_names
from x_instruction.runner.errors import SettingsError

PARAMS = ROOT / "params.yaml"
LANGUAGES = load_names(ROOT / "languages")
ORIGINAL = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))


def problem(*keys: str, value: Any = None, remove: bool = False) -> str:
    """The error message for the project's settings after one change."""
    values = deepcopy(ORIGINAL)
    section = values
    for key in keys[:-1]:
        section = section[key]
    if remove:
        del section[keys[-1]]
    else:
        section[keys[-1]] = value
    with pytest.raises(SettingsError) as caught:
        validated(values, PARAMS)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_settings_of_the_project_load() -> None:
    settings = load_settings(PARAMS)
    assert set(settings.languages) <= set(LANGUAGES)
    assert next(iter(settings.iterations)) == "iteration_1"


def test_a_misspelt_key_gets_a_suggestion() -> None:
    message = problem("filtered_text", "min_word", value=3)
    assert message == "params.yaml: `filtered_text.min_word` is not a setting; did you mean `min_words`?"


def test_a_renamed_key_is_named_and_not_the_missing_one() -> None:
    changed = deepcopy(ORIGINAL["filtered_text"])
    changed["min_word"] = changed.pop("min_words")
    message = problem("filtered_text", value=changed)
    assert message == "params.yaml: `filtered_text.min_word` is not a setting; did you mean `min_words`? (and 1 more)"


def test_a_misspelt_key_of_an_inner_section_gets_a_suggestion() -> None:
    message = problem("tuned_model", "training", "learning_rates", value=0.1)
    assert "`tuned_model.training.learning_rates` is not a setting; did you mean `learning_rate`?" in message


def test_a_misspelt_section_gets_a_suggestion() -> None:
    assert "`filterd_text` is not a setting; did you mean `filtered_text`?" in problem("filterd_text", value={})


def test_the_message_of_an_unknown_key_says_to_remove_it() -> None:
    assert problem("decoding", "zzz", value=1) == "params.yaml: `decoding.zzz` is not a setting; remove it"


def test_a_misspelt_key_of_a_source_gets_a_suggestion() -> None:
    message = problem("raw_web_text", "sources", value=[{"path": "web", "languges": ["fi"]}])
    assert "`raw_web_text.sources.0.languges` is not a setting; did you mean `languages`?" in message


def test_the_message_of_a_missing_key_says_to_add_it() -> None:
    message = problem("decoding", "top_p", remove=True)
    assert message == "params.yaml: `decoding.top_p` is missing; add it"


def keys(section: type[BaseModel], *before: str) -> Iterator[tuple[str, ...]]:
    """The keys of all settings, including those of inner sections."""
    for name, field in section.model_fields.items():
        yield *before, name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, *before, name)


@pytest.mark.parametrize("key", list(keys(Settings)), ids=".".join)
def test_every_setting_is_in_params_yaml_and_has_no_other_default(key: tuple[str, ...]) -> None:
    assert f"`{'.'.join(key)}` is missing; add it" in problem(*key, remove=True)


def test_a_source_and_a_translation_have_optional_settings() -> None:
    values = deepcopy(ORIGINAL)
    values["seed_pairs"]["translation"] = {"checkpoint": "models/en-{language}"}
    settings = validated(values, PARAMS)
    assert settings.seed_pairs.translation and settings.seed_pairs.translation.beams > 1
    assert settings.raw_web_text.sources[0].columns.text == "text"


def test_several_problems_are_counted() -> None:
    assert "is missing; add it (and 5 more)" in problem("decoding", value={})


def test_an_unknown_language_is_named_with_the_known_languages() -> None:
    message = problem("languages", value=["fi", "xx"])
    assert message == f"params.yaml: `languages.1`: 'xx' is not one of the languages {', '.join(LANGUAGES)}"


def test_a_language_with_a_line_in_names_yaml_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "languages").mkdir()
    names = yaml.safe_dump({**LANGUAGES, "xx": "Exish"})
    (tmp_path / "languages" / "names.yaml").write_text(names, encoding="utf-8")
    values = {**ORIGINAL, "languages": ["fi", "xx"]}
    assert validated(values, tmp_path / "params.yaml").languages == ["fi", "xx"]


def test_an_unknown_language_of_a_source_is_named() -> None:
    message = problem("raw_web_text", "sources", value=[{"path": "web", "languages": ["swa"]}])
    assert "`raw_web_text.sources.0.languages`: 'swa' is not one of the languages" in message


def test_the_code_no_is_refused_since_yaml_reads_it_as_false() -> None:
    assert "`languages.0`: False is not one of the languages" in problem("languages", value=[False])


def test_a_language_listed_twice_is_named() -> None:
    message = problem("languages", value=["fi", "sw", "fi"])
    assert message == "params.yaml: `languages` is ['fi', 'sw', 'fi']: 'fi' is listed more than once"


def test_an_empty_list_of_languages_is_refused() -> None:
    assert "`languages` is []: List should have at least 1 item" in problem("languages", value=[])


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
        (("rating", "labels"), [" A", " B"], "at least 3 items"),
        (("tuned_model", "training", "learning_rate"), 0, "greater than 0"),
    ],
)
def test_an_impossible_value_is_refused_with_its_rule(keys: tuple[str, ...], value: Any, rule: str) -> None:
    message = problem(*keys, value=value)
    assert message.startswith(f"params.yaml: `{'.'.join(keys)}` is {value!r}: ")
    assert rule in message


@pytest.mark.parametrize(
    ("keys", "value", "wanted"),
    [
        (("languages",), "fi", "write a list, such as `[a, b]`"),
        (("raw_web_text", "sources"), ["data/my/{language}"], "write its keys, such as `{ path: … }`"),
        (("seed_pairs", "translation"), "models/en-fi", "write its keys, such as `{ checkpoint: … }`"),
        (("seed_pairs", "translation"), {"checkpont": "models/en-fi"}, "did you mean `checkpoint`?"),
        (("released_set", "title"), None, "write a text"),
        (("diversified_set", "quotas"), 8, "write keys with values, such as `{ a: 1 }`"),
        (("seed_pairs", "translation"), "None", "write `null` for no value"),
        (("base_model", "revision"), 2024, "write it in quotation marks"),
        (("base_model", "revision"), "main", "should match pattern '^[0-9a-f]{40}$'"),
        (("tuned_model", "training", "epochs"), float("inf"), "Input should be a finite number"),
        (("seed",), 2**31, "less than 2147483648"),
        (("text_generation", "endpoint", "url"), "localhost:8000", "should match pattern '^https?://'"),
        (("rating", "labels"), ["", " B", " C"], "at least 1 character"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_what_to_write(
    keys: tuple[str, ...], value: Any, wanted: str
) -> None:
    assert problem(*keys, value=value).endswith(wanted)


@pytest.mark.parametrize("values", [[0, 0.2, 1], [1, 1, 1], [1, 0, 0.5]])
def test_values_that_do_not_fall_from_best_to_worst_are_refused(values: list[float]) -> None:
    assert "must fall from best over flawed to worst" in problem("rating", "values", value=values)


def test_equal_labels_are_refused() -> None:
    assert "must be three different tokens" in problem("rating", "labels", value=[" A", " A", " C"])


def test_instructions_of_no_possible_length_are_refused() -> None:
    message = problem("candidate_pairs", "min_instruction_words", value=300)
    assert "min_instruction_words (300) must not be more than max_instruction_words (60)" in message


def test_a_language_without_a_source_is_refused() -> None:
    message = problem("raw_web_text", "sources", value=[{"path": "data/my/fi", "languages": ["fi"]}])
    assert "`raw_web_text.sources` has no source for sw: add one, or remove sw from `languages`" in message


def test_the_message_names_both_of_two_values_that_contradict_each_other() -> None:
    message = problem("filtered_text", "max_words", value=40)
    assert "`filtered_text`" in message and "max_words (40) must be above min_words (40)" in message


def test_segments_that_would_all_be_too_short_are_refused() -> None:
    message = problem("filtered_text", "segment_words", value=39)
    assert "segment_words (39) must not be below min_words (40), because its segments would be dropped" in message


def test_a_segment_may_have_as_few_words_as_a_text() -> None:
    values = {**ORIGINAL, "filtered_text": {**ORIGINAL["filtered_text"], "segment_words": 40}}
    assert validated(values, PARAMS).filtered_text.segment_words == 40


@pytest.mark.parametrize(("key", "value"), [("word_lists", ["fi", "xx"]), ("listed_words", {"xx": ["sana"]})])
def test_word_lists_of_an_unknown_language_are_refused(key: str, value: Any) -> None:
    message = problem("filtered_text", key, value=value)
    assert f"`filtered_text.{key}` is" in message
    assert f"'xx' is not one of the languages {', '.join(LANGUAGES)}" in message


def test_a_number_of_heads_that_does_not_divide_the_width_is_refused() -> None:
    message = problem("base_model", "architecture", "heads", value=7)
    assert "hidden (192) must be a multiple of heads (7)" in message


def test_a_template_without_its_placeholder_is_refused() -> None:
    message = problem("prompts", "rate", value="{instruction} in {language}")
    template = "'{instruction} in {language}'"
    assert message == f"params.yaml: `prompts.rate` is {template}: the template must contain {{response}}"


def test_a_level_without_any_defect_is_refused() -> None:
    weights = {**ORIGINAL["evaluator"]["defects"], "swapped": 0, "wrong_language": 0, "drift": 0}
    assert "`evaluator.defects`" in problem("evaluator", "defects", value=weights)
    # The defect `drift` is not in the calibration set, so its level needs another defect, too.
    assert "`evaluator.defects`" in problem("evaluator", "defects", value={**weights, "drift": 1})


def test_a_minimum_of_pairs_above_the_maximum_is_refused() -> None:
    message = problem("refined_pairs", "min_pairs", value=1001)
    assert "min_pairs (1001) must not be more than max_pairs (1000)" in message


def test_only_the_embedded_model_may_keep_pairs_whatever_their_rating() -> None:
    message = problem("base_model", "checkpoint", value="google/gemma-3-270m")
    assert "`refined_pairs.always_kept` is 12" in message and "set it to 0" in message


def test_shares_that_leave_no_seed_for_training_are_refused() -> None:
    assert "no seed is left to learn from" in problem("seed_pairs", "calibration_share", value=0.7)


def test_an_unknown_signal_is_refused_with_the_known_signals() -> None:
    message = problem("rating", "signals", value=["likelihood", "smell"])
    assert "rating.signals" in message and "'repeated_share'" in message


def test_a_temperature_that_vllm_refuses_is_refused() -> None:
    assert "`decoding.temperature` is 2.5: " in problem("decoding", "temperature", value=2.5)


@pytest.mark.parametrize(
    ("name", "template", "rule"),
    [
        ("write_instruction", "{response} Asked:{foo}", "{foo} is not a placeholder of this template"),
        ("write_instruction", "{language}: {response}", "{language} is not a placeholder of this template"),
        ("rate", "{instruction}{response}", "the template must contain {language}"),
        ("write_instruction", "{response} Read again: {response}", "{response} occurs 2 times in this template"),
        ("rate", "{instruction}{response}{instruction}{language}", "{instruction} occurs 2 times in this template"),
    ],
)
def test_a_template_with_wrong_placeholders_is_refused(name: str, template: str, rule: str) -> None:
    assert rule in problem("prompts", name, value=template)


def test_prompts_without_an_end_are_refused() -> None:
    assert "prompts.end is empty" in problem("prompts", "end", value="")


def test_an_endpoint_without_a_url_is_refused() -> None:
    message = problem("text_generation", "backend", value="endpoint")
    assert "backend 'endpoint' needs endpoint.url and endpoint.model" in message


@pytest.mark.parametrize(
    "chain",
    [
        {"iteration_1": "seed_pairs", "iteration_2": "seed_pairs"},
        {"iteration_1": "seed_pairs", "iteration_3": "rated_pairs/iteration_1"},
        {"iteration_1": "seed_pairs", "iteration_2": "rated_pairs/iteration_2"},
    ],
)
def test_the_error_for_a_broken_chain_of_iterations_shows_the_right_entry(chain: dict[str, str]) -> None:
    entries = {name: {"learns_from": source} for name, source in chain.items()}
    message = problem("iterations", value=entries)
    name, source = list(chain.items())[1]
    assert "entry 2 must read `iteration_2: {learns_from: rated_pairs/iteration_1}`" in message
    assert f"not `{name}: {{learns_from: {source}}}`" in message


def test_a_third_iteration_that_continues_the_chain_is_accepted() -> None:
    values = deepcopy(ORIGINAL)
    values["iterations"]["iteration_3"] = {"learns_from": "rated_pairs/iteration_2"}
    assert list(validated(values, PARAMS).iterations)[-1] == "iteration_3"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist: run from the project's folder"):
        load_settings(tmp_path / "params.yaml")


@pytest.mark.parametrize("content", [b"languages: [fi\nseed: 1\n", b"seed: \xff\n", b"- a\n", b""])
def test_a_file_without_a_mapping_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"is not readable YAML|must hold a mapping of sections, but holds"):
        load_settings(tmp_path / "params.yaml")


def test_settings_cannot_be_changed_after_loading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings(PARAMS).seed = 3


def test_a_compared_model_of_a_missing_iteration_is_refused() -> None:
    models = [*ORIGINAL["eval_scores"]["models"], {"name": "third", "model": "response_model/iteration_3"}]
    message = problem("eval_scores", "models", value=models)
    assert "compares response_model/iteration_3, but the iterations are iteration_1, iteration_2" in message
