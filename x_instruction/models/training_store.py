"""Keeps a training run's tokenised examples and checkpoints in the work store, so that a killed run can resume.

<work>/<key of the examples>/part.parquet   tokenised examples; a later run with the same pairs reads them
<work>/checkpoints/<key of the run>/        removed when the artifact is published
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import polars as pl

from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import Surroundings
from x_instruction.models.settings import Prompts, Training
from x_instruction.runner.files import digest, write_atomically
from x_instruction.runner.job import Job, frame_hash
from x_instruction.runner.published import read_manifest
from x_instruction.runner.shards import write_shard
from x_instruction.runner.work_store import finished, seal

TOKENS = pl.List(pl.UInt32)


def kept_examples(
    job: Job, start: Path, pairs: Iterable[object], settings: Iterable[str | int], make: Callable[[], list[Example]]
) -> list[Example]:
    """The examples that `make` tokenises from the pairs, or those that an earlier run with the same pairs stored.

    Stored examples are found by a hash of the pairs, the prompts, the languages' names, the code, the model in `start`
    with its tokenizer, and `settings`. `settings` must contain everything else that `make` reads. Tokenising 32,000
    pairs took 12 to 39 seconds; reading the stored ones took about one second.
    """
    names = (job.language_pages / "names.yaml").read_text(encoding="utf-8")
    shared = [job.code, _content(start), job.section(Prompts).key(), names, *map(str, settings)]
    key = digest(*shared, *map(repr, pairs))[:32]
    path = job.work / key / "part.parquet"
    if finished(path.parent) is None:
        write_shard(_frame(make()), path)
        seal(path.parent)
    job.used.add(key)
    return [Example(prompt, completion) for prompt, completion in pl.read_parquet(path).iter_rows()]


def surroundings_of(
    job: Job,
    start: Path,
    training: Training,
    examples: Sequence[Example],
    settings: Iterable[str] = (),
    held_out: Sequence[Example] = (),
    plots: Path | None = None,
    part: str = "",
) -> Surroundings:
    """The Surroundings of a training run that starts from `start`: checkpoints, plots, logs and held-out examples.

    `settings` are other settings that decide the result, besides `training` and the examples. Plots go to the staging
    folder unless `plots` is given. If a stage trains several models, `part` names the model in the logs.
    """
    key = digest(
        job.code, _content(start), training.key(), str(job.settings.seed), frame_hash(_frame(examples)), *settings
    )
    return Surroundings(
        checkpoints=_checkpoints(job, key[:32]),
        plots=plots or job.staging,
        logs=job.root / "data" / "runs" / job.artifact / "-".join(filter(None, [job.partition or "all", part])),
        held_out=held_out,
        keeps_template=job.section(Prompts).chat_template,
    )


def _checkpoints(job: Job, key: str) -> Path:
    """Folder of the checkpoints of exactly this training run. Checkpoints of other runs are removed.

    When the artifact is published, only the entries listed in `used` stay in the work store; checkpoints do not.
    """
    folder = job.work / "checkpoints" / key
    for other in folder.parent.glob("*"):
        if other != folder:
            shutil.rmtree(other)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(job.work / "used", "\n".join(sorted(job.used)).encode())
    return folder


def _content(start: Path) -> str:
    """The content hash of a published model and its tokenizer."""
    return str(read_manifest(start)["content"])


def _frame(examples: Sequence[Example]) -> pl.DataFrame:
    columns = {
        "prompt": [example.prompt for example in examples],
        "completion": [example.completion for example in examples],
    }
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, TOKENS))
