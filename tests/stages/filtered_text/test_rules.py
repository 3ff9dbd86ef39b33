"""For each of FineWeb-2's rules on lines, words and n-grams, a tiny text breaks the rule."""

from typing import Any

import polars as pl
import pytest

from stages.filtered_text.rules.all_rules import PUBLISHED_RULES
from stages.filtered_text.rules.content import placeholder
from stages.filtered_text.rules.lines import teasers
from stages.filtered_text.settings import FilteredText
from tests.stages.filtered_text.texts import GOOD, THAI, given, page
from x_instruction.language.settings import LanguageSettings

PUBLISHED = {"max_words_per_sentence": None, "repetition_tolerance": 1.0, "max_duplicate_line_characters_share": 0.1}
SENTENCES = [f"{sentence.strip()}." for sentence in GOOD.split(".") if sentence.strip()]
# Six different lines of prose.
LINES = [
    *SENTENCES,
    "Illalla lämmitettiin sauna, ja vieraat tulivat.",
    "Aamulla oli jo hiljaista, eikä kukaan puhunut.",
]


def broken(text: str, language: str | LanguageSettings = "fi", settings: FilteredText | None = None) -> dict[str, str]:
    """Maps each rule that the text breaks to the value that breaks it. By default, the published thresholds apply."""
    language_page = page(language) if isinstance(language, str) else language
    values: dict[str, Any] = {}
    for reason, rule in PUBLISHED_RULES.items():
        value = rule(pl.DataFrame({"text": [text]}), settings or given(**PUBLISHED), language_page)["value"].item()
        values |= {reason: value} if value is not None else {}
    return values


def changed(**values: Any) -> LanguageSettings:
    return page("fi").model_copy(update=values)


@pytest.mark.parametrize(("language", "text"), [("fi", GOOD), ("fi", "\n".join(LINES)), ("th", THAI)])
def test_prose_breaks_no_rule(language: str, text: str) -> None:
    assert broken(text, language) == {}


def test_many_bulleted_lines_are_a_list() -> None:
    text = "\n".join(f"{'-' if number % 2 else '•'} {line}" for number, line in enumerate(LINES))
    assert broken(text) == {"bullet_lines": "100 % of lines begin with a bullet > 90%"}


@pytest.mark.parametrize("end", ["...", "…"])
def test_many_lines_that_end_with_an_ellipsis_are_teasers(end: str) -> None:
    text = "\n".join([f"{line[:-1]}{end}" for line in LINES[:2]] + LINES[2:])
    assert broken(text) == {"ellipsis_lines": "33 % of lines end with an ellipsis > 30%"}


@pytest.mark.parametrize("cut_off", ["[...]", "[ … ]", "( more… )"])
def test_repeated_bracketed_ellipses_are_teasers(cut_off: str) -> None:
    def value(text: str, words: int) -> str | None:
        frame = pl.DataFrame({"text": [text], "words": [words]})
        return str(teasers(frame, given(), page("fi"))["value"].item())

    teased = f" {cut_off} ".join([GOOD] * 4)
    assert value(teased, 200) == "3 times […], more than once in 200 words"
    assert value(teased, 600) == value(f"{GOOD} {cut_off} {GOOD} {cut_off}", 100) == "None"
    assert value(" `leivo(...)` ".join([GOOD] * 4), 200) == "None"


def test_many_repeated_lines_are_dropped() -> None:
    text = "\n".join([*LINES, "Niin.", "Niin.", "Niin.", "Niin.", "Niin."])
    assert broken(text) == {"duplicate_lines": "36 % of lines are repeated > 29.3%"}


def test_repeated_lines_are_also_weighted_by_their_characters() -> None:
    values = broken("\n".join([*LINES, LINES[0]]))
    assert values["duplicate_line_characters"] == "14 % of characters in repeated lines > 10%"
    assert "duplicate_lines" not in values


def test_lines_without_a_sentence_end_are_dropped() -> None:
    text = "\n".join(line[:-1] for line in LINES)
    assert broken(text) == {"unclosed_lines": "0 % of lines end as a sentence < 11.4%"}


def test_a_quotation_closes_a_line_unless_set_otherwise() -> None:
    text = "\n".join(f'"{line}"' for line in LINES)
    assert "unclosed_lines" not in broken(text)
    assert "unclosed_lines" in broken(text, settings=given(quotes_close_lines=False))


def test_a_text_of_few_lines_is_judged_by_its_lines_only_if_set() -> None:
    assert "unclosed_lines" not in broken(GOOD[:-1])
    assert "unclosed_lines" in broken(GOOD[:-1], settings=given(min_judged_lines=1))


def test_lines_of_punctuation_count_only_if_set() -> None:
    text = "\n".join(part for line in LINES for part in (line, "##"))
    assert broken(text, settings=given(max_symbols_per_word=0.5)) == {}
    assert "duplicate_lines" in broken(text, settings=given(**PUBLISHED, punctuation_counts_as_words=True))


