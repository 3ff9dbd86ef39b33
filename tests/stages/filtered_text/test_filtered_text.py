"""Tiny texts are dropped for the right reasons, every row is accounted for, and most real documents are kept."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.filtered_text import stage as filtered_text
from stages.filtered_text.rules import listed_words as word_lists
from stages.filtered_text.rules.language import english_share, wrong_language
from stages.raw_web_text import stage as raw_web_text
from stages.raw_web_text.records import read_sources
from stages.raw_web_text.settings import Source
from tests.conftest import ROOT, SHARED
from tests.stages.filtered_text.texts import ALL, GOOD, HINDI, THAI, documents, drop, given, job, made, page
from x_instruction.runner.content_ids import content_ids
from x_instruction.runner.errors import InputError, SettingsError
from x_instruction.words.packaged_data import packaged_file


@pytest.mark.parametrize(("language", "text"), [("fi", GOOD), ("th", THAI)])
def test_a_good_text_is_kept_unchanged(language: str, text: str) -> None:
    assert made(text, language=language).kept["text"].to_list() == [text]


def test_a_short_text_is_dropped() -> None:
    assert drop("Kirjasto on suljettu ensi maanantaina.") == ("too_short", "5 words < 40")


def test_the_words_of_a_thai_text_are_estimated_from_its_characters() -> None:
    assert drop("วันนี้ตลาดนัดหน้าวัดปิดเพราะฝนตกหนัก", "th")[0] == "too_short"


def test_a_long_text_that_cannot_be_cut_is_dropped() -> None:
    endless = GOOD.replace(".", ",")
    assert drop(endless, settings=given(max_words=45)) == ("too_long", f"{len(GOOD.split())} words > 45")


def test_a_text_of_repeated_lines_is_dropped() -> None:
    reason, value = drop(
        "\n".join(["Edulliset talvirenkaat löydät nyt meiltä helposti, joten varaa aika jo tänään."] * 8)
    )
    assert (reason, value) == ("repetition", "88 % of characters in repeated sentences > 30%")


def test_a_paragraph_of_one_repeated_sentence_is_dropped() -> None:
    assert drop("Edulliset talvirenkaat löydät nyt meiltä, joten varaa aika. " * 8)[0] == "repetition"


def test_a_page_of_boilerplate_is_dropped() -> None:
    text = (
        "Tämä sivusto käyttää evästeitä kävijätilastointiin ja mainonnan kohdentamiseen kaikilla sivuillaan. "
        "Tilaa uutiskirjeemme ja saat parhaat tarjoukset suoraan sähköpostiisi joka viikko. Kirjaudu sisään tai "
        "rekisteröidy, niin voit kommentoida juttuja. Kaikki oikeudet pidätetään, lue myös käyttöehdot. "
        "Jaa tämä sivu ystävillesi ja seuraa meitä kaikissa kanavissa. Muutos tulee voimaan heti."
    )
    assert drop(text)[0] == "boilerplate"


def test_a_text_about_cookies_is_kept_but_a_cookie_notice_is_dropped() -> None:
    about = "Evästeitä on kahta lajia, istunnon mittaisia ja pysyviä, ja selain lähettää ne palvelimelle. "
    lesson = f"{about} {about.replace('kahta', 'monta')} {GOOD.split('. ')[0]}. {GOOD.split('. ')[1]}."
    assert made(lesson).kept.height == 1
    notice = " ".join(about.replace("kahta", word) for word in ("kahta", "kolmea", "monta", "eri", "samaa"))
    assert drop(notice) == ("boilerplate", "100 % of characters in boilerplate > 40%")


def test_a_text_with_one_boilerplate_sentence_is_kept() -> None:
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
def test_a_text_in_another_language_is_dropped(language: str, text: str) -> None:
    more = "The last ferry back leaves before six, and the captain waits for nobody, whatever the reason they give."
    assert drop(text + more + " Look out for seals below the cliff, and keep the dog near you.", language)[0] == (
        "wrong_language"
    )


def test_program_code_does_not_count_for_the_script() -> None:
    page = HINDI + "\n```js\n" + "const total = items.reduce((sum, item) => sum + item.price, 0);\n" * 8 + "```"
    assert (
        made(page, language="hi", settings=given(max_duplicate_line_characters_share=1, max_code_share=1))
        .dropped.filter(pl.col("reason") == "wrong_language")
        .is_empty()
    )
    english = f"{HINDI}\n" + "We add the price of each item to the sum of those before it, and write it down.\n" * 8
    assert "of letters in Devanagari script" in drop(english, "hi", given(max_repeated_paragraph_share=1))[1]


def test_a_text_with_longer_words_than_its_language_has_is_dropped() -> None:
    language = page("fi").model_copy(update={"max_mean_word_length": 5.0})
    split = filtered_text.transform(documents(GOOD), given(), language)
    assert split.dropped["reason"].to_list() == ["bad_word_lengths"]


def test_a_partly_translated_page_is_dropped() -> None:
    """The language identification accepts English here, so that only the share of English lines can drop the page."""
    english = "\n".join(["The dough is rolled out, and you can do that with a thin rolling pin."] * 12)
    bilingual = page("fi").model_copy(update={"neighbours": {"en": True}, "min_language_score": 0.0})

    def value(text: str) -> str | None:
        return wrong_language(pl.DataFrame({"text": [text]}), given(), bilingual)["value"].item()

    assert value(f"{GOOD}\n{english}") == "67 % of characters in lines of English > 50%"
    assert value(f"{GOOD}\n{GOOD}\n{GOOD}\n{english[:210]}") is None
    assert english_share(pl.Series([GOOD, "", english])).to_list() == [0, 0, 1]


def test_a_text_of_numbers_is_dropped() -> None:
    numbers = " ".join(f"{number}" for number in range(100, 125))
    assert drop(f"{GOOD} {numbers}")[0] == "few_alphabetic_words"


def test_a_text_with_many_listed_words_is_dropped() -> None:
    listed = given(listed_words={"fi": ["Piirakat", "kaksi sanaa"]})
    assert made(GOOD, settings=listed).kept.height == 1
    assert made(GOOD.replace("voin", "piirakatko"), settings=listed).kept.height == 1
    assert drop(f"{GOOD} Piirakat, kaksi sanaa!", settings=listed)[0] == "listed_words"


def test_words_listed_for_another_language_do_not_count() -> None:
    assert made(GOOD, settings=given(listed_words={"sw": ["piirakat"], "fi": []})).kept.height == 1


VULGAR = "Vittu mitä paskaa, perkele. Haista vittu."


def test_a_text_with_many_words_of_the_free_list_is_dropped() -> None:
    assert drop(f"{GOOD} {VULGAR}")[0] == "listed_words"
    assert made(f"{GOOD} {VULGAR}", settings=given(word_lists=["tr"])).kept.height == 1


def test_everyday_words_of_the_free_list_do_not_count() -> None:
    assert made(f"{GOOD} Haahka, muna, tavara ja pipari: panna ja pistää.").kept.height == 1


def test_listed_thai_words_count_only_as_whole_words() -> None:
    assert made(f"{THAI} กู้เงิน กู้เงิน กู้เงิน กู้เงิน", language="th").kept.height == 1
    assert drop(f"{THAI} กู ไอ้ควาย กู เหี้ย", language="th")[0] == "listed_words"


def test_a_free_list_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"filtered_text\.word_lists: there is no list for sw, only for ar, bn"):
        made(GOOD, language="sw", settings=given(word_lists=["sw"], min_language_share=0))


def test_a_file_of_a_package_is_read_only_in_the_pinned_version() -> None:
    name, version, _ = word_lists.FILE
    for pins in ("requirements-cpu.txt", "requirements-gpu.txt"):
        assert f"{name}=={version}" in (ROOT / pins).read_text(encoding="utf-8").splitlines()
    with pytest.raises(
        InputError, match=rf"{name} {re.escape(version)} is installed, not 9\.9; run `make environment`"
    ):
        packaged_file(name, "9.9", "data")
    with pytest.raises(InputError, match=r"no-such-package 1 is not installed"):
        packaged_file("no-such-package", "1", "data")


def test_punctuation_on_its_own_is_not_a_word() -> None:
    assert made(GOOD.replace(",", " ,").replace(".", " .").replace(" ", " - ", 20)).kept.height == 1


def test_private_data_is_counted_and_the_id_is_computed_from_the_masked_text() -> None:
    row = made(f"{GOOD} Kysy lisää: a@b.example, +358 40 000 0147 tai 198.41.0.4.").kept.row(0, named=True)
    assert (row["emails"], row["phones"], row["ips"]) == (1, 1, 1)
    assert row["id"] == content_ids(pl.DataFrame([row]), "language", "text").item() != row["document_id"]


def test_control_strings_are_left_and_counted() -> None:
    text = f"{GOOD} Merkit </s>, <|im_end|>, <|endoftext|> ja ### Response: ovat pelkkää tekstiä."
    row = made(text).kept.row(0, named=True)
    assert (row["text"], row["control_strings"]) == (text, 4)


def test_a_run_accounts_for_every_row_and_removes_temporary_columns(tmp_path: Path) -> None:
    stage_job = job(tmp_path, documents(GOOD, "lyhyt"), documents(GOOD + " Hyvää ruokahalua."))
    outcome = filtered_text.run(stage_job)
    kept = pl.read_parquet(sorted(stage_job.staging.glob("part-*.parquet")))
    assert kept.columns == filtered_text.COLUMNS
    assert stage_job.staged.drop_counts() == {"near_duplicate": 1, "too_short": 1}
    assert outcome.rows_in == kept.height + 2
    metrics = filtered_text.measure(stage_job, outcome)
    assert (metrics["language_share"], metrics["wrong_ids"], metrics["unmasked_private_data"]) == (1.0, 0, 0)
    assert metrics["fewest_words"] == len(GOOD.split()) + 2


def test_a_drop_has_the_id_of_its_document(tmp_path: Path) -> None:
    raw = documents(GOOD, GOOD + " Hyvää ruokahalua.")
    stage_job = job(tmp_path, raw)
    filtered_text.run(stage_job)
    assert pl.read_parquet(stage_job.staging / "__drops__" / "part-00000.parquet")["id"].to_list() == [raw["id"][0]]


def test_a_partition_without_kept_texts_can_be_measured(tmp_path: Path) -> None:
    stage_job = job(tmp_path, documents("lyhyt"))
    assert filtered_text.measure(stage_job, filtered_text.run(stage_job))["kept_share"] == 0


def pages(kind: str) -> list[Any]:
    path = ROOT / "data" / "sample" / "expected.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return [row for row in rows if row["page"].startswith(f"{kind}/")]


@pytest.mark.parametrize("language", ["fi", "th", "ur"])
def test_the_sample_is_judged_as_expected(language: str, tmp_path: Path) -> None:
    expected = pages(language)
    if not expected:
        pytest.skip("data/sample/expected.jsonl does not exist")
    (frame,) = read_sources(ALL.raw_web_text, language, ROOT)
    raw = raw_web_text.transform(frame, ALL.raw_web_text, language)
    stage_job = job(tmp_path, raw.kept, language=language)
    filtered_text.run(stage_job)
    found = {**stage_job.staged.drop_counts(), **dict(raw.dropped["reason"].value_counts().iter_rows())}
    reasons = [row["reason"] for row in expected if row["verdict"] == "drop"]
    assert found == {reason: reasons.count(reason) for reason in reasons}


@pytest.mark.skipif(not (SHARED / "web").is_dir(), reason=f"no real web text under {SHARED / 'web'}")
# The Urdu documents are news paragraphs that were cut after 100 words. Those with too few whole sentences are rightly
# dropped as fragments, so the test counts them with the kept ones.
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
