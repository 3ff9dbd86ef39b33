"""raw_web_text: one behaviour a test, on inputs built to trip exactly one reason."""

import gzip
import itertools
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from ftfy.badness import MOJIBAKE_CATEGORIES, is_bad

from stages.params import load_settings
from stages.raw_web_text import stage as raw_web_text
from stages.raw_web_text.records import in_frames, read_sources
from stages.raw_web_text.settings import RawWebText
from tests.conftest import ROOT
from x_instruction.pages.encodings import looks_garbled, normalise
from x_instruction.pages.main_text import extract_page
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import digest
from x_instruction.runner.job import Job
from x_instruction.runner.shards import Split, drop_counts

MAIN = [
    "Karjalanpiirakan kuori on rukiinen ja ohut, ja juuri siinä piilee leipojan taito.",
    "Täytteeksi keitetään riisipuuroa, joka saa jäähtyä ennen kuin se levitetään kuorelle.",
    "Piirakat paistetaan kuumassa uunissa ja voidellaan heti voin ja maidon seoksella.",
]
PAGE = f"""<!doctype html><html><head><meta charset="utf-8"><title>Ohut kuori | Lehti</title>
<link rel="canonical" href="https://lehti.example/piirakka">
<meta property="article:published_time" content="2024-03-02">
<link rel="license" href="https://creativecommons.org/licenses/by/4.0/"></head><body>
<nav><ul><li><a href="/">Etusivu</a></li><li><a href="/koti">Koti ja piha</a></li></ul></nav>
<div id="cookie-banner"><p>Käytämme evästeitä, jotta sivusto toimisi sujuvasti ja voisimme laskea kävijät.</p></div>
<main><article><h1>Ohut kuori</h1>{"".join(f"<p>{one}</p>" for one in MAIN)}</article></main>
<aside><h2>Luetuimmat</h2><ul><li><a href="/1">Milloin lumikuorma on liikaa?</a></li></ul></aside>
<footer><p>© Lehti. Kaikki oikeudet pidätetään.</p></footer></body></html>"""


LIMITS = {
    "rows_per_shard": 100,
    "max_page_bytes": 100_000,
    "max_line_bytes": 200_000,
    "max_nesting": 200,
    "max_expansion": 400,
    "max_bad_share": 0.2,
}


def settings(path: str = "web/{language}", **more: Any) -> RawWebText:
    limits = {name: more.pop(name, value) for name, value in LIMITS.items()}
    return RawWebText.model_validate({"sources": [{"path": path, **more}], **limits})


def made(root: Path, given: RawWebText, language: str = "fi") -> Split:
    frame = pl.concat(read_sources(given, language, root))
    return raw_web_text.transform(frame, given, language)


def page(root: Path, body: bytes | str, name: str = "a.html") -> Path:
    path = root / "web" / "fi" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    return path


def reason(split: Split) -> str:
    assert split.kept.height == 0
    return str(split.dropped["reason"].item())


def lines(root: Path, *rows: str | dict[str, Any], name: str = "fi.jsonl") -> None:
    (root / "web").mkdir(exist_ok=True)
    text = "\n".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    (root / "web" / name).write_text(text, encoding="utf-8")


def test_main_text_is_kept_and_nothing_around_it(tmp_path: Path) -> None:
    page(tmp_path, PAGE)
    assert made(tmp_path, settings()).kept["text"].item().split("\n")[-3:] == MAIN
    assert "evästeitä" not in made(tmp_path, settings()).kept["text"].item()
    assert "Luetuimmat" not in made(tmp_path, settings()).kept["text"].item()


def test_provenance_is_read_from_the_page(tmp_path: Path) -> None:
    page(tmp_path, PAGE, "sub/a.HTM")
    row = made(tmp_path, settings()).kept.row(0, named=True)
    assert (row["url"], row["title"]) == ("https://lehti.example/piirakka", "Ohut kuori")
    assert (row["date"], row["license"]) == ("2024-03-02", "https://creativecommons.org/licenses/by/4.0/")
    assert (row["source"], row["record"]) == ("web/fi/sub/a.HTM", 0)
    assert row["extractor"].startswith("trafilatura ")
    assert row["id"] == digest("fi", row["text"])[:16]


