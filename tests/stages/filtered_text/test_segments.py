"""A long document is cut into segments at suitable places, each segment names its document, and no text is lost."""

from pathlib import Path

import polars as pl

from stages.filtered_text import stage as filtered_text
from stages.filtered_text.segments import Cut, cut
from tests.stages.filtered_text.texts import GOOD, THAI, documents, given, job, page
from x_instruction.language.length import word_count
from x_instruction.runner.manifest import table_facts

# Twelve different words per sentence.
SENTENCES = [" ".join(f"sana{number}{letter}" for letter in "abcdefghijkl") + "." for number in range(20)]
PARAGRAPHS = [f"{one} {other}" for one, other in zip(SENTENCES[::2], SENTENCES[1::2], strict=True)]


def cut_text(text: str, words: int, language: str = "fi") -> Cut:
    settings, language_page = given(max_words=words, segment_words=words), page(language)
    counts = [pl.lit(0, pl.Int64).alias(name) for name in filtered_text.COUNTS]
    frame = pl.DataFrame({"id": ["d"], "text": [text]}).with_columns(word_count(language_page).alias("words"), *counts)
    return cut(frame, settings, language_page)


def segments(text: str, words: int, language: str = "fi") -> list[str]:
    made = cut_text(text, words, language)
    assert made.counts["characters_lost"] == 0
    assert made.texts["position"].to_list() == list(range(1, made.texts.height + 1))
    return made.texts["text"].to_list()


def test_a_text_that_is_not_too_long_is_left_unchanged() -> None:
    text = f"  {GOOD}\n\n  {GOOD}"
    assert segments(text, 1000) == [text]


def test_a_document_is_cut_before_headings_rather_than_evenly() -> None:
    text = "\n".join(["Alku", *PARAGRAPHS[:2], "Jatko", *PARAGRAPHS[2:5]])
    assert segments(text, 100) == ["\n".join(["Alku", *PARAGRAPHS[:2]]), "\n".join(["Jatko", *PARAGRAPHS[2:5]])]


def test_each_part_of_a_section_begins_with_its_heading() -> None:
    parts = segments("\n".join(["## Leipominen", *PARAGRAPHS]), 140)
    assert len(parts) == 2
    assert [part.split("\n")[0] for part in parts] == ["## Leipominen"] * 2
    assert "\n".join(parts).count(PARAGRAPHS[5]) == 1


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    assert segments(" ".join(SENTENCES[:6]), 40) == [" ".join(SENTENCES[:3]), " ".join(SENTENCES[3:6])]


def test_thai_is_cut_at_spaces() -> None:
    parts = segments(f"{THAI} {THAI}", 100, "th")
    assert len(parts) > 1
    assert " ".join(parts) == f"{THAI} {THAI}"


def test_program_code_is_not_cut_and_its_comments_are_not_headings() -> None:
    code = ["```", "# huomautus", *(f"rivi {number} = {number}" for number in range(15)), "```"]
    parts = segments("\n".join([*PARAGRAPHS[:1], *code, *PARAGRAPHS[1:4]]), 100)
    assert len(parts) == 2
    assert all(part.count("```") % 2 == 0 for part in parts)
    assert "\n".join(parts).count("# huomautus") == 1


def test_a_formula_is_not_cut() -> None:
    formula = ["$$\\begin{aligned}", *(f"rivi {number} = {number}" for number in range(15)), "\\end{aligned}$$"]
    parts = segments("\n".join([*PARAGRAPHS[:1], *formula, *PARAGRAPHS[1:4]]), 100)
    assert len(parts) == 2
    assert all(part.count("$$") % 2 == 0 for part in parts)


def test_no_segment_ends_with_a_heading_or_is_very_short() -> None:
    text = "\n".join(line for number, one in enumerate(PARAGRAPHS) for line in (f"Osa {number}", one))
    parts = segments(f"{text}\nLoppu.", 60)
    assert all(part.endswith(".") for part in parts)
    assert min(len(part.split()) for part in parts) >= 15
    assert max(len(part.split()) for part in parts) <= 60


def test_no_segment_ends_with_a_line_that_announces_the_next_line() -> None:
    parts = segments("\n".join([*PARAGRAPHS[:2], "Ohje tämä:", *PARAGRAPHS[2:4], SENTENCES[10]]), 64)
    assert [part.split("\n")[0] for part in parts] == [PARAGRAPHS[0], "Ohje tämä:"]


def test_a_short_line_of_verse_is_not_a_heading() -> None:
    lines = [line for one in SENTENCES for line in (one[:20], one[20:-1])]
    assert all(part.split("\n")[0] in lines for part in segments("\n".join(lines), 100))
    assert "\n".join(segments("\n".join(lines), 100)) == "\n".join(lines)


def test_masks_of_private_data_are_counted_in_their_segment() -> None:
    made = cut_text("\n".join([f"[email] {PARAGRAPHS[0]}", *PARAGRAPHS[1:4], "[phone] </s>"]), 60)
    assert made.texts.select("emails", "phones", "control_strings").sum().row(0) == (1, 1, 1)
    assert made.texts["emails"].to_list()[0] == 1


def test_a_run_accounts_for_every_segment_and_names_its_document(tmp_path: Path) -> None:
    others = [
        "Uimahalli avataan remontin jälkeen kesäkuussa, ja lipunmyynti alkaa jo viikkoa aiemmin. " + GOOD[:150] + ".",
        "Metsässä kävellessä kannattaa muistaa, että karhut ovat keväällä nälkäisiä ja äreitä, ja että koira on "
        "syytä pitää kytkettynä koko matkan. Eväät pakataan tiiviisti, jotta niiden tuoksu ei houkuttele eläimiä.",
    ]
    raw = documents("\n".join([GOOD, *others]), GOOD, "lyhyt")
    stage_job = job(tmp_path, raw, min_words=20, max_words=60, segment_words=60)
    outcome = filtered_text.run(stage_job)
    kept = pl.read_parquet(stage_job.staging / "part-*.parquet")
    long = kept.filter(pl.col("segments") > 1)
    assert long.height > 1
    assert set(long["document_id"]) == {raw["id"][0]}
    assert kept["id"].n_unique() == kept.height
    assert table_facts(stage_job, outcome)["unaccounted_rows"] == 0
    assert filtered_text.measure(stage_job, outcome)["characters_lost"] == 0
    assert outcome.rows_in == raw.height + outcome.counts["segments"] - 1
    drops = pl.read_parquet(stage_job.staging / "__drops__" / "part-*.parquet")
    assert set(drops["id"]) <= set(raw["id"])
