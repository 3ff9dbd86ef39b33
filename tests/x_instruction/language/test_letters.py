"""Letters and signs from other keyboards and code pages are replaced by those of the language."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest

from tests.conftest import ROOT, SHARED
from tests.stages.filtered_text.texts import GOOD, HINDI, THAI, page
from x_instruction.language.identification import identify
from x_instruction.language.letters import foreign_share, normalised, written
from x_instruction.language.names import load_names

LANGUAGES = sorted(load_names(ROOT / "languages"))
URDU = "اس شہر کی گلیاں تنگ ہیں، لیکن یہاں کے لوگ مہمانوں کا خیال رکھتے ہیں اور بچوں کو کہانیاں سناتے ہیں۔"
ARABIC = "يقع البيت القديم قرب الميناء، وكان يسكنه صياد مع أولاده السبعة حتى العام الماضي."
PERSIAN = "خانه قدیمی نزدیک بندر بود و ماهیگیری با هفت فرزندش تا سال گذشته در آن زندگی می‌کرد."
AZERBAIJANI = "Köhnə limanın yanında qırmızı bir mayak var və ora dar bir yol aparır."
ASSAMESE = "পুৰণি বন্দৰৰ ওচৰত এটা ৰঙা বাতিঘৰ আছে আৰু তালৈ যোৱা বাটটো ঠেক।"
SINDHI = "هن ڳوٺ ۾ ننڍڙا ٻار راند ڪن ٿا ۽ سندن ڏاڏي کين ڳالھيون ٻڌائي ٿي."
TURKISH = "Şu küçük köyün ışıkları gece boyunca yanıyordu; İzmir'e giden yol ağaçların arasından geçiyordu."


def converted(text: str, language: str) -> str:
    result: str = normalised(pl.Series([text]), page(language)).item()
    return result


@pytest.mark.parametrize(
    ("language", "typed", "expected"),
    [
        ("ur", URDU.replace("ی", "ي").replace("ک", "ك"), URDU),
        ("ur", URDU.replace("ہ", "ه").replace("ی", "ى"), URDU),
        ("ur", URDU.replace("لیکن", "\ufedf\ufbff\ufb91\ufee6"), URDU),
        ("ur", f"{URDU} ٢٠٢٤ میں بچاﺅ، جاوٴ، ﷲ، ﷺ اور زکوة۔", f"{URDU} ۲۰۲۴ میں بچاؤ، جاؤ، اللہ، ﷺ اور زکوۃ۔"),
        ("th", "ทํางานสําคัญ น้ํา นํ้า ปา่นํ", "ทำงานสำคัญ น้ำ น้ำ ปา่นํ"),
        ("th", "เเละเเม่ ตำ่ พันธ์ุ ส่่ง บรรลุุ", "และแม่ ต่ำ พันธุ์ ส่ง บรรลุ"),
        ("th", "หน\uf70aวย ปู\uf712 เข\uf70bาใจ", "หน่วย ปู็ เข้าใจ"),
        ("hi", "अाम अौर अोस आैर भार्इ", "आम और ओस और भाई"),
        ("hi", "मैैंने कहींं", "मैंने कहीं"),
        ("hi", "लड़का पढ़ता है", "लड\u093cका पढ\u093cता है"),
        ("bn", "অাম উত্\u200dসব ব\u09bcাত সুুরু", "আম উৎসব রাত সুরু"),
        ("bn", "বা\u09dcি প\u09a2\u09bcা য\u09bcেন", "বাড\u09bcি পঢ\u09bcা য\u09bcেন"),
        ("ta", "தொடா்ந்து அவா்கள் பாிசு அாிசி", "தொடர்ந்து அவர்கள் பரிசு அரிசி"),
        ("ta", "அாற்றல் ஶ்ரீலங்கா நீீதி", "ஆற்றல் ஸ்ரீலங்கா நீதி"),
        ("tr", "elektromanyeti\u0307zma teori\u0307", "elektromanyetizma teori"),
        ("tr", "birçok u¨lke, c¸ocuk, ag˘aç, ișçi", "birçok ülke, çocuk, ağaç, işçi"),
        ("tr", TURKISH.translate(str.maketrans("şŞğĞıİ", "þÞðÐýÝ")), TURKISH),
        ("fi", "Pa¨iva¨ ja yo¨", "Päivä ja yö"),
        ("fi", GOOD.replace("ä", "Š").replace("ö", "š"), GOOD),
        ("vi", "nha\u0301\u0302t, trươ\u0300ng, ðường Ðà Nẵng, va\u0306\u0301n", "nhất, trường, đường Đà Nẵng, vắn"),
        ("sw", "Minong’ono ya ng‘ombe na NG’OMBE", "Minong'ono ya ng'ombe na NG'OMBE"),
        ("id", "Aﬁliasi dan deﬁnisi yang eﬁsien", "Afiliasi dan definisi yang efisien"),
    ],
)
def test_letters_of_other_keyboards_become_those_of_the_language(language: str, typed: str, expected: str) -> None:
    assert converted(typed, language) == unicodedata.normalize("NFC", expected)


@pytest.mark.parametrize(
    ("language", "typed", "expected"),
    [
        ("hi", "वह घर गया| सब सो गए |", "वह घर गया। सब सो गए ।"),
        ("hi", "“वह गया|” सब हँसे|\nफिर?", "“वह गया।” सब हँसे।\nफिर?"),
        ("hi", "राम राम|| सीता गई ǀ\nवह आई│ सब सोए", "राम राम॥ सीता गई ।\nवह आई। सब सोए"),
        ("bn", "সে বাড়ি গেল৷ সবাই ঘুমিয়ে পড়ল|", "সে বাড়ি গেল। সবাই ঘুমিয়ে পড়ল।"),
        ("bn", "“সে গেল|” সবাই হাসল |", "“সে গেল।” সবাই হাসল ।"),
        ("hi", "२०१५ में वह १५ का था| सब खुश थे|", "२०१५ में वह १५ का था। सब खुश थे।"),
    ],
)
def test_a_substitute_for_a_danda_ends_the_sentence(language: str, typed: str, expected: str) -> None:
    assert converted(typed, language) == unicodedata.normalize("NFC", expected)


@pytest.mark.parametrize("text", ["होम | समाचार | खेल", "| नाम | उम्र |\n|---|---|\n| राम | ५ |", "a|b या a || b"])
def test_a_pipe_in_a_menu_a_table_or_code_is_kept(text: str) -> None:
    assert converted(text, "hi") == text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ur", ARABIC),
        ("ur", PERSIAN),
        ("tr", TURKISH + " Þingvellir'e gittiler."),
        ("fi", GOOD + " Škoda ajoi Tšekin läpi Košiceen."),
        ("ta", "வெள்ளம் ஒளி ஸ்ரீ"),
        ("th", THAI),
        ("hi", HINDI),
        ("bn", "ত্\u200cসুনামি"),
    ],
)
def test_a_text_in_the_letters_of_its_language_is_not_changed(language: str, text: str) -> None:
    assert converted(text, language) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("text", [ARABIC, PERSIAN])
def test_an_arabic_or_persian_text_is_not_changed_to_urdu(text: str) -> None:
    assert identify(pl.Series([text]), page("ur"))["judged"].item() in ("ar", "fa")


@pytest.mark.parametrize(
    ("language", "text", "foreign"),
    [
        ("tr", AZERBAIJANI, True),
        ("bn", ASSAMESE, True),
        ("ur", SINDHI, True),
        ("tr", TURKISH, False),
        ("bn", "সে বাড়ি গেল।", False),
        ("ur", URDU, False),
    ],
)
def test_letters_of_another_language_identify_it(language: str, text: str, foreign: bool) -> None:
    share = pl.DataFrame({"text": [text]}).select(foreign_share(page(language))).item()
    assert (share > page(language).max_foreign_letters_share) == foreign


@pytest.mark.skipif(not (SHARED / "web").is_dir(), reason=f"no web text under {SHARED}")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_second_pass_changes_nothing(language: str) -> None:
    raw = pl.read_ndjson(SHARED / "web" / f"{language}.jsonl.zst", infer_schema_length=None)["text"].head(600)
    once = normalised(raw, page(language))
    assert written(once, page(language)).equals(once)
