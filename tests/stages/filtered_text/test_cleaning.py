"""Markup, traces of copying and line breaks within sentences are removed before a document is judged."""

import polars as pl
import pytest

from stages.filtered_text.cleaning.clean import cleaned
from stages.filtered_text.cleaning.copy_artifacts import without_copy_artifacts
from stages.filtered_text.cleaning.escapes import without_escapes
from stages.filtered_text.cleaning.font_artifacts import without_font_artifacts
from stages.filtered_text.cleaning.wrapped_lines import joined_lines
from tests.stages.filtered_text.texts import GOOD, THAI, made, page
from x_instruction.cleaning.markup import without_markup

MARKDOWN = "# Otsikko"


def without_marks(text: str) -> str:
    return str(without_markup(pl.Series([text])).item())


def uncopied(text: str, language: str = "fi") -> str:
    return str(without_copy_artifacts(pl.Series([text]), page(language)).item())


def joined(text: str) -> str:
    return str(joined_lines(pl.Series([text]), page("fi")).item())


def test_front_matter_at_the_beginning_is_removed() -> None:
    assert without_marks(f"---\ntitle: Piirakat\ntags:\n- ruoka\n---\n{GOOD}") == GOOD
    assert without_marks(f"{GOOD}\n---\nalku: loppu\n---\n{GOOD}") == f"{GOOD}\nalku: loppu\n{GOOD}"


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
def test_markup_of_a_markdown_page_is_removed_outside_code(markup: str, text: str) -> None:
    assert without_marks(f"{MARKDOWN}\n{markup}") == f"{MARKDOWN}\n{text}"


def test_tags_and_comments_in_other_texts_are_left_as_their_subject() -> None:
    text = "Lihavointi on <b> ja huomautus <!-- näin -->."
    assert without_marks(text) == text


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
def test_templates_directives_rulers_and_entities_are_removed(macro: str, text: str) -> None:
    assert without_marks(macro) == text


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
def test_escaped_line_ends_are_unescaped_unless_there_is_code(text: str, expected: str) -> None:
    assert without_escapes(pl.Series([text]), page("sw")).to_list() == [expected]


def test_escaped_quotation_marks_are_unescaped_unless_there_is_code() -> None:
    assert made(f'{GOOD} Emäntä sanoi: \\"Hyvä tuli.\\"').kept["text"].to_list() == [
        f'{GOOD} Emäntä sanoi: "Hyvä tuli."'
    ]
    lesson = f'{GOOD} Merkki kirjoitetaan näin: `"\\""`.'
    assert made(lesson).kept["text"].to_list() == [lesson]


def test_the_quoting_of_a_csv_field_is_removed() -> None:
    quoted = 'Hän sanoi: ""Tule heti."" Sitten hän lähti.'
    assert uncopied(f'Otsikko\n"{quoted}"') == 'Otsikko\nHän sanoi: "Tule heti." Sitten hän lähti.'
    assert uncopied('"Tule heti."\nHän lähti.') == '"Tule heti."\nHän lähti.'


def test_the_spaces_that_a_tokenizer_inserted_are_removed() -> None:
    text = 'Voi ( tai öljy ) , 3 ,5 dl , ja " suolaa " : sekoita . Paista heti ! Mukavaa :) , eikö ?'
    assert uncopied(text) == 'Voi (tai öljy), 3,5 dl, ja "suolaa": sekoita. Paista heti! Mukavaa :), eikö?'
    assert uncopied("Tule heti, sanoi hän. Miksi ? Siksi, hän vastasi , ja lähti.").count(" ,") == 1


def test_the_window_title_is_removed_if_the_headline_follows() -> None:
    headline = "Karjalanpiirakan kuori on rukiinen"
    assert uncopied(f"Sanomat - {headline}\n5.3.2021\n{headline}\n{GOOD}") == f"5.3.2021\n{headline}\n{GOOD}"
    assert uncopied(f"{GOOD} Näin se käy.\nNäin se käy.") == f"{GOOD} Näin se käy.\nNäin se käy."


def test_a_paragraph_that_directly_follows_itself_is_removed_unless_it_recurs_often() -> None:
    assert uncopied(f"{GOOD}\n{GOOD}\nLoppu.") == f"{GOOD}\nLoppu."
    assert uncopied("\n".join([GOOD] * 5)) == "\n".join([GOOD] * 5)
    assert uncopied("Hei hoi!\nHei hoi!\nLoppu.") == "Hei hoi!\nHei hoi!\nLoppu."


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("மரத்தி;ல் ஏறினான்.", "மரத்தில் ஏறினான்."),
        ("(பாட்;டு கேட்டது)", "(பாட்டு கேட்டது)"),
        ("ஊருக்கு இ;ந்த வழி", "ஊருக்கு இந்த வழி"),
        ("வந்ததற;கு நன்றி", "வந்ததற்கு நன்றி"),
    ],
)
def test_a_semicolon_that_a_font_left_within_a_tamil_word_is_removed(written: str, meant: str) -> None:
    assert without_font_artifacts(pl.Series([written]), page("ta")).to_list() == [meant]
    assert without_font_artifacts(pl.Series([written]), page("fi")).to_list() == [written]


