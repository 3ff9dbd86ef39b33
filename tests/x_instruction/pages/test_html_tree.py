"""Scripts, styles, metadata and cookie notices are removed from the tree before the main text is extracted."""

import pytest
import trafilatura
from lxml import html  # type: ignore[import-untyped]

from x_instruction.pages import html_tree


def tree(body: str, head: str = "<title>Kuori</title>") -> html.HtmlElement:
    return trafilatura.load_html(f"<html><head>{head}</head><body>{body}</body></html>")


def test_elements_that_the_extractor_never_reads_are_removed() -> None:
    script, style = "<script>var a = '<p>';</script>", "<style>p { color: red }</style>"
    page = tree(f"<p>Kuori{script} ohut</p>{style}", f"<meta name='a'><link rel='c'>{script}<title>Kuori</title>")
    html_tree.drop_unread(page)
    assert not list(page.iter("script", "style", "meta", "link"))
    assert (page.findtext("head/title"), page.find("body").text_content()) == ("Kuori", "Kuori ohut")


def test_notices_are_removed_by_class_and_then_by_id() -> None:
    long = "Sivusto tallentaa evästeitä laitteellesi. Lue lisää tietosuojasta. " * 12
    notices = f"<div class='cookie-a'>{long}</div><div class='a gdpr'>{long}</div>"
    page = tree(f"<div id='consent'>{notices}</div><p id='x'>Kuori</p>")
    html_tree.drop_notices(page)
    assert page.find("body").text_content() == "Kuori"


def test_depth_counts_the_steps_below_the_root() -> None:
    page = tree("<div><p>Kuori</p></div>")
    assert html_tree.deeper_than(3)(page)
    assert not html_tree.deeper_than(4)(page)


RECIPE = "Vatkaa voi ja sokeri vaahdoksi, lisää kaurahiutaleet ja paista keksejä kymmenen minuuttia."
TEXT = "Järven rannalla kasvaa vanhoja mäntyjä, joiden juuret pitävät hiekkaa paikallaan."


@pytest.mark.parametrize(
    "body",
    [
        f"<article><p class='cookie-recipe'>{RECIPE}</p><p>{TEXT}</p></article>",
        f"<p>{TEXT}</p><p class='cookie-recipe'>{RECIPE}</p><p>{TEXT}</p>",
        f"<div class='js-consent-wrapper'><article><p>{RECIPE}</p></article></div><p>{TEXT}</p>",
        f"<div id='cookies-accepted'><main><p>Evästeistä: {RECIPE}</p></main></div><p>{TEXT}</p>",
        f"<div class='gdpr-ok'><h1>Evästeet ja tietosuoja</h1><p>{RECIPE}</p></div>",
        f"<section id='consent'><p>{RECIPE}</p><p>Cookie on englantia.</p></section><p>Kuori</p>",
        f"<div class='hidden'><p>{RECIPE}</p></div>",
    ],
)
def test_an_element_is_not_removed_for_an_ambiguous_name_alone(body: str) -> None:
    page = tree(body)
    html_tree.drop_notices(page)
    assert RECIPE in page.find("body").text_content()


def test_several_names_together_do_not_remove_most_of_the_text() -> None:
    hidden = "".join(f"<div class='hidden'><p>{TEXT}</p></div>" for _ in range(4))
    page = tree(f"{hidden}<p>{RECIPE}</p>")
    assert 0.3 < html_tree.drop_notices(page) <= html_tree.MOST
    assert page.find("body").text_content().count(TEXT) == 2


def test_text_of_nested_notices_counts_once_in_the_removed_share() -> None:
    inner = f"<div class='cookie-b'>Evästeet. {TEXT}</div>"
    page = tree(f"<div class='cookie-a'>Evästeet ja tietosuoja. {inner}</div><p>{TEXT * 3}</p>")
    assert 0.2 < html_tree.drop_notices(page) < 0.4
    assert html_tree.drop_notices(page) == 0


@pytest.mark.parametrize(
    "notice",
    [
        "Käytämme evästeitä.",
        "Çerez kullanıyoruz.",
        "เว็บไซต์นี้ใช้คุกกี้",
        "हम कुकीज़ का उपयोग करते हैं।",
        "یہ سائٹ کوکیز استعمال کرتی ہے۔",
        "",
    ],
)
def test_a_notice_in_any_language_is_removed(notice: str) -> None:
    page = tree(f"<p>{TEXT}</p><p>{TEXT}</p><div class='cookie-bar'>{notice}<a href='/'>OK</a></div>")
    html_tree.drop_notices(page)
    assert ("OK" in page.find("body").text_content()) == (not notice)


@pytest.mark.parametrize(
    ("body", "paragraphs"),
    [
        ("<div>Yksi.<br><div class='ad-slot'></div>Kaksi.<br>Kolme.</div>", ["Yksi.", "Kaksi.Kolme."]),
        (
            "<article><aside>Mainos</aside>Yksi <b>kaksi</b> kolme.<p>Neljä.</p></article>",
            ["Yksi kaksi kolme.", "Neljä."],
        ),
        ("<td>Yksi.<iframe></iframe><i>Kaksi</i>.<ul><li>a</li></ul>Kolme.</td>", ["Yksi.", "Kaksi.", "Kolme."]),
        ("<div>Yksi <b>kaksi</b> kolme.<br>Neljä.</div>", []),
        ("<div><ins></ins>{{cssxref}}</div>", []),
        ("<div><section>a</section> \n </div>", []),
    ],
)
def test_bare_text_beside_a_block_becomes_a_paragraph(body: str, paragraphs: list[str]) -> None:
    page = tree(f"<table><tr>{body}</tr></table>" if body.startswith("<td") else body)
    before = page.text_content()
    html_tree.mark_bare_paragraphs(page)
    assert [paragraph.text_content() for paragraph in page.iter("p")] == paragraphs
    assert page.text_content() == before
