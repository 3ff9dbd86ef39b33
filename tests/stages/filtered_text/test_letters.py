"""A text typed with other letters or in capitals gets the same verdict as the text in the usual letters."""

from __future__ import annotations

from functools import cache

import polars as pl
import pytest

from stages.filtered_text.cleaning.clean import cleaned
from stages.filtered_text.rules.content import boilerplate_share
from stages.filtered_text.rules.listed_words import listed_words
from stages.filtered_text.stage import transform
from tests.conftest import ROOT
from tests.stages.filtered_text.texts import HINDI, documents, drop, given, made, page
from x_instruction.pages.main_text import extract_page
from x_instruction.pages.normalise import normalise
from x_instruction.runner.shards import Split

ARABIC_KEYBOARD = {"ی": "ي", "ک": "ك"}
URDU_LETTERS = [ARABIC_KEYBOARD, ARABIC_KEYBOARD | {"ہ": "ه"}, {"ی": "ﯾ", "ک": "ﮐ", "ہ": "ﮨ"}, {"ی": "ى", "ہ": "ە"}]


@cache
def pages_of_the_sample() -> list[str]:
    files = sorted((ROOT / "data" / "sample" / "web" / "ur").glob("*.html"))
    texts = [extract_page(file.read_text(encoding="utf-8", errors="replace")).text for file in files]
    return [text for text in texts if text]


def verdicts(split: Split) -> list[tuple[str, ...]]:
    return sorted([*((text,) for text in split.kept["text"]), *split.dropped.select("reason", "value").iter_rows()])


@pytest.mark.parametrize("typed", URDU_LETTERS)
def test_urdu_pages_typed_on_other_keyboards_get_the_same_verdicts(typed: dict[str, str]) -> None:
    usual = documents(*pages_of_the_sample(), language="ur")
    other = usual.with_columns(pl.col("text").str.replace_many(typed))
    assert other["text"].to_list() != usual["text"].to_list()
    expected, found = (transform(frame, given(), page("ur")) for frame in (usual, other))
    assert expected.kept.height > 15
    assert "boilerplate" in expected.dropped["reason"].to_list()
    assert verdicts(found) == verdicts(expected)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("tr", "Tüm hakları saklıdır."),
        ("tr", "Aydınlatma metni"),
        ("tr", "Kişisel verilerin işlenmesi"),
        ("tr", "Kullanım şartları ve gizlilik politikası"),
        ("tr", "Üye girişi: şifrenizi unuttunuz mu?"),
        ("fi", "Kaikki oikeudet pidätetään. Lue käyttöehdot."),
        ("vi", "Điều khoản sử dụng và chính sách bảo mật"),
        ("sw", "Haki zote zimehifadhiwa na sera ya faragha"),
        ("id", "Tanpa izin tertulis, hubungi kami"),
    ],
)
def test_notices_in_capitals_are_recognized(language: str, text: str) -> None:
    capitals = text.translate({ord(small): large for large, small in page(language).capitals}).upper()
    shares = boilerplate_share(pl.DataFrame({"text": [text, capitals]}), page(language))
    assert shares.to_list() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("hi", "सर्वाधिकार सुरक्षित"),
        ("bn", "সর্বস্বত্ব সংরক্ষিত"),
        ("ta", "உரிமைகள் பாதுகாக்கப்பட்டவை"),
        ("th", "สงวนลิขสิทธิ์"),
        ("ur", "جملہ حقوق محفوظ"),
    ],
)
def test_joiners_do_not_hide_a_notice(language: str, text: str) -> None:
    joined = text[:3] + "\u200c" + text[3:]
    assert boilerplate_share(pl.DataFrame({"text": [joined]}), page(language)).item() == 1.0


@pytest.mark.parametrize(
    ("listed", "text", "found"),
    [
        ("kırık", "KIRIK bir IRMAK", True),
        ("iş", "İŞ ve iş", True),
        ("sık", "SİK", False),
        ("sinir", "SINIR çizgisi", False),
        ("ılık", "ILIK su", True),
    ],
)
def test_listed_words_are_compared_by_the_case_rules_of_the_language(listed: str, text: str, found: bool) -> None:
    frame = pl.DataFrame({"text": [text], "words": [2]})
    settings = given(listed_words={"tr": [listed]}, word_lists=[])
    assert listed_words(frame, settings, page("tr"))["value"].is_not_null().item() == found


@pytest.mark.parametrize(
    ("language", "listed", "text"),
    [
        ("hi", "लड़का", "यह ल\u095cका बैठा"),
        ("tr", "kişi", "Ki\u015fi\u0307 ve kiși"),
        ("ur", "کتاب", "یہ كتاب ہے ٹھیک"),
        ("bn", "বাড়ি", "বা\u09dcি"),
        ("th", "น้ำ", "ดื่มน้ํา"),
    ],
)
def test_listed_words_are_compared_in_the_letters_of_the_language(language: str, listed: str, text: str) -> None:
    frame = cleaned(pl.DataFrame({"text": [normalise(text)]}), page(language)).with_columns(words=pl.lit(2))
    decomposed = pl.Series([listed]).str.normalize("NFD").item()
    assert listed_words(frame, given(listed_words={language: [decomposed]}, word_lists=[]), page(language))[
        "value"
    ].item()


@pytest.mark.parametrize("button", ["YAZDIR", "Yazdır", "YORUM YAP", "ARKADAŞINA GÖNDER"])
def test_button_labels_in_capitals_are_removed(button: str) -> None:
    text = f"İlk satır burada bitiyor.\n{button}\nİkinci satır da burada bitiyor."
    assert button not in cleaned(pl.DataFrame({"text": [text]}), page("tr"))["text"].item()


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        (
            "tr",
            "Köhnə limanın yanında qırmızı bir mayak var və ora dar yol aparır. " * 5,
            r"% of letters not in tr",
        ),
        ("bn", "পুৰণি বন্দৰৰ ওচৰত এটা ৰঙা বাতিঘৰ আছে আৰু তালৈ যোৱা বাটটো ঠেক। " * 5, r"% of letters not in bn"),
        ("ur", "هن ڳوٺ ۾ ننڍڙا ٻار راند ڪن ٿا ۽ سندن ڏاڏي کين ڳالھيون ٻڌائي ٿي. " * 5, r"% of letters not in ur"),
    ],
)
def test_a_text_with_letters_of_another_language_is_dropped(language: str, text: str, value: str) -> None:
    settings = given(max_repeated_paragraph_share=1)
    reason, found = drop(text, language, settings)
    assert (reason, value in found) == ("wrong_language", True)


def test_pipes_that_replace_dandas_end_sentences_in_hindi() -> None:
    assert made(HINDI.replace("।", "|"), language="hi").kept["text"].item() == HINDI
