"""Finds data files of installed packages, without running any code of the package.

The caller names the package's version in its code, so DVC runs the stage again when the version changes.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from x_instruction.runner.errors import InputError


def packaged_file(package: str, version: str, file: str) -> Path:
    """Path of a package's file. Raises InputError if the package is not installed or has another version."""
    try:
        installed = distribution(package)
    except PackageNotFoundError:
        raise InputError(f"{package} {version} is not installed; run `make environment`") from None
    if installed.version != version:
        raise InputError(f"{package} {installed.version} is installed, not {version}; run `make environment`")
    return Path(str(installed.locate_file(file)))
