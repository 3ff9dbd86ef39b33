"""Write the generated lines of `dvc.yaml` from params.yaml: `python -m dvc_project.generated_lines` or `make graph`.

DVC does not expand lists inside `deps`. So `dvc.yaml` has a plain line for each local input and each iteration that
params.yaml lists, between `# generated: …` and `# end`. A generated list of iterations
has `# generated` at the end of its line.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError as RuamelError

from stages.params import load_settings
from x_instruction.runner.border import at_the_border
from x_instruction.runner.files import write_atomically
from x_instruction.runner.yaml_files import parse_yaml

BLOCK = re.compile(r"^(?P<indent> +)(?P<head># generated: .*)\n(?:.*\n)*?(?P=indent)# end\n", re.M)
STAGE = re.compile(r"^  (\w+):$", re.M)
ITERATIONS = re.compile(r"\[[^\]]*\](?= # generated$)", re.M)


def written(text: str, inputs: Mapping[str, Sequence[str]], iterations: Sequence[str]) -> str:
    """The text of `dvc.yaml` with its generated lines rewritten; `inputs` lists the paths of each artifact."""

    def block(match: re.Match[str]) -> str:
        artifact = STAGE.findall(text, 0, match.start())[-1]
        lines = "".join(f"{match['indent']}- {_quoted(path)}\n" for path in inputs[artifact])
        return f"{match['indent']}{match['head']}\n{lines}{match['indent']}# end\n"

    return ITERATIONS.sub(f"[{', '.join(iterations)}]", BLOCK.sub(block, text))


def _quoted(path: str) -> str:
    """The path as YAML reads it, in quotation marks if it needs them, as `texts #1` does.

    DVC reads YAML 1.2 and this project reads YAML 1.1. For example, `1e3` is a number only in 1.2, and `yes` is a truth
    value only in 1.1.
    """
    try:
        plain = all(read(f"- {path}") == [path] for read in (parse_yaml, YAML(typ="safe").load))
    except (yaml.YAMLError, RuamelError, ValueError):
        plain = False
    return path if plain else json.dumps(path, ensure_ascii=not path.isprintable())


def main() -> int:
    return at_the_border(_write)


def _write() -> int:
    path = Path("dvc.yaml")
    settings = load_settings(Path("params.yaml"))
    text = path.read_text(encoding="utf-8")
    new = written(text, settings.inputs(Path.cwd()), list(settings.iterations))
    if new != text:
        write_atomically(path, new.encode("utf-8"))
        print("dvc.yaml: its generated lines now agree with params.yaml", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
