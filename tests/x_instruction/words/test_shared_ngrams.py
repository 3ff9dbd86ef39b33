"""Runs of words that a text shares with evaluation prompts are found in each language."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.conftest import SHARED
from tests.stages.filtered_text.texts import page
from x_instruction.language.letters import normalised
from x_instruction.runner.errors import InputError
from x_instruction.words.shared_ngrams import SHORTEST, evaluation_ngrams, overlaps
from x_instruction.words.units import units, units_of_words

PROMPT = "How do you remove a fresh coffee stain from a white shirt?"
PROMPTS = (PROMPT, "Why?", "Name five large rivers.")
# Texts that share fewer than eight consecutive words with a prompt; an overlap needs eight.
SEVEN_WORDS = [
    ("hi", "पुराने कपड़ों का उपयोग किया जाता है तो क्या करें?", "घर बनाने में बाँस का उपयोग किया जाता है और टोकरियाँ बिकती हैं।"),
    ("bn", "শহরের মানুষের জন্য খুব গুরুত্বপূর্ণ বলে মনে করা হয় কেন?", "নদীটি চাষের জন্য খুব গুরুত্বপূর্ণ বলে মনে করা হয়নি।"),
    ("ta", "இந்த நடவடிக்கை எடுக்கப்பட்டுள்ளது என்று கூறப்பட்டது ஏன்?", "நேற்று நடவடிக்கை எடுக்கப்பட்டுள்ளது என்று கூறப்பட்டதாக தெரிகிறது."),
    ("th", "ทำไมจึงเป็นส่วนหนึ่งของการพัฒนาเมืองเก่า", "ตลาดนี้เป็นส่วนหนึ่งของการค้าขาย"),
    ("ur", "شہر کے لوگوں کے لیے بہت ضروری سمجھا جاتا ہے کیوں؟", "پانی کھیتوں کے لیے بہت ضروری سمجھا جاتا ہے۔"),
]
WHOLE = [
    ("hi", "भारत की राजधानी क्या है और वह कहाँ बसी हुई है"),
    ("bn", "বাংলা ভাষার সবচেয়ে পুরনো বইটি কে কোথায় কবে লিখেছিলেন বলো"),
    ("ta", "தமிழ் மொழியின் மிகப் பழமையான நூல் எது என்று சொல்லுங்கள்"),
    ("th", "ภาษาไทยไม่มีช่องว่างระหว่างคำในประโยคเพราะเหตุใดและเริ่มเมื่อไร"),
    ("ur", "پاکستان کا سب سے بڑا دریا کون سا ہے اور کہاں بہتا ہے"),
    ("tr", "Istanbul'da İlk IŞIK ne zaman yandı ve onu kim görmüştü acaba"),
    ("vi", "Thủ đô của nước ta ở đâu và có bao nhiêu người sống ở đó"),
    ("sw", "Mji mkuu wa nchi yetu uko wapi na una watu wangapi sasa"),
]


def shared(text: str, *prompts: str, folder: Path, language: str = "fi", size: int = 8) -> str | None:
    path = folder / "prompts.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": prompt}) for prompt in prompts), encoding="utf-8")
    ngrams = evaluation_ngrams([path], size, page(language))
    found: str | None = overlaps(normalised(pl.Series([text]), page(language)), ngrams, page(language)).item()
    return found


def test_a_prompt_is_found_in_a_cleaned_text(tmp_path: Path) -> None:
    prompt = "Write to maija (at) kerho.example or call ０４０ １２３ ４５６７ now\u2066 please"
    for text in ("Write to [email] or call [phone] now please", prompt):
        assert shared(text, prompt, folder=tmp_path) is not None


@pytest.mark.parametrize(
    "text",
    [
        PROMPT,
        "Tell me: how do you REMOVE a fresh, coffee stain … please.",
        "Ennen. remove a fresh coffee stain from a white Jälkeen.",
        "Please name five large rivers in Asia.",
    ],
)
def test_shared_words_are_found_with_any_case_and_punctuation(text: str, tmp_path: Path) -> None:
    assert shared(text, *PROMPTS, folder=tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "How do you remove a fresh coffee spot?",  # seven consecutive words, but eight are needed
        "Remove the stain of fresh coffee from your shirt, however white you want it.",
        "Why? Because five large rivers are there.",
        "",
    ],
)
def test_a_text_without_enough_shared_words_is_clean(text: str, tmp_path: Path) -> None:
    assert shared(text, *PROMPTS, folder=tmp_path) is None


def test_words_of_different_texts_are_not_joined(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"prompt": PROMPT}))
    ngrams = evaluation_ngrams([tmp_path / "a.jsonl"], 8, page("fi"))
    texts = pl.Series(["", "how do you remove", "a fresh coffee stain", PROMPT, ""])
    assert overlaps(texts, ngrams, page("fi")).is_not_null().to_list() == [False, False, False, True, False]


def test_the_first_shared_words_are_returned(tmp_path: Path) -> None:
    assert shared(f"x {PROMPT}", *PROMPTS, folder=tmp_path) == "how do you remove a fresh coffee stain"
    assert shared(f"Ensin five. {PROMPTS[2]}", *PROMPTS, folder=tmp_path) == "name five large rivers"


@pytest.mark.parametrize(("language", "prompt", "text"), SEVEN_WORDS)
def test_words_are_not_cut_at_vowel_signs(language: str, prompt: str, text: str, tmp_path: Path) -> None:
    assert shared(text, prompt, folder=tmp_path, language=language) is None


@pytest.mark.parametrize(("language", "prompt"), WHOLE)
def test_a_prompt_within_a_text_of_its_language_is_found(language: str, prompt: str, tmp_path: Path) -> None:
    mark = "" if language == "th" else " « "
    assert shared(f"{prompt[:7]}{mark}{prompt}{mark}{prompt[:9]}", prompt, folder=tmp_path, language=language)


@pytest.mark.parametrize(
    ("language", "prompt", "text"),
    [
        (
            "hi",
            "बड़ी लड़की ने पढ़ाई क्यों छोड़ दी और वह कहाँ गई",
            "ब\u095cी ल\u095cकी ने प\u095dाई क्यों छो\u095c दी और वह कहाँ गई",
        ),
        ("hi", "वह आम खाता है और अपने घर चला जाता है", "वह अाम खाता है और अपने घर चला जा\u200dता है"),
        ("ur", "یہ کتاب کس نے لکھی ہے اور کب چھپی ہے", "يه كتاب كس نے لكهی ہے اور كب چھپی ہے".replace("لكه", "لکھ")),
        ("th", "งานสำคัญเรื่องน้ำและแม่น้ำสายใหญ่", "งานสําคัญเรื่องนํ้าเเละเเม่น้ําสายใหญ่"),
        ("tr", "Işık hızı ilk kez hangi yılda ve nasıl ölçüldü", "IŞIK HIZI İLK KEZ HANGİ YILDA VE NASIL ÖLÇÜLDÜ"),
        (
            "vi",
            "đường phố nào dài nhất ở thủ đô của nước ta",
            "đươ\u0300ng phô\u0301 nào dài nhá\u0302t ở thủ đô của nước ta",
        ),
    ],
)
def test_spellings_of_the_same_letters_are_the_same_words(
    language: str, prompt: str, text: str, tmp_path: Path
) -> None:
    assert shared(text, prompt, folder=tmp_path, language=language)
    assert shared(prompt, text, folder=tmp_path, language=language)


# Real prompts


def real_prompts(language: str) -> list[str]:
    """The real evaluation prompts in the language, or the English ones if there are none."""
    found: dict[str, list[str]] = {language: [], "en": []}
    for path in sorted((SHARED / "eval").glob("*.zst")):
        for row in pl.read_ndjson(path, infer_schema_length=None).iter_rows(named=True):
            found.setdefault(row.get("lang", ""), []).append(row.get("premise") or row.get("question") or "")
    return found[language] or found["en"]


@pytest.mark.skipif(not (SHARED / "eval").is_dir(), reason=f"no evaluation prompts under {SHARED}")
@pytest.mark.parametrize(
    ("language", "texts", "most"), [("hi", 340, 13), ("bn", 431, 0), ("ta", 600, 0), ("th", 400, 44), ("ur", 1902, 0)]
)
def test_few_real_documents_are_flagged_and_planted_prompts_are_found(
    language: str, texts: int, most: int, tmp_path: Path
) -> None:
    prompts, settings = real_prompts(language), page(language)
    (tmp_path / "eval.jsonl").write_text("\n".join(json.dumps({"prompt": text}) for text in prompts))
    ngrams = evaluation_ngrams([tmp_path / "eval.jsonl"], 8, settings)
    documents = pl.read_ndjson(SHARED / "web" / f"{language}.jsonl.zst", infer_schema_length=None)["text"].head(texts)
    flagged = overlaps(documents, ngrams, settings).is_not_null()
    assert flagged.sum() <= most
    clean = documents.filter(~flagged)[0]
    counts = np.diff(units(normalised(pl.Series(prompts), settings), settings)[1])
    long_enough = pl.Series(prompts).filter(pl.Series(counts >= units_of_words(SHORTEST, settings)))
    planted = pl.Series([f"{clean[:200]} {text} {clean[200:400]}" for text in long_enough])
    assert len(planted) > 0.8 * len(prompts)
    assert overlaps(normalised(planted, settings), ngrams, settings).is_not_null().all()


# Files


def test_a_missing_evaluation_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"decontaminate_against: .*absent.jsonl does not exist"):
        evaluation_ngrams([tmp_path / "absent.jsonl"], 8, page("fi"))


def test_an_evaluation_set_without_a_known_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"ask": "x"}')
    with pytest.raises(InputError, match="has none of the columns prompt, question, instruction, text"):
        evaluation_ngrams([tmp_path / "a.jsonl"], 8, page("fi"))


@pytest.mark.parametrize("content", ["", "not json"])
def test_an_unreadable_evaluation_set_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(InputError, match=r"a\.jsonl"):
        evaluation_ngrams([tmp_path / "a.jsonl"], 8, page("fi"))


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": PROMPT},
        {"prompt": "", "question": PROMPT},
        {"prompt": [{"role": "user", "content": PROMPT}]},
        {"flores_passage": PROMPT, "question": "What is said?"},
        {"question_id": 1, "turns": ["Hi.", PROMPT]},
        {"id": 7, "data": {"paragraphs": [{"context": PROMPT}]}},
        {"messages": [{"role": "system", "content": None}, {"role": "user", "content": [{"text": PROMPT}]}]},
    ],
)
def test_a_prompt_is_found_in_any_known_column(row: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    ngrams = evaluation_ngrams([tmp_path / "a.jsonl"], 8, page("fi"))
    assert overlaps(pl.Series([PROMPT]), ngrams, page("fi")).item()


def test_a_short_text_in_another_column_is_not_a_prompt(tmp_path: Path) -> None:
    row = {"prompt": PROMPT, "license": "CC BY-SA 4.0", "answer": "in the 19th century"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    ngrams = evaluation_ngrams([tmp_path / "a.jsonl"], 8, page("fi"))
    assert overlaps(pl.Series(["Text: CC BY-SA 4.0, in the 19th century."]), ngrams, page("fi")).item() is None


def test_rows_without_a_usable_prompt_are_counted_in_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"prompt": PROMPT}, {"prompt": "Why?"}, {"prompt": "", "answer": "Because."}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    ngrams = evaluation_ngrams([tmp_path / "a.jsonl"], 8, page("fi"))
    assert (ngrams.rows, ngrams.unprotected_rows) == (3, 2)
    ngrams.print_warnings()
    assert "2 of 3 rows of" in capsys.readouterr().err


@pytest.mark.parametrize("rows", [['{"prompt": "Why?"}'], ['{"answer": "yes, that is so"}', '{"prompt": ""}']])
def test_a_file_without_a_usable_prompt_is_refused(rows: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    with pytest.raises(InputError, match=r"no overlap with .*a\.jsonl can be found"):
        evaluation_ngrams([tmp_path / "a.jsonl"], 8, page("fi"))


@pytest.mark.parametrize("line", ["[1, 2]", '{"prompt": ', "3", "[" * 100_000])
def test_a_line_that_is_not_json_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"prompt": "{PROMPT}"}}\n{line}\n')
    with pytest.raises(InputError, match=r"line 2 of .*a\.jsonl is not JSONL"):
        evaluation_ngrams([tmp_path / "a.jsonl"], 8, page("fi"))
