"""The report shows the run's figures with the worst cases first, loads nothing from elsewhere, and fits a phone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.eval_scores.measures import MEASURES
from stages.eval_scores.settings import ComparedModel
from stages.params import Settings
from stages.report import stage as report
from stages.report.answers import answers
from stages.report.compared import models
from stages.report.evaluators import evaluators
from stages.report.funnel import without_license
from stages.report.scores import MEANINGS, comparisons, differences, measures
from stages.report.stage import figure, outside_links
from tests.conftest import ROOT
from tests.dagster_project.test_ui import CHROMIUM, FLAGS
from tests.stages.report.reported_run import reported_run
from x_instruction.generation.settings import Endpoint
from x_instruction.runner.errors import GateFailedError, InputError
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import write_shard
from x_instruction.runner.shell import run_stage

SUITE = ROOT / "stages/report/expectations.yaml"
LANGUAGES = ("fi", "ur", "ta")
NAMES = {"fi": "Finnish", "ur": "Urdu", "ta": "Tamil"}


@pytest.fixture
def job(make_job: Callable[..., Job], tmp_path: Path) -> Job:
    reported_run(tmp_path, LANGUAGES)
    return make_job("report", None, languages=list(LANGUAGES))


def published(job: Job) -> Path:
    import great_expectations  # noqa: F401 - so that the checks start no process

    run_stage(job, report, SUITE)
    return job.target / "index.html"


class Words(HTMLParser):
    """Collects the words of a page and the attributes of its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(" ".join(data.split()))


def test_the_page_shows_the_funnel_the_evaluator_and_the_scores(job: Job) -> None:
    words = Words(published(job).read_text(encoding="utf-8")).words
    for shown in ("raw web text", "100", "too short 40, cluster full 3", "iteration 2 (accepted)", "precision", "0.810",
                  "expected calibration error", "rated best", "swapped", "0.550 to 0.650", "12/3/5"):  # fmt: skip
        assert shown in words, shown
    assert words.index("swapped") < words.index("cut")  # the worst defect comes first


def test_the_worst_answers_come_first_with_their_defects(job: Job) -> None:
    found = answers(job, "ur", limit=12)
    first = [question["answers"][0] for question in found]
    assert [answer["flags"] for answer in first] == [["empty"], ["other language"], []]
    assert [answer["model"] for answer in found[0]["answers"]] == ["tuned", "base", "seed_only"]
    assert found[0]["answers"][1]["flags"] == ["cut off"]
    assert len(answers(job, "ur", limit=2)) == 2


def test_an_answer_that_repeats_its_question_is_flagged(job: Job) -> None:
    path = job.input("eval_scores", "fi") / "part-00000.parquet"
    write_shard(pl.read_parquet(path).with_columns(repeats_question=pl.col("model") == "seed_only"), path)
    flags = [(answer["model"], answer["flags"]) for answer in answers(job, "fi", 12)[-1]["answers"]]
    assert flags == [("tuned", []), ("base", ["cut off"]), ("seed_only", ["repeats the question"])]


def test_answers_of_another_version_are_named_in_one_sentence(job: Job) -> None:
    path = job.input("eval_scores", "fi") / "part-00000.parquet"
    write_shard(pl.read_parquet(path).drop("repeats_question"), path)
    with pytest.raises(InputError, match=r"fi/part-00000\.parquet was made by another version of X-Instruction"):
        report.page(job)


def test_a_question_is_marked_with_the_language_in_which_it_is_asked(job: Job) -> None:
    path = job.input("eval_scores", "ur") / "part-00000.parquet"
    write_shard(pl.read_parquet(path).with_columns(asked_in=pl.lit("ur"), instruction=pl.lit("کیا؟")), path)
    assert '<p dir="auto" lang="ur">کیا؟</p>' in report.page(job)


def test_answers_are_joined_by_the_id_of_the_question(job: Job) -> None:
    path = job.input("eval_scores", "fi") / "part-00000.parquet"
    write_shard(pl.read_parquet(path).with_columns(instruction=pl.lit("same")), path)
    assert [len(question["answers"]) for question in answers(job, "fi", 12)] == [3, 3, 3]


def test_intervals_are_taken_from_the_tables(job: Job) -> None:
    share = measures(job, "fi", NAMES)[0]
    assert next((m["model"], m["low"], m["high"]) for m in share["models"]) == (
        "base",
        pytest.approx(0.55),
        pytest.approx(0.65),
    )
    assert (
        share["models"][0]["left"] < share["models"][0]["at"] < share["models"][0]["left"] + share["models"][0]["width"]
    )
    over_all = [row for row in differences(job, "fi", NAMES) if not row["asked"]]
    assert {(row["measure"], row["against"]): row["sure"] for row in over_all} == {
        ("language share", "base"): "better",
        ("held out loss", "base"): "worse",  # the loss rose
        ("language share", "seed_only"): "",
    }


