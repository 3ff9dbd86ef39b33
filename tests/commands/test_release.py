"""`release` copies or uploads exactly the set that passed its checks, and an error message says what was changed."""

from __future__ import annotations

import csv
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from commands.release.__main__ import SHOWS_A_RUN, TOKEN, main
from commands.release.csv_files import safe, write_csv
from commands.release.folder import _refuse_others_files
from commands.release.released import Release, files_of, the_set
from stages.params import Settings
from stages.released_set.card import SHOWN_ANYWAY
from tests.commands import hub_stand_in as stand_in
from tests.conftest import ROOT
from tests.x_instruction.runner.test_formulas import HARMFUL, HARMLESS
from x_instruction.runner.errors import InputError

Run = tuple[Path, Settings]


@pytest.fixture
def released_folder(run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the finished run the current folder, and returns the folder of its released set."""
    monkeypatch.chdir(run[0])
    return run[0] / "data/released_set/dataset"


def contents(folder: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in files_of(folder).items()}


# To a folder


def test_a_folder_gets_the_same_files_and_can_be_loaded(released_folder: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    assert main(["--to", "folder", str(tmp_path / "out/set")]) == 0
    assert contents(tmp_path / "out/set") == contents(released_folder)
    rows = load_dataset(str(tmp_path / "out/set"), "ur", split="train", cache_dir=str(tmp_path / "cache"))
    assert rows["id"] == pl.read_parquet(released_folder / "ur")["id"].to_list()


def test_a_copy_shares_no_bytes_with_the_cache(released_folder: Path, tmp_path: Path) -> None:
    main(["--to", "folder", str(tmp_path / "set")])
    assert not (tmp_path / "set/README.md").samefile(released_folder / "README.md")
    (tmp_path / "set/README.md").write_text("mine")
    assert (released_folder / "README.md").read_text() != "mine"


def test_an_earlier_release_is_replaced_completely(released_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "set"
    main(["--to", "folder", str(target)])
    (target / "xx").mkdir()
    (target / "xx/train-00000.parquet").write_text("of an earlier run")
    assert main(["--to", "folder", str(target)]) == 0
    assert contents(target) == contents(released_folder) and [path.name for path in tmp_path.iterdir()] == ["set"]


def test_the_rest_of_a_killed_release_is_removed(released_folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".set.unfinished-release").mkdir()
    (tmp_path / ".set.unfinished-release/README.md").write_text("half")
    assert main(["--to", "folder", str(tmp_path / "set")]) == 0
    assert contents(tmp_path / "set") == contents(released_folder)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_large_folder_is_refused_at_its_first_file(
    released_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    def endless(folder: Path, pattern: str) -> Iterator[Path]:
        yield folder / "thesis.txt"
        raise AssertionError("the rest of the folder is listed")

    monkeypatch.setattr(Path, "rglob", endless)
    with pytest.raises(InputError, match=r"not from an earlier release, such as thesis\.txt"):
        _refuse_others_files(Release("dataset", released_folder, {}, (), ()), tmp_path)


def test_a_folder_with_other_files_is_left_alone(
    released_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert main(["--to", "folder", str(tmp_path)]) == 1
    assert main(["--to", "folder", str(tmp_path / "thesis.txt")]) == 1
    refused = capsys.readouterr().err.splitlines()
    assert "has files that are not from an earlier release" in refused[1] and "is a file" in refused[3]
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "added", [".git/HEAD", "notes.txt", "fi/labels.parquet", "archive/fi/train-own.parquet", "csv/mine/notes.csv"]
)
def test_an_earlier_release_with_added_files_is_left_alone(released_folder: Path, tmp_path: Path, added: str) -> None:
    target = tmp_path / "set"
    main(["--to", "folder", str(target)])
    (target / added).parent.mkdir(parents=True, exist_ok=True)
    (target / added).write_text("mine")
    assert main(["--to", "folder", str(target)]) == 1
    assert (target / added).read_text() == "mine" and (target / "README.md").exists()


@pytest.mark.parametrize("inside", ["", "new", "../copy"])
def test_the_set_is_not_released_into_itself(
    released_folder: Path, inside: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(released_folder)
    assert main(["--to", "folder", str(released_folder / inside), "--csv"]) == 1
    assert "which is released: give another folder" in capsys.readouterr().err and contents(released_folder) == before


def test_a_folder_with_only_a_readme_is_left_alone(released_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert main(["--to", "folder", str(tmp_path)]) == 1
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_full_disk_is_reported_in_one_sentence(
    released_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "set")

    monkeypatch.setattr("commands.release.__main__.copy_to", full)
    assert main(["--to", "folder", str(tmp_path / "set")]) == 1
    assert "error: set: there is no room left on the disk: free some space" in capsys.readouterr().err.splitlines()[-1]


def test_a_set_that_changed_after_its_gate_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run[0] / "data/released_set", tmp_path / "data/released_set")
    (tmp_path / "data/released_set/dataset/README.md").write_text("edited")
    monkeypatch.chdir(tmp_path)
    assert main(["--to", "folder", "out"]) == 1
    assert "was changed after it passed its gate: `dvc checkout data/released_set`" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "data")
    assert main(["--to", "folder", "out"]) == 1 and not (tmp_path / "out").exists()
    assert "data/released_set does not exist or is unfinished" in capsys.readouterr().err


def test_the_set_of_an_embedded_model_is_released_with_a_warning(
    released_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert SHOWS_A_RUN in SHOWN_ANYWAY
    main(["--to", "folder", str(tmp_path / "set")])
    assert capsys.readouterr().err.startswith("warning: this set has pairs that were kept regardless of their ratings")


# CSV


def test_a_csv_file_has_no_cell_that_a_spreadsheet_could_run(tmp_path: Path) -> None:
    texts = [*HARMFUL, *(f"Osta nyt;{text};loppu" for text in HARMFUL), *(f"Osta\n {text}" for text in HARMFUL)]
    texts += [f'Osta nyt;"{text};loppu' for text in HARMFUL]
    pl.DataFrame({"id": "a", "response": texts}).write_parquet(tmp_path / "a.parquet")
    write_csv([tmp_path / "a.parquet"], tmp_path / "a.csv")
    for delimiter in ",;":  # where the decimal sign is a comma, spreadsheets split at semicolons
        with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
            cells = [cell for row in csv.reader(file, delimiter=delimiter) for cell in row]
        assert len(cells) > len(texts)
        assert not [cell for cell in cells if cell.lstrip().startswith(tuple("=+-@＝"))]


def test_other_texts_and_numbers_are_unchanged() -> None:
    frame = pl.DataFrame({"response": HARMLESS, "rating": [-0.5] * len(HARMLESS)})
    assert safe(frame).equals(frame)


def test_csv_files_have_every_row_of_their_language(released_folder: Path, tmp_path: Path) -> None:
    import duckdb

    assert main(["--to", "folder", str(tmp_path / "set"), "--csv"]) == 0
    released = pl.read_parquet(released_folder / "ur")
    path = tmp_path / "set/csv/ur.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    read = pl.read_csv(path)
    assert read["response"].to_list() == released["response"].to_list() and "messages" not in read.columns
    count = duckdb.execute("select count(*) from read_csv($1, header = true)", [str(path)]).fetchone()
    assert count == (released.height,)


def test_all_shards_are_under_one_header(tmp_path: Path) -> None:
    for number in range(2):
        pl.DataFrame({"id": [f"row {number}"]}).write_parquet(tmp_path / f"{number}.parquet")
    write_csv([tmp_path / "0.parquet", tmp_path / "1.parquet"], tmp_path / "all.csv")
    assert pl.read_csv(tmp_path / "all.csv")["id"].to_list() == ["row 0", "row 1"]


# To the hub


def started(root: Path, hub: stand_in.Hub, token: str | None, *more: str, name: str) -> subprocess.Popen[str]:
    """Starts the command in a new process, because the hub's library reads the environment when it is imported."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_ENDPOINT": hub.address}
    environment |= {"HF_HUB_DISABLE_XET": "1", "HF_HOME": str(root / ".hf")} | ({TOKEN: token} if token else {})
    command = [sys.executable, "-m", "x_instruction", "release", "--to", "hub", name, *more]
    return subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ask_hub(
    root: Path, hub: stand_in.Hub, token: str | None, *more: str, name: str = "me/breads"
) -> subprocess.CompletedProcess[str]:
    process = started(root, hub, token, *more, name=name)
    output, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def test_the_hub_gets_the_files_in_one_commit_and_loses_outdated_files(run: Run) -> None:
    with stand_in.hub_stand_in() as hub:
        first = ask_hub(run[0], hub, stand_in.TOKEN)
        assert first.returncode == 0, first.stderr
        assert first.stdout == f"released as {hub.address}/datasets/me/breads/commit/{1:040x}\n"
        wanted = contents(run[0] / "data/released_set/dataset")
        assert {name: data for name, data in hub.files["me/breads"].items() if name != ".gitattributes"} == wanted
        assert hub.private == {"me/breads": True} and hub.commits == 1
        hub.files["me/breads"] |= {"xx/train-00000.parquet": b"old", "notes.md": b"theirs"}
        assert ask_hub(run[0], hub, stand_in.TOKEN, "--public").returncode == 0
        assert set(hub.files["me/breads"]) == {*wanted, ".gitattributes", "notes.md"}
        assert hub.private == {"me/breads": True}  # an existing dataset stays private


def test_a_refused_token_and_a_failed_commit_change_nothing(run: Run) -> None:
    with stand_in.hub_stand_in() as hub:
        hub.files["me/breads"] = {"README.md": b"the earlier release"}
        for token, why in ((stand_in.READER, "may not write there"), ("hf_unknown", "is not valid")):
            refused = ask_hub(run[0], hub, token)
            assert refused.returncode == 1 and why in refused.stderr and "; nothing changed" in refused.stderr
            assert token not in refused.stderr + refused.stdout
        hub.fails = True
        failed = ask_hub(run[0], hub, stand_in.TOKEN)
        assert failed.returncode == 1 and "it answered 400: the stand-in fails; nothing changed" in failed.stderr
        assert hub.files["me/breads"] == {"README.md": b"the earlier release"} and hub.commits == 0
    gone = ask_hub(run[0], hub, stand_in.TOKEN)
    assert gone.returncode == 1 and f"error: the hub at {hub.address} cannot be reached" in gone.stderr
    assert "; nothing changed" in gone.stderr


def test_a_failure_after_the_repository_was_created_says_so(run: Run) -> None:
    with stand_in.hub_stand_in() as hub:
        hub.fails = True
        failed = ask_hub(run[0], hub, stand_in.TOKEN)
        assert failed.returncode == 1 and "; the dataset was created and is empty" in failed.stderr
        assert list(hub.files["me/breads"]) == [".gitattributes"]
        again = ask_hub(run[0], hub, stand_in.TOKEN)
        assert "; nothing changed" in again.stderr  # the repository exists now


def test_an_upload_that_ends_in_the_middle_leaves_the_earlier_release(run: Run) -> None:
    with stand_in.hub_stand_in() as hub:
        hub.files["me/breads"] = dict(earlier := {"README.md": b"the earlier release"})
        hub.takes = 1
        refused = ask_hub(run[0], hub, stand_in.TOKEN)
        assert refused.returncode == 1 and refused.stdout == "" and "; nothing changed" in refused.stderr
        assert "did not store all of the release as me/breads: Error while uploading" in refused.stderr
        assert len(hub.stored) == 1 and hub.files["me/breads"] == earlier and hub.commits == 0


def test_a_killed_upload_publishes_nothing_and_the_next_one_everything(run: Run) -> None:
    with stand_in.hub_stand_in() as hub:
        hub.takes, hub.holds = 1, True
        process = started(run[0], hub, stand_in.TOKEN, name="me/breads")
        assert hub.waiting.wait(120)
        process.kill()
        output, _ = process.communicate()
        assert output == "" and list(hub.files["me/breads"]) == [".gitattributes"] and hub.commits == 0
        hub.takes = 1_000
        assert ask_hub(run[0], hub, stand_in.TOKEN).returncode == 0
        assert hub.commits == 1 and set(hub.files["me/breads"]) > set(contents(run[0] / "data/released_set/dataset"))


def test_an_interrupt_by_hand_says_what_is_on_the_hub(released_folder: Path) -> None:
    from commands.release.hub import Upload

    class Interrupted:
        endpoint = "http://hub"

        def repo_exists(self, *_: object, **__: object) -> bool:
            raise KeyboardInterrupt

    upload = Upload(Interrupted(), the_set(Path.cwd()), "me/breads", True)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"the release as me/breads was interrupted; nothing changed"):
        upload.run()


