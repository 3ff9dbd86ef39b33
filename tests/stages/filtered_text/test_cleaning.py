"""What is taken out of a document before it is judged: markup, what copying left, breaks within sentences."""

import polars as pl
import pytest

from stages.filtered_text.cleaning.clean import cleaned
from stages.filtered_text.cleaning.copy_artifacts import without_left_overs
from stages.filtered_text.cleaning.font_artifacts import without_font_signs
from stages.filtered_text.cleaning.markup import without_markup
from stages.filtered_text.cleaning.wrapped_lines import joined_lines
from tests.stages.filtered_text.texts import GOOD, THAI, made, page

MARKDOWN = "# Otsikko"


def bare(text: str) -> str:
    return str(without_markup(pl.Series([text])).item())


def kept_of(text: str, language: str = "fi") -> str:
    return str(without_left_overs(pl.Series([text]), page(language)).item())


def joined(text: str) -> str:
    return str(joined_lines(pl.Series([text])).item())


def test_front_matter() -> None:
    assert bare(f"---\ntitle: Piirakat\ntags:\n- ruoka\n---\n{GOOD}") == GOOD
    assert bare(f"{GOOD}\n---\nalku: loppu\n---\n{GOOD}") == f"{GOOD}\nalku: loppu\n{GOOD}"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("Alku <!-- The path\nis muddy. --> loppu.", "Alku loppu."),
        ("## Osa {/*part*/}", "## Osa"),
        ("## Osa {#part}", "## Osa"),
        ("Tämä on <i>vino</i> sana.", "Tämä on vino sana."),
        ("<Intro>\nAlku.\n</Intro>", "Alku."),
        ('<Banner\nchapter={1}\nname="a"\n/>\nAlku.', "Alku."),
        ("<td>yksi</td><td>kaksi</td>", "yksi\nkaksi"),
        ("![kaavio](../a.png)\nAlku.", "Alku."),
        ("[![kaavio](../a.png)](https://example.org/a)\nAlku.", "Alku."),
        ("Lue [osa 1](/osa1#alku) ja [täältä](#alla).", "Lue osa 1 ja täältä."),
        ("Lue [sivusto](https://example.org/a) ja <https://example.org>.",) * 2,
        ("Kirjoita `<i>` tai `{/*a*/}`.",) * 2,
        ("```html\n<p>a</p>\n<!-- b -->\n\n```\nAlku.", "```html\n<p>a</p>\n<!-- b -->\n```\nAlku."),
        ("Jos a < b ja c > d.",) * 2,
        ("Merkki </s> jää.",) * 2,
    ],
)
def test_markup_of_markdown(markup: str, text: str) -> None:
    assert bare(f"{MARKDOWN}\n{markup}") == f"{MARKDOWN}\n{text}"


def test_tags_and_comments_of_a_page_that_is_no_markdown_are_what_it_speaks_of() -> None:
    text = "Lihavointi on <b> ja huomautus <!-- näin -->."
    assert bare(text) == text


@pytest.mark.parametrize(
    ("macro", "text"),
    [
        ('{{Compat("api.URL")}}\nAlku.', "Alku."),
        ('Olio {{domxref("URL")}} on tämä.', "Olio URL on tämä."),
        ('Olio {{domxref("URL.host", "host")}} on tämä.', "Olio host on tämä."),
        ("Muuttuja {{ nimi }} on tämä.",) * 2,
        ("{% include alku.html %}\nAlku.\n{:else}\nLoppu.", "Alku.\nLoppu."),
        (".. meta::\n:keywords: a, b\nAlku.", "Alku."),
        ("Alku.\n##\n***\n-----\nLoppu.", "Alku.\nLoppu."),
        ("P&auml;iv&auml; &amp;nbsp;on&#8230;", "Päivä  on…"),
    ],
)
def test_templates_directives_lone_signs_and_entities(macro: str, text: str) -> None:
    assert bare(macro) == text


