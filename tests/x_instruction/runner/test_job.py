"""The map over shards takes finished shards from the work store and makes changed shards again."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.filtered_text.settings import FilteredText
from tests.conftest import ROOT
from x_instruction.runner.job import Job, frame_hash
from x_instruction.runner.settings import Execution, Section
from x_instruction.runner.shards import Split, no_drops

MakeJob = Callable[..., Job]


def frames(*texts: str) -> list[pl.DataFrame]:
    """Makes one frame for each text; a frame becomes a shard."""
    return [pl.DataFrame({"id": [text], "text": [text], "url": [""]}) for text in texts or ("a", "b", "c")]


def shout(frame: pl.DataFrame, calls: Path) -> Split:
    """Converts each text to upper case and drops the text `drop`. Each call adds a line to the file `calls`."""
    with calls.open("a") as file:
        file.write(f"{frame['text'].item()}\n")
    if frame["text"].item() == "crash":
        raise RuntimeError("crash")
    reason = pl.when(pl.col("text") == "drop").then(pl.lit("asked")).otherwise(None)
    return Split.of(frame.with_columns(pl.col("text").str.to_uppercase(), reason=reason, value=pl.lit("")))


def run(
    job: Job, calls: Path, *texts: str, settings: Sequence[Section | int] | None = None, needs: str = ""
) -> list[str]:
    """Runs the map. Returns the texts of the shards that were made and not taken from the store."""
    for path in sorted(job.staging.rglob("*.parquet")):
        path.unlink()
    before = called(calls)
    read = [job.section(FilteredText)] if settings is None else settings
    job.map_frames(frames(*texts), partial(shout, calls=calls), settings=read, depends_on=needs)
    return called(calls)[len(before) :]


def called(calls: Path) -> list[str]:
    return calls.read_text().split() if calls.exists() else []


def staged(job: Job) -> dict[str, bytes]:
    return {str(path.relative_to(job.staging)): path.read_bytes() for path in job.staging.rglob("*.parquet")}


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return tmp_path / "calls"


def test_the_progress_bar_ends_its_line_before_an_error(
    make_job: MakeJob, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RuntimeError) as crash:
        run(make_job(), calls, "a", "crash")
    assert str(crash.value) == "crash"
    assert capsys.readouterr().err.endswith("\n")


def test_each_frame_becomes_a_shard_in_the_order_of_frames(make_job: MakeJob, calls: Path) -> None:
    job = make_job()
    outcome = job.map_frames(
        frames("a", "drop", "b"), partial(shout, calls=calls), settings=[job.section(FilteredText)]
    )
    kept = [pl.read_parquet(path)["text"].to_list() for path in sorted(job.staging.glob("part-*"))]
    assert kept == [["A"], [], ["B"]]
    assert sorted(path.name for path in (job.staging / "__drops__").iterdir()) == [
        f"part-0000{n}.parquet" for n in range(3)
    ]
    assert (outcome.rows_in, outcome.counts) == (3, {})


def test_a_second_run_takes_every_finished_shard_from_the_store(make_job: MakeJob, calls: Path) -> None:
    assert run(make_job(), calls) == ["a", "b", "c"]
    first = staged(make_job())
    assert run(make_job(), calls) == []
    assert staged(make_job()) == first


def test_only_the_shard_of_a_new_frame_is_made(make_job: MakeJob, calls: Path) -> None:
    run(make_job(), calls, "a", "b")
    assert run(make_job(), calls, "a", "new", "b") == ["new"]


def test_an_interrupted_run_is_resumed(make_job: MakeJob, calls: Path) -> None:
    with pytest.raises(RuntimeError):
        run(make_job(), calls, "a", "b", "crash", "c")
    assert run(make_job(), calls, "a", "b", "c") == ["c"]


def test_a_changed_setting_makes_the_shards_again(make_job: MakeJob, calls: Path) -> None:
    job = make_job()
    run(job, calls)
    changed = make_job(filtered_text=job.settings.filtered_text.model_copy(update={"min_words": 41}))
    assert run(changed, calls) == ["a", "b", "c"]


def test_a_setting_that_the_transform_does_not_read_changes_nothing(make_job: MakeJob, calls: Path) -> None:
    job = make_job()
    run(job, calls)
    assert run(make_job(seed=job.settings.seed + 1), calls) == []
    changed: list[Section | int] = [job.section(FilteredText), job.settings.seed + 1]
    assert run(make_job(), calls, settings=changed) == ["a", "b", "c"]


def test_changed_code_makes_the_shards_again(make_job: MakeJob, calls: Path) -> None:
    run(make_job(), calls)
    assert run(make_job(code="other"), calls) == ["a", "b", "c"]


def test_another_model_makes_the_shards_again(make_job: MakeJob, calls: Path) -> None:
    run(make_job(), calls, needs="model 1")
    assert run(make_job(), calls, needs="model 2") == ["a", "b", "c"]


def test_only_the_identity_of_an_endpoint_changes_the_shards_and_not_its_rate(make_job: MakeJob, calls: Path) -> None:
    original = make_job().settings.text_generation

    def asked(**endpoint: Any) -> list[str]:
        changed = original.model_copy(update={"endpoint": original.endpoint.model_copy(update=endpoint)})
        return run(make_job(), calls, settings=[changed])

    assert asked() == ["a", "b", "c"]
    assert asked(concurrency=1, attempts=2, requests_per_minute=9, prompt_price=3.0) == []
    assert asked(model="another") == ["a", "b", "c"]


def test_execution_settings_do_not_change_the_shards(make_job: MakeJob, calls: Path) -> None:
    run(make_job(), calls)
    assert run(make_job(execution=Execution(executor="in_process", workers=1, threads=1)), calls) == []


def test_processes_give_the_same_bytes(make_job: MakeJob, calls: Path, tmp_path: Path) -> None:
    texts = ("a", "drop", "b", "c", "d", "e", "f")
    here = make_job()
    there = make_job(
        execution=Execution(executor="processes", workers=2, threads=1),
        work=tmp_path / "work2",
        staging=tmp_path / "staging2",
    )
    run(here, calls, *texts)
    assert sorted(run(there, calls, *texts)) == sorted(texts)
    assert staged(there) == staged(here)


def test_a_shard_interrupted_between_its_files_is_made_again(make_job: MakeJob, calls: Path) -> None:
    job = make_job()
    run(job, calls)
    stored = next(path for path in job.work.glob("*/part.parquet") if pl.read_parquet(path)["text"].item() == "B")
    stored.rename(
        stored.with_name(".part.parquet")
    )  # the dropped rows are complete, but the kept rows still have a temporary name
    assert run(make_job(), calls) == ["b"]
    assert pl.read_parquet(job.staging / "part-00001.parquet")["text"].to_list() == ["B"]


def test_the_store_lists_the_entries_that_the_last_run_used(make_job: MakeJob, calls: Path) -> None:
    job = make_job()
    run(job, calls, "a", "b")
    run(make_job(), calls, "b")
    assert len((job.work / "used").read_text().split()) == 1
    assert len(list(job.work.glob("*/part.parquet"))) == 2


def test_the_store_lists_remembered_entries_even_if_a_later_part_failed(make_job: MakeJob, calls: Path) -> None:
    job = make_job()
    with pytest.raises(RuntimeError):
        for text in ("a", "b", "crash"):
            list(job.remembered(frames(text), partial(shout, calls=calls), depends_on=""))
    assert len((job.work / "used").read_text().split()) == 2
    list(make_job().remembered(frames("a", "b"), partial(shout, calls=calls), depends_on=""))
    assert called(calls) == ["a", "b", "crash"]


def test_equal_frames_share_a_stored_shard_and_both_are_published(make_job: MakeJob, calls: Path) -> None:
    job = make_job()
    assert run(job, calls, "a", "a") == ["a"]
    assert len(list(job.staging.glob("part-*"))) == 2


def test_frames_are_taken_one_at_a_time(make_job: MakeJob, calls: Path) -> None:
    def watched() -> Iterator[pl.DataFrame]:
        for number, frame in enumerate(frames()):
            assert len(called(calls)) == number  # the previous frame is finished before the next frame is read
            yield frame

    make_job().map_frames(watched(), partial(shout, calls=calls), settings=[])


def test_the_hash_of_a_frame_depends_on_its_values_names_and_types() -> None:
    (one,) = frames("a")
    others = [one.rename({"url": "link"}), one.with_columns(text=pl.lit("b")), one.select("text", "id", "url")]
    others.append(one.with_columns(pl.col("text").cast(pl.Categorical)))
    assert frame_hash(one) == frame_hash(frames("a")[0])
    assert len({frame_hash(frame) for frame in [one, *others]}) == 5


def test_the_hash_of_a_frame_does_not_depend_on_its_memory_layout() -> None:
    whole = pl.DataFrame({"id": ["x", "y"], "text": ["long enough to lie outside of its view", "b"]})
    pieces = pl.concat([whole.head(1), whole.tail(1)], rechunk=False)
    assert frame_hash(pieces) == frame_hash(whole)


def test_folders_are_named_after_artifact_iteration_and_language(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("rated_pairs", "sw", iteration="iteration_2")
    assert job.target == tmp_path / "data/rated_pairs/iteration_2/sw"
    assert job.report == tmp_path / "data/quality/rated_pairs/iteration_2/sw.json"
    assert make_job("base_model", None).report == tmp_path / "data/quality/base_model/all.json"
    assert job.input("evaluator", iteration="iteration_1") == tmp_path / "data/evaluator/iteration_1"


KILLED = """
import sys, time
from functools import partial
from pathlib import Path
import polars as pl
from stages.params import load_settings
from x_instruction.runner.job import Job
from x_instruction.runner.shards import Split, no_drops

