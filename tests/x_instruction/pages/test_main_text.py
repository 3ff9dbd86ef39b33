"""The main text of a page is its article, without the text around it."""

import json

import pytest
import trafilatura

from x_instruction.pages.main_text import OPTIONS, ExtractionError, NestingError, extract_page

MAIN = [
    "Karjalanpiirakan kuori on rukiinen ja ohut, ja juuri siinä piilee leipojan taito.",
    "Täytteeksi keitetään riisipuuroa, joka saa jäähtyä ennen kuin se levitetään kuorelle.",
    "Piirakat paistetaan kuumassa uunissa ja voidellaan heti voin ja maidon seoksella.",
]
ARTICLE = "".join(f"<p>{line}</p>" for line in MAIN)
MENU = "<nav><ul><li><a href='/'>Etusivu</a></li><li><a href='/koti'>Koti ja piha</a></li></ul></nav>"
PAGE = f"""<!doctype html><html><head><meta charset="utf-8"><title>Ohut kuori | Lehti</title></head><body>{MENU}
<div id="cookie-banner"><p>Käytämme evästeitä, jotta sivusto toimisi sujuvasti ja voisimme laskea kävijät.</p></div>
<main><article><h1>Ohut kuori</h1>{ARTICLE}</article></main>
<aside><h2>Luetuimmat</h2><ul><li><a href="/1">Milloin lumikuorma on liikaa?</a></li></ul></aside>
<footer><p>© Lehti. Kaikki oikeudet pidätetään.</p></footer></body></html>"""


def text_of(body: str) -> list[str]:
    return extract_page(f"<html><body>{body}</body></html>").text.split("\n")


def test_only_the_main_text_is_kept() -> None:
    assert extract_page(PAGE).text.split("\n") == ["Ohut kuori", *MAIN]
    assert extract_page(PAGE).title == "Ohut kuori"


@pytest.mark.parametrize("name", ["class='cookie-bar'", "id='gdpr'", "class='a consent b' id='c'"])
def test_a_notice_is_removed_but_a_wrapper_with_the_same_name_is_not(name: str) -> None:
    notice = "Sivusto tallentaa laitteellesi tietoja, joista voit lukea lisää tietosuojasivulta."
    assert text_of(f"<article>{ARTICLE}<div {name}><p>{notice}</p></div></article>") == MAIN
    long = "".join(f"<p>{line} {number}</p>" for number, line in enumerate(MAIN * 12))
    assert f"{MAIN[0]} 0" in text_of(f"<div {name}><article>{long}</article></div>")


def test_hidden_text_is_removed_but_text_hidden_only_on_small_screens_is_not() -> None:
    note, page = (
        "Esimerkin lähde on varastossa, jota saat muokata.",
        f"<article>{ARTICLE}<p class='{{}}'>{{}}</p></article>",
    )
    assert text_of(page.format("hidden", note)) == MAIN
    assert note in text_of(page.format("hidden md:block", note))


def test_a_short_text_laid_out_in_a_table_is_found() -> None:
    body = "".join(f"<div>{line}</div>" for line in MAIN)
    assert text_of(f"<table><tr><td>{body}</td><td><a href='#'>Muut</a></td></tr></table>")[:3] == MAIN


def test_an_article_in_json_is_found() -> None:
    article = json.dumps({"@type": "NewsArticle", "articleBody": " ".join(MAIN)})
    page = f"<script type='application/ld+json'>{article}</script><div id='app'></div>"
    assert text_of(page) == [" ".join(MAIN)]


def test_scripts_and_styles_make_no_difference() -> None:
    script, style = "<script>var a = '<p>';</script>", "<style>p { color: red }</style>"
    head = f"<head><meta name='a' content='b'><link rel='c' href='d'>{script}{style}<title>Kuori</title></head>"
    inside = ARTICLE.replace("rukiinen", f"rukiinen{script} paksu").replace("</p>", f"</p>{style}<div>{script}</div>")
    page = f"<html>{head}<body><div>{script}</div><article>{inside}</article>{script}</body></html>"
    expected = trafilatura.extract(page, favor_precision=True, **OPTIONS)
    assert extract_page(page).text == expected and "rukiinen paksu" in expected


def test_joiners_survive_extraction() -> None:
    words = "می\u200cخواهم و ක්\u200dෂ &zwnj;&ZWNJ;&#8204;&#x200C; &zwj;&ZWJ;&#8205;&#X200d;"
    text = "".join(text_of(f"<article><p>{words}{MAIN[0]}</p><p>{MAIN[1]}</p></article>"))
    assert text.count("\u200c") == 5 and text.count("\u200d") == 5


# Content without a page around it, and pages with omitted tags


