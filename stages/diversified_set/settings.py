"""The section `diversified_set` of params.yaml."""

from __future__ import annotations

from x_instruction.runner.settings import Positive, Section


class DiversifiedSet(Section):
    clusters: Positive
    pairs: Positive
    decontaminate_against: list[str]
    ngram: Positive

    def inputs(self) -> list[str]:
        """Dependencies in dvc.yaml: the files of evaluation prompts to leave out."""
        return [f"${{diversified_set.decontaminate_against[{n}]}}" for n in range(len(self.decontaminate_against))]