def test_the_final_yeh_before_a_hamza_becomes_the_other_yeh_in_urdu() -> None:
    written, meant = "وہ چاےئے پیتے ہیں۔", "وہ چایئے پیتے ہیں۔"
    assert without_font_artifacts(pl.Series([written]), page("ur")).to_list() == [meant]
    assert without_font_artifacts(pl.Series([written]), page("fi")).to_list() == [written]
    assert without_font_artifacts(pl.Series(["گائے ہے"]), page("ur")).to_list() == ["گائے ہے"]


@pytest.mark.parametrize("text", ["மரம்; செடி", "மரம்;செடி;கொடி", "மரம் ;செடி", "let மரம்=1;x"])
def test_a_semicolon_between_tamil_words_is_left(text: str) -> None:
    assert without_font_artifacts(pl.Series([text]), page("ta")).to_list() == [text]


def test_paragraphs_repeated_in_the_same_order_are_removed() -> None:
    a, b, c = (f"{head} {GOOD}" for head in ("Ensin.", "Sitten.", "Lopuksi."))
    assert uncopied("\n".join(["Piirakat", a, b, a, b, c])) == "\n".join(["Piirakat", a, b, c])
    assert uncopied("\n".join(["Piirakat", a, b, "Piirakat", a, b])) == "\n".join(["Piirakat", a, b])
    assert uncopied("\n".join([a, b, c, "Välissä.", a, b, c])) == "\n".join([a, b, c, "Välissä."])


@pytest.mark.parametrize("order", ["aba", "abcba", "ababab", "xyabxyc", "abfab"])
def test_refrains_code_and_paragraphs_that_occur_three_times_are_left(order: str) -> None:
    lines = {"a": f"Ensin. {GOOD}", "b": f"Sitten. {GOOD}", "c": f"Lopuksi. {GOOD}", "f": "```\nx = 1\n```"}
    lines |= {
        "x": "Tuuli tuo ja tuuli vie, näin kulkee matkamiehen tie,",
        "y": "ja lintu laulaa illansuussa rannan kuusessa.",
    }
    text = "\n".join(lines[name] for name in order)
    assert uncopied(text) == text


def test_the_labels_of_buttons_in_the_language_are_removed() -> None:
    assert uncopied(f"พิมพ์\n{THAI}", "th") == THAI
    assert uncopied(f"พิมพ์\n{THAI}", "fi") == f"พิมพ์\n{THAI}"


def test_credits_and_the_address_of_the_source_are_removed() -> None:
    assert uncopied(f"{GOOD}\n* License: [CC-BY]\n* Text: A. Kirjoittaja\n* Language: fi") == GOOD
    assert uncopied(f"{GOOD}\n* Text: A\n* Language: fi") == f"{GOOD}\n* Text: A\n* Language: fi"
    assert uncopied(f"{GOOD}\nLähde: https://example.org/a/1") == GOOD
    code = "Ohjeen kuvat ovat varastossa"
    assert uncopied(f"{GOOD}\n{code}\nhttps://example.org/a/1") == GOOD
    assert uncopied(f"{GOOD}\n{code}.\nhttps://example.org/a/1") == f"{GOOD}\n{code}."
    assert uncopied(f"{THAI}\n{THAI[:60]}\nhttps://example.org/a/1", "th") == f"{THAI}\n{THAI[:60]}"
    assert uncopied(f"{GOOD}\n- [Lisää](https://example.org/a)") == f"{GOOD}\n- [Lisää](https://example.org/a)"


def wrapped(words: int) -> str:
    parts = GOOD.split()
    return "\n".join(" ".join(parts[at : at + words]) for at in range(0, len(parts), words))


def test_wrapped_lines_are_joined() -> None:
    text = "Uuni kuumennetaan ensin.\n" + wrapped(5)
    assert joined(text).count("\n") < 4
    assert "vettä, suolaa, ruisjauhoja" in joined(text)
    assert joined(GOOD.replace(". ", ".\n")) == GOOD.replace(". ", ".\n")


def test_code_and_headings_in_a_wrapped_text_are_left() -> None:
    text = f"# Piirakat\n{wrapped(5)}\nimport re\nprint(re)\n```\na\nb\n```"
    assert joined(text).startswith("# Piirakat\nKarjalanpiirakan kuori")
    assert joined(text).endswith("\nimport re\nprint(re)\n```\na\nb\n```")


def test_the_lines_of_a_text_with_lower_case_sentences_are_not_joined() -> None:
    text = "\n".join(f"{line}." if at % 2 else line for at, line in enumerate(wrapped(5).lower().split("\n")))
    assert joined(text) == text


def test_a_kept_text_is_cleaned_and_names_its_document() -> None:
    page = f"---\ntitle: Piirakat\n---\n<!-- The path from the harbour takes an hour. -->\n## Ohje\n{GOOD}"
    row = made(page).kept.row(0, named=True)
    assert row["text"] == f"## Ohje\n{GOOD}"
    assert row["document_id"] != row["id"]


def test_cleaning_a_text_does_not_depend_on_the_other_texts() -> None:
    frame = pl.DataFrame({"text": [GOOD, "# A\n<b>b</b>", "", wrapped(5), "Hei&nbsp;hei", THAI]})
    of = page("fi")
    assert cleaned(frame, of).equals(pl.concat([cleaned(frame[row], of) for row in range(frame.height)]))
