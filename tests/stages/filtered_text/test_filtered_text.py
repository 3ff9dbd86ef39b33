"""filtered_text: a tiny text for each reason, built to trip exactly that one."""

import json
import os
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.filtered_text import stage as filtered_text
from stages.filtered_text.cleaning.escapes import without_escapes
from stages.filtered_text.private_data.mask import mask
from stages.filtered_text.rules import listed_words as word_lists
from stages.filtered_text.rules.language import english_share, wrong_language
from stages.raw_web_text import stage as raw_web_text
from stages.raw_web_text.records import read_sources
from stages.raw_web_text.settings import Source
from tests.conftest import ROOT
from tests.stages.filtered_text.texts import ALL, GOOD, HINDI, THAI, documents, drop, given, job, made, page
from x_instruction.runner.errors import InputError, SettingsError
from x_instruction.runner.files import digest
from x_instruction.runner.shards import drop_counts
from x_instruction.words import vietnamese_model
from x_instruction.words.packaged_data import packaged_file

SHARED = Path(os.environ.get("XI_SHARED_DATA", ROOT.parent / "shared" / "data"))


@pytest.mark.parametrize(("language", "text"), [("fi", GOOD), ("th", THAI)])
def test_a_good_text_is_kept_as_it_is(language: str, text: str) -> None:
    assert made(text, language=language).kept["text"].to_list() == [text]


def test_a_short_text() -> None:
    assert drop("Kirjasto on suljettu ensi maanantaina.") == ("too_short", "5 words < 40")


def test_a_short_thai_text_is_counted_by_characters() -> None:
    assert drop("วันนี้ตลาดนัดหน้าวัดปิดเพราะฝนตกหนัก", "th")[0] == "too_short"


def test_a_text_too_long_for_a_response_that_no_sentence_end_lets_be_cut() -> None:
    endless = GOOD.replace(".", ",")
    assert drop(endless, settings=given(max_words=45)) == ("too_long", f"{len(GOOD.split())} words > 45")


def test_a_text_that_repeats_itself() -> None:
    reason, value = drop(
        "\n".join(["Edulliset talvirenkaat löydät nyt meiltä helposti, joten varaa aika jo tänään."] * 8)
    )
    assert (reason, value) == ("repetition", "88 % repeated > 30%")


def test_a_sentence_repeated_inside_one_paragraph() -> None:
    assert drop("Edulliset talvirenkaat löydät nyt meiltä, joten varaa aika. " * 8)[0] == "repetition"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"Alisema hivyo.\n\nHata hivyo, walikataa.", "Alisema hivyo.\nHata hivyo, walikataa."),
        (r"Karim, 34. (Marca) \n Aston Villa", "Karim, 34. (Marca)\nAston Villa"),
        (r"majina ya chapa\nNa nyingine", "majina ya chapa\nNa nyingine"),
        (r"Fungua C:\new hapa", r"Fungua C:\new hapa"),
        (r'Andika "a;\n" hapa. \n Basi', r'Andika "a;\n" hapa. \n Basi'),
    ],
)
def test_escaped_line_ends_are_put_back_unless_there_is_code(text: str, expected: str) -> None:
    assert without_escapes(pl.DataFrame({"text": [text]}))["text"].item() == expected


def test_escaped_quotation_marks_are_put_back_unless_there_is_code() -> None:
    assert made(f'{GOOD} Emäntä sanoi: \\"Hyvä tuli.\\"').kept["text"].to_list() == [
        f'{GOOD} Emäntä sanoi: "Hyvä tuli."'
    ]
    lesson = f'{GOOD} Merkki kirjoitetaan näin: `"\\""`.'
    assert made(lesson).kept["text"].to_list() == [lesson]


def test_a_page_of_boilerplate() -> None:
    text = (
        "Tämä sivusto käyttää evästeitä kävijätilastointiin ja mainonnan kohdentamiseen kaikilla sivuillaan. "
        "Tilaa uutiskirjeemme ja saat parhaat tarjoukset suoraan sähköpostiisi joka viikko. Kirjaudu sisään tai "
        "rekisteröidy, niin voit kommentoida juttuja. Kaikki oikeudet pidätetään, lue myös käyttöehdot. "
        "Jaa tämä sivu ystävillesi ja seuraa meitä kaikissa kanavissa. Muutos tulee voimaan heti."
    )
    assert drop(text)[0] == "boilerplate"


