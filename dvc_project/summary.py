"""The tables at the end of `make run`: rows of each artifact and language, unread input, scores, and warnings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dvc_project.unread_table import unread_table
from dvc_project.warnings_table import warnings_table
from stages.eval_scores.measures import MEASURES, SHOWN
from stages.params import Settings, load_settings
from x_instruction.runner.border import at_the_border
from x_instruction.runner.files import read_json

ROW_ARTIFACTS = ("raw_web_text", "filtered_text", "seed_pairs", "candidate_pairs")
AFTER_RATING = ("refined_pairs", "diversified_set")
ARROWS = {"higher": "↑", "lower": "↓", None: ""}  # whether a higher or a lower value is better


def rows_table(settings: Settings, data: Path) -> Table:
    """The number of rows that each artifact up to `diversified_set` read and kept, by language."""
    table = Table(title="Rows in → kept", title_justify="left")
    table.add_column("artifact")
    for language in settings.languages:
        table.add_column(language, justify="right")
    iterations = [f"rated_pairs/{name}" for name in settings.iterations]
    for artifact in (*ROW_ARTIFACTS, *iterations, *AFTER_RATING):
        table.add_row(artifact, *(_rows(data / artifact / language) for language in settings.languages))
    return table


def _rows(partition: Path) -> str:
    if not (partition / "manifest.json").exists():
        return "–"
    manifest = read_json(partition / "manifest.json", ours=True)
    return f"{manifest['rows_in']} → {manifest['rows']}"


def evaluator_table(settings: Settings, data: Path) -> Table:
    """The scores of each iteration's evaluator on held-out rated pairs."""
    columns = ("precision", "recall", "auc", "auc_surface")
    table = Table(title="Evaluator, on held-out rated pairs", title_justify="left")
    for name in ("iteration", *columns, "swapped responses (AUC)"):
        table.add_column(name, justify="right" if name != "iteration" else "left")
    for iteration in settings.iterations:
        scores = read_json(data / "metrics" / "evaluator" / f"{iteration}.json", ours=True)
        swapped = scores["auc_by_defect"].get("swapped")
        table.add_row(iteration, *(_figure(scores[name]) for name in columns), _figure(swapped))
    return table


def scores_table(settings: Settings, data: Path) -> Table:
    """Scores of the compared models by language."""
    title = "Scores on the evaluation prompts and held-out seeds (an arrow points to better values)"
    table = Table(title=title, title_justify="left")
    table.add_column("language")
    table.add_column("model")
    for name in SHOWN:
        table.add_column(f"{name.replace('_', ' ')} {ARROWS[MEASURES[name].better]}".strip(), justify="right")
    table.add_column("wins / ties / losses of tuned", justify="right")
    for language in settings.languages:
        scores = read_json(data / "metrics" / "eval_scores" / f"{language}.json", ours=True)
        judged = scores["pairwise"]["evaluator"]
        for model, figures in scores["models"].items():
            against = judged.get(f"tuned_against_{model}")
            table.add_row(
                language,
                model,
                *(_figure(figures[name]) for name in SHOWN),
                f"{against['wins']}/{against['ties']}/{against['losses']}" if against else "",
            )
    return table


def _accepted(settings: Settings, data: Path) -> str:
    """The accepted iteration and the reason, from the gate's report of `refined_pairs`."""
    report = read_json(data / "quality" / "refined_pairs" / f"{settings.languages[0]}.json", ours=True)["metrics"]
    return f"{report['accepted_iteration']}: {report['accepted_because']}"


def _figure(value: Any) -> str:
    """The value with three decimals, or with one decimal from 10 on; a dash if there is no value."""
    return "–" if value is None else f"{value:.{3 if abs(value) < 10 else 1}f}"


def main() -> int:
    return at_the_border(_show)


def _show() -> int:
    console = Console(width=None if sys.stdout.isatty() else 120)
    settings = load_settings(Path("params.yaml"))
    data = Path("data")
    last = data / "eval_scores" / settings.languages[-1] / "manifest.json"
    if not last.exists():
        print(f"error: {last} does not exist: run `make run` first", file=sys.stderr)
        return 1
    figures = evaluator_table(settings, data), scores_table(settings, data)
    tables = (rows_table(settings, data), unread_table(settings, data), *figures, warnings_table(settings, data))
    for table in tables:
        if table:
            console.print(table)
    console.print(f"Pairs are kept by the ratings of {_accepted(settings, data)}.")
    if settings.base_model.checkpoint == "embedded":
        console.print(
            "The embedded model shows that the pipeline works. Its scores do not predict those of a real model."
        )
    console.print(
        "The ratings of the evaluator decide whether the tuned model wins, ties or loses.\n"
        "Report for a browser: data/report/index.html · explain a row: python -m x_instruction explain ID\n"
        "Released set: data/released_set/dataset · tuned model: data/tuned_model\n"
        "Reports of the gates: data/quality · dropped rows with reasons: data/<artifact>/<language>/__drops__\n"
        "Next: `make ui` shows all of this in Dagster; your own text, seeds and model: docs/your-data.md"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
