"""Files of packages that are read as data: no code of the package runs.

The version stands in the code that reads them, so another one is another version of the stage, for DVC too.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from x_instruction.runner.errors import InputError


def packaged_file(package: str, version: str, file: str) -> Path:
    """Raises InputError where another version of the package is installed, or none."""
    try:
        found = distribution(package)
    except PackageNotFoundError:
        raise InputError(f"{package} {version} is not installed; run `make environment`") from None
    if found.version != version:
        raise InputError(f"{package} {found.version} is installed, not {version}; run `make environment`")
    return Path(str(found.locate_file(file)))
