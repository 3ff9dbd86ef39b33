"""What every section of `params.yaml` is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# English names, as prompts ask for them ("Answer in Finnish"); `prompts.languages` adds to them.
LANGUAGES = {
    "fi": "Finnish",
    "id": "Indonesian",
    "th": "Thai",
    "tr": "Turkish",
    "vi": "Vietnamese",
    "bn": "Bengali",
    "hi": "Hindi",
    "sw": "Swahili",
    "ta": "Tamil",
    "ur": "Urdu",
}
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of `params.yaml`: immutable, and refusing keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
