"""Each language is separated from its neighbours; docs/filters.md has the table of all neighbours."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl
import pytest
import yaml

from stages.filtered_text.rules.language import wrong_language
from tests.conftest import ROOT, SHARED
from tests.stages.filtered_text.texts import given, page
from x_instruction.language.folding import folded_list
from x_instruction.language.identification import MIN_EVERYDAY_WORDS, identify
from x_instruction.language.names import load_names

LANGUAGES = sorted(load_names(ROOT / "languages"))
NEIGHBOURS = {
    "bn": ["as", "hi"],
    "fi": ["et", "fkv", "krl", "vep", "se", "sv"],
    "hi": ["bho", "mai", "mag", "awa", "hne", "mr", "ne", "sa"],
    "id": ["jv", "su", "ace", "min", "bug", "ban", "mad", "ms", "tl"],
    "sw": ["zdj", "rw", "rn", "kg", "ln", "ny", "loz", "lg", "so", "zu", "xh"],
    "ta": ["ml", "kn"],
    "th": ["lo"],
    "tr": ["az", "crh", "gag", "tk", "uz", "ug_latn", "ku"],
    "ur": ["pnb", "skr", "fa", "ar", "ps", "sd", "ug"],
    "vi": ["id", "tl"],
}
# Sentences in related languages, each with the language whose filter must drop it. None was used to choose the everyday
# words (`relatives` in languages/<code>.yaml). We wrote them, except for the verses from the Ramcharitmanas.
MORE = [
    (
        "id",
        "Aku lunga menyang pasar tuku sayuran karo iwak. Ing dalan aku ketemu kancaku sing lagi mulih saka sekolah.",
    ),
    ("id", "Kuring indit ka pasar meuli sayur jeung lauk. Di jalan panggih jeung babaturan nu keur balik ti sakola."),
    ("id", "Ambo pai ka pasa mambali sayua jo ikan. Di jalan ambo basobok jo kawan nan sadang pulang dari sakola."),
    ("hi", "काल्ह हमनी के गाँव में बहुत तेज हवा चलल आ कई गो घर के छप्पर उड़ गइल। पड़ोसी लोग एक दोसरा के मदद कइल।"),
    ("hi", "हमर गाम मे एकटा पुरान इनार अछि। लोक सभ भोरे ओतय पानि भरैत छथि आ गप्प करैत छथि।"),
    ("hi", "हमरे गाँव मा एक ठो तलाव अहै। लरिका सब हुवाँ नहात अहैं अउर मेहरारू कपड़ा धोवत अहैं। ओकर पानी बहुत मीठ अहै।"),
    ("hi", "सुनु जननी सोइ सुतु बड़भागी। जो पितु मातु बचन अनुरागी॥ होइहि सोइ जो राम रचि राखा। को करि तर्क बढ़ावै साखा॥"),
    ("hi", "हमर गाँव म एक ठन तरिया हवय। लइका मन उहां नहाथें अउ ओकर पानी अब्बड़ मीठ हवय, ओला सब झन पीथें।"),
    ("fi", "Mie oon Ruijassa ja met puhumma kotona omala kielelä. Het ette tiä, ette kuinka paljo sielä oon väkeä."),
    ("sw", "Umuhungu yari ku isoko kandi abantu bose baramubonye. Nta muntu ushobora kumenya aho yagiye."),
]


@cache
def texts() -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load(Path(__file__).with_name("neighbours.yaml").read_text(encoding="utf-8"))
    own = pl.read_ndjson(SHARED / "web" / "hi.jsonl.zst")["text"][0] if SHARED.is_dir() else "यह हिन्दी है। " * 9
    return found | {"hi": own, "id": "Setiap orang berhak atas pendidikan dan pengajaran yang bebas dari biaya. " * 3}


def kept(language: str, text: str) -> bool:
    judged = wrong_language(pl.DataFrame({"text": [text]}), given(), page(language))
    return bool(judged["value"].is_null().item())


@pytest.mark.parametrize(("language", "code"), [(one, code) for one, codes in NEIGHBOURS.items() for code in codes])
def test_a_text_in_a_neighbouring_language_is_dropped(language: str, code: str) -> None:
    assert not kept(language, texts()[code])


@pytest.mark.parametrize(("language", "text"), MORE)
def test_sentences_in_a_related_language_are_dropped(language: str, text: str) -> None:
    assert not kept(language, text)


def test_the_related_language_is_named() -> None:
    for language, code in (("id", "jv"), ("hi", "bho"), ("fi", "fkv"), ("sw", "zdj")):
        assert identify(pl.Series([texts()[code]]), page(language))["judged"].item() == code


def test_a_few_words_of_a_related_language_do_not_decide() -> None:
    sentence = "Pak Wong dan Bu Ana pergi ke Ora."
    assert MIN_EVERYDAY_WORDS > 2
    assert identify(pl.Series([f"{sentence} Mereka pulang sore."]), page("id"))["judged"].item() == "id"


@pytest.mark.parametrize("language", LANGUAGES)
def test_related_languages_share_no_everyday_word(language: str) -> None:
    groups = {code: set(folded_list(words, page(language))) for code, words in page(language).relatives.items()}
    own = groups.pop(language, set())
    assert bool(own) == bool(groups)
    assert {code: words & own for code, words in groups.items() if words & own} == {}


@pytest.mark.skipif(not (SHARED / "web").is_dir(), reason=f"no web text under {SHARED}")
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_real_text_is_assigned_to_a_related_language(language: str) -> None:
    own = page(language)
    alone = own.model_copy(update={"relatives": {}})
    raw = pl.read_ndjson(SHARED / "web" / f"{language}.jsonl.zst", infer_schema_length=None)["text"].head(500)
    parts = raw.str.slice(200, 300)
    for some in (raw, parts):
        assert identify(some, own)["judged"].equals(identify(some, alone)["judged"])
