"""Exports published answers for people to judge, and imports these people's verdicts.

python -m x_instruction judging export FOLDER   a sample of pairs and answers for people
python -m x_instruction judging import FOLDER FILE …   their verdicts, for `eval_scores.human_verdicts`
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from x_instruction.judging.exports import KEY, write_items
from x_instruction.judging.imports import import_verdicts
from x_instruction.judging.shown_items import Item, sample_answers, sample_pairs
from x_instruction.language.names import load_names
from x_instruction.runner.border import at_the_border
from x_instruction.runner.errors import InputError
from x_instruction.runner.shards import Partition

LANGUAGE_PAGES = Path("languages")


def main(arguments: list[str] | None = None) -> int:
    return at_the_border(lambda: _run(_parser().parse_args(arguments)))


def _run(options: argparse.Namespace) -> int:
    print(_export(options) if options.command == "export" else _import(options))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m x_instruction judging", description="Let people judge the answers."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write a sample of answers for people to judge")
    export.add_argument("folder", type=Path, help="a new folder for the sample and its key")
    export.add_argument(
        "--pairs", type=_number, default=50, help="number of pairs of answers per language (default 50)"
    )
    export.add_argument(
        "--answers", type=_number, default=50, help="number of single answers per language (default 50)"
    )
    export.add_argument("--model", default="tuned", help="the model with an answer in each pair (default tuned)")
    export.add_argument("--seed", type=int, default=17, help="random seed of the sample (default 17)")
    export.add_argument(
        "--data", type=Path, default=Path("data/eval_scores"), help="the published answers (default data/eval_scores)"
    )
    export.add_argument("--languages", nargs="*", help="default: all languages with published answers")
    back = commands.add_parser("import", help="import the verdicts of people")
    back.add_argument("folder", type=Path, help="the folder that `export` wrote, with its key")
    back.add_argument(
        "files",
        type=Path,
        nargs="+",
        help="the files with the verdicts, one or more per person; a person without a name is named after the file",
    )
    back.add_argument("--to", type=Path, help="the file to write (default FOLDER/verdicts.jsonl)")
    return parser


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a number of items: give 0 or more")
    return int(text)


def _export(options: argparse.Namespace) -> str:
    if (options.folder / KEY).exists():
        raise InputError(
            f"{options.folder} already has an export, whose key is needed to import its verdicts: choose another folder"
        )
    languages = options.languages or sorted(path.parent.name for path in options.data.glob("*/manifest.json"))
    if not languages:
        raise InputError(f"{options.data} has no published answers: run `make run` first")
    items, english = list[Item](), load_names(LANGUAGE_PAGES)
    for language in languages:
        name = english.get(language, language)
        answers = Partition(options.data / language).table()
        if options.model not in (names := sorted(set(answers["model"]))):
            raise InputError(f"--model {options.model} did not answer in {language}: choose from {', '.join(names)}")
        items += sample_pairs(answers, options.model, options.pairs, options.seed, name)
        items += sample_answers(answers, options.answers, options.seed, name)
    write_items(items, options.folder)
    return f"{len(items)} items were written to {options.folder}; do not show {options.folder / KEY} to the judges"


def _import(options: argparse.Namespace) -> str:
    target = options.to or options.folder / "verdicts.jsonl"
    counts = import_verdicts(options.folder, options.files, target)
    left_out = ", ".join(f"{counts[name]} {name}" for name in sorted(counts) if name != "verdicts")
    return f"{counts['verdicts']} verdicts were written to {target}; left out: {left_out or 'none'}"


if __name__ == "__main__":
    sys.exit(main())
