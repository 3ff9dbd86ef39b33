"""The user's lists drop the pages of blocked sites and the texts that share words with evaluation prompts."""

import re
from pathlib import Path

import polars as pl
import pytest

from stages.filtered_text import stage as filtered_text
from stages.filtered_text.rules.blocked_sites import blocked_site, read_sites
from tests.stages.filtered_text.texts import GOOD, documents, given, job, page
from x_instruction.runner.errors import InputError

LIST = """# unwanted sites
spam.example
www.Shop.example.org  # and its subdomains
https://news.example/sport/
blog.example/a/b
"""


def blocked(url: str, folder: Path) -> str | None:
    path = folder / "sites.txt"
    path.write_text(LIST.removeprefix("# unwanted sites\n"), encoding="utf-8-sig")  # a BOM before the first site
    frame = pl.DataFrame({"url": [url]})
    value = blocked_site(frame, given(), page("fi"), sites=read_sites(path))["value"].item()
    return None if value is None else str(value)


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://spam.example/x", "spam.example"),
        ("http://a.b.SPAM.example:8080?x", "spam.example"),
        ("https://user@www.shop.example.org", "shop.example.org"),
        ("https://www.news.example/sport/2024?id=1", "news.example/sport"),
        ("https://news.example/sport", "news.example/sport"),
        ("https://blog.example/a/b#c", "blog.example/a/b"),
    ],
)
def test_a_listed_site_and_everything_below_it_is_blocked(url: str, entry: str, tmp_path: Path) -> None:
    assert blocked(url, tmp_path) == f"{entry} is blocked"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://notspam.example/spam.example",
        "https://example.org/shop.example.org",
        "https://news.example/sports/1",
        "https://x.news.example/sport",
        "https://blog.example/a/",
    ],
)
def test_an_address_that_only_resembles_a_listed_site_is_not_blocked(url: str, tmp_path: Path) -> None:
    assert blocked(url, tmp_path) is None


@pytest.mark.parametrize("line", ["two words.example", "/only/a/path", "a.example/b c"])
def test_a_line_that_is_not_a_site_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "sites.txt").write_text(f"good.example\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"sites\.txt, line 2: '{re.escape(line)}' is neither"):
        read_sites(tmp_path / "sites.txt")


def test_a_missing_list_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"filtered_text\.blocked_sites: .*sites\.txt cannot be read"):
        read_sites(tmp_path / "sites.txt")


def test_pages_of_a_listed_site_are_dropped_again_after_a_change_of_the_list(tmp_path: Path) -> None:
    on_site = documents(GOOD).with_columns(url=pl.lit("https://spam.example/1"))
    stage_job = job(tmp_path, on_site, blocked_sites="sites.txt")
    for text, rows in (("spam.example", 0), ("other.example", 1)):
        (tmp_path / "sites.txt").write_text(text, encoding="utf-8")
        outcome = filtered_text.run(stage_job)
        assert pl.read_parquet(stage_job.staging / "part-*.parquet").height == rows
        assert filtered_text.measure(stage_job, outcome)["dropped_blocked_site"] == 1 - rows
        for file in stage_job.staging.rglob("*.parquet"):
            file.unlink()


def test_a_text_with_the_words_of_an_evaluation_prompt_is_dropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = "taikinaan tarvitaan vain vettä suolaa ruisjauhoja ja hieman"
    (tmp_path / "eval.jsonl").write_text(
        f'{{"prompt": "Miksi {shared} nyt?"}}\n{{"prompt": "Miksi?"}}\n', encoding="utf-8"
    )
    stage_job = job(tmp_path, documents(GOOD), decontaminate_against=["eval.jsonl"])
    filtered_text.run(stage_job)
    assert "1 of 2 rows of" in capsys.readouterr().err
    drops = pl.read_parquet(stage_job.staging / "__drops__" / "part-*.parquet")
    assert drops.select("reason", "value").rows() == [("evaluation_overlap", f"contains '{shared}'")]


def test_a_missing_evaluation_file_is_reported_in_one_sentence(tmp_path: Path) -> None:
    stage_job = job(tmp_path, documents(GOOD), decontaminate_against=["eval.jsonl"])
    with pytest.raises(InputError, match=r"filtered_text\.decontaminate_against: .*eval\.jsonl does not exist"):
        filtered_text.run(stage_job)


def test_the_lists_are_inputs_of_the_stage() -> None:
    assert given(blocked_sites="sites.txt").inputs() == ["${filtered_text.blocked_sites}"]
    assert given(decontaminate_against=["a.jsonl"]).inputs() == ["${filtered_text.decontaminate_against[0]}"]
    assert given().inputs() == []
