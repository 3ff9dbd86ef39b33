"""Texts are split into words and punctuation by the rules of their language, and words and lines are counted."""

import polars as pl
import pytest

from tests.stages.filtered_text.texts import GOOD, THAI, page
from x_instruction.words.hashing import word_hash
from x_instruction.words.line_counts import with_line_counts
from x_instruction.words.ngram_counts import with_ngram_counts
from x_instruction.words.split_words import split
from x_instruction.words.word_counts import with_word_counts


def tokens(text: str, language: str) -> list[str]:
    (batch,) = split(pl.Series([text]), page(language))
    solid, ends = "".join(text.split()), batch.lengths.cumsum()
    return [solid[end - length : end] for end, length in zip(ends, batch.lengths, strict=True)]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("tr", "Ankara'da 1,5 kg... (bkz. www.example.org)", "Ankara'da|1,5|kg|...|(|bkz.|www.example.org|)"),
        ("tr", "Siyah-beyaz COVID-19 3. hafta 2-1", "Siyah|-|beyaz|COVID-19|3.|hafta|2|-|1"),
        ("tr", "Prof. Dr. Can “Durma”nın -1,5 dedi.", "Prof.|Dr.|Can|“|Durma”nın|-1,5|dedi|."),
        ("fi", "koe- ja -lehti, linja-auto 3.", "koe-|ja|-lehti|,|linja-auto|3|."),
        ("vi", "Thời gian: 1.234,5 km2 (COVID-19)...", "Thời|gian|:|1.234,5|km2|(|COVID-19|)|..."),
        ("hi", "वह घर-घर गया।", "वह|घर|-|घर|गया|।"),
        ("bn", "তা’র ‘না’।", "তা’র|‘|না|’|।"),
        ("ta", "க்‍ஷ ஸ்ரீ", "க்‍ஷ|ஸ்ரீ"),
        ("th", "รัฐบาลไทยเผยความคืบหน้ากฎหมาย", "รัฐบาล|ไทย|เผย|ความคืบหน้า|กฎหมาย"),
        ("th", "ปี 2565 ที่ AIS", "ปี|2565|ที่|AIS"),
    ],
)
def test_words_are_split_as_in_the_language(language: str, text: str, expected: str) -> None:
    assert "|".join(tokens(text, language)) == expected


def test_with_dividing_signs_all_other_signs_belong_to_words() -> None:
    hindi = page("hi").model_copy(update={"dividing_signs": ".।"})
    (batch,) = split(pl.Series(["“वह गया”। (घर)..."]), hindi)
    assert batch.hashes.tolist() == [word_hash(word) for word in ["“वह", "गया”", "।", "(घर)", ".", ".", "."]]


def test_a_script_without_spaces_and_dictionary_is_split_into_runs_of_characters() -> None:
    lao = page("th").model_copy(update={"words": "characters", "characters_per_word": 3.6})
    (batch,) = split(pl.Series(["ຂ້ອຍມັກກິນ, ເຂົ້າ ໒໕໖໕"]), lao)
    assert batch.hashes.tolist() == [word_hash(word) for word in ["ຂ້ອຍ", "ມັກກ", "ິນ", ",", "ເຂົ້", "າ", "໒໕໖໕"]]


@pytest.mark.parametrize(
    "text",
    [
        THAI,
        "พ.ต.ท. สมชาย รฟม. และ ธ.ก.ส. ต่าง ๆ โควิด-19 เวลา 12:30 น. ราคา 1,234.5 บาท (X-Ray) 50/2564",
        "นายจันทร์ ศบค กิวเมนต์ ประเทศไทยรณรงค์ให้ประชาชนสวมหน้ากากอนามัยและเว้นระยะห่างทางสังคมอย่างเคร่งครัด" * 3,
        "ราคา 3.5.",
        "เวลา (12:30x5 และ 1:2x3:4",
    ],
)
def test_thai_is_split_as_by_newmm(text: str) -> None:
    from pythainlp.tokenize import word_tokenize

    theirs = [word.strip() for word in word_tokenize(text, engine="newmm-safe", keep_whitespace=False)]
    (batch,) = split(pl.Series(["ก", text, "ก"]), page("th"))
    ours = batch.hashes[batch.starts[1] : batch.starts[2]]
    assert ours.tolist() == [word_hash(word) for word in theirs if word]


def ngram_counts(text: str) -> dict[str, int]:
    frame = with_ngram_counts(pl.DataFrame({"text": [text]}), punctuation_counts=False, language=page("fi"))
    return dict(frame["ngram_counts"].item())


def test_repeated_ngrams_are_counted_by_characters_and_no_character_twice() -> None:
    counts = ngram_counts("a b c d e f a b c d e g a b x")
    assert counts["top_2"] == 3 * len("a b")
    assert counts["top_4"] == 2 * len("a b c d")
    assert (counts["duplicate_5"], counts["duplicate_6"]) == (5, 0)


def test_a_text_of_one_word_repeated_many_times_is_counted() -> None:
    counts = ngram_counts("no " * 40)
    assert counts["top_2"] == 39 * len("no no")
    assert counts["duplicate_10"] == 60


@pytest.mark.parametrize(("language", "closed"), [("hi", 1), ("ur", 1), ("fi", 2), ("th", 2)])
def test_a_line_is_closed_by_a_sentence_end_of_its_language(language: str, closed: int) -> None:
    text = {"hi": "वह गया।\nवह गया۔", "ur": "یہ ہے۔\nیہ ہے।", "fi": "Ei!\nNiin?\nei।", "th": "ใช่!\nใช่…\nใช่ ใช่"}
    counts = with_line_counts(pl.DataFrame({"text": [text[language]]}), False, page(language))["line_counts"]
    assert counts.struct.field("closed_lines").item() == closed


def test_counts_do_not_depend_on_the_other_texts_of_a_batch() -> None:
    frame = pl.DataFrame({"text": ["", GOOD, "a", f"{GOOD} {GOOD}", "😀 ok"]})
    for count in (
        lambda part: with_line_counts(part, False, page("fi")),
        lambda part: with_word_counts(part, page("fi")),
        lambda part: with_ngram_counts(part, False, page("fi")),
    ):
        assert count(frame).equals(pl.concat([count(frame[row]) for row in range(frame.height)]))
