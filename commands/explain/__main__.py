"""Print what each stage did with a row, from its page to the release: `python -m x_instruction explain ID`.

ID is the id of a document, a text or a pair, whether it was released, rated or dropped. A seed is not such a pair. The
command reads the artifacts of the last run and finds the rows in the index that the stage `row_index` made.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from commands.explain.explanation import explain
from commands.explain.section import as_markdown, as_text
from stages.params import load_settings
from x_instruction.runner.border import at_the_border


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m x_instruction explain", description="Show what each stage did with a row."
    )
    parser.add_argument("id", metavar="ID", help="id of a document, a text or a pair: 16 hexadecimal digits")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table instead of plain text")
    options = parser.parse_args(arguments)
    return at_the_border(lambda: _print(Path.cwd(), options.id, options.markdown))


def _print(root: Path, row: str, markdown: bool) -> int:
    found = explain(root, load_settings(root / "params.yaml"), row)
    print(as_markdown(found) if markdown else as_text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