def test_a_text_about_cookies_is_no_boilerplate_a_notice_of_little_else_is() -> None:
    about = "Evästeitä on kahta lajia, istunnon mittaisia ja pysyviä, ja selain lähettää ne palvelimelle. "
    lesson = f"{about} {about.replace('kahta', 'monta')} {GOOD.split('. ')[0]}. {GOOD.split('. ')[1]}."
    assert made(lesson).kept.height == 1
    notice = " ".join(about.replace("kahta", word) for word in ("kahta", "kolmea", "monta", "eri", "samaa"))
    assert drop(notice) == ("boilerplate", "100 % boilerplate > 40%")


def test_one_boilerplate_sentence_does_not_condemn_a_text() -> None:
    assert made(f"{GOOD}\nKaikki oikeudet pidätetään.").kept.height == 1


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "fi",
            "The path from the harbour takes about an hour and can be muddy after rain, so boots are worth it. " * 1,
        ),
        ("th", "Nets are spread out on the quay, and three generations sit around them with needles in their hands. "),
        ("ur", GOOD),
    ],
)
def test_a_text_in_another_language(language: str, text: str) -> None:
    more = "The last ferry back leaves before six, and the captain waits for nobody, whatever the reason they give."
    assert drop(text + more + " Look out for seals below the cliff, and keep the dog near you.", language)[0] == (
        "wrong_language"
    )


def test_code_does_not_count_for_the_script() -> None:
    page = HINDI + "\n```js\n" + "const total = items.reduce((sum, item) => sum + item.price, 0);\n" * 8 + "```"
    assert (
        made(page, language="hi", settings=given(max_duplicate_line_characters_share=1, max_code_share=1))
        .dropped.filter(pl.col("reason") == "wrong_language")
        .is_empty()
    )
    english = f"{HINDI}\n" + "We add the price of each item to the sum of those before it, and write it down.\n" * 8
    assert "of letters Devanagari" in drop(english, "hi", given(max_repeated_paragraph_share=1))[1]


def test_words_longer_than_the_language_has() -> None:
    language = page("fi").model_copy(update={"max_mean_word_length": 5.0})
    split = filtered_text.transform(documents(GOOD), given(), language)
    assert split.dropped["reason"].to_list() == ["bad_word_lengths"]


def test_a_page_translated_in_part() -> None:
    """Its language is told by slices; here English is taken for ours, so that only the share of its lines can tell."""
    english = "\n".join(["The dough is rolled out, and you can do that with a thin rolling pin."] * 12)
    bilingual = page("fi").model_copy(update={"neighbours": {"en": True}, "min_language_score": 0.0})

    def met(text: str) -> str | None:
        return wrong_language(pl.DataFrame({"text": [text]}), given(), bilingual)["value"].item()

    assert met(f"{GOOD}\n{english}") == "67 % in lines of English > 50%"
    assert met(f"{GOOD}\n{GOOD}\n{GOOD}\n{english[:210]}") is None
    assert english_share(pl.Series([GOOD, "", english])).to_list() == [0, 0, 1]


def test_a_text_of_numbers() -> None:
    numbers = " ".join(f"{number}" for number in range(100, 125))
    assert drop(f"{GOOD} {numbers}")[0] == "few_alphabetic_words"


def test_a_text_full_of_listed_words() -> None:
    listed = given(listed_words={"fi": ["Piirakat", "kaksi sanaa"]})
    assert made(GOOD, settings=listed).kept.height == 1
    assert made(GOOD.replace("voin", "piirakatko"), settings=listed).kept.height == 1
    assert drop(f"{GOOD} Piirakat, kaksi sanaa!", settings=listed)[0] == "listed_words"


def test_words_listed_for_another_language_do_no_harm() -> None:
    assert made(GOOD, settings=given(listed_words={"sw": ["piirakat"], "fi": []})).kept.height == 1


VULGAR = "Vittu mitä paskaa, perkele. Haista vittu."


def test_a_text_full_of_vulgar_words_of_the_free_list() -> None:
    assert drop(f"{GOOD} {VULGAR}")[0] == "listed_words"
    assert made(f"{GOOD} {VULGAR}", settings=given(word_lists=["tr"])).kept.height == 1


def test_everyday_words_of_the_free_list_do_no_harm() -> None:
    assert made(f"{GOOD} Haahka, muna, tavara ja pipari: panna ja pistää.").kept.height == 1


def test_thai_words_are_listed_only_as_whole_words() -> None:
    assert made(f"{THAI} กู้เงิน กู้เงิน กู้เงิน กู้เงิน", language="th").kept.height == 1
    assert drop(f"{THAI} กู ไอ้ควาย กู เหี้ย", language="th")[0] == "listed_words"