def test_a_field_of_csv() -> None:
    said = 'Hän sanoi: ""Tule heti."" Sitten hän lähti.'
    assert kept_of(f'Otsikko\n"{said}"') == 'Otsikko\nHän sanoi: "Tule heti." Sitten hän lähti.'
    assert kept_of('"Tule heti."\nHän lähti.') == '"Tule heti."\nHän lähti.'


def test_a_tokenizers_blanks() -> None:
    text = 'Voi ( tai öljy ) , 3 ,5 dl , ja " suolaa " : sekoita . Paista heti ! Mukavaa :) , eikö ?'
    assert kept_of(text) == 'Voi (tai öljy), 3,5 dl, ja "suolaa": sekoita. Paista heti! Mukavaa :), eikö?'
    assert kept_of("Tule heti, sanoi hän. Miksi ? Siksi, hän vastasi , ja lähti.").count(" ,") == 1


def test_the_windows_title() -> None:
    headline = "Karjalanpiirakan kuori on rukiinen"
    assert kept_of(f"Sanomat - {headline}\n5.3.2021\n{headline}\n{GOOD}") == f"5.3.2021\n{headline}\n{GOOD}"
    assert kept_of(f"{GOOD} Näin se käy.\nNäin se käy.") == f"{GOOD} Näin se käy.\nNäin se käy."


def test_a_paragraph_said_twice_in_a_row_but_not_one_said_on_and_on() -> None:
    assert kept_of(f"{GOOD}\n{GOOD}\nLoppu.") == f"{GOOD}\nLoppu."
    assert kept_of("\n".join([GOOD] * 5)) == "\n".join([GOOD] * 5)
    assert kept_of("Hei hoi!\nHei hoi!\nLoppu.") == "Hei hoi!\nHei hoi!\nLoppu."


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("மரத்தி;ல் ஏறினான்.", "மரத்தில் ஏறினான்."),
        ("(பாட்;டு கேட்டது)", "(பாட்டு கேட்டது)"),
        ("ஊருக்கு இ;ந்த வழி", "ஊருக்கு இந்த வழி"),
        ("வந்ததற;கு நன்றி", "வந்ததற்கு நன்றி"),
    ],
)
def test_a_semicolon_that_a_font_left_within_a_tamil_word(written: str, meant: str) -> None:
    assert without_font_signs(pl.Series([written]), page("ta")).to_list() == [meant]
    assert without_font_signs(pl.Series([written]), page("fi")).to_list() == [written]


def test_the_urdu_yeh_that_only_ends_words_before_a_hamza() -> None:
    written, meant = "وہ چاےئے پیتے ہیں۔", "وہ چایئے پیتے ہیں۔"
    assert without_font_signs(pl.Series([written]), page("ur")).to_list() == [meant]
    assert without_font_signs(pl.Series([written]), page("fi")).to_list() == [written]
    assert without_font_signs(pl.Series(["گائے ہے"]), page("ur")).to_list() == ["گائے ہے"]


@pytest.mark.parametrize("text", ["மரம்; செடி", "மரம்;செடி;கொடி", "மரம் ;செடி", "let மரம்=1;x"])
def test_a_tamil_semicolon_that_is_one_is_left(text: str) -> None:
    assert without_font_signs(pl.Series([text]), page("ta")).to_list() == [text]


def test_paragraphs_said_again_in_their_order() -> None:
    a, b, c = (f"{head} {GOOD}" for head in ("Ensin.", "Sitten.", "Lopuksi."))
    assert kept_of("\n".join(["Piirakat", a, b, a, b, c])) == "\n".join(["Piirakat", a, b, c])
    assert kept_of("\n".join(["Piirakat", a, b, "Piirakat", a, b])) == "\n".join(["Piirakat", a, b])
    assert kept_of("\n".join([a, b, c, "Välissä.", a, b, c])) == "\n".join([a, b, c, "Välissä."])


