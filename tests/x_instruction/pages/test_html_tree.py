"""The tree of a page: the same as the extractor's own, less what it never reads."""

import json

import pytest
import trafilatura
from lxml import etree  # type: ignore[import-untyped]

from x_instruction.pages import html_tree as page_tree
from x_instruction.pages.main_text import OPTIONS, extract_page

LINES = [
    "Karjalanpiirakan kuori on rukiinen ja ohut, ja juuri siinä piilee leipojan taito.",
    "Täytteeksi keitetään riisipuuroa, joka saa jäähtyä ennen kuin se levitetään kuorelle.",
    "Piirakat paistetaan kuumassa uunissa ja voidellaan heti voin ja maidon seoksella.",
]
ARTICLE = "".join(f"<p>{line}</p>" for line in LINES)
REST = f"<head><title>Kuori</title></head><body><article>{ARTICLE}</article></body></html>\n"
STRICT = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'


@pytest.mark.parametrize(
    ("page", "at_once"),
    [
        (f"<!doctype html>\n<html lang='fi'>{REST}", True),
        (f"<html>{REST}", True),
        (f"{STRICT}\n<html xmlns='http://www.w3.org/1999/xhtml'>{REST}", True),
        (f"<!doctype html>\n<!--[if lt IE 7]> <html class='old'> <![endif]-->\n<html>{REST}", True),
        (f"<!doctype html>\n{ARTICLE}", True),
        (f"<html>{REST}".replace("ohut", "oh\x01ut\x0b"), True),
        (f"{STRICT}\n{LINES[0]}{ARTICLE}", False),
        (f"<!DOCTYPE html />\n{ARTICLE}", False),
        (f"<!doctype html>\n<html lang='fi'/>\n{REST}", False),
        (f"<html>{REST}".replace("ohut", "oh\ufffeut\uffff"), False),
        (f"<html>{REST}".replace("ohut", "oh\ud800ut"), False),
        (f"<?xml version='1.0' encoding='latin-1'?><html>{REST}", False),
        (f"{ARTICLE}<body>{ARTICLE}", False),
        ("<!doctype html>\x01", False),
        ("kuori", False),
        ("", False),
    ],
)
def test_a_page_has_the_tree_that_the_extractor_makes_of_it(page: str, at_once: bool) -> None:
    ours, theirs = page_tree.load(page), trafilatura.load_html(page)
    assert (ours is None) == (theirs is None)
    assert ours is None or etree.tostring(ours) == etree.tostring(theirs)
    assert (page_tree._sound(page) is not None) == at_once


def test_what_the_extractor_never_reads_changes_nothing_by_being_taken_out() -> None:
    script, style = "<script>var a = '<p>';</script>", "<style>p { color: red }</style>"
    head = f"<head><meta name='a' content='b'><link rel='c' href='d'>{script}{style}<title>Kuori</title></head>"
    inside = ARTICLE.replace("rukiinen", f"rukiinen{script} paksu").replace("</p>", f"</p>{style}<div>{script}</div>")
    page = f"<html>{head}<body><div>{script}</div><article>{inside}</article>{script}</body></html>"
    tree = page_tree.load(page)
    page_tree.drop_unread(tree)
    assert not list(tree.iter("script", "style", "meta", "link"))
    assert tree.findtext("head/title") == "Kuori"
    as_was = trafilatura.extract(page, favor_precision=True, **OPTIONS)
    assert extract_page(page).text == as_was and "rukiinen paksu" in as_was


def test_an_article_told_as_json_is_found() -> None:
    told = json.dumps({"@type": "NewsArticle", "articleBody": " ".join(LINES)})
    page = f"<html><body><script type='application/ld+json'>{told}</script><div id='app'></div></body></html>"
    assert extract_page(page).text == " ".join(LINES)


def test_notices_are_cut_by_class_and_then_by_id() -> None:
    long = "Sivusto tallentaa laitteellesi tietoja. " * 20
    notices = f"<div class='cookie-a'>{long}</div><div class='a gdpr'>{long}</div>"
    tree = page_tree.load(f"<html><body><div id='consent'>{notices}</div><p id='x'>Kuori</p></body></html>")
    page_tree.drop_notices(tree)
    assert tree.text_content() == "Kuori"
