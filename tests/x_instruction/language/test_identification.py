"""Lingua decides on a language if fastText is unsure, and at least 99 % of real texts are judged correctly."""

from __future__ import annotations

import polars as pl
import pytest

from stages.filtered_text.rules.language import wrong_language
from tests.conftest import ROOT, SHARED
from tests.stages.filtered_text.texts import given, page
from x_instruction.language.identification import SLICE, identify
from x_instruction.language.names import load_names

SETTINGS = given()
SENTENCES = SHARED / "lid" / "lingua_sentences.jsonl.zst"
MALAY = [
    "Perdana Menteri berkata peruntukan bagi membaik pulih jalan akan ditambah kerana banyak aduan diterima.",
    "Pelajar universiti itu mahu mencuba kaedah baharu bagi menjimatkan tenaga di kolej kediaman mereka.",
    "Hujan lebat pada hari Khamis menyebabkan beberapa buah kampung dinaiki air dan penduduk dipindahkan.",
    "Polis menahan tiga lelaki yang disyaki mencuri basikal di sebuah taman perumahan pada malam Isnin lalu.",
    "Bayaran masuk ke muzium adalah percuma bagi warga emas, tetapi orang dewasa perlu membayar RM5 di kaunter.",
    "Sebarang pertanyaan tentang peperiksaan boleh dihantar melalui **e-mel** kepada guru sekolah masing-masing.",
    "Kelab itu menang lapan perlawanan berturut-turut musim ini dan para penyokongnya sangat gembira.",
]
INDONESIAN = [
    "Pemerintah akan menambah anggaran untuk memperbaiki jalan desa tahun depan karena banyak keluhan yang masuk.",
    "Hujan deras pada hari Kamis membuat beberapa kampung terendam dan warga mengungsi ke balai kecamatan.",
    "Ibu biasanya memasak lontong pada pagi hari, lalu kami makan bersama di teras sambil mengobrol.",
    "Bilangan genap yang berkaitan dengan soal itu ditulis di papan, lalu anak-anak menghitungnya bersama guru.",
]
SOMALI = (
    "Dekedda duugga ah waxaa ku yaal guri nalka badda oo cas, wadada loo marana waa cidhiidhi. "
    "Carruurtu way dabaashaan."
)
# The filter of each language must drop the text beside it. Only the last text is not in a neighbouring language.
NEIGHBOURS = [
    ("fi", "Vana sadama ääres seisab punane tuletorn, mille juurde viib kitsas tee. Suvel käivad lapsed seal ujumas."),
    ("tr", "Köhnə limanın yanında qırmızı bir mayak var və ora dar bir yol aparır. Yayda uşaqlar orada çimirlər."),
    ("hi", "जुन्या बंदराजवळ एक लाल दीपगृह आहे आणि तिथे जाणारा रस्ता अरुंद आहे. उन्हाळ्यात मुले तिथे पोहायला जातात."),
    ("hi", "पुरानो बन्दरगाह नजिकै एउटा रातो बत्तीघर छ र त्यहाँ जाने बाटो साँघुरो छ। केटाकेटीहरू त्यहाँ खेल्छन्।"),
    ("ur", "در کنار بندر قدیمی یک فانوس دریایی سرخ هست و راه باریکی به آن می‌رسد. تابستان‌ها بچه‌ها آنجا شنا می‌کنند."),
    ("sw", SOMALI),
    ("fi", SOMALI),
]


def kept(texts: list[str], language: str) -> pl.Series:
    judged = wrong_language(pl.DataFrame({"text": texts}), SETTINGS, page(language))
    return judged["value"].is_null()


def test_lingua_decides_if_fasttext_is_unsure() -> None:
    story = "Hapo zamani za kale Sungura na Ndovu walikuwa marafiki wa karibu. Siku moja Sungura akadakia mgongo wake."
    min_score = page("sw").min_language_score
    alone = page("sw").model_copy(update={"second_opinion": ()})
    assert identify(pl.Series([story]), alone)["language_score"].item() < min_score
    assert identify(pl.Series([story]), page("sw"))["language_score"].item() >= min_score


def test_lingua_is_not_asked_if_fasttext_is_sure() -> None:
    english = "The keeper of the old lighthouse had seen many ships pass on their way to the harbour."
    assert identify(pl.Series([english]), page("sw"))["judged"].item() == "en"


@pytest.mark.parametrize(("language", "text"), NEIGHBOURS)
def test_a_neighbouring_language_is_not_accepted(language: str, text: str) -> None:
    assert not kept([text], language).item()


def test_distinctive_words_separate_malay_from_indonesian() -> None:
    assert kept(MALAY, "id").sum() == 0
    assert kept(INDONESIAN, "id").all()


def test_a_half_translated_page_is_not_kept() -> None:
    turkish = "Eski limanın yanında kırmızı bir deniz feneri var ve oraya dar bir yol gider. "
    english = "In the summer the children swim there until the evening, and then they walk home together slowly. "
    assert not kept([turkish * 3 + english * 6], "tr").item()


def test_the_end_of_a_long_text_is_also_read() -> None:
    finnish, english = "Satama on hiljainen aamulla ja meri tyyni. ", "The harbour is quiet and the sea is calm. "
    text = finnish * (SLICE // 30) + english * (SLICE // 8)
    assert identify(pl.Series([text]), page("fi"))["judged"].item() == "en"


def joins(language: str) -> list[str]:
    """Joins the sentences, in order, into texts of at least 100 characters."""
    found, joined = [], ""
    for text in pl.read_ndjson(SENTENCES).filter(pl.col("lang") == language)["text"]:
        joined = f"{joined} {text}".strip()
        if len(joined) >= 100:
            found.append(joined)
            joined = ""
    return found


@pytest.mark.skipif(not SENTENCES.exists(), reason=f"no labelled sentences at {SENTENCES}")
@pytest.mark.parametrize("language", sorted(load_names(ROOT / "languages")))
def test_real_sentences_are_routed_to_their_language(language: str) -> None:
    assert identify(pl.Series(joins(language)), page(language))["judged"].eq(language).mean() >= 0.99


@pytest.mark.skipif(not SENTENCES.exists(), reason=f"no labelled sentences at {SENTENCES}")
@pytest.mark.parametrize(
    ("language", "neighbour"),
    [("fi", "et"), ("tr", "az"), ("hi", "mr"), ("ur", "fa"), ("ur", "ar"), ("sw", "so"), ("sw", "zu"), ("tr", "so")],
)
def test_real_sentences_in_a_neighbouring_language_are_dropped(language: str, neighbour: str) -> None:
    # Malay is left out, because nearly all sentences with this label are Indonesian.
    assert kept(joins(neighbour), language).mean() <= 0.01


@pytest.mark.skipif(not (SHARED / "web_untranslated").is_dir(), reason=f"no untranslated pages under {SHARED}")
@pytest.mark.parametrize("language", ["bn", "fi", "hi", "id", "tr", "ur", "vi"])
def test_pages_that_claim_a_language_but_are_english_are_dropped(language: str) -> None:
    pages = pl.read_ndjson(SHARED / "web_untranslated" / f"{language}.jsonl.zst")["text"].to_list()
    assert kept(pages, language).mean() <= 0.01