def test_a_language_without_a_free_list_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"filtered_text\.word_lists: there is no list for sw; there are ar, bn"):
        made(GOOD, language="sw", settings=given(word_lists=["sw"], min_language_share=0))


@pytest.mark.parametrize("package", [word_lists.FILE[:2], (vietnamese_model.PACKAGE, vietnamese_model.VERSION)])
def test_what_is_read_of_a_package_is_of_the_version_that_is_pinned(package: tuple[str, str]) -> None:
    name, version = package
    for pins in ("requirements-cpu.txt", "requirements-gpu.txt"):
        assert f"{name}=={version}" in (ROOT / pins).read_text(encoding="utf-8").splitlines()
    with pytest.raises(
        InputError, match=rf"{name} {re.escape(version)} is installed, not 9\.9; run `make environment`"
    ):
        packaged_file(name, "9.9", "data")
    with pytest.raises(InputError, match=r"no-such-package 1 is not installed"):
        packaged_file("no-such-package", "1", "data")


def test_lone_signs_are_no_words() -> None:
    assert made(GOOD.replace(",", " ,").replace(".", " .").replace(" ", " - ", 20)).kept.height == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kirjoita paja@kerho.example.org nyt.", "Kirjoita [email] nyt."),
        ("maija.meikäläinen@üniversite.example.org, a@b.co", "[email], [email]"),
        ("อีเมลinfo@example.co.thค่ะ", "อีเมล[email]ค่ะ"),
        ("Soita +358 40 000 0147 heti.", "Soita [phone] heti."),
        ("โทร +66 2 555 0147 นะ", "โทร [phone] นะ"),
        ("โทร. 0-2645-9000 หรือ 08-1866-3000", "โทร. [phone] หรือ [phone]"),
        ("Soita 040-1234567, 050 123 4567.", "Soita [phone], [phone]."),
        ("ফোন ০১৭১২৩৪৫৬৭৮ করুন", "ফোন [phone] করুন"),
        ("Tel: 0212 123 23 24", "Tel: [phone]"),
        ("Ara: 0 (532) 123 45 67, 0 532 123 45 67, 0(212) 123 45 67.", "Ara: [phone], [phone], [phone]."),
        ("โทร.02-645-9000 หรือ081-866-3000ค่ะ", "โทร.[phone] หรือ[phone]ค่ะ"),
        ("Gọi (84-24) 3123 4567 nhé", "Gọi [phone] nhé"),
        ("எண் 011 2 345678 ஆகும்", "எண் [phone] ஆகும்"),
        ("मोबाइल नंबर 98350 44578 और फ़ोन: 9846792777।", "मोबाइल नंबर [phone] और फ़ोन: [phone]।"),
        ("Puh:0401234567, klo 15:04:05.123456.", "Puh:[phone], klo 15:04:05.123456."),
        ("osoite 198.41.0.4 toimii", "osoite [ip] toimii"),
        ("osoite 2001:503:ba3e::2:30 toimii.", "osoite [ip] toimii."),
        ("Tili FI21 1234 5600 0007 85, viite 5.", "Tili [iban], viite 5."),
        ("IBAN: FI2112345600000785", "IBAN: [iban]"),
    ],
)
def test_private_data_is_masked(text: str, expected: str) -> None:
    assert mask(pl.DataFrame({"text": [text]}))["text"].item() == expected


@pytest.mark.parametrize(
    "text",
    [
        "vuosina 1866–1868 ja 2010-2014",
        "01.02.2024 ja 2024-01-31 kello 12:30:45",
        "hinta 1 250 000,00 tai Rp 1.000.000.000",
        "laki 12/2007, 1 luku 2.3.4.1 §",
        "UU Nomor 05 Tahun 1990",
        "pi on 3.0123456789",
        "nomor 03298 2019 nnf",
        "std::sort ja a::b",
        "00000001 00000010",
        "summat 75000 80000 ja 98350 44578",
        "สมาชิก 9835044578 คน",
        "kello 01.00-02.00",
        "https://www.w3.org/TR/html401/interact/forms.html#h-17.13.4.1",
        "Tili FI22 1234 5600 0007 85",  # wrong check digits
    ],
)
def test_years_prices_dates_and_laws_are_not_masked(text: str) -> None:
    assert mask(pl.DataFrame({"text": [text]}))["text"].item() == text


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "192.168.1.1", "10.0.0.5", "172.16.0.1", "172.31.255.1", "192.0.2.45", "203.0.113.24"]
)
def test_an_address_of_every_home_or_of_documentation_is_not_masked(address: str) -> None:
    text = f"avaa http://{address}:8000/"
    assert mask(pl.DataFrame({"text": [text]}))["text"].item() == text