@pytest.mark.parametrize("name", ["class='cookie-bar'", "id='gdpr'", "class='a consent b' id='c'"])
def test_a_notice_is_cut_and_a_wrapper_named_so_is_not(name: str) -> None:
    article = "".join(f"<p>{line}</p>" for line in MAIN)
    notice = "Sivusto tallentaa laitteellesi tietoja, joista voit lukea lisää tietosuojasivulta."
    cut = extract_page(f"<html><body><article>{article}<div {name}><p>{notice}</p></div></article></body></html>").text
    assert cut.split("\n") == MAIN
    long = "".join(f"<p>{line} {n}</p>" for n, line in enumerate(MAIN * 12))
    assert MAIN[0] in extract_page(f"<html><body><div {name}><article>{long}</article></div></body></html>").text


def test_a_short_text_laid_out_in_a_table_is_found() -> None:
    body = "".join(f"<div>{one}</div>" for one in MAIN)
    html = f"<html><body><table><tr><td>{body}</td><td><a href='#'>Muut</a></td></tr></table></body></html>"
    assert extract_page(html).text.split("\n")[:3] == MAIN


def test_what_a_page_hides_is_cut_and_what_a_wide_window_shows_is_not() -> None:
    note, article = "Esimerkin lähde on varastossa, jota saat muokata.", "".join(f"<p>{line}</p>" for line in MAIN)
    page_with = "<html><body><article>{}<p class='{}'>{}</p></article></body></html>"
    assert extract_page(page_with.format(article, "hidden", note)).text.split("\n") == MAIN
    assert note in extract_page(page_with.format(article, "hidden md:block", note)).text


def test_content_without_a_page_around_it_keeps_headings_and_lists_and_its_title() -> None:
    items = ["Ruisjauhoja 2 dl", "Vettä 1 dl"]
    body = f"<h2>Ainekset</h2><ul>{''.join(f'<li>{one}</li>' for one in items)}</ul><p>{MAIN[0]}</p><p>{MAIN[1]}</p>"
    found = extract_page(f"---\ntitle: 'Ohut: kuori & täyte'\ntags:\n  - ruoka\n---\n{body}")
    assert found.text.split("\n") == ["Ainekset", *(f"- {one}" for one in items), *MAIN[:2]]
    assert found.title == "Ohut: kuori & täyte"
    assert extract_page(body).text == found.text


def test_lists_of_links_at_the_end_of_content_are_left_out() -> None:
    links = "<ul><li><a href='/kuori'>Kuori</a></li><li>{{Sanasto('uuni')}} Keittokirjassa</li></ul>"
    told = "<ul><li><a href='/puuro'>Puuro</a> keitetään hiljaa ja jäähdytetään yön yli kellarissa.</li></ul>"
    body = f"<h2>Ohje</h2>{links}<p>{MAIN[0]}</p><p>{MAIN[1]}</p>"
    lines = extract_page(f"{body}{told}<h2>Lue lisää</h2>{links}<h3>Muualla</h3>{links}").text.split("\n")
    assert lines[0] == "Ohje" and "- Kuori" in lines
    assert lines[-1] == "- Puuro keitetään hiljaa ja jäähdytetään yön yli kellarissa."


def test_headings_over_nothing_to_be_read_are_left_out() -> None:
    table = "<table><tr><td>Selain</td><td>{{Tuki(42)}}</td></tr></table>"
    bare = f"<h2>Selaimet</h2><p class='hidden'>Taulukko on varastossa.</p><p>{{{{Compat}}}}</p><div>{table}</div>"
    body = f"<h2>Taustaa</h2>{table}<h3>Tuki</h3><h2>Ohje</h2><h3>Kuori</h3><p>{MAIN[0]}</p><p>{MAIN[1]}</p>{bare}"
    found = extract_page(f"<html><body><article>{body}</article></body></html>").text
    assert [line for line in found.split("\n") if "{{" not in line] == ["Ohje", "Kuori", *MAIN[:2]]


def test_a_heading_laid_out_in_a_box_of_its_own_stays() -> None:
    body = f"<div><h2>Ohje</h2></div><div><p>{MAIN[0]}</p><p>{MAIN[1]}</p></div>"
    assert extract_page(f"<html><body><article>{body}</article></body></html>").text.split("\n")[0] == "Ohje"


