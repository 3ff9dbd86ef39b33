"""The values of filter rules are worded so that they are true for kept and for dropped texts."""

from __future__ import annotations

import pytest

from commands.explain.limits import with_limits
from stages.params import Settings
from tests.conftest import ROOT
from x_instruction.language.settings import load_language

RULE_VALUES = [
    ("too_short", "9 words < 40", "9 words (dropped if below 40)"),
    ("too_long", "9 words > 2000", "9 words (dropped if above 2000)"),
    ("listed_words", "0.0 listed words per word > 1e-05", "0.0 listed words per word (dropped if above 1e-05)"),
    ("bad_word_lengths", "1.0 characters per word, not 3 to 14", "1.0 characters per word (dropped if not 3 to 14)"),
    ("top_ngram", "1 % a > 2.5%; 3 % b > 4.0%", "1 % a (dropped if above 2.5%); 3 % b (dropped if above 4.0%)"),
    (
        "unclosed_lines",
        "90 words in 1 sentences > 80 per sentence",
        "90 words in 1 sentences (dropped if above 80 per sentence)",
    ),
    (
        "teasers",
        "2 times […], more than once in 200 words",
        "2 times […] (dropped if at least 3 times and more than once in 200 words)",
    ),
    (
        "boilerplate",
        "50 % of characters in boilerplate > 40%",
        "50 % of characters in boilerplate (dropped if above 40% with at least 3 different phrases, or above 80%)",
    ),
    (
        "titles",
        "95 % of characters in titles > 90%",
        "95 % of characters in titles (dropped if above 90% with at least 8 lines)",
    ),
    (
        "wrong_language",
        "30 % of letters in Latin script; language score 0.10 < 0.7",
        "30 % of letters in Latin script (dropped if below 50%); language score 0.10 (dropped if below 0.7)",
    ),
    ("wrong_language", "3 % of letters not in fi", "3 % of letters not in fi (dropped if above 1%)"),
    ("wrong_language", "identified as et", "identified as et"),
    ("placeholder", "contains 'x < 4'", "contains 'x < 4'"),
    ("fragment", "a snippet that ends 'x > 4", "a snippet that ends 'x > 4"),
]


@pytest.mark.parametrize(("rule", "value", "shown"), RULE_VALUES)
def test_the_value_of_a_rule_says_when_a_text_is_dropped(settings: Settings, rule: str, value: str, shown: str) -> None:
    language = load_language("fi", ROOT / "languages")
    assert with_limits(rule, value, settings.filtered_text, language) == shown
