"""Loads an encoder on first use, so that a run whose shards were all finished by earlier runs loads no encoder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from x_instruction.embeddings.encoder import TextEncoder, Vectors, open_encoder
from x_instruction.embeddings.settings import PACKAGES, Embeddings, Encoder
from x_instruction.runner.files import hash_paths

SHOWN_AFTER = 5.0  # seconds


class LazyEncoder:
    """Wraps `open_encoder`: loads the encoder once and counts distinct texts and seconds for the run log."""

    def __init__(self, settings: Encoder, root: Path) -> None:
        self.settings, self._root = settings, root
        self._texts, self._seconds, self._load_seconds = 0, 0.0, 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        """In a worker process, all shards share one encoder, although the executor sends an encoder with each shard."""
        return _of_this_process, (self.settings, self._root)

    @cached_property
    def identity(self) -> str:
        """All that decides the vectors besides the texts: the settings, and a package's version or a folder's hash."""
        folder, content = self._root / self.settings.encoder, ""
        if self.settings.encoder in PACKAGES:
            with suppress(PackageNotFoundError):  # a missing package is reported when it is loaded
                content = version(self.settings.encoder)
        elif folder.is_dir():
            content = hash_paths([folder])
        return f"{content} {self.settings.key()}"

    @cached_property
    def _encoder(self) -> TextEncoder:
        started = time.monotonic()
        encoder = open_encoder(self.settings, self._root)
        self._load_seconds = time.monotonic() - started
        return encoder

    def instructions(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of instructions, shape (texts, dimensions)."""
        return self._encoded(texts, self.settings.instruction_prefix)

    def responses(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of responses or of their parts, shape (texts, dimensions)."""
        assert isinstance(self.settings, Embeddings)
        return self._encoded(texts, self.settings.response_prefix)

    def _encoded(self, texts: Sequence[str], prefix: str) -> Vectors:
        """The vectors of the texts. Each distinct text is encoded once, in batches of texts of similar length."""
        distinct = sorted(set(texts), key=lambda text: (len(text), text))
        encoder, started = self._encoder, time.monotonic()
        size = self.settings.batch_size
        batches = []
        with tqdm(total=len(distinct), desc="embeddings", unit=" texts", delay=SHOWN_AFTER, leave=False) as progress:
            for start in range(0, len(distinct), size):
                batch = distinct[start : start + size]
                batches.append(encoder.encode(batch, prefix))
                progress.update(len(batch))
        self._texts += len(distinct)
        self._seconds += time.monotonic() - started
        place = {text: number for number, text in enumerate(distinct)}
        vectors: Vectors = np.concatenate(batches)[[place[text] for text in texts]]
        return vectors

    def facts(self) -> dict[str, float | int | str]:
        """Counts and times for the run log. The shards that earlier runs finished are not counted."""
        if not self._texts:
            return {}
        return {
            "encoder": self.settings.encoder,
            "encoder_load_seconds": round(self._load_seconds, 2),
            "texts_encoded": self._texts,
            "encoder_seconds": round(self._seconds, 2),
            "texts_encoded_per_second": round(self._texts / max(self._seconds, 1e-9), 1),
        }


@cache
def _of_this_process(settings: Encoder, root: Path) -> LazyEncoder:
    return LazyEncoder(settings, root)
