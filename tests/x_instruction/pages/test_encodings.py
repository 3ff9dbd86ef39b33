"""The encoding of a page is found if it is undeclared or wrongly declared, and mixed encodings are refused."""

import pytest

from x_instruction.pages.encodings import UndecodableError, decode

FINNISH = "Pääsiäisenä syödään mämmiä ja lähdetään mäkeä laskemaan. "
RUSSIAN = "Привет из города, где пекут пироги. "
# cp1258 encodes Vietnamese tones as marks after the letter.
UNDECLARED = {
    "cp1252": FINNISH,
    "cp1254": "Güneşli bir günde çocuklar bahçede oynuyor ve şarkı söylüyorlardı. ",
    "cp874": "เด็กๆ วิ่งเล่นอยู่ในสวนสาธารณะทั้งวัน น้ำใสไหลเย็นเห็นตัวปลา ",
    "cp1256": "بچے صبح سويرے ميدان ميں جمع ہوئے تاکہ اپنے دادا کي کہانياں سن سکيں اور کھيل سکيں. ",
    "cp1258": "Buô\u0309i sa\u0301ng, bo\u0323n tre\u0309 cha\u0323y chơi va\u0300 nghe ông nô\u0323i. ",
    "gb18030": "孩子们整天在公园里奔跑，听爷爷讲过去的故事。",
}


@pytest.mark.parametrize("encoding", UNDECLARED)
def test_an_undeclared_encoding_is_found(encoding: str) -> None:
    text = UNDECLARED[encoding] * 5
    assert decode(text.encode(encoding), None, is_html=False) == text


def test_a_declared_encoding_is_used_and_the_server_has_priority() -> None:
    html = f'<meta charset="iso-8859-5"><p>{RUSSIAN}'
    assert decode(html.encode("iso-8859-5"), None, is_html=True) == html
    assert decode(html.encode("koi8-r"), "koi8-r", is_html=True) == html


def test_a_declaration_within_the_text_is_ignored() -> None:
    text = f'<meta charset="iso-8859-5">{RUSSIAN * 5}'
    assert decode(text.encode("cp1251"), None, is_html=False) == text


@pytest.mark.parametrize("declared", ["utf-8", "utf-16", "ascii-85", "base64", ""])
def test_a_declaration_that_does_not_fit_is_ignored(declared: str) -> None:
    html = f'<meta charset="{declared}"><p>{FINNISH * 5}'
    assert decode(html.encode("cp1252"), declared, is_html=True) == html


def test_iso_8859_1_is_read_as_windows_1252_like_in_browsers() -> None:
    assert decode(b"\x93p\xe4\xe4\x94", "iso-8859-1", is_html=False) == "“pää”"


def test_utf8_is_read_as_utf8_whatever_is_declared() -> None:
    html = f'<meta charset="windows-1251"><p>{FINNISH}'
    assert decode(html.encode(), "koi8-r", is_html=True) == html


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_decides(encoding: str) -> None:
    assert decode(FINNISH.encode(encoding), "cp1251", is_html=False) == FINNISH


def test_utf8_mixed_with_another_encoding_is_refused() -> None:
    with pytest.raises(UndecodableError, match="UTF-8 and another encoding are mixed: 97% of the bytes beyond ASCII"):
        decode(("ä" * 30 + "a" * 15).encode() + b"\xe4\xe4 ", None, is_html=False)


def test_bytes_that_no_encoding_fits_are_refused() -> None:
    with pytest.raises(UndecodableError, match="no encoding fits the bytes; they may be Windows-1252"):
        decode(FINNISH.encode("cp1252") * 10_000 + b"\x81", None, is_html=False)


def test_markup_and_code_around_the_words_do_not_mislead_the_detection() -> None:
    script = "<script>for (let i = 0; i < items.length; i++) { total += items[i].price * tax; }</script>" * 20
    html = f"<html><body>{script}<p>{UNDECLARED['cp874']}</p>{script}</body></html>"
    assert decode(html.encode("cp874"), None, is_html=True) == html
