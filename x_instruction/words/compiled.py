"""Functions compiled by numba and kept on disk, under the code of every file that they are made from.

numba's own stamp of what it keeps is the time and size of the file that a function stands in: one that calls a function
of another file, or holds a constant of it, would go on with what that file was before.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import caching

from x_instruction.runner.files import digest
from x_instruction.runner.import_closure import closure

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """As `numba.njit(cache=True)`, which asks the setting for where and under what stamp to keep what it makes."""
    before = numba.config.CACHE_LOCATOR_CLASSES
    numba.config.CACHE_LOCATOR_CLASSES = ",".join(f"{__name__}.{one.__name__}" for one in (InSetFolder, InTree, OfUser))
    try:
        made: Function = numba.njit(cache=True)(function)
    finally:
        numba.config.CACHE_LOCATOR_CLASSES = before
    return made


class _ByCode:
    _py_file: str

    def get_source_stamp(self) -> str:
        return _code(Path(self._py_file))


class InSetFolder(_ByCode, caching.UserProvidedCacheLocator):  # type: ignore[misc]
    """Where NUMBA_CACHE_DIR says."""


class InTree(_ByCode, caching.InTreeCacheLocator):  # type: ignore[misc]
    """Beside the module, where that can be written."""


class OfUser(_ByCode, caching.UserWideCacheLocator):  # type: ignore[misc]
    """In the user's cache."""


@cache
def _code(file: Path) -> str:
    """Digest of a module and of all project modules that it imports, directly or not."""
    root = Path(__file__).resolve().parents[2]
    return digest(*(imported.read_bytes() for imported in closure([file.resolve()], root)))
