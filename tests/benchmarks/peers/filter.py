"""Runs datatrove's filters as FineWeb-2 does. Prints the seconds and, for each text, the drop reason or null.

The JSON on standard input has `texts` (a file with one JSON string per line), `language` (such as fin_Latn, for the
word tokenizer), `rules` (the thresholds of a language page) and `shared` (thresholds for all languages). With
`only_words`, the words of each text are printed instead.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.utils.text import split_into_words
from loguru import logger


def filters(language: str, rules: dict[str, Any], shared: dict[str, Any]) -> list[Any]:
    """The filters in the order of FineWeb-2's pipeline.

    A rule that is not used gets a limit that no text reaches, or 0, which turns it off.
    """
    return [
        GopherRepetitionFilter(
            dup_para_frac=0,
            dup_line_char_frac=0,
            dup_para_char_frac=0,
            dup_line_frac=rules["max_duplicate_lines_share"],
            top_n_grams=[(int(n), limit) for n, limit in rules["max_top_ngram_share"].items()],
            dup_n_grams=[(int(n), limit) for n, limit in rules["max_duplicate_ngrams_share"].items()],
            language=language,
        ),
        FineWebQualityFilter(
            short_line_thr=999,
            char_duplicates_ratio=shared["max_duplicate_line_characters_share"],
            line_punct_thr=rules["min_closed_lines_share"],
            new_line_ratio=rules["max_newlines_per_word"],
            language=language,
        ),
        GopherQualityFilter(
            min_doc_words=shared["min_words"],
            max_doc_words=shared["max_words"],
            min_avg_word_length=rules["min_mean_word_length"],
            max_avg_word_length=rules["max_mean_word_length"],
            max_symbol_word_ratio=shared["max_symbols_per_word"],
            max_bullet_lines_ratio=shared["max_bullet_lines_share"],
            max_ellipsis_lines_ratio=shared["max_ellipsis_lines_share"],
            max_non_alpha_words_ratio=rules["min_alphabetic_words_share"],
            min_stop_words=rules["min_stop_words"],
            stop_words=rules["stop_words"],
            language=language,
        ),
    ]


def reason(document: Document, chain: list[Any]) -> str | None:
    for one in chain:
        answer = one.filter(document)
        if answer is not True:
            return answer[1]
    return None


def main() -> None:
    logger.remove()
    question = json.load(sys.stdin)
    lines = Path(question["texts"]).read_text(encoding="utf-8").split("\n")
    documents = [Document(text=json.loads(line), id=str(number)) for number, line in enumerate(lines) if line]
    if question.get("only_words"):
        print(json.dumps([split_into_words(document.text, question["language"]) for document in documents]))
        return
    chain = filters(question["language"], question["rules"], question["shared"])
    # The first text loads the tokenizer, which is not timed.
    reason(documents[0], chain)
    started = time.process_time()
    reasons = [reason(one, chain) for one in documents]
    print(json.dumps({"seconds": time.process_time() - started, "reasons": reasons}))


if __name__ == "__main__":
    main()
