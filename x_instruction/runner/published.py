"""Reads a published folder: its manifest, and its files as the manifest lists them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from x_instruction.runner.checksums import FILES, checksum, read_sealed, refuse_changed
from x_instruction.runner.errors import DamagedError, InputError
from x_instruction.runner.files import read_json

MANIFEST = "manifest.json"
METRICS = "metrics"  # key of the manifest: the checksum of the metrics, which are published beside the folder


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a published folder. Raises DamagedError if it has changed since it was written."""
    return read_sealed(folder / MANIFEST, or_by_hand=True)


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of a folder that X-Instruction published, here or elsewhere; empty for other folders.

    A checkpoint from a hub may have a manifest.json with other content, which is not read as a manifest.
    """
    return read_manifest(folder) if _is_ours(folder / MANIFEST) else {}


def refuse_damaged(folder: Path, among: Callable[[str], bool] = lambda name: True) -> None:
    """Raises DamagedError for a file that has changed since it was published; `among` selects the files by name.

    Another folder, such as a checkpoint from a hub, has no list of checksums, so no file of it is compared.
    """
    listed = manifest_of(folder).get(FILES, {})
    refuse_changed(folder, listed, filter(among, listed))


def refuse_damaged_copy(folder: Path) -> None:
    """Does the same as `refuse_damaged`, for a copy of a folder. The message asks the user to copy the folder again."""
    try:
        refuse_damaged(folder)
    except DamagedError as damaged:
        raise InputError(
            f"{damaged.path} is damaged: its content is not what the manifest of its folder lists; copy {folder} again "
            "from where it came, then run again"
        ) from None


def checked(folder: Path, name: str) -> Path:
    """The path of a file in a published folder. Raises DamagedError if this file is damaged."""
    refuse_damaged(folder, lambda listed: listed == name)
    return folder / name


def read_metrics(path: Path, folder: Path) -> dict[str, Any]:
    """Reads the metrics of the artifact in `folder`. Raises DamagedError if its manifest lists another checksum."""
    listed = read_manifest(folder).get(METRICS) if (folder / MANIFEST).exists() else None
    if listed not in (None, checksum(path)):
        raise DamagedError(path)
    return dict(read_json(path))


def _is_ours(manifest: Path) -> bool:
    """Whether X-Instruction wrote the manifest. True for an unreadable manifest, so that it is refused later."""
    if not manifest.is_file():
        return False
    try:
        return "artifact" in read_json(manifest)
    except (ValueError, TypeError):
        return True
