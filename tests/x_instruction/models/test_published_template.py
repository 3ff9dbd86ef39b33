"""The published chat template writes the prompts of the training data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from jinja2 import TemplateError

from stages.params import Settings
from tests.commands.test_release_model import RECORD
from tests.conftest import TRAINING
from tests.x_instruction.models.test_prompts import CHATML, LLAMA_2, byte_level, sentence_piece, with_control_strings
from x_instruction.models import publishing
from x_instruction.models.model_card import SYSTEM, SYSTEM_OF_BASE
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.published_template import Asking, published_template
from x_instruction.runner.gate import Metric

QUESTION = 'How is "rye" bread\nbaked? \\n 100 % {sure} ’ä 👩‍👩‍👧 {{ 7 * 7 }}'
# Maps each prompt to the texts that the template writes before and after a message that itself names the language.
PROMPTS = {
    "<|instruction|>{instruction} Answer{style} in {language}.<|response|>": ("<|instruction|>", "<|response|>"),
    "Instruction: {instruction} Answer{style} in {language}.\nResponse: ": ("Instruction: ", "\nResponse: "),
    "{instruction} Answer in {language}, please. <|response|>": ("", "<|response|>"),
    "{instruction}\nAnswer in {language}!": ("", ""),
    "<|instruction|>In {language}: {instruction}\n": ("<|instruction|>", "\n"),
    'Say "no"\\ {instruction}{language}{style}<|response|>\r\n': ('Say "no"\\ ', "<|response|>\r\n"),
}


def encoder(settings: Settings, prompt: str, tokenizer: Any = None, **prompts: Any) -> PromptEncoder:
    changed = settings.prompts.model_copy(update={"write_response": prompt, **prompts})
    return PromptEncoder(tokenizer or byte_level(), changed)


def rendered(encoder: PromptEncoder, messages: list[dict[str, str]], default: str = "", **arguments: Any) -> str:
    prompts = encoder.prompts
    asking = Asking(prompts.write_response, "instruction", {"style": prompts.style_answer}, default)
    tokenizer = encoder.tokenizer
    template = published_template(encoder, asking)
    arguments = {"add_generation_prompt": True, **arguments}
    return str(tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, **arguments))


def dialogue(*texts: str) -> list[dict[str, str]]:
    """A dialogue whose first message is the user's."""
    return [{"role": ("user", "assistant")[number % 2], "content": text} for number, text in enumerate(texts)]


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("question", [QUESTION, "Say."])
def test_a_question_with_its_language_is_the_prompt_of_the_training(
    settings: Settings, prompt: str, question: str
) -> None:
    one = encoder(settings, prompt)
    expected = one.write_response(question, "Finnish", settings.prompts.style_answer)
    text = rendered(one, dialogue(question), language="Finnish")
    assert text == one.tokenizer.decode(expected)
    assert one.tokenizer(text)["input_ids"] == expected


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_question_without_a_language_gets_only_the_structure(settings: Settings, prompt: str) -> None:
    before, after = PROMPTS[prompt]
    assert rendered(encoder(settings, prompt), dialogue("Say it in Finnish.")) == f"{before}Say it in Finnish.{after}"


RESPONSE = "<|instruction|>{instruction} Answer{style} in {language}.<|response|>"


def test_the_template_of_a_one_language_model_names_that_language(settings: Settings) -> None:
    one = encoder(settings, RESPONSE)
    expected = one.write_response("Say.", "Urdu", settings.prompts.style_answer)
    assert rendered(one, dialogue("Say."), "Urdu") == one.tokenizer.decode(expected)
    other = one.write_response("Say.", "Thai", " in verse")
    assert rendered(one, dialogue("Say."), "Urdu", language="Thai", style=" in verse") == one.tokenizer.decode(other)


def test_the_pipeline_can_use_a_published_template(settings: Settings) -> None:
    one = encoder(settings, RESPONSE)
    tokenizer = byte_level()
    tokenizer.chat_template = published_template(one, Asking(RESPONSE, "instruction", {"style": ""}, "Urdu"))
    plain = encoder(settings, "{instruction} Answer in {language}.", tokenizer, chat_template=True)
    text = tokenizer.decode(plain.write_response("Say.", "Finnish", ""))
    assert text == "<|instruction|>Say. Answer in Finnish.<|response|>"
    assert tokenizer.decode(plain.end) == "<|end|>"


def test_answers_in_a_dialogue_end_as_in_the_training(settings: Settings) -> None:
    one = encoder(settings, RESPONSE)
    text = rendered(one, dialogue("Say.", "Siksi.", "Why?"))
    assert text == "<|instruction|>Say.<|response|>Siksi.<|end|><|instruction|>Why?<|response|>"
    learned = rendered(one, dialogue("Say.", "Siksi."), add_generation_prompt=False)
    assert learned == "<|instruction|>Say.<|response|>Siksi.<|end|>"
    assert one.tokenizer(learned)["input_ids"][-len(one.completed("Siksi.")) :] == one.completed("Siksi.")
    begun = rendered(one, dialogue("Say.", "Sik"), add_generation_prompt=False, continue_final_message=True)
    assert begun == "<|instruction|>Say.<|response|>Sik"