def test_many_short_lines_are_dropped_if_set() -> None:
    text = "\n".join([*LINES, "Ensin keitto.", "Sitten kala.", "Lopuksi kahvi."])
    assert "short_lines" not in broken(text)
    assert broken(text, settings=given(max_short_lines_share=0.3)) == {"short_lines": "33 % of lines are short > 30%"}


def test_the_settings_relax_the_thresholds_of_repetition() -> None:
    lines = "\n".join([*LINES, "Niin.", "Niin.", "Niin.", "Niin.", "Niin."])
    repeated = f"{GOOD} Lisäksi muistettakoon: {SENTENCES[0]}"
    assert broken(lines, settings=given(repetition_tolerance=1.5, max_duplicate_line_characters_share=0.2)) == {}
    assert broken(repeated, settings=given(repetition_tolerance=1.5, max_duplicate_line_characters_share=0.2)) == {}


def test_words_too_long_for_the_language_are_dropped() -> None:
    assert broken(GOOD, changed(max_mean_word_length=5.0)) == {
        "bad_word_lengths": "6.8 characters per word, not 3 to 5"
    }


def test_a_text_with_few_alphabetic_words_is_dropped() -> None:
    numbers = " ".join(str(number) for number in range(100, 125))
    assert broken(f"{GOOD} {numbers}").keys() == {"few_alphabetic_words"}


def test_many_hash_signs_are_dropped() -> None:
    assert broken(" ".join(f"#{word}" if place % 3 else word for place, word in enumerate(GOOD.split()))).keys() == {
        "many_symbols"
    }


def test_heading_marks_do_not_count_as_hash_signs() -> None:
    text = "\n##\n".join(f"### {line}" for line in LINES)
    assert broken(text) == {}
    assert broken(text, settings=given(punctuation_counts_as_words=True))["many_symbols"].startswith("0.")


def test_many_line_ends_for_few_words_are_dropped() -> None:
    text = "\n".join(" ".join(GOOD.split()[start : start + 3]) + "." for start in range(0, 48, 3))
    assert broken(text).keys() == {"many_newlines"}


def test_lines_of_punctuation_do_not_count_as_line_ends() -> None:
    text = "\n##\n".join(" ".join(GOOD.split()[start : start + 5]) + "." for start in range(0, 48, 5))
    assert "many_newlines" not in broken(text)
    assert "many_newlines" in broken(text, settings=given(punctuation_counts_as_words=True))


def test_words_without_sentence_ends_are_dropped() -> None:
    bare = GOOD.replace(".", "").replace(",", "").lower()
    text, words = f"{bare} {bare} {bare}", 3 * len(bare.split())
    assert broken(text, settings=given())["unclosed_lines"] == f"{words} words in 0 sentences > 200 per sentence"
    for punctuated in (f"{bare}. {bare}. {bare}.", f"{bare} **{bare}.** {bare}", bare):
        assert "unclosed_lines" not in broken(punctuated, settings=given())
    assert "unclosed_lines" not in broken(text, settings=given(max_words_per_sentence=None))
    assert "unclosed_lines" not in broken(THAI * 5, "th", settings=given())


def test_a_text_without_stop_words_is_dropped() -> None:
    assert broken("Piirakat paistetaan kuumassa uunissa. Kuori kaulitaan ohueksi. Täytteeksi riisipuuroa.") == {
        "few_stop_words": "0 stop words < 2"
    }


def test_a_text_in_which_one_pair_of_words_recurs_is_dropped() -> None:
    parts = [f"halpa lento {word}" for word in SENTENCES[0].replace(",", "").replace(".", "").split()]
    assert broken(" ".join(parts)).keys() == {"top_ngram"}


def test_repeated_runs_of_words_are_dropped() -> None:
    text = f"{GOOD} Lisäksi muistettakoon: {SENTENCES[0]}"
    assert broken(text) == {"duplicate_ngrams": "11 % of characters in repeated 10-grams > 10.1%"}


def test_table_rulers_count_as_repeated_phrases_only_if_set() -> None:
    text = f"{GOOD}\n| Ruoka | Aika |\n|{'-' * 80}|{'-' * 80}|\n| Piirakka | Aamu |"
    assert broken(text) == {}
    assert broken(text, settings=given(**PUBLISHED, punctuation_counts_as_words=True)).keys() >= {
        "top_ngram",
        "duplicate_ngrams",
    }


@pytest.mark.parametrize(
    ("text", "dropped"),
    [
        (f"{GOOD} Lorem ipsum dolor sit amet.", True),
        ("Please enable JavaScript to view this page.", True),
        (f"{GOOD} JavaScript on selaimen kieli.", False),
        (f"{GOOD * 3} Please enable JavaScript.", False),
    ],
)
def test_placeholder_text_drops_a_short_page_or_a_page_full_of_filler(text: str, dropped: bool) -> None:
    value = placeholder(pl.DataFrame({"text": [text]}), given(), page("fi"))["value"].item()
    assert (value is not None) == dropped
