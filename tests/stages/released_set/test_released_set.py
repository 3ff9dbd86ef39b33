"""The released folder loads in the usual libraries and has only the listed files, and its card describes the run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from stages.params import Settings
from stages.released_set import stage as released_set
from stages.released_set.croissant import croissant
from stages.released_set.settings import ReleasedSet
from tests.conftest import ROOT
from x_instruction.rating.calibration import LEVELS
from x_instruction.rating.likelihoods import OTHER_LIKELIHOOD
from x_instruction.rating.signals import SIGNALS
from x_instruction.runner.errors import GateFailedError
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import DROPS, write_shard
from x_instruction.runner.shell import run_stage

SUITE = ROOT / "stages/released_set/expectations.yaml"
FUNNEL = ("raw_web_text", "filtered_text", "candidate_pairs", "refined_pairs")
LICENSES = ["https://creativecommons.org/licenses/by-sa/4.0/", "", "All rights reserved"]
SETTINGS = ReleasedSet(title="Bread", license="cc-by-sa-4.0", allowed_licenses=None)


def pairs(language: str, **changed: list[str]) -> pl.DataFrame:
    """Three pairs of a language with the columns of `diversified_set` that the stage reads."""
    names = [f"{language}{number}" for number in range(3)]
    columns: dict[str, Any] = {
        "id": names, "text_id": names, "document_id": names, "language": [language] * 3,
        "instruction": [f"Say {name}." for name in names], "response": [f"Leipä {name}." for name in names],
        "title": ["Leipä | <b>"] * 3, "url": [f"https://{language}.example/{name}" for name in names],
        "source": ["web"] * 3, "record": [0, 1, 2], "date": [""] * 3, "license": LICENSES, "source_id": [""] * 3,
        **{name: [0.5] * 3 for name in (*SIGNALS, OTHER_LIKELIHOOD, *LEVELS, "rating")},
        "iteration": ["iteration_1"] * 3, "cluster": [0, 1, 2],
    }  # fmt: skip
    return pl.DataFrame(columns | changed)


@pytest.fixture
def job(make_job: Callable[..., Job], settings: Settings, tmp_path: Path) -> Job:
    import great_expectations  # noqa: F401 - so that the checks start no process

    for language in ("fi", "ur"):
        write_shard(pairs(language), tmp_path / f"data/diversified_set/{language}/part-00000.parquet")
        manifest = {"rows": 3, "drop_reasons": {"cluster_full": 2, "evaluation_overlap": 1}, "content": "c" * 64}
        for artifact in (*FUNNEL, "diversified_set"):
            write_json(tmp_path / f"data/{artifact}/{language}/manifest.json", manifest)
    for model in ("base_model", "instruction_model", "evaluator/iteration_1"):
        write_json(tmp_path / f"data/{model}/manifest.json", {"content": model[:4] * 16})
    write_json(tmp_path / "data/metrics/evaluator/iteration_1.json", {"precision": 0.8, "recall": 0.5, "auc": 0.9125})
    refined = settings.refined_pairs.model_copy(update={"always_kept": 0})
    return make_job("released_set", None, languages=["fi", "ur"], released_set=SETTINGS, refined_pairs=refined)


def made(job: Job) -> Path:
    run_stage(job, released_set, SUITE)
    return job.target / "dataset"


def test_the_signals_and_levels_are_those_of_the_ratings() -> None:
    assert {*released_set.SIGNALS} == {*SIGNALS, OTHER_LIKELIHOOD} and released_set.LEVELS == LEVELS


def test_datasets_reads_one_language_or_all(job: Job, tmp_path: Path) -> None:
    from datasets import load_dataset

    folder = str(made(job))
    one = load_dataset(folder, "ur", split="train", cache_dir=str(tmp_path / "cache"))
    assert one["language"] == ["ur"] * 3 and one.column_names[:4] == list(released_set.LEARNED)
    assert one[0]["messages"] == [
        {"role": "user", "content": "Say ur0. Answer in Urdu."},
        {"role": "assistant", "content": "Leipä ur0."},
    ]
    everything = load_dataset(folder, split="train", cache_dir=str(tmp_path / "cache"))
    assert sorted(everything["id"]) == ["fi0", "fi1", "fi2", "ur0", "ur1", "ur2"]


def test_duckdb_reads_the_files(job: Job) -> None:
    import duckdb

    folder = made(job)
    query = "select language, count(*), count(distinct id) from read_parquet($1) group by language order by language"
    assert duckdb.execute(query, [f"{folder}/*/train-*.parquet"]).fetchall() == [("fi", 3, 3), ("ur", 3, 3)]


def test_the_croissant_description_is_valid_and_its_records_are_the_rows(
    job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    import mlcroissant

    folder = made(job)
    described = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert described.metadata.ctx.issues.errors == set() and "context` is not standard" not in caplog.text
    records = list(described.records("ur"))
    assert [record["ur/response"].decode() for record in records] == ["Leipä ur0.", "Leipä ur1.", "Leipä ur2."]
    assert records[0]["ur/rating"] == 0.5
    columns = pl.read_parquet(folder / "ur").columns
    assert {name.removeprefix("ur/") for name in records[0]} == set(columns) - {"messages"}


def test_the_croissant_description_has_the_checksum_of_each_file(job: Job) -> None:
    folder = made(job)
    parts = read_json(folder / "croissant.json")["distribution"]
    sums = {part["contentUrl"]: part["sha256"] for part in parts if part["@type"] == "cr:FileObject"}
    files = sorted(folder.glob("*/*.parquet"))
    assert sums == {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.mark.parametrize(
    ("license", "shown"),
    [
        ("cc-by-sa-4.0", "https://spdx.org/licenses/CC-BY-SA-4.0"),
        ("other", "other"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
    ],
)
def test_the_croissant_description_links_a_known_licence(job: Job, license: str, shown: str) -> None:
    folder = made(job)
    changed = SETTINGS.model_copy(update={"license": license})
    assert croissant(folder, changed, ["fi"])["license"] == shown


def test_polars_and_pandas_read_the_files(job: Job) -> None:
    import pandas as pd

    folder = made(job)
    table = pl.read_parquet(folder / "*/train-*.parquet")
    assert table.height == 6 and table["url"].to_list()[0] == "https://fi.example/fi0"
    assert len(pd.read_parquet(folder / "fi")) == 3


def test_the_folder_has_only_the_data_and_the_card(job: Job) -> None:
    folder = made(job)
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {"README.md", "croissant.json", "fi/train-00000.parquet", "ur/train-00000.parquet"}


def test_pairs_with_another_licence_are_dropped_with_the_licence(
    job: Job, make_job: Callable[..., Job], settings: Settings
) -> None:
    allowed = SETTINGS.model_copy(update={"allowed_licenses": ("CC-BY-SA-4.0",)})
    kept = pl.read_parquet(made(make_job("released_set", None, languages=["fi"], released_set=allowed)) / "fi")
    assert kept.select("id", "spdx").rows() == [("fi0", "CC-BY-SA-4.0")]
    drops = pl.read_parquet(job.target / DROPS)
    assert set(drops["reason"]) == {"license_not_allowed"}
    assert drops["value"].to_list()[1] == "unknown (the page says: All rights reserved)"


@pytest.mark.parametrize(("allowed", "ids"), [(None, 3), (("unknown",), 2), (("CC-BY-SA-4.0", "unknown"), 3)])
def test_pages_without_a_licence_are_released_if_the_setting_says_so(allowed: tuple[str, ...] | None, ids: int) -> None:
    split = released_set.transform(pairs("fi"), SETTINGS.model_copy(update={"allowed_licenses": allowed}), "Finnish")
    assert split.kept.height == ids


def test_the_gate_fails_for_a_language_without_pairs(job: Job, make_job: Callable[..., Job]) -> None:
    allowed = SETTINGS.model_copy(update={"allowed_licenses": ("MIT",)})
    with pytest.raises(GateFailedError, match=r"rows at least 1, found 0"):
        made(make_job("released_set", None, languages=["fi", "ur"], released_set=allowed))
    assert not job.target.exists()


def test_the_gate_fails_for_a_file_that_does_not_belong_to_a_release(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    run = released_set.run

    def with_notes(job: Job) -> Any:
        outcome = run(job)
        (job.staging / "dataset/notes.txt").write_text("mine")
        return outcome

    monkeypatch.setattr(released_set, "run", with_notes)
    with pytest.raises(GateFailedError, match="other_files equals 0, found 1"):
        made(job)


def test_the_gate_fails_for_a_lost_row(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    transform = released_set.transform

    def losing(frame: pl.DataFrame, *arguments: Any) -> Any:
        return transform(frame.head(2), *arguments)

    monkeypatch.setattr(released_set, "transform", losing)
    with pytest.raises(GateFailedError, match="unaccounted_rows equals 0, found 2"):
        made(job)


def test_the_front_matter_has_a_configuration_for_each_language(job: Job) -> None:
    _, front, _ = (made(job) / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    values = yaml.safe_load(front)
    assert [config["config_name"] for config in values["configs"]] == ["all", "fi", "ur"]
    assert (values["license"], values["size_categories"]) == ("cc-by-sa-4.0", ["n<1K"])


def test_the_card_describes_the_run(job: Job) -> None:
    card = (made(job) / "README.md").read_text(encoding="utf-8")
    for line in (
        "# Bread",
        "| `filtered_text` | 3 | 3 |",
        "| `released_set` | 3 | 3 |",
        "| `diversified_set` | cluster_full 4, evaluation_overlap 2 |",
        "| `diversified_set` | 1 | 1 |",
        "| `ur` | 0.500 | 0.500 | 0.500 |",
        "| `iteration_1` | 0.800 | 0.500 | 0.912 |",
        "## How to cite",
        "| CC-BY-SA-4.0 | 2 |",
        "| *no licence, or none that SPDX lists* | 4 |",
        "| fi.example | 3 |",
        "| `evaluator` of `iteration_1` | `evalevalevaleval` |",
    ):
        assert line in card, line
    assert "not training data" not in card and "Pairs need a rating of at least 0.7." in card


def test_the_card_counts_pairs_by_licence_both_released_and_dropped(job: Job, make_job: Callable[..., Job]) -> None:
    def hash_line(card: str) -> str:
        return next(line for line in card.splitlines() if line.startswith("| the released pairs |"))

    whole = (made(job) / "README.md").read_text(encoding="utf-8")
    allowed = SETTINGS.model_copy(update={"allowed_licenses": ("CC-BY-SA-4.0",)})
    some = made(make_job("released_set", None, languages=["fi", "ur"], released_set=allowed)) / "README.md"
    assert "| `released_set` | none |" in whole
    assert "| `released_set` | license_not_allowed 4 |" in some.read_text(encoding="utf-8")
    assert hash_line(whole) != hash_line(some.read_text(encoding="utf-8"))


def test_the_card_says_if_pairs_were_kept_whatever_their_rating(
    job: Job, make_job: Callable[..., Job], settings: Settings
) -> None:
    refined = settings.refined_pairs.model_copy(update={"always_kept": 12})
    shown = make_job("released_set", None, languages=["fi", "ur"], released_set=SETTINGS, refined_pairs=refined)
    card = (made(shown) / "README.md").read_text()
    assert "**This set shows a run and is not training data.**" in card
    assert "Pairs need a rating of at least 0.7, except the best 12 of each language." in card


def test_markdown_in_web_text_is_escaped_in_the_card(job: Job, tmp_path: Path) -> None:
    shard = tmp_path / "data/diversified_set/fi/part-00000.parquet"
    write_shard(pairs("fi", url=["https://a|b<script>.example/x"] * 3), shard)
    card = (made(job) / "README.md").read_text(encoding="utf-8")
    assert "<script>" not in card and "&#60;script&#62;" in card