def test_content_without_a_page_keeps_headings_lists_and_title() -> None:
    items = ["Ruisjauhoja 2 dl", "Vettä 1 dl"]
    body = f"<h2>Ainekset</h2><ul>{''.join(f'<li>{item}</li>' for item in items)}</ul><p>{MAIN[0]}</p><p>{MAIN[1]}</p>"
    found = extract_page(f"---\ntitle: 'Ohut: kuori & täyte'\ntags:\n  - ruoka\n---\n{body}")
    assert found.text.split("\n") == ["Ainekset", *(f"- {item}" for item in items), *MAIN[:2]]
    assert found.title == "Ohut: kuori & täyte"
    assert extract_page(body).text == found.text


def test_lists_of_links_at_the_end_of_content_are_left_out() -> None:
    links = "<ul><li><a href='/kuori'>Kuori</a></li><li>{{Sanasto('uuni')}} Keittokirjassa</li></ul>"
    sentence = "<ul><li><a href='/puuro'>Puuro</a> keitetään hiljaa ja jäähdytetään yön yli kellarissa.</li></ul>"
    body = f"<h2>Ohje</h2>{links}<p>{MAIN[0]}</p><p>{MAIN[1]}</p>"
    lines = extract_page(f"{body}{sentence}<h2>Lue lisää</h2>{links}<h3>Muualla</h3>{links}").text.split("\n")
    assert lines[0] == "Ohje" and "- Kuori" in lines
    assert lines[-1] == "- Puuro keitetään hiljaa ja jäähdytetään yön yli kellarissa."


def test_a_page_without_optional_tags_is_read() -> None:
    assert extract_page(f"<title>Ohut kuori</title>{MENU}{ARTICLE}").text.split("\n") == MAIN


# Headings


def test_headings_without_readable_text_below_are_left_out() -> None:
    table = "<table><tr><td>Selain</td><td>{{Tuki(42)}}</td></tr></table>"
    bare = f"<h2>Selaimet</h2><p class='hidden'>Taulukko on varastossa.</p><p>{{{{Compat}}}}</p><div>{table}</div>"
    body = f"<h2>Taustaa</h2>{table}<h3>Tuki</h3><h2>Ohje</h2><h3>Kuori</h3><p>{MAIN[0]}</p><p>{MAIN[1]}</p>{bare}"
    assert [line for line in text_of(f"<article>{body}</article>") if "{{" not in line] == ["Ohje", "Kuori", *MAIN[:2]]


def test_a_heading_in_a_layout_box_is_kept() -> None:
    body = f"<div><h2>Ohje</h2></div><div><p>{MAIN[0]}</p><p>{MAIN[1]}</p></div>"
    assert text_of(f"<article>{body}</article>")[0] == "Ohje"


# Pages that cannot be read


def test_at_the_largest_limit_no_page_is_read_in_part() -> None:
    # The parser loses what follows an element at level 256.
    for levels in range(248, 260):
        page = f"<html><body>{'<div>' * levels}{'</div>' * levels}<p>{MAIN[0]}</p></body></html>"
        if levels <= 252:
            assert extract_page(page, 254).text == MAIN[0]
        else:
            with pytest.raises(NestingError, match="deeper than 254 levels"):
                extract_page(page, 254)


def test_a_page_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(NestingError, match="nested deeper than 200 levels"):
        extract_page("<html><body>" + "<div>" * 10_000 + MAIN[0])


@pytest.mark.parametrize("page", ["", " \n", "<!doctype html>\x01"])
def test_a_page_without_elements_has_no_text(page: str) -> None:
    assert extract_page(page).text == ""


def test_an_error_of_the_extractor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> str:
        raise ValueError("odd tree")

    monkeypatch.setattr(trafilatura, "extract", failing)
    with pytest.raises(ExtractionError, match="ValueError: odd tree"):
        extract_page(PAGE)


@pytest.mark.parametrize(
    "block",
    [
        "<div class='ad-slot'><ins data-ad='1'></ins></div>",
        "<aside class='ad'>Osta nyt!</aside>",
        "<iframe src='/mainos'></iframe>",
        "<div id='cookie-note'>Evästeistä kerrotaan alempana.</div>",
        "<form><input name='a'></form>",
    ],
)
def test_text_around_a_removed_element_is_kept(block: str) -> None:
    found = " ".join(
        text_of(f"<article><h1>Kuori</h1><div>{MAIN[0]}<br><br>{block}{MAIN[1]}<br>{MAIN[2]}</div></article>")
    )
    assert [line in found for line in MAIN] == [True, True, True]


@pytest.mark.parametrize("wrapper", ["class='js-consent-wrapper'", "id='cookies-accepted'", "class='gdpr-ok'"])
@pytest.mark.parametrize("inner", ["article", "main"])
def test_an_article_in_a_wrapper_with_the_name_of_a_notice_is_read(wrapper: str, inner: str) -> None:
    assert text_of(f"<div {wrapper}><{inner}>{ARTICLE}</{inner}></div>") == MAIN
