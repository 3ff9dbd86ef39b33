"""Compares our implementation of FineWeb-2's rules with datatrove's on real web text: verdicts, and speed on one core.

Both sides get the same texts (as raw_web_text writes them), the same rules and the same published thresholds. The
documents of a language are spread evenly over its file, and have about SAMPLE bytes together (or all bytes of a smaller
file).
"""

from __future__ import annotations

import json
import os
import string
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from stages.filtered_text.rules.all_rules import PUBLISHED_RULES
from stages.filtered_text.rules.words import too_short
from stages.filtered_text.settings import FilteredText
from stages.params import load_settings
from tests.benchmarks.causes import cause
from tests.benchmarks.peer import ask
from tests.benchmarks.table import ROOT, Row, real_text
from x_instruction.language.length import word_count
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.pages.normalise import normalise

TOKENIZERS = {"fi": "fin_Latn", "sw": "swh_Latn", "tr": "tur_Latn", "th": "tha_Thai", "ta": "tam_Taml"}
TOKENIZERS |= {"hi": "hin_Deva", "id": "ind_Latn", "vi": "vie_Latn", "bn": "ben_Beng", "ur": "urd_Arab"}
SAMPLE = 4_000_000  # bytes; 1 MB has only 81 Vietnamese documents, so each document would be more than 1 % of them
TIMES = 3
# FineWeb-2's values. docs/filters.md says why some of the project's defaults differ.
PUBLISHED = {
    "min_words": 50,
    "max_words": 100_000,
    "max_bullet_lines_share": 0.9,
    "max_ellipsis_lines_share": 0.3,
    "max_short_lines_share": 1.0,
    "max_duplicate_line_characters_share": 0.1,
    "repetition_tolerance": 1.0,
    "max_symbols_per_word": 0.1,
    "quotes_close_lines": False,
    "punctuation_counts_as_words": True,
    "max_words_per_sentence": None,
    "min_judged_lines": 1,
}
# indic-nlp separates words only at these signs, so a typographic quotation mark stays part of the word beside it.
ASCII_SIGNS = "".join(sign for sign in string.punctuation if sign != "\\")
INDIC_SIGNS = {"dividing_signs": f"{ASCII_SIGNS}।॥", "word_joiners": ""}
OF_LANGUAGES: dict[str, dict[str, Any]] = {
    "th": {"min_alphabetic_words_share": 0.9},
    "vi": {"min_closed_lines_share": 0.333, "min_mean_word_length": 3},
    "sw": {"max_newlines_per_word": 0.167},
    "hi": INDIC_SIGNS,
    "bn": INDIC_SIGNS,
    "ta": INDIC_SIGNS,
    "ur": {"dividing_signs": f"{ASCII_SIGNS}؉؊،؞٪٫٬٭۔"},
}
OF_ALL_LANGUAGES = {"min_stop_words": 2}


def run() -> list[Row]:
    rows = []
    with one_core():
        for language in TOKENIZERS:
            rows += compare(language)
    return rows


@contextmanager
def one_core() -> Iterator[None]:
    """Keeps this process and its child processes on one core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def compare(code: str) -> list[Row]:
    language = load_language(code, ROOT / "languages").model_copy(update=OF_ALL_LANGUAGES | OF_LANGUAGES.get(code, {}))
    texts = sample(code)
    megabytes = texts.str.len_bytes().sum() / 1e6
    settings = load_settings(ROOT / "params.yaml").filtered_text.model_copy(update=PUBLISHED)
    frame = texts.to_frame("text").with_row_index("number")
    judge(frame.head(2), settings, language)  # compiles the code or loads it from the cache, so that this is not timed
    seconds, ours = min((timed(frame, settings, language) for _ in range(TIMES)), key=lambda run: run[0])
    theirs = peer(texts, language)
    dropped = dict(ours.select("number", "reason").iter_rows())
    differ = [number for number, reason in enumerate(theirs["reasons"]) if (reason is None) == (number in dropped)]
    kept = theirs["reasons"].count(None) / len(texts)
    causes = why(texts, differ, dropped, theirs["reasons"], language)
    note = "; ".join([f"datatrove 0.10, keeps {kept:.0%}", *(f"{count} because of {name}" for name, count in causes)])
    return [
        Row(code, "MB/s", megabytes / seconds, megabytes / theirs["seconds"], "datatrove 0.10"),
        Row(code, "same verdict, %", 100 * (1 - len(differ) / len(texts)), 100, note),
    ]


def why(
    texts: pl.Series,
    differ: list[int],
    dropped: dict[int, str],
    theirs: list[str | None],
    language: LanguageSettings,
) -> list[tuple[str, int]]:
    """The causes of different verdicts, with the number of documents for each cause."""
    if not differ:
        return []
    found = peer(texts.gather(differ), language, only_words=True)
    causes = [
        cause(texts[number], dropped.get(number), theirs[number], words, language)
        for number, words in zip(differ, found, strict=True)
    ]
    return Counter(causes).most_common()


def sample(code: str) -> pl.Series:
    raw = pl.read_ndjson(real_text("web", f"{code}.jsonl.zst"))["text"]
    step = max(round(raw.str.len_bytes().sum() / SAMPLE), 1)
    return pl.Series("text", [text for text in map(normalise, raw.gather_every(step)) if text])


def timed(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> tuple[float, pl.DataFrame]:
    started = time.process_time()
    dropped = judge(frame, settings, language)
    return time.process_time() - started, dropped


def judge(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """A frame with the `number` of each dropped text and the `reason` for which it is dropped."""
    rest, dropped = frame.with_columns(words=word_count(language)), []
    for reason, rule in {"too_short": too_short, **PUBLISHED_RULES}.items():
        judged = rule(rest, settings, language)
        dropped.append(judged.filter(pl.col("value").is_not_null()).select("number", reason=pl.lit(reason)))
        rest = judged.filter(pl.col("value").is_null()).drop("value")
    return pl.concat(dropped)


def peer(texts: pl.Series, language: LanguageSettings, **more: bool) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "texts.jsonl")
        path.write_text("\n".join(json.dumps(text) for text in texts), encoding="utf-8")
        tokenizer = TOKENIZERS[language.code]
        rules = language.model_dump()
        return ask("filter", texts=str(path), language=tokenizer, rules=rules, shared=PUBLISHED, **more)
