"""Damages files in tests."""

from __future__ import annotations

import os
from pathlib import Path


def flip(path: Path, place: int | None = None, bit: int = 3) -> None:
    """Flips a bit of a file, by default in its middle. Inode, mode, size and modification time stay the same."""
    status = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(status.st_size // 2 if place is None else place)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1 << bit]))
    path.chmod(status.st_mode & 0o7777)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