def test_scores_on_questions_in_the_language_are_beside_those_in_english(job: Job) -> None:
    found = {measure["name"]: measure["models"] for measure in measures(job, "ur", NAMES)}
    tuned = next(row for row in found["language share"] if row["model"] == "tuned")
    english, native = tuned["parts"]
    assert [(part["asked"], part["questions"]) for part in tuned["parts"]] == [("English", 20), ("Urdu", 4)]
    assert (english["value"], native["value"]) == (pytest.approx(0.8), pytest.approx(0.5))
    # All rows of a measure are on one scale.
    assert native["at"] < english["at"] == tuned["at"] and english["left"] < english["at"]
    # The loss is measured on seeds, whose instructions are English; no question was written in Tamil.
    assert {len(row["parts"]) for row in found["held out loss"]} == {0}
    assert {len(row["parts"]) for measure in measures(job, "ta", NAMES) for row in measure["models"]} == {0}
    assert [row["asked"] for row in differences(job, "ur", NAMES)] == ["", "", "", "English", "Urdu"]
    assert [row["asked"] for row in differences(job, "ta", NAMES)] == ["", "", ""]
    text = " ".join(Words(published(job).read_text(encoding="utf-8")).words)
    assert "tuned 0.800 0.750 to 0.850 English (20) 0.800 0.750 to 0.850 Urdu (4) 0.500 few questions" in text
    assert "language share, against base, asked in Urdu 0.200 (few questions)" in text


def set_scores(job: Job, name: str, **columns: Any) -> None:
    """Replaces columns of a table of Finnish for all rows of the language share."""
    path = job.input("eval_scores", "fi") / f"tables/{name}.parquet"
    share = pl.col("measure") == "language_share"
    changed = [pl.when(share).then(pl.lit(value)).otherwise(column).alias(column) for column, value in columns.items()]
    write_shard(pl.read_parquet(path).with_columns(changed), path)


def test_the_page_says_what_the_models_are_and_names_the_base_model(job: Job) -> None:
    text = " ".join(Words(published(job).read_text(encoding="utf-8")).words)
    assert "seed only the base model, tuned on the seed pairs alone" in text
    assert "base the base model itself (embedded, trained from scratch in this run)" in text
    assert text.index("tuned the result of the run") < text.index("A dot shows")
    write_json(job.input("base_model") / "base.json", {"name": "google/gemma-3-270m"})
    assert dict(models(job))["base"] == "the base model itself (google/gemma-3-270m)"


def test_only_compared_models_are_described(job: Job) -> None:
    for code in LANGUAGES:
        path = job.input("eval_scores", code) / "tables/scores.parquet"
        write_shard(pl.read_parquet(path).filter(pl.col("model") != "seed_only"), path)
    assert [name for name, _ in models(job)] == ["tuned", "base"]


@pytest.mark.parametrize(
    ("entry", "meaning"),
    [
        ({"model": "response_model/iteration_2"},
         "the base model, tuned on the seed pairs and pairs of rated_pairs/iteration_1"),
        ({"endpoint": Endpoint(url="http://localhost:1/v1", model="gemma")}, "the model gemma at an endpoint"),
        ({"model": "google/gemma-3-270m", "revision": "a" * 40}, "the model google/gemma-3-270m"),
    ],
)  # fmt: skip
def test_a_model_is_what_its_settings_say_and_not_what_its_name_says(
    job: Job, make_job: Callable[..., Job], settings: Settings, entry: dict[str, Any], meaning: str
) -> None:
    compared = [model for model in settings.eval_scores.models if model.name != "seed_only"]
    changed = settings.eval_scores.model_copy(update={"models": [*compared, ComparedModel(name="seed_only", **entry)]})
    again = make_job("report", None, languages=list(LANGUAGES), eval_scores=changed)
    assert dict(models(again))["seed_only"] == meaning
    assert "tuned on the seed pairs alone" not in report.page(again)


def test_the_figures_of_a_language_have_its_name(job: Job) -> None:
    found = evaluators(job, NAMES)[0]
    assert {name for name, _ in found["languages"]} == set(NAMES.values())
    assert {name for name, _ in found["curves"]} == {"all", *NAMES.values()}


