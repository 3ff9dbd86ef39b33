"""Keep the generated lines of `dvc.yaml` true to `params.yaml`: `make graph`.

DVC expands no list inside `deps`. So the sources, the evaluation sets and the iterations of the settings stand in
`dvc.yaml` as plain lines between `# generated: …` and `# end`, and in the list that a `# generated` follows.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from stages.params import load_settings
from x_instruction.runner.errors import XInstructionError
from x_instruction.runner.files import write_atomically

BLOCK = re.compile(r"^(?P<indent> +)(?P<head># generated: .*)\n(?:.*\n)*?(?P=indent)# end\n", re.M)
STAGE = re.compile(r"^  (\w+):$", re.M)
ITERATIONS = re.compile(r"\[[^\]]*\](?= # generated$)", re.M)


def written(text: str, inputs: Mapping[str, Sequence[str]], iterations: Sequence[str]) -> str:
    """The text of `dvc.yaml` with its generated lines written again; `inputs` holds them by artifact."""

    def block(match: re.Match[str]) -> str:
        artifact = STAGE.findall(text, 0, match.start())[-1]
        lines = "".join(f"{match['indent']}- {path}\n" for path in inputs[artifact])
        return f"{match['indent']}{match['head']}\n{lines}{match['indent']}# end\n"

    return ITERATIONS.sub(f"[{', '.join(iterations)}]", BLOCK.sub(block, text))


def main() -> int:
    path = Path("dvc.yaml")
    text = path.read_text(encoding="utf-8")
    try:
        settings = load_settings(Path("params.yaml"))
    except XInstructionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    renewed = written(text, settings.inputs(Path.cwd()), list(settings.iterations))
    if renewed != text:
        write_atomically(path, renewed.encode("utf-8"))
        print("dvc.yaml: the generated lines were written again", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
