"""The tuned model is released with its own scores in the card, and never with the scores of another model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from commands.release.__main__ import EMBEDDED, main
from commands.release.model import the_model
from commands.release.model_scores import TABLE
from commands.release.released import files_of
from stages.base_model import settings as base_model
from stages.eval_scores.tables import SCORES
from tests.commands import hub_stand_in as stand_in
from tests.commands.test_release import ask_hub
from tests.conftest import ROOT, TRAINING
from x_instruction.models.model_card import SCORES_ARE_ELSEWHERE, card
from x_instruction.runner.errors import DamagedError
from x_instruction.runner.files import hash_paths, read_json, write_json
from x_instruction.runner.shards import write_shard

RECORD: dict[str, Any] = {
    "artifact": "tuned_model", "partition": "", "about": "answers instructions", "seed": 1, "end": "<|end|>",
    "languages": {"fi": "Finnish", "ur": "Urdu"}, "base_content": "c", "prompt": "…", "ends_with_token": False,
    "base": {"name": "a/b", "revision": "c", "license": "", "license_link": "", "dtype": "float32"},
    "data": {"pairs": 2, "hash": "h", "by_language": {"fi": {"seeds": 1, "web": 1}}},
    "asks_for_language": True, "default_language": "", "default_style": "", "decoding": {"stop_strings": ["\n#"]},
    "training": TRAINING.model_dump(mode="json"), "loss_curve": [[4, 1.5, "training"]],
    "precision": {"weights": "float32", "products": "float32", "saved": "float32"},
    "figures": {"held_out_loss": 1.0, "held_out_loss_change": -0.5},
}  # fmt: skip


def put_model(folder: Path, **changed: Any) -> str:
    """Writes a tuned model; returns the hash of its content."""
    write_json(folder / "training.json", {**RECORD, **changed})
    write_json(folder / "config.json", {})
    (folder / "model.safetensors").write_bytes(b"weights of " + folder.name.encode())
    (folder / "README.md").write_text(card(read_json(folder / "training.json")))
    return sealed(folder)


def sealed(folder: Path) -> str:
    content = hash_paths([path for path in folder.iterdir() if path.name != "manifest.json"])
    write_json(folder / "manifest.json", {"content": content})
    return content


def put_scores(
    root: Path, language: str, contents: dict[str, str], share: float = 0.75, questions: int = 38, width: float = 0.05
) -> None:
    """Writes the metrics of eval_scores and its table of scores, in which no model has a similarity."""
    scores = {"judge": "evaluator of iteration_1", "models": {}, "contents": contents}
    write_json(root / f"data/metrics/eval_scores/{language}.json", scores)
    shares = {name: share if name == "tuned" else 0.1 for name in contents}
    rows = [
        *(
            (name, "language_share", "all", "higher", value, value - width, value + width, questions)
            for name, value in shares.items()
        ),
        *((name, "language_share", "en", "higher", 0.99, 0.9, 1.0, 34) for name in shares),
        *((name, "held_out_loss", "all", "lower", 1.25, None, None, 1) for name in shares if name != "base"),
        *((name, "repeated_share", "all", "lower", 0.5, None, None, 38) for name in shares),
    ]
    write_shard(pl.DataFrame(rows, schema=SCORES, orient="row"), root / f"data/eval_scores/{language}/{TABLE}")


def put_settings(root: Path, seed_only: str = "response_model/iteration_1") -> None:
    """Writes params.yaml, in which `seed_only` is the model of this name."""
    if not (root / "languages").exists():
        (root / "languages").symlink_to(ROOT / "languages")
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    changed = text.replace(
        "{ name: seed_only, model: response_model/iteration_1 }", f"{{ name: seed_only, model: {seed_only} }}"
    )
    (root / "params.yaml").write_text(changed, encoding="utf-8")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns the folder of a tuned model that has scores in Finnish. The model's project is the current folder."""
    monkeypatch.chdir(tmp_path)
    put_settings(tmp_path)
    folder = tmp_path / "data/tuned_model"
    put_scores(tmp_path, "fi", {"base": "another", "tuned": put_model(folder)})
    return folder


def released(*more: str) -> str:
    """The card of the model that is released to the folder `out`."""
    assert main(["--what", "model", "--to", "folder", "out", *more]) == 0
    return Path("out/README.md").read_text()


