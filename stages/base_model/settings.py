"""The section `base_model` of params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from x_instruction.models.settings import Training
from x_instruction.runner.settings import Positive, Section

EMBEDDED = "embedded"


class Architecture(Section):
    """Size of the embedded Llama that is trained from scratch."""

    vocabulary: Annotated[int, Field(ge=300)]
    hidden: Positive
    layers: Positive
    heads: Positive
    intermediate: Positive
    context: Positive

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Architecture:
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        return self


class BaseModelSettings(Section):
    """The model from which the other models of the run are trained."""

    checkpoint: str
    """`embedded` (trained here from scratch), a local folder, a GGUF file, or the id of a model on the Hugging Face
    hub."""
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")] | None
    """The commit of a hub id, so that the model cannot change."""
    corpus: str
    """A folder with a subfolder of HTML pages for each language. The embedded model learns from the pages in English
    and in the chosen languages. With any model, the check of the BOS token reads the first page of each of these
    languages. `architecture` and `training` are used only with `checkpoint: embedded`."""
    architecture: Architecture
    training: Training

    def inputs(self, root: Path) -> list[str]:
        """Dependencies in dvc.yaml: the checkpoint, if it is a local folder or file."""
        return ["${base_model.checkpoint}"] if (root / self.checkpoint).exists() else []
