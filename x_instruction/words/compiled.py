"""Compiles functions with numba, and caches the result on disk until the code from which it was made changes.

numba itself checks only the time and size of the file that defines a function. So after a change of another file, a
cached function would keep the old functions and constants of that file.
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
    """Like `numba.njit(cache=True)`, but with the cache folders of the classes below, and a check of imported code."""
    before = numba.config.CACHE_LOCATOR_CLASSES
    numba.config.CACHE_LOCATOR_CLASSES = ",".join(
        f"{__name__}.{locator.__name__}" for locator in (InSetFolder, InTree, OfUser)
    )
    try:
        dispatcher: Function = numba.njit(cache=True)(function)
    finally:
        numba.config.CACHE_LOCATOR_CLASSES = before
    return dispatcher


class _ByCode:
    _py_file: str

    def get_source_stamp(self) -> str:
        return _code(Path(self._py_file))


class InSetFolder(_ByCode, caching.UserProvidedCacheLocator):  # type: ignore[misc]
    """The folder that NUMBA_CACHE_DIR names."""


class InTree(_ByCode, caching.InTreeCacheLocator):  # type: ignore[misc]
    """The module's folder, if it can be written to."""


class OfUser(_ByCode, caching.UserWideCacheLocator):  # type: ignore[misc]
    """The user's cache folder."""


@cache
def _code(file: Path) -> str:
    """A hash of the code of a module and of all modules of the project that it imports, directly or not."""
    root = Path(__file__).resolve().parents[2]
    return digest(*(imported.read_bytes() for imported in closure([file.resolve()], root)))