def test_a_commit_without_an_answer_is_said_to_be_whole_or_nothing(run: Run) -> None:
    with stand_in.hub_stand_in() as hub:
        hub.hangs_up = True
        lost = ask_hub(run[0], hub, stand_in.TOKEN)
        assert lost.returncode == 1 and lost.stdout == ""
        assert "whether the commit was made is not known: me/breads has the whole release or nothing" in lost.stderr
        assert set(hub.files["me/breads"]) > set(contents(run[0] / "data/released_set/dataset"))


def test_a_file_that_the_hub_leaves_out_is_named(run: Run) -> None:
    with stand_in.hub_stand_in() as hub:
        hub.ignored = ("ur/train-00000.parquet",)
        done = ask_hub(run[0], hub, stand_in.TOKEN)
        assert done.returncode == 1 and done.stdout == ""
        assert "me/breads is incomplete: the hub left ur/train-00000.parquet out of the commit" in done.stderr


def test_without_a_token_nothing_is_sent(
    released_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    assert main(["--to", "hub", "me/breads"]) == 1
    assert "error: the hub needs a token with write access in the environment: set HF_TOKEN" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [["--to", "hub", "me/x", "--csv"], ["--to", "folder", "x", "--public"], ["--to", "ftp", "x"],
     ["--what", "model", "--to", "folder", "x", "--csv"], ["--to", "folder", "x", "--language", "fi"]],
)  # fmt: skip
def test_options_for_another_target_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2


@pytest.mark.parametrize("token", ["hf_secret\nsecond", "hf_sécret", "hf secret", "hf_secret\u200b"])
def test_what_is_not_a_token_is_refused_and_not_printed(
    released_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    assert main(["--to", "hub", "me/breads"]) == 1
    printed = capsys.readouterr()
    assert "HF_TOKEN is not a token" in printed.err and "cret" not in printed.err + printed.out
