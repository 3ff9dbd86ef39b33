"""Starts the commands for a finished run, such as `python -m x_instruction explain ID`.

The commands are in commands/, because they use the stages' code, which no module of x_instruction/ imports. So this
file starts a command only by its name, without an import. Human judging does not use the stages' code, so it is in
x_instruction/judging. No module imports this file, and no stage depends on it.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

from x_instruction.runner.border import at_the_border

FOLDER = Path(__file__).parents[1] / "commands"
MODULES = {path.parent.name: f"commands.{path.parent.name}" for path in FOLDER.glob("*/__main__.py")}
MODULES["judging"] = "x_instruction.judging"


def main() -> int:
    # Each command handles its own errors. This call handles the errors of the help text, for example if it is piped
    # into `head`.
    return at_the_border(_command)


def _command() -> int:
    parser = argparse.ArgumentParser(prog="python -m x_instruction", description="Commands for a finished run.")
    parser.add_argument("command", choices=sorted(MODULES))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="`COMMAND --help` lists them")
    options = parser.parse_args()
    sys.argv = [f"{parser.prog} {options.command}", *options.arguments]
    runpy.run_module(MODULES[options.command], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main())
