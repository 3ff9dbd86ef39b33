"""Text that chat models put around their answer is removed if that is safe; an unusable text is refused."""

from __future__ import annotations

from typing import get_args

import pytest

from tests.conftest import ROOT
from x_instruction.generation.returned_text import Kind, Returned, Wanted, usable, without_reasoning

ENGLISH = "Bread is baked in a hot oven. Eat it with butter."
FINNISH = "Leipä paistetaan kuumassa uunissa. Syö se voin kanssa."
OTHERS = {
    "hi": "रोटी गरम तवे पर पकती है।",
    "ur": "روٹی گرم تندور میں پکتی ہے۔",
    "th": "ขนมปังอบในเตาร้อน",
    "vi": "Bánh mì được nướng trong lò nóng.",
}
TRANSLATION = Wanted("translation", ENGLISH, "Finnish")

WRAPPED = {
    "<think>\nThe user wants Finnish.\n</think>\n\n{}": ["reasoning"],
    "<think></think>{}": ["reasoning"],
    "<thinking>One.</thinking>\n<thinking>Two.</thinking>\n{}": ["reasoning"],
    "The user wants Finnish, so let me see.\n</think>\n\n{}": ["reasoning"],
    "[THINK]Finnish it is.[/THINK]{}": ["reasoning"],
    "◁think▷Finnish.◁/think▷{}": ["reasoning"],
    "<|channel|>analysis<|message|>Translate.<|end|><|start|>assistant<|channel|>final<|message|>{}<|return|>": [
        "end_token",
        "reasoning",
    ],
    "analysisWe must translate it.assistantfinal{}": ["reasoning"],
    "{}<|im_end|>": ["end_token"],
    "{}\n</s>": ["end_token"],
    "Here is the translation:\n\n{}": ["preface"],
    "Sure! Here's the Finnish translation of the text:\n{}": ["preface"],
    "**Finnish translation:**\n{}": ["preface"],
    "Certainly, I am glad to help.\n\n{}": ["preface"],
    "Tässä on käännös:\n\n{}": ["preface"],
    "यहाँ अनुवाद है:\n{}": ["preface"],
    "یہ رہا ترجمہ:\n{}": ["preface"],
    "Translation: {}": ["label"],
    "**Translation (Finnish):** {}": ["label"],
    "Sure, here is the text translated into Finnish: {}": ["label"],
    "Finnish: {}": ["label"],
    "Käännös: {}": ["label"],
    "```\n{}\n```": ["fence"],
    "```text\n{}\n```": ["fence"],
    "~~~\n{}\n~~~": ["fence"],
    '"{}"': ["quotes"],
    "“{}”": ["quotes"],
    "”{}”": ["quotes"],
    "„{}“": ["quotes"],
    "»{}«": ["quotes"],
    "«{}»": ["quotes"],
    "「{}」": ["quotes"],
    "{}\n\nLet me know if you need anything else!": ["remark"],
    "{}\n\n(Note: a word has two meanings.)": ["remark"],
    "{}\n*Translator's note: a word has two meanings.*": ["remark"],
    ENGLISH + "\n\n{}": ["echo"],
    '<think>So.</think>\nSure! Here is the translation:\n\n```\n"{}"\n```\n\nI hope this helps!': [
        "reasoning", "remark", "preface", "fence", "quotes",
    ],
}  # fmt: skip


@pytest.mark.parametrize("wrapped", WRAPPED)
@pytest.mark.parametrize("text", [FINNISH, *OTHERS.values()], ids=["fi", *OTHERS])
def test_text_around_a_translation_is_removed(wrapped: str, text: str) -> None:
    assert usable(wrapped.format(text), TRANSLATION) == Returned(text, tuple(WRAPPED[wrapped]))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (ENGLISH, FINNISH),
        (ENGLISH, "Ainekset:\nvettä ja jauhoja"),  # a heading that does not announce a translation
        (ENGLISH, "”Tule”, hän sanoi, ”kotiin”"),
        (ENGLISH, '"Tule", hän sanoi, "kotiin"'),
        (ENGLISH, "Rock 'n' roll'"),
        ('"Come home."', '"Tule kotiin."'),
        ("```\nprint(1)\n```", "```\nprint(1) # tulosta\n```"),
        ("The tag <think> is no HTML.", "Tunniste <think> ei ole HTML:ää."),
        ("Translation: a hard art. Learn it.", "Translation: vaikea taito. Opi se."),
        ("Here is the new version:\nIt has pages.", "Here is the new version:\nSiinä on sivuja."),
        ("Bake it.\n\nNote: use rye.", "Paista se.\n\nNote: käytä ruista."),
        ("Option 1: rye.\nOption 2: wheat.", "Option 1: ruis.\nOption 2: vehnä."),
        ("Step 1: mix.\nStep 2: bake.", "Vaihe 1: sekoita.\nVaihe 2: paista."),
        ("2024", "2024"),
        ("I'm sorry, but I cannot help you, said the clerk.", "I'm sorry, but I cannot help you, sanoi virkailija."),
    ],
)
def test_similar_text_in_the_source_is_kept(given: str, text: str) -> None:
    assert usable(text, Wanted("translation", given, "Finnish")) == Returned(text)


