"""Makes the section of a released model's card that has its scores: a table for each language, with its baselines.

The scores are those of exactly the released weights: they are looked up by the content hash that eval_scores recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from commands.release.released import DATA
from stages.report.scores import ALL, BETTER, MEANINGS, NO_INTERVAL, shown_name, spread
from x_instruction.models.card_parts import plain
from x_instruction.runner.errors import InputError
from x_instruction.runner.markdown import table
from x_instruction.runner.published import checked, read_metrics

EVALUATION = "eval_scores"
TABLE = "tables/scores.parquet"
# The other measures of eval_scores are for the makers of a model: they find faults of a run.
MEASURES = ("language_share", "chrf_plus_plus", "held_out_loss", "similarity", "mean_rating", "cut_share")
BASE = "base"
BASELINES = ("seed_only", BASE)  # names of models in `eval_scores.models`
INTERVALS = (
    "The 95 % intervals are from a bootstrap over the questions; they do not show how the scores vary between training "
    "runs."
)


@dataclass(frozen=True)
class Scored:
    """The scores of the compared models in a language: rows of the table `scores` over all questions.

    `model` is the name of the released model among the compared models. `baselines` maps the names of those of
    BASELINES that were compared to what these models are. `judge` is the evaluator that made the ratings.
    """

    rows: pl.DataFrame
    model: str
    baselines: Mapping[str, str]
    judge: str

    @property
    def measures(self) -> list[str]:
        known = set(self.rows.filter(pl.col("model") == self.model)["measure"])
        return [measure for measure in MEASURES if measure in known]

    def row(self, model: str, measure: str) -> dict[str, Any]:
        """The row of a model and a measure; empty if the model does not have the measure."""
        found = self.rows.filter(pl.col("model") == model, pl.col("measure") == measure).to_dicts()
        return found[0] if found else {}


def scores_of(root: Path, record: Mapping[str, Any], content: str, models: Mapping[str, str]) -> dict[str, Scored]:
    """The scores by language, for the languages in which eval_scores measured the model with this content.

    `record` is the content of training.json, and `models` maps the names of compared models to what they are. Raises
    InputError if the scores of such a language are missing, and DamagedError if they have changed.
    """
    found = {code: _scored(root, code, content, record["base_content"], models) for code in record["languages"]}
    return {code: scored for code, scored in found.items() if scored}


def _scored(root: Path, language: str, content: str, base_content: str, models: Mapping[str, str]) -> Scored | None:
    path, folder = root / DATA / "metrics" / EVALUATION / f"{language}.json", root / DATA / EVALUATION / language
    if not path.is_file():
        return None
    metrics = read_metrics(path, folder)
    contents = metrics.get("contents", {})
    model = next((name for name, scored in contents.items() if scored == content), None)
    if model is None:
        return None
    if not (scores := checked(folder, TABLE)).is_file():
        raise InputError(f"{DATA / EVALUATION / language / TABLE} does not exist: run `dvc repro {EVALUATION}` first")
    rows = pl.read_parquet(scores).filter(pl.col("asked_in") == ALL)
    known = [name for name in BASELINES if name in contents and name in models and name != model]
    # In another run, the model that is named `base` may be another one than that from which this model was tuned.
    baselines = {name: models[name] for name in known if name != BASE or contents[BASE] == base_content}
    return Scored(rows, model, baselines, metrics["judge"])


def section(scores: Mapping[str, Scored], names: Mapping[str, str], content: str) -> str:
    """The section of the card. `names` maps codes of languages to English names."""
    model = f"this model, whose content has the hash `{content[:16]}`"
    if not scores:
        return f"There are no scores: when this copy was made, `{EVALUATION}` had not measured {model}.\n"
    tables = "\n".join(f"### {names[code]} (`{code}`)\n\n{_table(scored)}" for code, scored in scores.items())
    judges = " and the ".join(dict.fromkeys(scored.judge for scored in scores.values()))
    return f"`{EVALUATION}` measured {model}. {INTERVALS} Ratings are by the {judges}.\n\n{tables}\n{_legend(scores)}"


def _table(scored: Scored) -> str:
    columns = ["measure", "this model", "95 % interval", *map(shown_name, scored.baselines), "questions"]
    return table(columns, [_cells(scored, measure) for measure in scored.measures])


def _cells(scored: Scored, measure: str) -> list[str]:
    row = scored.row(scored.model, measure)
    interval = "" if row["low"] is None else spread(row) or f"{plain(row['low'])} to {plain(row['high'])}"
    others = [scored.row(name, measure) for name in scored.baselines]
    baselines = [plain(other["value"]) if other else "" for other in others]
    return [shown_name(measure), plain(row["value"]), interval, *baselines, str(row["questions"])]


def _legend(scores: Mapping[str, Scored]) -> str:
    """A list of what the measures, the baselines and the words in place of intervals in the tables mean."""
    shown = [scored.row(scored.model, measure) for scored in scores.values() for measure in scored.measures]
    better = {row["measure"]: BETTER[row["better"]] for row in shown}
    used = {name: meaning for scored in scores.values() for name, meaning in scored.baselines.items()}
    measures = [f"*{shown_name(name)}*: {MEANINGS[name]}; {better[name]}" for name in MEASURES if name in better]
    baselines = [f"*{shown_name(name)}*: {used[name]}" for name in BASELINES if name in used]
    hidden = [NO_INTERVAL] if any(map(spread, shown)) else []
    return "".join(f"- {line}\n" for line in [*measures, *baselines, *hidden])
