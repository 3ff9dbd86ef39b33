"""What differs from language to language: one settings file each, `languages/<code>.yaml`.

A fixed set of thresholds taken from English throws away good text elsewhere (mean word length reaches 37 in
Tamil); so every figure a filter needs of a language stands in its file, with where it comes from.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from x_instruction.language.names import NAMES
from x_instruction.runner.errors import SettingsError
from x_instruction.runner.settings import Section, Share, first_problem

Words = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


class LanguageSettings(Section):
    """Figures of one language. Lengths are in characters, scores and shares from 0 to 1.

    `neighbours` are languages that language identification takes for this one; `true` accepts a text judged so.
    `identified_by: stop_words` is for languages that language identification does not know: the score is then the
    share of stop words, and `min_language_score` the least of it.
    `second_opinion` are the languages among which, with this one, lingua decides where fastText is unsure.
    `tell_tale` are words that only one of a group of languages has, by language, where neither can tell them apart.
    `never_first` are words that no sentence begins with: a text that does begins amid one.
    Shares of n-grams are by n. `closed` is a line that ends as a sentence does.
    `min_stop_words` different ones must occur in a text (Gopher, arXiv 2112.11446: 2).
    A sign is a word of its own, and so is a run of points, but for `word_joiners` between two letters or digits,
    `mixed_joiners` between a letter and a digit ("COVID-19"), and the points that `abbreviations` ("Prof.") and, where
    set, numbers ("3.") end with. A hyphen that is either may also begin or end a word ("koe- ja", "-1,5"). With
    `dividing_signs`, only these are words of their own, each point by itself, and all other signs parts of words.
    `everyday_words` stand in the list of vulgar words (`filtered_text.word_lists`) but have another, usual meaning.
    `read_more` is what sites put behind a teaser, `buttons` lines that are nothing else but one.
    `joins_syllables`: blanks divide syllables, of which a model makes words (Vietnamese).
    `characters_per_word` stands in for counting words where none are marked (`spaces_between_words: false`).
    """

    code: str
    script: Annotated[str, Field(pattern="^[A-Z][A-Za-z_]+$")]
    min_script_share: Share = 0.5
    identified_by: Literal["model", "stop_words"] = "model"
    min_language_score: Share
    neighbours: dict[str, bool]
    second_opinion: tuple[str, ...] = ()
    tell_tale: Annotated[dict[str, Words], Field(default_factory=dict)]
    never_first: tuple[str, ...] = ()
    min_mean_word_length: Annotated[float, Field(ge=0)]
    max_mean_word_length: Annotated[float, Field(gt=0)]
    min_alphabetic_words_share: Share
    min_closed_lines_share: Share
    max_duplicate_lines_share: Share
    max_newlines_per_word: Share
    max_top_ngram_share: dict[Literal[2, 3, 4], Share]
    max_duplicate_ngrams_share: dict[Literal[5, 6, 7, 8, 9, 10], Share]
    spaces_between_words: bool
    joins_syllables: bool = False
    dividing_signs: str | None = None
    word_joiners: str = ""
    mixed_joiners: str = ""
    numbers_keep_points: bool = False
    abbreviations: tuple[str, ...] = ()
    characters_per_word: Annotated[float, Field(gt=0)] | None = None
    min_stop_words: Annotated[int, Field(ge=0)] = 2
    stop_words: Words
    boilerplate: Words
    everyday_words: tuple[str, ...] = ()
    read_more: tuple[str, ...] = ()
    buttons: tuple[str, ...] = ()

    @property
    def accepted(self) -> frozenset[str]:
        """Codes of language identification that count as this language."""
        return frozenset({self.code, *(code for code, accepted in self.neighbours.items() if accepted)})

    @cached_property
    def tell_tale_sets(self) -> dict[str, frozenset[str]]:
        return {code: frozenset(words) for code, words in self.tell_tale.items()}

    @model_validator(mode="after")
    def _consistent(self) -> LanguageSettings:
        if self.max_mean_word_length <= self.min_mean_word_length:
            raise ValueError(
                f"max_mean_word_length ({self.max_mean_word_length}) must be above "
                f"min_mean_word_length ({self.min_mean_word_length})"
            )
        if self.spaces_between_words == (self.characters_per_word is not None):
            raise ValueError(
                "characters_per_word belongs to languages with spaces_between_words: false, and only there"
            )
        return self


def load_language(code: str, folder: Path) -> LanguageSettings:
    """Read and validate a language's page. Raises SettingsError naming the file and the key."""
    path = folder / f"{code}.yaml"
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml") if file.name != NAMES))
        raise SettingsError(f"languages/{path.name} does not exist; there are {known}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"languages/{path.name} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise SettingsError(f"languages/{path.name} must hold a mapping, but holds {type(values).__name__}")
    try:
        return LanguageSettings.model_validate({**values, "code": code})
    except ValidationError as error:
        raise SettingsError(f"languages/{path.name}: {first_problem(error, LanguageSettings)}") from None
