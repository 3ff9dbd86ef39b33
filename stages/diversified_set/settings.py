"""The section `diversified_set` of params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from x_instruction.embeddings.settings import Encoder
from x_instruction.runner.settings import Positive, Section, Share, refuse_unknown_languages


class InstructionEncoder(Encoder):
    SETTING: ClassVar[str] = "diversified_set.encoder"


class DiversifiedSet(Section):
    """How a language's set is drawn from its refined pairs; see docs/diversification.md."""

    pairs: Positive
    """Number of pairs to draw for each language. If a language has fewer, all of them are drawn."""
    quotas: dict[str, Positive]
    """Number of pairs to draw for single languages, instead of `pairs`."""
    draw: Literal["clusters", "random", "rating", "maximal_marginal_relevance"]
    """How the pairs are drawn: evenly from the clusters (X-Instruction), at random, by their rating alone, or by rating
    minus similarity to the pairs drawn before (Carbonell and Goldstein, SIGIR 1998)."""
    relevance_weight: Share
    """Weight of the rating in `maximal_marginal_relevance`; the weight of the similarity is 1 minus this."""
    clusters: Positive | None
    """Number of clusters of instructions. null: one for each pair to draw, but at most one for every four pairs to draw
    from, and at most a billion divided by the number of these pairs. X-Instruction gives no number."""
    max_similarity: Annotated[float, Field(gt=0, lt=1)] | None
    """If two instructions have at least this cosine (after the language's mean vector is subtracted), the worse rated
    pair is dropped; null: not checked. At 0.84, multilingual-e5-small found 18 of 20 reworded instructions, and
    all-MiniLM-L6-v2 found all 20. Of 20 instructions that ask for something else in almost the same words, each
    encoder wrongly found one (docs/experiments.md)."""
    encoder: InstructionEncoder | None
    """The encoder of instructions; null: the encoder of `embeddings`, whose vectors are read from candidate_pairs if
    they are there."""
    decontaminate_against: list[str]
    """JSONL files of evaluation prompts. A pair that shares `ngram` words in a row with a prompt is dropped, and so is
    a pair that contains a whole shorter prompt of at least four words."""
    ngram: Positive

    @field_validator("quotas")
    @classmethod
    def _of_known_languages(cls, quotas: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        refuse_unknown_languages(quotas, info)
        return quotas

    def wanted(self, language: str) -> int:
        """The number of pairs that the set of a language should have."""
        return self.quotas.get(language, self.pairs)

    def inputs(self, root: Path) -> list[str]:
        """Dependencies in dvc.yaml: the files of evaluation prompts, and an encoder that is a local folder."""
        prompts = [f"${{diversified_set.decontaminate_against[{n}]}}" for n in range(len(self.decontaminate_against))]
        local = self.encoder is not None and self.encoder.local_folder(root)
        return [*prompts, *(["${diversified_set.encoder.encoder}"] if local else [])]