def test_a_page_that_leaves_out_the_tags_it_may_is_a_page() -> None:
    menu = "<nav><ul><li><a href='/'>Etusivu</a></li><li><a href='/koti'>Koti ja piha</a></li></ul></nav>"
    body = "".join(f"<p>{line}</p>" for line in MAIN)
    assert extract_page(f"<title>Ohut kuori</title>{menu}{body}").text.split("\n") == MAIN


def test_joiners_survive_extraction() -> None:
    words = "می\u200cخواهم و ක්\u200dෂ &zwnj;&ZWNJ;&#8204;&#x200C; &zwj;&ZWJ;&#8205;&#X200d;"
    text = extract_page(f"<html><body><article><p>{words}{MAIN[0]}</p><p>{MAIN[1]}</p></article></body></html>").text
    assert text.count("\u200c") == 5 and text.count("\u200d") == 5


def test_an_empty_file_is_an_empty_page(tmp_path: Path) -> None:
    page(tmp_path, "")
    assert reason(made(tmp_path, settings())) == "empty_page"


def test_a_page_without_main_text_is_an_empty_page(tmp_path: Path) -> None:
    page(tmp_path, "<html><head><title>x</title></head><body></body></html>")
    assert reason(made(tmp_path, settings())) == "empty_page"


def test_utf8_mixed_with_another_encoding_is_dropped(tmp_path: Path) -> None:
    page(tmp_path, PAGE.encode() + "<p>pää</p>".encode("latin-1"))
    assert reason(made(tmp_path, settings())) == "invalid_utf8"


def test_bytes_that_are_not_the_declared_encoding_are_read_as_what_they_look_like(tmp_path: Path) -> None:
    page(tmp_path, PAGE.encode("latin-1"))
    assert MAIN[1] in made(tmp_path, settings()).kept["text"].item()


def test_a_declared_encoding_is_believed(tmp_path: Path) -> None:
    page(tmp_path, PAGE.replace("utf-8", "iso-8859-1").encode("latin-1"))
    assert MAIN[1] in made(tmp_path, settings()).kept["text"].item()


def test_a_page_over_the_limit_is_dropped(tmp_path: Path) -> None:
    page(tmp_path, PAGE)
    assert reason(made(tmp_path, settings(max_page_bytes=500))) == "page_too_large"


def test_a_line_that_is_not_json_is_dropped_and_the_next_is_read(tmp_path: Path) -> None:
    lines(tmp_path, '{"text": "katke', {"text": "kokonainen rivi"})
    split = made(tmp_path, settings("web/{language}.jsonl"))
    assert split.dropped["reason"].to_list() == ["unreadable_record"]
    assert split.kept.select("text", "record").rows() == [("kokonainen rivi", 1)]


def test_a_record_without_text_is_dropped(tmp_path: Path) -> None:
    lines(tmp_path, {"text": "sana"}, {"text": None}, {"text": 7})
    split = made(tmp_path, settings("web/{language}.jsonl"))
    assert split.dropped["value"].to_list() == ["no `text`", "`text` is int"]


def test_a_lone_surrogate_is_invalid(tmp_path: Path) -> None:
    lines(tmp_path, '{"text": "a\\ud800b"}')
    assert reason(made(tmp_path, settings("web/{language}.jsonl"))) == "invalid_utf8"


def test_html_inside_json_is_utf8_whatever_it_declares(tmp_path: Path) -> None:
    lines(tmp_path, {"text": PAGE.replace("utf-8", "iso-8859-1")})
    assert MAIN[1] in made(tmp_path, settings("web/{language}.jsonl", content="html")).kept["text"].item()


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_compressed_lines_and_parquet_are_read(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "web").mkdir()
    path, row = tmp_path / "web" / f"fi{suffix}", {"body": "pitkä teksti", "url": "https://a.example/"}
    if suffix == ".parquet":
        pl.DataFrame([row]).write_parquet(path)
    elif suffix.endswith("gz"):
        path.write_bytes(gzip.compress(json.dumps(row).encode()))
    else:
        with pa.output_stream(str(path), compression="zstd") as file:
            file.write(json.dumps(row).encode())
    kept = made(tmp_path, settings("web/{language}" + suffix, columns={"text": "body"})).kept
    assert kept.select("text", "url", "license").row(0) == ("pitkä teksti", "https://a.example/", "")


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="source web/fi does not exist: put the fi pages there"):
        made(tmp_path, settings())


