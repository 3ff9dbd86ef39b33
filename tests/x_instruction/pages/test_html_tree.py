"""What is removed from the tree of a page before its main text is extracted."""

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
    long = "Sivusto tallentaa laitteellesi tietoja. " * 20
    notices = f"<div class='cookie-a'>{long}</div><div class='a gdpr'>{long}</div>"
    page = tree(f"<div id='consent'>{notices}</div><p id='x'>Kuori</p>")
    html_tree.drop_notices(page)
    assert page.find("body").text_content() == "Kuori"


def test_depth_counts_the_steps_below_the_root() -> None:
    page = tree("<div><p>Kuori</p></div>")
    assert html_tree.deeper_than(3)(page)
    assert not html_tree.deeper_than(4)(page)
