"""Texts that begin or end within a sentence are trimmed or dropped, and lists of titles are dropped."""

import polars as pl
import pytest

from stages.filtered_text.cleaning.fragments import trimmed
from stages.filtered_text.rules.content import fragment
from stages.filtered_text.rules.lines import titles
from tests.stages.filtered_text.texts import GOOD, HINDI, THAI, drop, given, made, page

LONG = "Vieraat kiittivät ja lupasivat palata heti keväällä kun tiet ovat taas kuivuneet ja"


URDU = "جھیل کے کنارے پرانا گاؤں ہے اور وہاں مچھیرے رہتے ہیں۔صبح سویرے کشتیاں نکلتی ہیں۔ شام کو بازار لگتا ہے۔"
URDU_REST = "بچے کنارے پر کھیلتے ہیں اور بوڑھے درختوں کے نیچے بیٹھ کر پرانے دنوں کے"


def trimmed_text(text: str, language: str = "fi") -> str:
    frame = trimmed(pl.DataFrame({"text": [text]}), given(min_words=5), page(language))
    assert frame["fragment"].to_list() == [None]
    return str(frame["text"].item())


@pytest.mark.parametrize(
    "tail",
    [
        f" {LONG}",
        f"\n{LONG} sitten,",
        " Leivän resepti löytyy...",
        " Leivän resepti löytyy […]",
        "\nLue lisää: Leivän monet reseptit",
        "\nLue lisää »\nLue lisää: Voisilmäpullat",
        " [Lue lisää]",
        " Jauhot voi myös… Lue lisää",
        "\nUusi ohje...\nVanha ohje…\nKevään ohje…",
        "\nValitse jauhot näin:",
        " Täytteen voi tehdä myös **näin:**",
    ],
)
def test_an_unfinished_sentence_or_a_teaser_at_the_end_is_removed(tail: str) -> None:
    assert trimmed_text(f"{GOOD}\n{GOOD}{tail}") == f"{GOOD}\n{GOOD}"


@pytest.mark.parametrize(
    "tail",
    [
        "\nLähde: Karjalan liitto",
        " Ohje on emännältä, joka sanoi: ”kuori on aina ohut kuin paperi ja täyte on paksu kuin peitto”",
        "\nTarvikkeet: ruisjauhoja, vehnäjauhoja, suolaa, vettä, riisiä, maitoa, voita, kananmunia, sokeria 2 dl",
        " Tämä on esim. hyvä ohje kaikille niille vieraille jotka eivät ole ennen piirakoita leiponeet, sanoi dr.",
        " Aiheesta kirjoitti Matti. " + "sana " * 80 + "loppu",
        f"\n- {LONG}",
        f"\n2. {LONG}",
    ],
)
def test_an_end_that_may_be_intended_is_left(tail: str) -> None:
    assert trimmed_text(f"{GOOD}{tail}") == f"{GOOD}{tail}"


def test_a_text_without_full_stops_is_not_cut() -> None:
    verse = "\n".join(LONG for _ in range(3))
    assert trimmed_text(verse) == verse


def test_thai_is_cut_only_at_teasers() -> None:
    assert trimmed_text(f"{THAI}\nอ่านต่อ", "th") == THAI
    assert trimmed_text(f"{THAI}\nข่าวที่เกี่ยวข้อง\nรัฐบาลเข้ม...\nแจ้งเตือน...", "th") == THAI
    assert trimmed_text(THAI, "th") == THAI


def test_the_rest_of_a_sentence_at_the_beginning_is_removed() -> None:
    assert trimmed_text(f"ja siksi leipojan taito on niin tärkeä. {GOOD}") == GOOD


@pytest.mark.parametrize(
    "head", ["sunnuntai 29. syyskuuta satoi. ", "kuka vain voi leipoa kotona. niin se on. ", "iPhone soi. "]
)
def test_a_lower_case_beginning_that_may_be_intended_is_left(head: str) -> None:
    assert trimmed_text(f"{head}{GOOD}") == f"{head}{GOOD}"


def test_a_first_paragraph_that_begins_with_a_name_from_program_code_is_left() -> None:
    text = f"flex-direction on ominaisuus joka kertoo suunnan.\n{GOOD}"
    assert trimmed_text(text) == text


@pytest.mark.parametrize("space", ["", " "])
def test_an_urdu_full_stop_needs_no_space_after_it(space: str) -> None:
    assert trimmed_text(f"{URDU}{space}{URDU_REST}", "ur") == URDU
    assert trimmed_text(f"{URDU}{space}{URDU_REST}۔۔۔", "ur") == URDU