def test_a_folder_without_pages_is_named(tmp_path: Path) -> None:
    page(tmp_path, "x", "readme.txt")
    with pytest.raises(InputError, match=r"source web/fi holds no file of a known kind"):
        made(tmp_path, settings())


def test_marks_that_scripts_need_stay_and_control_characters_go() -> None:
    assert normalise("e\u0301\x00 \t a\u200d\u0e33\r\n\n  b\u00ad") == "é a\u200d\u0e33\nb"


def test_indentation_is_kept_between_fences_and_nowhere_else() -> None:
    text = "  Näin:\n  ```python\n  if a:\n\t  b  =  1\n\n  ```\n    Loppu."
    assert normalise(text) == "Näin:\n```python\nif a:\n    b = 1\n```\nLoppu."


def test_mojibake_is_mended() -> None:
    assert normalise("pÃ¤ivÃ¤Ã¤") == "päivää"


def test_mojibake_is_looked_for_as_ftfy_looks_for_it() -> None:
    telling = re.findall(
        f"[{''.join(MOJIBAKE_CATEGORIES.values())}Ђ]", "".join(map(chr, range(0x80, 0x2700))) + "\ufffd"
    )
    pairs = map("".join, itertools.product(telling, telling))
    single = ("".join(around) for around in itertools.product(" a.", telling, " a,", " a"))
    long = ["Ù–Ù–", "С°С", "Ο°Ο", "вЂ", "β€™", "ГўВЂВ-a", "ab ГўВЂВ- b", "x Â", "Ã x", "œ1"]
    spaced = [f"{'x' * 20}{one}{'x' * 20}" for one in long]
    differing = [one for one in [*pairs, *single, *long, *spaced] if looks_garbled(one) != is_bad(one)]
    assert len(telling) > 400
    assert not differing


def test_letters_by_their_html_names_are_letters_within_words_alone() -> None:
    assert normalise("T&uuml;rk &lsquo;ma&#231;ı") == "Türk ‘maçı"
    lesson = "&nbsp; on blankko, a &lt; b ja R&amp;D"
    assert normalise(lesson) == lesson


def test_slices_end_by_rows_and_by_bytes() -> None:
    records = [{"body": b"x" * 10, "source": "s", "record": number} for number in range(5)]
    assert [frame.height for frame in in_frames(records, 2)] == [2, 2, 1]
    assert [frame.height for frame in in_frames(records, 100, size=30)] == [3, 2]


def job(root: Path, given: RawWebText) -> Job:
    whole = load_settings(ROOT / "params.yaml").model_copy(update={"raw_web_text": given})
    return Job("raw_web_text", "fi", None, whole, root, root / "staging", root / "work", "code")


def test_the_second_copy_of_a_text_is_dropped_across_shards(tmp_path: Path) -> None:
    lines(tmp_path, {"text": "yksi"}, {"text": "kaksi"}, {"text": "yksi"})
    one = job(tmp_path, settings("web/{language}.jsonl", rows_per_shard=1))
    raw_web_text.run(one)
    assert drop_counts(one.staging) == {"exact_duplicate": 1}
    drop = pl.concat([pl.read_parquet(path) for path in sorted(one.staging.glob("drops/*"))]).row(0, named=True)
    assert (drop["origin"], drop["value"]) == ("web/fi.jsonl#2", "same text as web/fi.jsonl#0")
    assert raw_web_text.measure(one)["exact_duplicates"] == 1


def test_dropping_a_duplicate_leaves_the_work_store_as_it_was(tmp_path: Path) -> None:
    lines(tmp_path, {"text": "yksi"}, {"text": "yksi"})
    raw_web_text.run(job(tmp_path, settings("web/{language}.jsonl")))
    (stored,) = tmp_path.glob("work/*/part.parquet")
    assert pl.read_parquet(stored).height == 2
    assert pl.read_parquet(tmp_path / "staging" / "part-00000.parquet").height == 1
