"""What every section of `params.yaml` is made of."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

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
NonEmpty = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A part of `params.yaml`: immutable, and refusing keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Fields that say how the work is done and never what comes of it: a change of them keeps finished shards.
    HOW: ClassVar[frozenset[str]] = frozenset()

    def key(self) -> str:
        """All that decides the outcome, as JSON."""
        return self.model_dump_json(exclude=self._how())

    def _how(self) -> dict[str, Any]:
        own: dict[str, Any] = dict.fromkeys(self.HOW, True)
        inner = {name: value._how() for name, value in self if isinstance(value, Section)}
        return own | {name: how for name, how in inner.items() if how}
