"""The section `filtered_text` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from x_instruction.runner.settings import NonEmpty, Positive, Section, Share


class FilteredText(Section):
    blocked_sites: NonEmpty | None = None  # a file
    decontaminate_against: list[NonEmpty]
    decontamination_ngram: Positive
    min_words: Positive
    max_words: Positive
    segment_words: Positive
    min_language_share: Share
    max_boilerplate_share: Share
    min_boilerplate_phrases: Positive
    max_topic_share: Share
    max_repeated_paragraph_share: Share
    max_english_share: Share
    max_code_share: Share
    max_bullet_lines_share: Share
    max_ellipsis_lines_share: Share
    min_words_per_teaser: Positive
    max_short_lines_share: Share
    repetition_tolerance: Annotated[float, Field(ge=1)]
    max_duplicate_line_characters_share: Share
    max_symbols_per_word: Share
    max_titles_share: Share
    min_title_lines: Positive
    max_placeholder_characters: Positive
    quotes_close_lines: bool
    max_words_a_sentence: Positive | None  # null: not looked at
    listed_words: dict[str, list[NonEmpty]]
    word_lists: list[NonEmpty]
    max_listed_words_share: Share
    lone_signs_count: bool
    min_judged_lines: Positive
    near_duplicate_jaccard: Share
    minhash_permutations: Positive
    shingle_words: Positive

    @model_validator(mode="after")
    def _window(self) -> FilteredText:
        if self.max_words <= self.min_words:
            raise ValueError(f"max_words ({self.max_words}) must be above min_words ({self.min_words})")
        return self

    def inputs(self) -> list[str]:
        """Dependencies in dvc.yaml: the files of sites and of evaluation prompts to leave out."""
        prompts = [f"${{filtered_text.decontaminate_against[{n}]}}" for n in range(len(self.decontaminate_against))]
        return ["${filtered_text.blocked_sites}", *prompts] if self.blocked_sites else prompts
