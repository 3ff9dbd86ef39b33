"""The settings of each language, one file `languages/<code>.yaml` for each.

With thresholds that fit English, filters remove good text in other languages: a text's mean word length may be up to 12
in Indonesian and up to 37 in Tamil. So every threshold that depends on the language is in the language's file, with its
source.
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
from x_instruction.runner.yaml_files import read_yaml

Letter = Annotated[str, Field(min_length=1, max_length=1)]
Words = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


class LanguageSettings(Section):
    """Settings of one language. Lengths are in characters; scores and shares are from 0 to 1.

    Language identification
    - `neighbours`: languages that identification confuses with this language. With `true`, a text that is identified as
      that neighbour is kept.
    - `identified_by`: `stop_words` is for a language that fastText does not know. The score is then the share of stop
      words among the words; it must reach `min_language_score`.
    - `second_opinion`: the other languages among which lingua decides if fastText is unsure.
    - `tell_tale`: for each language of a group that neither fastText nor lingua can distinguish (Indonesian and Malay),
      words that the others do not have. The language with the most of them in a text wins.
    - `relatives`: for this language and close relatives that identification does not know or is not sure of, everyday
      words that they do not share. The language with the most of them in a text wins.

    Letters and signs (x_instruction/language/letters.py and folding.py use them)
    - `letters`: letters of other keyboards and code pages, and sequences of characters that Unicode's NFC does not
      compose, each with its replacement.
    - `own_letters`: letters that similar languages do not have. If less than a hundredth of a text's letters are among
      them, `letters`, `letter_order` and `never_doubled` change nothing, because the text may be in another language.
    - `letter_order`: groups of marks in the order in which the marks after a letter must be written. A group is written
      like a character class of a regular expression, without the brackets. Marks in the wrong order change places.
    - `never_doubled`: marks that look the same if they are typed twice, so the second mark is a typing error.
    - `foreign_letters`: letters that the language does not have, each with its replacement or null. If the share of
      letters with a replacement is above `max_foreign_letters_share`, the text was read with the wrong code page, and
      these letters are replaced. If the share of letters with null is above this limit, the text is in another language
      and is dropped.
    - `sentence_signs`: marks that people type in place of a sign that ends a sentence, each with that sign.
    - `lower_case`: capitals whose small letter differs from Unicode's (Turkish I).

    Words and sentences
    - `words`: how words are found. With `spaces`, spaces separate words. With `thai`, PyThaiNLP's dictionary is used.
      With `characters`, for other scripts without spaces, each run of `characters_per_word` characters is a word.
    - `characters_per_word`: required unless spaces separate words. The number of words in a text is then estimated from
      its characters.
    - `sentence_ends`: the marks that end a sentence. A space among them means that spaces separate sentences (Thai).
    - A punctuation mark is a token by itself, and so is a run of full stops. The exceptions are parts of words:
      `word_joiners` between two letters or digits, `mixed_joiners` between a letter and a digit ("COVID-19"), the marks
      , . / : and – between two digits ("1,5"), and the full stops of `abbreviations` ("Prof."). With
      `numbers_keep_points`, the full stop after a number ("3.") is another exception. A hyphen among the joiners may
      also begin or end a word ("koe- ja", "-1,5"). If `dividing_signs` are given, each of them is a token, and all
      other marks are parts of words.
    - `never_first`: words with which no sentence begins. A text that begins with such a word has lost its beginning.

    Rules
    - `max_top_ngram_share` and `max_duplicate_ngrams_share` have a limit for each n. For `min_closed_lines_share`, a
      line is closed if it ends as a sentence does.
    - `min_stop_words`: the number of different stop words that must occur in a text (Gopher, arXiv 2112.11446: 2).
    - `everyday_words`: words of the vulgar-word list (`filtered_text.word_lists`) that usually mean something else.
    - `read_more`: phrases that sites put after a teaser. `buttons`: lines that are only the label of a button.
    - `countries`: ISO 3166 codes of the countries whose identity numbers and national phone numbers are masked.
    """

    code: str
    script: Annotated[str, Field(pattern="^[A-Z][A-Za-z_]+$")]
    min_script_share: Share = 0.5
    countries: tuple[Annotated[str, Field(pattern="^[A-Z]{2}$")], ...]
    identified_by: Literal["model", "stop_words"] = "model"
    min_language_score: Share
    neighbours: dict[str, bool]
    second_opinion: tuple[str, ...] = ()
    tell_tale: Annotated[dict[str, Words], Field(default_factory=dict)]
    relatives: Annotated[dict[str, Words], Field(default_factory=dict)]
    never_first: tuple[str, ...] = ()
    letters: Annotated[dict[str, str], Field(default_factory=dict)]
    own_letters: str = ""
    letter_order: tuple[str, ...] = ()
    never_doubled: str = ""
    foreign_letters: Annotated[dict[Letter, str | None], Field(default_factory=dict)]
    max_foreign_letters_share: Share = 0.01
    sentence_signs: Annotated[dict[str, str], Field(default_factory=dict)]
    lower_case: Annotated[dict[Letter, Letter], Field(default_factory=dict)]
    min_mean_word_length: Annotated[float, Field(ge=0)]
    max_mean_word_length: Annotated[float, Field(gt=0)]
    min_alphabetic_words_share: Share
    min_closed_lines_share: Share
    max_duplicate_lines_share: Share
    max_newlines_per_word: Share
    max_top_ngram_share: dict[Literal[2, 3, 4], Share]
    max_duplicate_ngrams_share: dict[Literal[5, 6, 7, 8, 9, 10], Share]
    words: Literal["spaces", "thai", "characters"]
    characters_per_word: Annotated[float, Field(gt=0)] | None = None
    sentence_ends: Annotated[str, Field(pattern=r"^ ?[^\s\\\[\]^&~-]+$")]
    dividing_signs: str | None = None
    word_joiners: str = ""
    mixed_joiners: str = ""
    numbers_keep_points: bool = False
    abbreviations: tuple[str, ...] = ()
    min_stop_words: Annotated[int, Field(ge=0)] = 2
    stop_words: Words
    boilerplate: Words
    everyday_words: tuple[str, ...] = ()
    read_more: tuple[str, ...] = ()
    buttons: tuple[str, ...] = ()

    @property
    def accepted(self) -> frozenset[str]:
        """The codes of this language and of the neighbours whose texts are kept."""
        return frozenset({self.code, *(code for code, accepted in self.neighbours.items() if accepted)})

    @property
    def capitals(self) -> tuple[tuple[str, str], ...]:
        """`lower_case` as a tuple, which caches can use as a key."""
        return tuple(self.lower_case.items())

    @property
    def marks_sentence_ends(self) -> bool:
        """Whether marks end sentences. If False, only spaces separate sentences, and a text may end without a mark."""
        return " " not in self.sentence_ends

    @cached_property
    def tell_tale_sets(self) -> dict[str, frozenset[str]]:
        return {code: frozenset(words) for code, words in self.tell_tale.items()}

    @cached_property
    def relatives_by_word(self) -> dict[str, list[str]]:
        """Maps each everyday word of `relatives` to the languages that have it."""
        codes: dict[str, list[str]] = {}
        for code, words in self.relatives.items():
            for word in words:
                codes.setdefault(word, []).append(code)
        return codes

    def __hash__(self) -> int:
        return hash(self.code)

    @model_validator(mode="after")
    def _consistent(self) -> LanguageSettings:
        if self.max_mean_word_length <= self.min_mean_word_length:
            raise ValueError(
                f"max_mean_word_length ({self.max_mean_word_length}) must be above "
                f"min_mean_word_length ({self.min_mean_word_length})"
            )
        if (self.words == "spaces") == (self.characters_per_word is not None):
            needed = "must be absent with" if self.words == "spaces" else "is needed with"
            raise ValueError(f"characters_per_word {needed} `words: {self.words}`")
        return self


def load_language(code: str, folder: Path) -> LanguageSettings:
    """Reads and validates a language's page, `<code>.yaml`. Raises SettingsError, which names the file and the key."""
    path = folder / f"{code}.yaml"
    try:
        values = read_yaml(path)
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml") if file.name != NAMES))
        raise SettingsError(f"languages/{path.name} does not exist; there are pages for {known}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"languages/{path.name} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise SettingsError(f"languages/{path.name} must hold a mapping, but holds {type(values).__name__}")
    try:
        return LanguageSettings.model_validate({**values, "code": code})
    except ValidationError as error:
        raise SettingsError(f"languages/{path.name}: {first_problem(error, LanguageSettings)}") from None
