"""The section `diversified_set` of params.yaml."""

from __future__ import annotations

from x_instruction.runner.settings import Positive, Section


class DiversifiedSet(Section):
    """`pairs` of each language are drawn evenly from `clusters` of similar instructions."""

    clusters: Positive
    pairs: Positive
    decontaminate_against: list[str]
    """JSONL files of evaluation prompts. A pair that shares `ngram` words in a row with one is dropped."""
    ngram: Positive

    def inputs(self) -> list[str]:
        """Dependencies in dvc.yaml: the files of evaluation prompts."""
        return [f"${{diversified_set.decontaminate_against[{n}]}}" for n in range(len(self.decontaminate_against))]
