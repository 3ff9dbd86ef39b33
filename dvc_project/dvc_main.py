"""Runs the `dvc` command for a run of this project. The first argument is the id of the run's process.

The command ends together with that process, and it writes `dvc.lock` as a whole: DVC itself empties the file before it
writes it, so a kill at that moment would lose the record of every stage. XI_RUN gives the stages the id of this
process. This file is run by its path and imports none of this project's packages, because the folder in which `dvc`
works may lack them.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

RUN = "XI_RUN"  # as in x_instruction.runner.process
NEW = ".new"  # added to the name of the file that replaces the old one


def end_with(parent: int) -> None:
    """Ends this process now if its parent has ended, or later when the parent ends (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))
    if os.getppid() != parent:
        sys.exit(1)


def write_whole(path: Any, data: Any, dumper: Callable[..., Any], fs: Any = None, **options: Any) -> None:
    """Writes a YAML file of DVC beside its old version, then renames it. `dumper` writes the data into a text file.

    All files that DVC writes in this way are on the local disk, so `fs` is not needed.
    """
    target = Path(path).resolve()
    new = target.with_name(target.name + NEW)
    with new.open("w", encoding="utf-8") as file:
        dumper(data, file, **options)
        file.flush()
        os.fsync(file.fileno())
    if target.exists():
        shutil.copymode(target, new)
    new.replace(target)


def main() -> int:
    end_with(int(sys.argv.pop(1)))
    os.environ[RUN], sys.argv[0] = str(os.getpid()), "dvc"
    from dvc.cli import main as dvc
    from dvc.utils.serialize import _common, _yaml

    _common._dump_data = _yaml._dump_data = write_whole
    return int(dvc() or 0)


if __name__ == "__main__":
    sys.exit(main())
