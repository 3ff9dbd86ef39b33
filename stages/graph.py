"""Keep the generated lines of `dvc.yaml` true: `python -m stages.graph` (or `make graph`).

DVC expands no list inside `deps`, `metrics` and `plots`, so what follows from code and settings stands there as
plain lines between `# …: made by make graph` and `# end`: the files a stage's code imports, one line per source of
the settings, one line per iteration, and the files of figures. A test holds the file to what this module would
write.
"""

from __future__ import annotations

import re
import sys
from itertools import takewhile
from pathlib import Path

from stages.code import stage_files
from stages.files import write_atomically
from stages.settings import RawWebText, Settings, Source, load_settings

BLOCK = re.compile(r"^(?P<indent> +)# (?P<kinds>[\w, ]+): made by make graph\n(?:.*\n)*?(?P=indent)# end\n", re.M)
STAGE = re.compile(r"^  (\w+):$", re.M)
ITERATIONS = re.compile(r"\[[^\]]*\](?= # made by make graph)")

# How DVC draws the plots of an artifact's partition, by templates of ours in .dvc/plots: a colour for each `series`.
# DVC's own tell revisions apart and nothing else: they drew three levels as one line, and added up bars of one name.
PLOTS = {
    "evaluator": {
        "reliability": "{ x: predicted, y: best_share, template: lines }",
        "auc_by_defect": "{ x: auc, y: defect, template: bars }",
        "confusion": "{ x: pairs, y: level, template: bars }",
        "ratings": "{ x: rating, y: pairs, template: lines }",
    },
    "refined_pairs": {
        "ratings": "{ x: rating, y: pairs, template: lines }",
        "keep_curve": "{ x: rating, y: share, template: lines }",
    },
}


def generated_lines(kind: str, artifact: str, settings: Settings, root: Path) -> list[str]:
    """The `deps` entries of one kind for a stage."""
    iterations = list(settings.iterations)
    if kind == "code":
        return [path.relative_to(root).as_posix() for path in stage_files(artifact, root)]
    if kind == "sources":
        return _web_sources(settings.raw_web_text, root)
    if kind == "lists":
        return _lists(settings)
    if kind == "seeds":
        return _seeds(settings, root)
    if kind == "checkpoint":
        return ["${base_model.checkpoint}"] if (root / settings.base_model.checkpoint).is_dir() else []
    if kind == "evaluators":
        return [f"data/evaluator/{name}" for name in iterations]
    if kind == "ratings":
        return [f"data/rated_pairs/{name}/${{item}}" for name in iterations]
    if kind == "languages":
        return [f"stages/languages/{language}.yaml" for language in settings.languages]
    if kind == "evaluator metrics":
        return [f"data/evaluator/{name}/scores.json" for name in iterations]
    if kind == "score metrics":
        return [f"data/eval_scores/{language}/scores.json" for language in settings.languages]
    if kind == "plots":
        return [
            f"data/{artifact}/{part}/plots/{name}.csv: {axes}"
            for artifact, parts in {"evaluator": iterations, "refined_pairs": settings.languages}.items()
            for part in parts
            for name, axes in PLOTS[artifact].items()
        ]
    if kind == "evaluations":
        return [
            f"${{diversified_set.decontaminate_against[{number}]}}"
            for number in range(len(settings.diversified_set.decontaminate_against))
        ]
    raise ValueError(f"dvc.yaml asks for an unknown kind of lines: {kind}")


def _lists(settings: Settings) -> list[str]:
    """The files of sites and evaluation prompts that filtered_text leaves out."""
    own = settings.filtered_text
    evaluations = [
        f"${{filtered_text.decontaminate_against[{number}]}}" for number in range(len(own.decontaminate_against))
    ]
    return ["${filtered_text.blocked_sites}", *evaluations] if own.blocked_sites else evaluations


def _seeds(settings: Settings, root: Path) -> list[str]:
    """One line a source, English where it is to be translated, and the translating model where it is a folder."""
    own, lines = settings.seed_pairs, []
    for number, source in enumerate(own.sources):
        line = _indexed(number)
        lines.append(line.replace("${item}", "en") if source.translate else line)
    checkpoint = own.translation.checkpoint if own.translation else None
    if checkpoint and all((root / checkpoint.format(language=language)).is_dir() for language in settings.languages):
        lines.append(checkpoint.format(language="${item}"))
    return lines


def _indexed(number: int) -> str:
    source = f"seed_pairs.sources[{number}]"
    return f"${{{source}.folder}}/${{item}}${{{source}.suffix}}"


def _web_sources(settings: RawWebText, root: Path) -> list[str]:
    """One line for each local source, and the languages' settings where documents are routed by them.

    What lies elsewhere (a URL, a hub id) is no dependency: its `revision` in params.yaml stands for it.
    """
    lines = [line for source in settings.sources for line in _web_source(source, root)]
    routed = [] if all(source.labelled for source in settings.sources) else ["stages/languages/${item}.yaml"]
    return list(dict.fromkeys(lines + routed))


def _web_source(source: Source, root: Path) -> list[str]:
    """DVC knows no globs and no dependency of one language alone: the folder before a glob, and a line for each."""
    parts = source.path.removeprefix("file://").split("/")
    fixed = list(takewhile(lambda part: not set("*?[") & set(part), parts))
    path = "/".join(fixed)
    if source.remote or (source.format == "dataset" and not (root / path).is_dir() and "{language}" not in path):
        return []
    if "{language}" in path and source.languages:
        return [path.replace("{language}", code) for code in source.languages]
    return [path.replace("{language}", "${item}") or "."]


def written(text: str, settings: Settings, root: Path) -> str:
    """The text of `dvc.yaml` with its generated lines made anew."""

    def block(match: re.Match[str]) -> str:
        artifact = STAGE.findall(text, 0, match.start())[-1]
        kinds = [kind.strip() for kind in match["kinds"].split(",")]
        lines = [line for kind in kinds for line in generated_lines(kind, artifact, settings, root)]
        body = "".join(f"{match['indent']}- {line}\n" for line in lines)
        return f"{match['indent']}# {match['kinds']}: made by make graph\n{body}{match['indent']}# end\n"

    return ITERATIONS.sub(f"[{', '.join(settings.iterations)}]", BLOCK.sub(block, text))


def main() -> int:
    path = Path("dvc.yaml")
    text = path.read_text(encoding="utf-8")
    renewed = written(text, load_settings(Path("params.yaml")), Path.cwd())
    if renewed != text:
        write_atomically(path, renewed.encode("utf-8"))
        print("dvc.yaml: generated lines made anew", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
