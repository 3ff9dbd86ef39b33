"""Runs the benchmarks. Each row of a benchmark compares a figure of this project with another figure.

The other figure is that of a peer from the same run, a bound, or a reference such as the figure of another model. A
peer is other software that does the same work on the same machine.

    python -m tests.benchmarks [NAME ...]

A benchmark is a module in this folder with `run() -> list[Row]`. Its rows are printed and written to
data/bench/<name>.json; docs/benchmarks.md and the results in README.md are generated from those files.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from pathlib import Path

from tests import documents
from tests.benchmarks.table import Row, SkippedError, save, show
from x_instruction.runner.errors import XInstructionError

FOLDER = Path(__file__).parent
BENCHMARK = re.compile(r"^def run\(", re.M)


def names() -> list[str]:
    """The names of the modules in this folder that define `run`."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if BENCHMARK.search(path.read_text(encoding="utf-8")))


def measure(name: str) -> list[Row]:
    return importlib.import_module(f"tests.benchmarks.{name}").run()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure ours and its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names())} (default: all)")
    selected = parser.parse_args(arguments).names or names()
    if unknown := sorted(set(selected) - set(names())):
        print(f"error: there is no benchmark '{unknown[0]}'; choose from {', '.join(names())}", file=sys.stderr)
        return 1
    for name in selected:
        try:
            rows = measure(name)
        except SkippedError as reason:
            print(f"{name}: skipped, {reason}")
            continue
        except XInstructionError as error:
            print(f"error: {name}: {error}", file=sys.stderr)
            return 1
        show(name, rows)
        save(name, rows)
    documents.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
