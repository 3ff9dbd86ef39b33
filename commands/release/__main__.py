"""Publish the released set: `python -m x_instruction release --to folder PATH` or `--to hub OWNER/NAME`.

The hub needs a token in the environment variable HF_TOKEN. HF_ENDPOINT chooses a hub other than huggingface.co.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from commands.release.finished_set import finished_set
from commands.release.folder import copy_to
from x_instruction.runner.border import at_the_border
from x_instruction.runner.errors import InputError

TOKEN = "HF_TOKEN"
SHOWS_A_RUN = "**This set shows a run and is not training data.**"  # in the card; see stages/released_set/card.py


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m x_instruction release", description="Publish the released set.")
    parser.add_argument("--to", required=True, choices=("folder", "hub"))
    parser.add_argument("target", metavar="PATH|OWNER/NAME", help="the folder, or the dataset of the hub")
    parser.add_argument("--csv", action="store_true", help="folder: add csv/<language>.csv, safe for spreadsheets")
    parser.add_argument("--public", action="store_true", help="hub: a new dataset is public (default: private)")
    options = parser.parse_args(arguments)
    if options.csv and options.to == "hub":
        parser.error("--csv is for a folder")
    if options.public and options.to == "folder":
        parser.error("--public is for the hub")
    return at_the_border(lambda: _release(options))


def _release(options: argparse.Namespace) -> int:
    _warn(folder := finished_set(Path.cwd()))
    if options.to == "folder":
        files = copy_to(folder, Path(options.target), options.csv)
        print(f"{len(files)} files are in {options.target}")
    else:
        print(f"released as {_uploaded(folder, options.target, options.public)}")
    return 0


def _uploaded(folder: Path, name: str, public: bool) -> str:
    if not (token := os.environ.get(TOKEN, "").strip()):
        raise InputError(f"the hub needs a token with write access in the environment: set {TOKEN}")
    # The environment is set to work offline, but an upload needs the network. The library reads these variables when it
    # is imported.
    os.environ |= {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    from commands.release.hub import upload

    return upload(folder, name, token, private=not public)


def _warn(folder: Path) -> None:
    if SHOWS_A_RUN in (folder / "README.md").read_text(encoding="utf-8"):
        print("warning: this set has pairs that were kept whatever their rating; its card says so", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