@pytest.mark.parametrize(("language", "rest"), [("ur", "کے بعد وہ گھر چلے گئے۔"), ("hi", "के बाद वे घर चले गए। ")])
def test_a_first_sentence_that_begins_with_an_impossible_word_is_removed(language: str, rest: str) -> None:
    text = {"ur": URDU, "hi": HINDI}[language]
    assert trimmed_text(f"{rest}{text}", language) == text
    assert trimmed_text(text, language) == text
    verse = f"{rest.strip()}\n{text}"
    assert trimmed_text(verse, language) == verse


@pytest.mark.parametrize("rest", ["گئے۔", "کر دیا۔", "کیا گیا تھا۔ ", "سکتے ہیں، یہ سب جانتے ہیں۔"])
def test_an_urdu_text_that_begins_with_the_end_of_a_verb_begins_within_a_sentence(rest: str) -> None:
    assert trimmed_text(f"{rest}{URDU}", "ur") == URDU


def test_a_paragraph_without_a_beginning_is_dropped_if_its_rest_of_a_sentence_is_long() -> None:
    endless = "کا سہارا لینا پڑا، " + "پھر کشتی آگے بڑھی اور سب خوش ہوئے، " * 12 + "اور شام ہو گئی۔"
    texts = pl.DataFrame({"text": [endless, f"{endless} {URDU}"]})
    judged = fragment(trimmed(texts, given(), page("ur")), given(), page("ur"))
    assert judged["value"].to_list() == [f"a snippet that begins '{endless[:30]}'"] * 2
    assert judged["text"].equals(texts["text"])
    assert trimmed_text(f"{endless}\n{URDU}", "ur") == f"{endless}\n{URDU}"


@pytest.mark.parametrize("head", ["کیا ہے یہ شور؟ ", "کیا آپ نے وہ گاؤں دیکھا ہے۔ ", "کرن گھر گئی۔ "])
def test_an_urdu_text_may_begin_with_a_question_or_with_a_similar_word(head: str) -> None:
    assert trimmed_text(f"{head}{URDU}", "ur") == f"{head}{URDU}"


def test_a_paragraph_that_is_mostly_an_unfinished_sentence_is_dropped() -> None:
    endless = GOOD.replace(".", ",")[:-1]
    assert drop(endless) == ("fragment", f"a snippet that ends '{endless[-30:]}'")
    assert drop(f"Leivotaan piirakoita. {endless}")[0] == "fragment"
    assert trimmed_text(f"{endless}\n{endless}") == f"{endless}\n{endless}"
    assert trimmed_text(f"{endless}.") == f"{endless}."


@pytest.mark.parametrize("record", ["Title:\nPiirakat\nText:\n{}", "Title: Piirakat\nBody: {}"])
def test_the_names_of_fields_are_removed_from_a_record(record: str) -> None:
    assert trimmed_text(record.format(GOOD)) == f"Piirakat\n{GOOD}"
    assert trimmed_text(f"Otsikko:\nPiirakat\n{GOOD}") == f"Otsikko:\nPiirakat\n{GOOD}"


def test_a_snippet_with_too_few_whole_sentences_is_dropped_untrimmed() -> None:
    words = len(GOOD.split())
    snippet = f"{GOOD} {LONG}"
    assert drop(snippet, settings=given(min_words=words + 1)) == ("fragment", f"a snippet that ends '{snippet[-30:]}'")
    assert made(snippet).kept["text"].to_list() == [GOOD]


def broken_titles(lines: list[str], language: str = "fi") -> str | None:
    value = titles(pl.DataFrame({"text": ["\n".join(lines)]}), given(), page(language))["value"].item()
    return None if value is None else str(value)


@pytest.mark.parametrize(("language", "title"), [("fi", "Näin leivot piirakan"), ("th", "ข้าวยำอาหารเช้าของคนใต้")])
def test_a_list_of_titles_is_dropped(language: str, title: str) -> None:
    assert broken_titles([f"{title} {number}" for number in range(8)], language) == (
        "100 % of characters in titles > 90%"
    )


def test_few_titles_closed_lines_and_titles_with_paragraphs_are_not_a_list() -> None:
    lines = [f"Näin leivot piirakan {number}" for number in range(8)]
    assert broken_titles(lines[:7]) is None
    assert broken_titles([f"{line}." for line in lines]) is None
    assert broken_titles([*lines, GOOD]) is None