def test_private_data_is_counted_and_the_id_is_of_the_masked_text() -> None:
    row = made(f"{GOOD} Kysy lisää: a@b.example, +358 40 000 0147 tai 198.41.0.4.").kept.row(0, named=True)
    assert (row["emails"], row["phones"], row["ips"]) == (1, 1, 1)
    assert row["id"] == digest("fi", row["text"])[:16] != row["document_id"]


def test_control_strings_stay_as_they_are() -> None:
    text = f"{GOOD} Merkit </s>, <|im_end|>, <|endoftext|> ja ### Response: ovat pelkkää tekstiä."
    row = made(text).kept.row(0, named=True)
    assert (row["text"], row["control_strings"]) == (text, 4)


def test_a_run_accounts_for_every_row_and_leaves_no_temporary_column(tmp_path: Path) -> None:
    one = job(tmp_path, documents(GOOD, "lyhyt"), documents(GOOD + " Hyvää ruokahalua."))
    filtered_text.run(one)
    kept = pl.read_parquet(sorted(one.staging.glob("part-*.parquet")))
    assert kept.columns == filtered_text.COLUMNS
    assert drop_counts(one.staging) == {"near_duplicate": 1, "too_short": 1}
    assert one.facts["rows_in"] == kept.height + 2
    metrics = filtered_text.measure(one)
    assert (metrics["language_share"], metrics["wrong_ids"], metrics["unmasked_private_data"]) == (1.0, 0, 0)
    assert metrics["min_words_met"] == len(GOOD.split()) + 2


def test_a_drop_carries_the_id_of_the_document(tmp_path: Path) -> None:
    raw = documents(GOOD, GOOD + " Hyvää ruokahalua.")
    one = job(tmp_path, raw)
    filtered_text.run(one)
    assert pl.read_parquet(one.staging / "drops" / "part-00000.parquet")["id"].to_list() == [raw["id"][0]]


def test_a_partition_where_nothing_is_kept_can_be_measured(tmp_path: Path) -> None:
    one = job(tmp_path, documents("lyhyt"))
    filtered_text.run(one)
    assert filtered_text.measure(one)["kept_share"] == 0


def pages(kind: str) -> list[Any]:
    path = ROOT / "data" / "sample" / "expected.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return [row for row in rows if row["page"].startswith(f"{kind}/")]


@pytest.mark.parametrize("language", ["fi", "th", "ur"])
def test_the_sample_is_judged_as_expected(language: str, tmp_path: Path) -> None:
    expected = pages(language)
    if not expected:
        pytest.skip("data/sample/expected.jsonl is not there")
    (frame,) = read_sources(ALL.raw_web_text, language, ROOT)
    raw = raw_web_text.transform(frame, ALL.raw_web_text, language)
    one = job(tmp_path, raw.kept, language=language)
    filtered_text.run(one)
    met = {**drop_counts(one.staging), **dict(raw.dropped["reason"].value_counts().iter_rows())}
    reasons = [row["reason"] for row in expected if row["verdict"] == "drop"]
    assert met == {reason: reasons.count(reason) for reason in reasons}


@pytest.mark.skipif(not (SHARED / "web").is_dir(), reason=f"no real web text under {SHARED / 'web'}")
# Of the first 200: Finnish pages with their teaser below them or more code than text and Thai ones that are headlines
# mostly are still lost. 180, 190 and 197 were kept when this was written. The Urdu ones are paragraphs cut from news
# after 100 words: those of which no sentence, or too little, is whole are rightly dropped, and counted apart; four of
# the 25 for what they begin with, a postposition or a verb amid its sentence (read one by one).
@pytest.mark.parametrize(("language", "kept", "snippets"), [("fi", 178, 0), ("th", 188, 0), ("ur", 195, 25)])
def test_most_real_documents_are_kept(language: str, kept: int, snippets: int) -> None:
    source = Source(path="web/{language}.jsonl.zst")
    settings = ALL.raw_web_text.model_copy(update={"sources": [source], "rows_per_shard": 200})
    frame = next(iter(read_sources(settings, language, SHARED)))
    raw = raw_web_text.transform(frame, settings, language)
    split = filtered_text.transform(raw.kept, given(max_words=100_000), page(language))
    assert raw.kept.height == 200
    fragments = int(split.dropped["reason"].eq("fragment").sum())
    assert fragments <= snippets
    assert split.kept.height + fragments >= kept
    assert split.kept.height + split.dropped.height == 200
