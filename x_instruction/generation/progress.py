"""Shows the progress of an engine: finished prompts, tokens per second, and remaining time."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

SHOWN_AFTER = 5.0  # seconds; shorter work shows no bar


class Progress(tqdm):  # type: ignore[type-arg]
    """A progress bar. vLLM creates it too, so the constructor accepts vLLM's arguments and ignores its formatting."""

    def __init__(self, total: int | None = None, **_: Any) -> None:
        self.tokens = 0
        super().__init__(
            total=total,
            desc="generation",
            unit=" prompts",
            unit_scale=True,
            delay=SHOWN_AFTER,
            mininterval=2,
            leave=False,
        )

    def done(self, prompts: int, tokens: int) -> None:
        self.tokens += tokens
        rate = self.tokens / max(self.format_dict["elapsed"], 1e-9)
        self.set_postfix_str(f"{rate:,.0f} tokens/s", refresh=False)
        self.update(prompts)
