"""Reads the manifest of a published folder, and refuses files whose checksums differ from those in the manifest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from x_instruction.runner.checksums import FILES, checksum, read_sealed, refuse_changed
from x_instruction.runner.errors import DamagedError, InputError
from x_instruction.runner.files import other_version, read_json

MANIFEST = "manifest.json"
ARTIFACT, PARTITION, CONTENT = "artifact", "partition", "content"  # keys of the manifest
METRICS = "metrics"  # key of the manifest: the checksum of the metrics, which are published beside the folder


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a published folder. Raises DamagedError if it has changed since it was written.

    A manifest without a checksum, which a person wrote by hand, is accepted.
    """
    return read_sealed(folder / MANIFEST, or_by_hand=True)


def content_of(folder: Path) -> str:
    """The content hash of a published folder. Raises DamagedError if its manifest has changed, or has no such hash."""
    content = read_manifest(folder).get(CONTENT)
    if not isinstance(content, str):
        raise DamagedError(folder / MANIFEST)
    return content


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of a folder that X-Instruction published, here or elsewhere; empty for other folders.

    A checkpoint from a hub may have a manifest.json with other content, which is not read as a manifest.
    """
    return read_manifest(folder) if _is_ours(folder / MANIFEST) else {}


def refuse_damaged(folder: Path, among: Callable[[str], bool] = lambda name: True) -> None:
    """Raises DamagedError for a published file that is missing or has changed; `among` selects the files by name.

    A folder that X-Instruction did not publish, such as a checkpoint from a hub, has no list of checksums, so no file
    of it is compared.
    """
    listed = manifest_of(folder).get(FILES, {})
    refuse_changed(folder, listed, filter(among, listed))


def refuse_damaged_copy(folder: Path) -> None:
    """Raises InputError for a damaged file in a copy of a folder. The message asks to copy the folder again."""
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
    value = read_json(path, ours=True)
    if not isinstance(value, dict):
        raise other_version(path)
    return value


def _is_ours(manifest: Path) -> bool:
    """Whether X-Instruction wrote the manifest. True for an unreadable manifest, so that it is refused later.

    The manifest of another project may also have a key `artifact`, so it must also have another key of our manifests.
    """
    if not manifest.is_file():
        return False
    try:
        value = read_json(manifest)
    except ValueError:
        return True
    if not isinstance(value, dict) or not {PARTITION, CONTENT, FILES} & value.keys():
        return False
    return isinstance(value.get(ARTIFACT), str) and all(
        isinstance(value.get(key, ""), str) for key in (PARTITION, CONTENT)
    )
