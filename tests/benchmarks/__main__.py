"""Run the benchmarks: ours and its peer in one run on one machine, so that the ratio can be trusted.

    python -m tests.benchmarks [NAME ...]

A benchmark is a module beside this one with `run() -> list[Row]`. Each prints a table and writes
data/bench/<name>.json; the README's table of claims is made from those files.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

from tests.benchmarks import claims
from tests.benchmarks.table import Row, SkippedError, save, show

FOLDER = Path(__file__).parent
TOOLS = {
    "__main__", "causes", "claims", "corpus", "engine", "iterations", "peer", "project_copy", "real_documents", "table",
}  # fmt: skip


def names() -> list[str]:
    return sorted(one.name for one in pkgutil.iter_modules([str(FOLDER)]) if not one.ispkg and one.name not in TOOLS)


def measure(name: str) -> list[Row]:
    return importlib.import_module(f"tests.benchmarks.{name}").run()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure ours beside its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}; all of them without one")
    wanted = parser.parse_args(arguments).names or names()
    if unknown := sorted(set(wanted) - set(names())):
        print(f"error: no benchmark '{unknown[0]}': there are {', '.join(names())}", file=sys.stderr)
        return 1
    for name in wanted:
        try:
            rows = measure(name)
        except SkippedError as reason:
            print(f"{name}: skipped, {reason}")
            continue
        show(name, rows)
        save(name, rows)
    claims.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