def test_an_interval_of_equal_values_is_not_shown_as_an_interval(job: Job) -> None:
    for name, value in (("base", 0.0), ("tuned", 0.8)):
        path = job.input("eval_scores", "fi") / "tables/scores.parquet"
        row = (pl.col("model") == name) & (pl.col("measure") == "language_share") & (pl.col("asked_in") == "all")
        ends = [pl.when(row).then(value).otherwise(column).alias(column) for column in ("value", "low", "high")]
        write_shard(pl.read_parquet(path).with_columns(ends), path)
    base = measures(job, "fi", NAMES)[0]["models"][0]
    assert (base["model"], base["spread"]) == ("base", "all equal") and "left" not in base
    text = " ".join(Words(report.page(job)).words)
    assert "base 0.000 all equal" in text and "0.000 to 0.000" not in text and "0.800 to 0.800" not in text


def test_few_questions_decide_nothing(job: Job) -> None:
    def sure(questions: int) -> set[str]:
        set_scores(job, "differences", low=0.1, high=0.3, questions=questions)
        return {row["sure"] for row in differences(job, "fi", NAMES) if row["measure"] == "language share"}

    assert (sure(4), sure(5)) == ({""}, {"better"})


def test_the_win_share_of_few_pairs_has_no_bounds(job: Job) -> None:
    path = job.input("eval_scores", "fi") / "tables/comparisons.parquet"
    write_shard(pl.read_parquet(path).with_columns(questions=pl.lit(4)), path)
    found = comparisons(job, "fi")[0]
    assert found["spread"] == "few questions" and "lower bound" not in dict(found["more"])
    assert "pairs without a verdict 2, few questions" in " ".join(Words(report.page(job)).words)


def test_measures_that_are_equal_for_all_models_are_folded(job: Job) -> None:
    set_scores(job, "scores", value=0.5, low=0.5, high=0.5)
    found = {measure["name"]: measure["equal"] for measure in measures(job, "fi", NAMES)}
    assert found == {"language share": 0.5, "held out loss": None, "mean characters": None}
    text = report.page(job)
    assert text.count("<summary>Equal for all models: language share</summary>") == 1
    assert text.count("<h4>language share") == len(LANGUAGES) - 1


def test_equal_means_of_different_values_are_not_folded(job: Job) -> None:
    set_scores(job, "scores", value=0.5, low=0.4, high=0.6)
    assert {measure["equal"] for measure in measures(job, "fi", NAMES)} == {None}
    assert "Equal for all models" not in report.page(job)


def test_a_measure_without_intervals_is_folded_if_it_is_equal_for_all_models(job: Job) -> None:
    set_scores(job, "scores", value=0.5, low=None, high=None)
    assert measures(job, "fi", NAMES)[0]["equal"] == 0.5


@pytest.mark.parametrize(("samples", "shown"), [(4, "few questions"), (5, "0.500 to 0.600"), (None, "0.500 to 0.600")])
def test_the_interval_of_a_standard_task_of_few_questions_is_not_shown(
    job: Job, samples: int | None, shown: str
) -> None:
    path = job.input("eval_scores", "fi") / "tables/tasks.parquet"
    write_shard(pl.read_parquet(path).with_columns(samples=pl.lit(samples, pl.Int64)), path)
    finnish = report.page(job).split("<h3>Finnish</h3>")[1].split("<h3>Urdu</h3>")[0]
    assert f"xcopa_ta, acc tuned 0.543 ({shown})" in " ".join(Words(finnish).words)


def test_released_pairs_without_a_licence_are_counted(job: Job) -> None:
    path = job.input("released_set") / "dataset/fi/train-00000.parquet"
    licences = pl.Series("spdx", ["", "CC-BY-4.0", ""])
    write_shard(pl.read_parquet(path).with_columns(licences), path)
    text = " ".join(Words(published(job).read_text(encoding="utf-8")).words)
    assert "Of the released pairs, 2 name no licence that SPDX lists." in text
    write_shard(pl.read_parquet(path).with_columns(spdx=pl.lit("CC-BY-4.0")), path)
    assert without_license(job, "fi") == 0 and "released pairs, 0" not in report.page(job)


def test_the_page_says_what_each_measure_means(job: Job) -> None:
    assert list(MEANINGS) == list(MEASURES)
    text = " ".join(Words(published(job).read_text(encoding="utf-8")).words)
    assert "language share share of answers in the language asked for" in text


def test_judges_and_standard_tasks_are_shown_if_there_are_any(job: Job) -> None:
    text = " ".join(Words(published(job).read_text(encoding="utf-8")).words)
    assert "win share 0.675, lower bound 0.500, upper bound 0.800, win share at equal length 0.000, " in text
    assert "pairs without a verdict 2" in text
    assert "verdicts that change with the order" not in text
    assert "evaluator, similarity verdicts 0.432 – 20" in text and "xcopa_ta, acc tuned 0.543 (0.500 to 0.600)" in text