def test_the_system_message_begins_the_first_question(settings: Settings) -> None:
    messages = [{"role": "system", "content": "Be short."}, *dialogue("Say.", "Siksi.", "Why?")]
    text = rendered(encoder(settings, RESPONSE), messages)
    assert text.startswith("<|instruction|>Be short.\n\nSay.<|response|>") and text.count("Be short.") == 1


def test_a_message_with_an_unknown_role_is_refused(settings: Settings) -> None:
    with pytest.raises(TemplateError, match="not of: tool"):
        rendered(encoder(settings, RESPONSE), [{"role": "tool", "content": "5"}])


def test_a_prompt_begins_with_the_begin_token_once(settings: Settings) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = sentence_piece()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    one = encoder(settings, "{instruction} In {language}:", tokenizer)
    assert rendered(one, dialogue("Say.", "Siksi.", "Why?"), language="Finnish").count("<s>") == 1
    assert rendered(one, dialogue("Say."), language="Finnish") == "<s>Say. In Finnish:"


@pytest.mark.parametrize("template", [CHATML, LLAMA_2], ids=["chatml", "llama_2"])
def test_the_models_template_is_kept_and_gets_the_words_of_the_prompt(settings: Settings, template: str) -> None:
    tokenizer = with_control_strings(byte_level())
    tokenizer.chat_template = template
    one = encoder(settings, "{instruction} Answer{style} in {language}.", tokenizer, chat_template=True)
    expected = one.write_response("Say.", "Finnish", settings.prompts.style_answer)
    text = rendered(one, dialogue("Say."), language="Finnish")
    assert one.tokenizer(text, add_special_tokens=False)["input_ids"] == expected
    plain = tokenizer.apply_chat_template(
        dialogue("Say.", "Siksi.", "Why?"), tokenize=False, add_generation_prompt=True
    )
    assert rendered(one, dialogue("Say.", "Siksi.", "Why?")) == plain
    assert "Siksi." in plain


@pytest.mark.parametrize("prompt", ["{instruction} Answer{style} in {language}.", "Q: {instruction} ({language})\nA:"])
def test_the_pipeline_reads_the_same_prompt_from_a_published_template(settings: Settings, prompt: str) -> None:
    tokenizer = with_control_strings(byte_level())
    tokenizer.chat_template = CHATML
    one = encoder(settings, prompt, tokenizer, chat_template=True)
    expected = one.write_response("Say.", "Finnish", "")
    for _ in range(2):  # the second round begins with the published template of the first
        published = with_control_strings(byte_level())
        published.chat_template = published_template(one, Asking(prompt, "instruction", {"style": ""}, "Urdu"))
        one = encoder(settings, prompt, published, chat_template=True)
        assert one.write_response("Say.", "Finnish", "") == expected
        text = rendered(one, dialogue("Say."), language="Finnish", style="")
        assert published(text, add_special_tokens=False)["input_ids"] == expected


def test_the_template_for_writing_instructions_takes_the_text_as_the_message(settings: Settings) -> None:
    one = encoder(settings, RESPONSE)
    template = published_template(one, Asking(settings.prompts.write_instruction, "response", {}))
    text = one.tokenizer.apply_chat_template(dialogue("Siksi."), chat_template=template, tokenize=False)
    assert text == "<|response|>Siksi."
    prompt = one.tokenizer.apply_chat_template(
        dialogue("Siksi."), chat_template=template, tokenize=False, add_generation_prompt=True
    )
    assert one.tokenizer(prompt)["input_ids"] == one.write_instruction("Siksi.")


@pytest.mark.parametrize("own", [True, False])
def test_the_card_says_what_becomes_of_a_system_message(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: bool
) -> None:
    tokenizer = with_control_strings(byte_level())
    tokenizer.chat_template = CHATML
    one = encoder(settings, RESPONSE, tokenizer, chat_template=own)
    for name, value in {"pass_on": RECORD["base"], "read_manifest": {"content": "c"}, "stored_dtype": "f"}.items():
        monkeypatch.setattr(publishing, name, lambda *_, value=value: value)
    facts: dict[str, Metric] = {**dict.fromkeys(publishing.FIGURES, 1.0), "precision": "float32"}
    curve = pl.DataFrame({"step": [1], "loss": [1.0], "series": ["training"]})
    asking = Asking(RESPONSE, "instruction", {"style": ""})
    publishing.publish(publishing.Tuned(tmp_path, tmp_path, one, asking, TRAINING, {}, facts, RECORD, curve))
    text = (tmp_path / "README.md").read_text()
    assert (SYSTEM_OF_BASE in text, SYSTEM in text) == (own, not own)