@pytest.mark.parametrize("order", ["aba", "abcba", "ababab", "xyabxyc", "abfab"])
def test_refrains_code_and_what_is_said_a_third_time_are_left(order: str) -> None:
    said = {"a": f"Ensin. {GOOD}", "b": f"Sitten. {GOOD}", "c": f"Lopuksi. {GOOD}", "f": "```\nx = 1\n```"}
    said |= {
        "x": "Tuuli tuo ja tuuli vie, näin kulkee matkamiehen tie,",
        "y": "ja lintu laulaa illansuussa rannan kuusessa.",
    }
    text = "\n".join(said[one] for one in order)
    assert kept_of(text) == text


def test_buttons_of_the_language() -> None:
    assert kept_of(f"พิมพ์\n{THAI}", "th") == THAI
    assert kept_of(f"พิมพ์\n{THAI}", "fi") == f"พิมพ์\n{THAI}"


def test_credits_and_the_address_of_the_source() -> None:
    assert kept_of(f"{GOOD}\n* License: [CC-BY]\n* Text: A. Kirjoittaja\n* Language: fi") == GOOD
    assert kept_of(f"{GOOD}\n* Text: A\n* Language: fi") == f"{GOOD}\n* Text: A\n* Language: fi"
    assert kept_of(f"{GOOD}\nLähde: https://example.org/a/1") == GOOD
    code = "Ohjeen kuvat ovat varastossa"
    assert kept_of(f"{GOOD}\n{code}\nhttps://example.org/a/1") == GOOD
    assert kept_of(f"{GOOD}\n{code}.\nhttps://example.org/a/1") == f"{GOOD}\n{code}."
    assert kept_of(f"{THAI}\n{THAI[:60]}\nhttps://example.org/a/1", "th") == f"{THAI}\n{THAI[:60]}"
    assert kept_of(f"{GOOD}\n- [Lisää](https://example.org/a)") == f"{GOOD}\n- [Lisää](https://example.org/a)"


def broken(words: int) -> str:
    parts = GOOD.split()
    return "\n".join(" ".join(parts[at : at + words]) for at in range(0, len(parts), words))


def test_lines_broken_at_a_width() -> None:
    text = "Uuni kuumennetaan ensin.\n" + broken(5)
    assert joined(text).count("\n") < 4
    assert "vettä, suolaa, ruisjauhoja" in joined(text)
    assert joined(GOOD.replace(". ", ".\n")) == GOOD.replace(". ", ".\n")


def test_code_and_headings_in_a_text_broken_at_a_width_are_left() -> None:
    text = f"# Piirakat\n{broken(5)}\nimport re\nprint(re)\n```\na\nb\n```"
    assert joined(text).startswith("# Piirakat\nKarjalanpiirakan kuori")
    assert joined(text).endswith("\nimport re\nprint(re)\n```\na\nb\n```")


def test_who_begins_sentences_with_a_small_letter_is_left() -> None:
    text = "\n".join(f"{line}." if at % 2 else line for at, line in enumerate(broken(5).lower().split("\n")))
    assert joined(text) == text


def test_a_document_is_judged_as_cleaned_and_leads_back_to_itself() -> None:
    page = f"---\ntitle: Piirakat\n---\n<!-- The path from the harbour takes an hour. -->\n## Ohje\n{GOOD}"
    row = made(page).kept.row(0, named=True)
    assert row["text"] == f"## Ohje\n{GOOD}"
    assert row["document_id"] != row["id"]


def test_cleaned_texts_do_not_depend_on_what_stands_beside_them() -> None:
    frame = pl.DataFrame({"text": [GOOD, "# A\n<b>b</b>", "", broken(5), "Hei&nbsp;hei", THAI]})
    of = page("fi")
    assert cleaned(frame, of).equals(pl.concat([cleaned(frame[row], of) for row in range(frame.height)]))