def slow(frame, calls):
    with calls.open("a") as file:
        file.write("x")
    time.sleep(float(sys.argv[2]))
    return Split(frame, no_drops())

root = Path(sys.argv[1])
settings = load_settings(Path("params.yaml"))
job = Job("filtered_text", "fi", None, settings, root, root / "staging", root / "work", "code")
job.map_frames((pl.DataFrame({"id": [n]}) for n in range(6)), partial(slow, calls=root / "calls"), settings=[])
"""


def test_a_killed_process_loses_at_most_its_current_shard(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), "0.3"], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    while not calls.exists() or len(calls.read_text()) < 4:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    begun = len(calls.read_text())
    for path in (tmp_path / "staging").rglob("*.parquet"):
        path.unlink()
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), "0"], cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    assert len(calls.read_text()) - begun <= 6 - begun + 1
    rows = pl.concat([pl.read_parquet(path) for path in sorted((tmp_path / "staging").glob("part-*"))])
    assert rows["id"].to_list() == list(range(6))


def test_drops_have_a_file_even_if_there_are_none(make_job: MakeJob) -> None:
    job = make_job()
    job.map_frames(frames("a"), lambda frame: Split(frame, no_drops()), settings=[])
    assert pl.read_parquet(job.staging / "__drops__" / "part-00000.parquet").height == 0