def test_a_released_copy_has_the_scores_of_its_languages(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = released()
    assert set(files_of(Path("out"))) == {"README.md", "config.json", "training.json", "model.safetensors"}
    assert (
        "| language share | 0.75 | 0.7 to 0.8 | 38 |" in text
        and "evaluator of iteration_1" in text
        and "similarity" not in text
    )
    assert SCORES_ARE_ELSEWHERE not in text and SCORES_ARE_ELSEWHERE in (model / "README.md").read_text()
    assert f"the hash `{read_json(model / 'manifest.json')['content'][:16]}`" in text
    assert "an answer ends at '\\n#'; an answer ends at '<|end|>', which is not a token" in text
    assert "license: other\nlicense_name: not-stated-in-the-checkpoint\n" in text
    assert "Licence of the base model: not stated in the checkpoint." in text
    assert "read the licence before you publish" in text
    out = capsys.readouterr()
    assert "eval_scores did not measure this model in ur, so its card has no scores for these languages" in out.err
    assert out.out == "4 files were written to out\n"


def test_scores_of_another_model_are_not_shown(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_scores(Path.cwd(), "fi", {"base": "another", "tuned": "of an earlier run"})
    put_scores(Path.cwd(), "ur", {})
    text = released()
    assert (
        "There are no scores: when this copy was made, `eval_scores` had not measured this model" in text
        and "0.75" not in text
    )
    assert "did not measure this model in fi, ur" in capsys.readouterr().err


def test_scores_belong_to_the_model_by_its_content_and_not_by_its_name(model: Path) -> None:
    content = read_json(model / "manifest.json")["content"]
    put_scores(Path.cwd(), "fi", {"tuned": "of an earlier run", "rival": content})
    assert "| language share | 0.1 |" in released()


def test_the_scores_are_a_table_for_each_language_with_intervals_and_baselines(model: Path) -> None:
    content = read_json(model / "manifest.json")["content"]
    put_scores(Path.cwd(), "fi", {"tuned": content, "seed_only": "s", "base": RECORD["base_content"], "gemma": "g"})
    put_scores(Path.cwd(), "ur", {"tuned": content}, share=0.5)
    text = released()
    finnish, urdu = text.split("### Finnish (`fi`)")[1].split("### Urdu (`ur`)")
    assert finnish.strip().splitlines() == [
        "| measure | this model | 95 % interval | seed only | base | questions |",
        "| --- | --- | --- | --- | --- | --- |",
        "| language share | 0.75 | 0.7 to 0.8 | 0.1 | 0.1 | 38 |",
        "| held out loss | 1.25 |  | 1.25 |  | 1 |",
    ]
    assert "| measure | this model | 95 % interval | questions |" in urdu and "| 0.5 | 0.45 to 0.55 | 38 |" in urdu
    for meaning in (
        "share of answers in the language asked for; higher is better",
        "per token; lower is better",
        "*seed only*: the base model, tuned on the seed pairs alone\n",
        "*base*: the base model itself\n",
    ):
        assert meaning in urdu
    assert "gemma" not in text and "repeated" not in text and "*similarity*" not in text
    assert "few questions" not in text  # because no interval is hidden


def test_a_baseline_is_what_the_settings_say_and_not_what_its_name_says(model: Path) -> None:
    put_settings(Path.cwd(), seed_only="response_model/iteration_2")
    content = read_json(model / "manifest.json")["content"]
    put_scores(Path.cwd(), "fi", {"tuned": content, "seed_only": "s"})
    text = released()
    assert "- *seed only*: the base model, tuned on the seed pairs and pairs of rated_pairs/iteration_1\n" in text
    assert "seed pairs alone" not in text


@pytest.mark.parametrize(("questions", "width", "shown"), [(2, 0.25, "few questions"), (38, 0.0, "all equal")])
def test_an_interval_that_looks_too_precise_is_not_in_the_card(
    model: Path, questions: int, width: float, shown: str
) -> None:
    content = read_json(model / "manifest.json")["content"]
    put_scores(Path.cwd(), "fi", {"tuned": content}, questions=questions, width=width)
    text = released()
    assert f"| language share | 0.75 | {shown} | {questions} |" in text
    assert '- Where an interval would look more precise than it is, "few questions" (fewer than 5) or' in text


def test_settings_that_cannot_be_read_are_one_sentence(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("params.yaml").unlink()
    assert main(["--what", "model", "--to", "folder", "out"]) == 1
    assert capsys.readouterr().err.endswith("params.yaml does not exist: run from the project's folder\n")


def test_a_base_from_which_the_model_was_not_tuned_is_no_baseline(model: Path) -> None:
    content = read_json(model / "manifest.json")["content"]
    put_scores(Path.cwd(), "fi", {"tuned": content, "base": "another"})
    text = released()
    assert "| measure | this model | 95 % interval | questions |" in text and "*base*" not in text


def test_scores_without_their_table_name_the_remedy(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("data/eval_scores/fi", TABLE).unlink()
    assert main(["--what", "model", "--to", "folder", "out"]) == 1
    assert "scores.parquet does not exist: run `dvc repro eval_scores` first" in capsys.readouterr().err


def test_the_card_of_a_model_that_learned_only_seeds_does_not_speak_of_web_pairs() -> None:
    seeds = {"by_language": {"fi": {"seeds": 21, "web": 0}, "ur": {"seeds": 22, "web": 0}}, "hash": "h"}
    text = card({**RECORD, "data": seeds})
    assert "| language | seed pairs |\n| --- | --- |\n| `fi` | 21 |\n" in text
    assert "All of them are seed pairs" in text and "learned from seed pairs, and no person" in text
    assert "web" not in text and "released set" not in text and SCORES_ARE_ELSEWHERE in text
    both = card(RECORD)
    assert "| `fi` | 1 | 1 |" in both and "from seed pairs and web texts" in both and "the released set" in both


def test_the_card_of_an_instruction_model_does_not_promise_scores() -> None:
    assert "Scores" not in card({**RECORD, "artifact": "instruction_model"})


def test_scores_that_somebody_changed_are_refused(model: Path) -> None:
    write_json(Path("data/eval_scores/fi/manifest.json"), {"metrics": "the checksum of other figures"})
    with pytest.raises(DamagedError, match=r"eval_scores/fi\.json is damaged"):
        the_model(Path.cwd())


def test_one_model_of_several_is_chosen_by_its_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    put_settings(tmp_path)
    contents = {
        code: put_model(tmp_path / f"data/tuned_model/{code}", languages={code: name})
        for code, name in RECORD["languages"].items()
    }
    sealed(tmp_path / "data/tuned_model")
    for code, content in contents.items():
        put_scores(tmp_path, code, {"tuned": content}, share=0.25 if code == "ur" else 0.5)
    assert main(["--what", "model", "--to", "folder", "out"]) == 1
    assert "has a model for each language: give --language with one of fi, ur" in capsys.readouterr().err
    assert "| language share | 0.25 |" in released("--language", "ur")
    assert Path("out/model.safetensors").read_bytes() == b"weights of ur"


def test_what_cannot_be_released_is_one_sentence(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*arguments: str) -> str:
        assert main(["--what", "model", "--to", "folder", *arguments]) == 1
        return capsys.readouterr().err.splitlines()[-1]

    assert "is one model for all languages: leave --language out" in refused("out", "--language", "fi")
    assert "which is released: give another folder" in refused(str(model / "copy"))
    Path("own").mkdir()
    Path("own/notes.txt").write_text("mine")
    assert "has files that are not from an earlier release, such as notes.txt" in refused("own")
    (model / "model.safetensors").write_bytes(b"other weights")
    assert "data/tuned_model was changed after it passed its gate: `dvc checkout data/tuned_model`" in refused("out")
    (model / "manifest.json").unlink()
    assert "data/tuned_model does not exist or is unfinished: run `dvc repro tuned_model` first" in refused("out")
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "content",
    [
        '{"content": "',
        '{"artifact": "resnet"}',
        '{"content": 5}',
        "[]",
        "",
        "[" * 200_000,
        '{"content": "c", "checksum": ""}',
    ],
)
def test_a_damaged_manifest_is_one_sentence(model: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    (model / "manifest.json").write_text(content)
    assert main(["--what", "model", "--to", "folder", "out"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "data/tuned_model/manifest.json is damaged: its content is not what was published" in line
    assert not Path("out").exists()


def test_an_earlier_release_is_replaced_without_its_old_weights(model: Path) -> None:
    released()
    for name in ("model.safetensors.index.json", "model-00001-of-00002.safetensors"):
        Path("out", name).write_text("of a larger model")
    released()
    assert set(files_of(Path("out"))) == {"README.md", "config.json", "training.json", "model.safetensors"}


def test_a_model_of_the_embedded_base_is_released_with_a_warning(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert EMBEDDED == base_model.EMBEDDED
    put_model(model, base={**RECORD["base"], "name": EMBEDDED, "revision": None})
    released()
    assert "warning: this model was tuned from the embedded model and only shows" in capsys.readouterr().err


def test_the_hub_gets_the_model_in_one_commit(model: Path) -> None:
    with stand_in.hub_stand_in() as hub:
        done = ask_hub(Path.cwd(), hub, stand_in.TOKEN, "--what", "model", name="me/chat")
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"released as {hub.address}/me/chat/commit/{1:040x}\n"
        assert hub.kinds == {"me/chat": "model"} and hub.private == {"me/chat": True} and hub.commits == 1
        found = hub.files["me/chat"]
        assert set(found) == {".gitattributes", "README.md", "config.json", "training.json", "model.safetensors"}
        assert found["model.safetensors"] == b"weights of tuned_model"
        assert b"| language share | 0.75 |" in found["README.md"]
        # A release deletes earlier files that match a pattern of `REPLACED`, and no others.
        found |= {"model.safetensors.index.json": b"old", "onnx/model.onnx": b"theirs"}
        assert ask_hub(Path.cwd(), hub, stand_in.TOKEN, "--what", "model", name="me/chat").returncode == 0
        assert "model.safetensors.index.json" not in found and "onnx/model.onnx" in found


def test_a_licence_that_the_user_added_is_not_removed(model: Path, tmp_path: Path) -> None:
    release = the_model(tmp_path, None).release
    assert not any(map(release.is_replaced, ("LICENSE", "NOTICE", "USE_POLICY.md", "old/model.safetensors")))
    assert release.is_replaced("model.safetensors")
