"""Publish the released set or the tuned model of the last run.

    python -m x_instruction release --to folder PATH
    python -m x_instruction release --to hub OWNER/NAME
    python -m x_instruction release --what model --to hub OWNER/NAME

The hub needs a token in the environment variable HF_TOKEN. HF_ENDPOINT chooses a hub other than huggingface.co.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from commands.release.folder import copy_to
from commands.release.model import ReleasedModel, the_model
from commands.release.released import CARD, Release, the_set
from x_instruction.runner.border import at_the_border
from x_instruction.runner.errors import InputError

TOKEN = "HF_TOKEN"
VISIBLE = re.compile(r"[!-~]+")  # visible ASCII characters
SHOWS_A_RUN = "**This set shows a run and is not training data.**"  # in the card; see stages/released_set/card.py
EMBEDDED = "embedded"  # the name of the base model; see stages/base_model/settings.py


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m x_instruction release", description="Publish the released set or the tuned model."
    )
    parser.add_argument("--what", default="set", choices=("set", "model"), help="what to publish (default: set)")
    parser.add_argument("--to", required=True, choices=("folder", "hub"), help="where to publish it")
    parser.add_argument("target", metavar="PATH|OWNER/NAME", help="the folder, or the repository on the hub")
    parser.add_argument(
        "--language", metavar="CODE", help="with --what model: which model to publish, if each language has one"
    )
    parser.add_argument(
        "--csv",
        action="store_true",
        help="with --what set --to folder: also write csv/<language>.csv, which is safe to open in a spreadsheet",
    )
    parser.add_argument(
        "--public", action="store_true", help="with --to hub: make a new repository public (default: private)"
    )
    options = parser.parse_args(arguments)
    if options.csv and (options.to == "hub" or options.what == "model"):
        parser.error("--csv needs --what set and --to folder")
    if options.public and options.to == "folder":
        parser.error("--public needs --to hub")
    if options.language and options.what == "set":
        parser.error("--language needs --what model")
    return at_the_border(lambda: _release(options))


def _release(options: argparse.Namespace) -> int:
    release = _warned(the_set(Path.cwd())) if options.what == "set" else _of_model(options.language)
    if options.to == "folder":
        files = copy_to(release, Path(options.target), options.csv)
        print(f"{len(files)} files were written to {options.target}")
    else:
        print(f"released as {_uploaded(release, options.target, options.public)}")
    return 0


def _uploaded(release: Release, name: str, public: bool) -> str:
    if not (token := os.environ.get(TOKEN, "").strip()):
        raise InputError(f"the hub needs a token with write access in the environment: set {TOKEN}")
    if not VISIBLE.fullmatch(token):  # the HTTP library would print such a token in its error
        raise InputError(f"{TOKEN} is not a token: it has spaces, line breaks or letters beyond ASCII; set it again")
    # An upload needs the network, even if HF_HUB_OFFLINE was set to 1. The library reads these variables when it is
    # imported.
    os.environ |= {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    from commands.release.hub import upload

    return upload(release, name, token, private=not public)


def _warned(release: Release) -> Release:
    if SHOWS_A_RUN in (release.folder / CARD).read_text(encoding="utf-8"):
        print(
            "warning: this set has pairs that were kept regardless of their ratings, as its card says", file=sys.stderr
        )
    return release


def _of_model(language: str | None) -> Release:
    found: ReleasedModel = the_model(Path.cwd(), language)
    if found.record["base"]["name"] == EMBEDDED:
        print(
            "warning: this model was tuned from the embedded model and only shows that the pipeline works",
            file=sys.stderr,
        )
    if found.unscored:
        print(
            f"warning: eval_scores did not measure this model in {', '.join(found.unscored)}, so its card has no "
            "scores for these languages; to add them, run `dvc repro eval_scores`, then release again",
            file=sys.stderr,
        )
    return found.release


if __name__ == "__main__":
    sys.exit(main())
