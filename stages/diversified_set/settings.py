"""The section `diversified_set` of params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from x_instruction.embeddings.settings import Encoder
from x_instruction.runner.settings import Positive, Section, Share


class InstructionEncoder(Encoder):
    SETTING: ClassVar[str] = "diversified_set.encoder"


class DiversifiedSet(Section):
    """Which of a language's refined pairs make the set: docs/diversification.md."""

    pairs: Positive
    """Pairs of each language; all of them if there are fewer."""
    quotas: dict[str, Positive]
    """Pairs of single languages, in place of `pairs`."""
    draw: Literal["clusters", "random", "rating", "maximal_marginal_relevance"]
    """How the pairs are drawn: evenly from the clusters (X-Instruction), at random, by their rating alone, or by rating
    less similarity to what was drawn before (Carbonell and Goldstein, SIGIR 1998)."""
    relevance_weight: Share
    """Weight of the rating in maximal_marginal_relevance; the similarity has the rest."""
    clusters: Positive | None
    """Clusters of instructions; null: as many as pairs are drawn, but four pairs in each and not more than a billion
    comparisons (ours: the paper does not say)."""
    max_similarity: Annotated[float, Field(gt=0, lt=1)] | None
    """Cosine of two instructions, less the mean of the language, from which the worse rated pair is dropped; null: not
    checked. At 0.84, 18 of 20 reworded instructions were found by multilingual-e5-small and 20 by MiniLM, and one of 20
    that ask for something else in the same words, which was the opposite (docs/experiments.md)."""
    encoder: InstructionEncoder | None
    """The encoder of instructions; null: that of `embeddings`, whose vectors candidate_pairs holds already."""
    decontaminate_against: list[str]
    """JSONL files of evaluation prompts. A pair that shares `ngram` words in a row with one is dropped."""
    ngram: Positive

    @field_validator("quotas")
    @classmethod
    def _of_known_languages(cls, quotas: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        names: dict[str, str] = info.context or dict.fromkeys(quotas, "")
        for code in quotas:
            if code not in names:
                raise ValueError(f"{code!r} is not one of the languages {', '.join(names)}")
        return quotas

    def wanted(self, language: str) -> int:
        """Pairs that the set of a language should have."""
        return self.quotas.get(language, self.pairs)

    def inputs(self, root: Path) -> list[str]:
        """Dependencies in dvc.yaml: the files of evaluation prompts, and an encoder that is a local folder."""
        prompts = [f"${{diversified_set.decontaminate_against[{n}]}}" for n in range(len(self.decontaminate_against))]
        local = self.encoder is not None and self.encoder.local_folder(root)
        return [*prompts, *(["${diversified_set.encoder.encoder}"] if local else [])]
