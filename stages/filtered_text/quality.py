"""The rules of FineWeb-2 (arXiv 2506.20920; Gopher's and FineWeb's with thresholds by language), cheap to dear.

Published thresholds and stop words are in stages/languages/<code>.yaml (huggingface/fineweb-2, configs/, code
Apache-2.0, data ODC-By); those that are the same for all languages in params.yaml.
"""

from __future__ import annotations

from stages.filtered_text.bullet_lines import bullet_lines
from stages.filtered_text.duplicate_lines import duplicate_line_characters, duplicate_lines
from stages.filtered_text.duplicate_ngrams import duplicate_ngrams
from stages.filtered_text.ellipsis_lines import ellipsis_lines
from stages.filtered_text.length import bad_word_lengths, few_alphabetic_words
from stages.filtered_text.newlines import many_newlines
from stages.filtered_text.rule import Rule
from stages.filtered_text.short_lines import short_lines
from stages.filtered_text.stop_words import few_stop_words
from stages.filtered_text.symbols import many_symbols
from stages.filtered_text.top_ngrams import top_ngram
from stages.filtered_text.unclosed_lines import unclosed_lines

# Lines are counted at three times the speed of words, and words are cut again for n-grams.
QUALITY: dict[str, Rule] = {
    "bullet_lines": bullet_lines,
    "ellipsis_lines": ellipsis_lines,
    "duplicate_lines": duplicate_lines,
    "duplicate_line_characters": duplicate_line_characters,
    "unclosed_lines": unclosed_lines,
    "short_lines": short_lines,
    "bad_word_lengths": bad_word_lengths,
    "few_alphabetic_words": few_alphabetic_words,
    "many_symbols": many_symbols,
    "many_newlines": many_newlines,
    "few_stop_words": few_stop_words,
    "top_ngram": top_ngram,
    "duplicate_ngrams": duplicate_ngrams,
}