REFUSED = {
    "": "empty",
    " \n ": "empty",
    "…": "empty",
    "<think>Hmm.</think>": "empty",
    '""': "empty",
    "```\n```": "empty",
    "<think>The user wants Finnish and I": "reasoning_unfinished",
    "<|channel|>analysis<|message|>The user wants": "reasoning_unfinished",
    "Leipä <think>oven?</think> paistetaan.": "reasoning_inside",
    "Leipä:\n```\npaistetaan\n```\nuunissa": "fence_inside",
    "I'm sorry, but I can't translate this text.": "refusal",
    "I’m sorry, but I can’t help with that.": "refusal",
    "As an AI language model, I have never eaten bread.": "refusal",
    "Option 1: Leipä paistetaan.\nOption 2: Leipä leivotaan.": "two_versions",
    "**Vaihtoehto 1:** Leipä paistetaan.\n\n**Vaihtoehto 2:** Leipä leivotaan.": "two_versions",
    "Version A – Leipä paistetaan.\nVersion B – Leipä leivotaan.": "two_versions",
    "Formal: Leipä paistetaan.\nInformal: Leipä leivotaan.": "two_versions",
    "Leipä paistetaan.\n\nOr:\n\nLeipä leivotaan.": "two_versions",
    ENGLISH: "untranslated",
    f'"{ENGLISH.upper()}"': "untranslated",
    f"Here is the translation:\n{ENGLISH}": "untranslated",
    f"{FINNISH} ({ENGLISH})": "untranslated",
}


@pytest.mark.parametrize("text", REFUSED)
def test_an_unusable_translation_is_refused_with_a_reason(text: str) -> None:
    found = usable(text, TRANSLATION)
    assert (found.text, found.refused) == ("", REFUSED[text])


def test_an_empty_text_is_not_a_translation() -> None:
    assert usable(None, TRANSLATION).refused == "empty"


def test_a_truncated_text_is_refused() -> None:
    found = usable(FINNISH, TRANSLATION, finished=False)
    assert (found.text, found.refused, found.raw) == ("", "unfinished", FINNISH)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<think>A page on bread.</think>\nHow is bread baked?", "How is bread baked?"),
        ('"How is bread baked?"', "How is bread baked?"),
        ("```\nHow is bread baked?\n```", "How is bread baked?"),
        ("Here is the instruction:\nHow is bread baked?", "How is bread baked?"),
        ("How is bread baked?\n\nLet me know if you want another one.", "How is bread baked?"),
        # All lines of these texts belong to the instruction and are kept.
        ("Here is a text about bread:\nSum it up.", "Here is a text about bread:\nSum it up."),
        ("Write a new version of this:\nBread is good.", "Write a new version of this:\nBread is good."),
        ("How is bread baked?\nNote: answer in one line.", "How is bread baked?\nNote: answer in one line."),
        ("Translation: what is it?", "Translation: what is it?"),
    ],
)
def test_an_instruction_is_unwrapped_without_loss_of_its_words(raw: str, text: str) -> None:
    assert usable(raw, Wanted("instruction")).text == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<think>Bread?</think>\nSure! Bake it.", "Sure! Bake it."),
        ("Bread?</think>Bake it.", "Bake it."),
        ("I cannot help with that.", "I cannot help with that."),
        ("<think>Bread", ""),
        (None, ""),
    ],
)
def test_only_the_reasoning_of_a_compared_model_is_removed(raw: str | None, text: str) -> None:
    assert without_reasoning(raw) == text


def test_every_kind_of_wanted_text_is_wanted_by_a_stage() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "stages").rglob("*.py"))
    assert [kind for kind in get_args(Kind) if f'Wanted("{kind}"' not in code] == []