def test_verdicts_on_other_models_are_not_wins_of_the_tuned_model(job: Job) -> None:
    path = job.input("eval_scores", "fi") / "tables/comparisons.parquet"
    other = pl.read_parquet(path).with_columns(judge=pl.lit("people"), model=pl.lit("seed_only"))
    pl.concat([pl.read_parquet(path), other]).write_parquet(path)
    assert [row["judge"] for row in comparisons(job, "fi")] == ["evaluator"]


def test_answers_are_marked_with_their_language_and_direction(job: Job) -> None:
    elements = Words(published(job).read_text(encoding="utf-8")).elements
    texts = [attributes for _, attributes in elements if attributes.get("class") == "text"]
    assert {text["dir"] for text in texts} == {"auto"}
    assert {"ur", "ta", None} <= {text.get("lang") for text in texts}  # the English answer has no `lang`


def test_a_language_without_answers_and_pairs_is_shown_with_a_sentence(job: Job) -> None:
    path = job.input("eval_scores", "fi") / "part-00000.parquet"
    write_shard(pl.read_parquet(path).head(0), path)
    write_json(job.input("eval_scores", "fi") / "manifest.json", {"rows": 0})
    shutil.rmtree(job.input("released_set") / "dataset/fi")
    assert "No question was answered in this language." in Words(published(job).read_text(encoding="utf-8")).words


def test_markup_in_the_text_of_a_model_is_escaped(job: Job) -> None:
    path = job.input("eval_scores", "fi") / "part-00000.parquet"
    bad = "<script>alert(1)</script><img src='https://a.example/x'>"
    write_shard(pl.read_parquet(path).with_columns(response=pl.lit(bad), instruction=pl.lit('"><a href="x">')), path)
    text = published(job).read_text(encoding="utf-8")
    assert outside_links(text) == [] and "<script>" not in text


@pytest.mark.parametrize(
    "text",
    ['<a href="https://a.example">', '<img src="x.png">', "<script></script>", "<style>p { color: url(x) }</style>",
     '<link rel="stylesheet" href="/style.css">', "<iframe></iframe>"],
)  # fmt: skip
def test_everything_that_the_page_would_load_is_found(text: str) -> None:
    assert len(outside_links(text)) >= 1


def test_links_within_the_page_are_not_outside_links() -> None:
    assert outside_links('<a href="#fi">Finnish</a><style>p { color: red }</style>') == []


def test_the_gate_fails_for_an_outside_link(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    page = report.page
    monkeypatch.setattr(report, "page", lambda job: page(job) + '<a href="https://a.example">more</a>')
    with pytest.raises(GateFailedError, match="outside_links equals 0, found 1"):
        published(job)


def test_the_report_of_an_embedded_model_says_what_the_run_shows(
    job: Job, make_job: Callable[..., Job], settings: Settings
) -> None:
    assert "This run shows that the pipeline works." in report.page(job)
    real = settings.refined_pairs.model_copy(update={"always_kept": 0})
    again = make_job("report", None, languages=list(LANGUAGES), refined_pairs=real)
    assert "This run shows" not in report.page(again)


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), (float("nan"), "–"), (1234, "1,234"), (0.81, "0.810"), (240.04, "240.0")]
)
def test_figures_are_shortened(value: Any, shown: str) -> None:
    assert figure(value) == shown


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser: {CHROMIUM} is not installed (test of the report)")
def test_a_browser_shows_the_report_on_a_phone_and_on_a_screen(job: Job) -> None:
    from playwright.sync_api import sync_playwright

    path = published(job)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page()
        requests: list[str] = []
        problems: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: problems.append(message.text))
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            urdu = page.locator("article .text:lang(ur)").first
            assert urdu.evaluate("e => getComputedStyle(e).direction") == "rtl"
            assert page.locator(".text:lang(ta)").first.evaluate("e => getComputedStyle(e).direction") == "ltr"
            columns = "e => getComputedStyle(e).gridTemplateColumns.split(' ').length"
            assert page.locator("article .grid").first.evaluate(columns) == (1 if width == 390 else 3)
            # The rows for the questions in one language stay inside their cards, with readable labels and a wide scale.
            for row in page.locator(".part").all()[:4]:
                assert row.evaluate("e => e.scrollWidth <= e.clientWidth")
                assert row.locator(".label").evaluate("e => e.scrollWidth <= e.clientWidth")
                assert row.locator(".scale").bounding_box()["width"] > 60  # type: ignore[index]
            assert page.locator("polyline").first.bounding_box()["width"] > 100  # type: ignore[index]
        browser.close()
    assert set(requests) == {path.as_uri()} and problems == []
