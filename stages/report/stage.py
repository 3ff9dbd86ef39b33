"""The report of a run, `data/report/index.html`: one HTML page without outside links.

The page shows the funnel (how many rows each artifact kept), the evaluator's figures and reliability, the scores of the
models with their intervals, the answers of the models side by side, and some released pairs.
"""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.report.answers import answers, released
from stages.report.compared import models
from stages.report.evaluators import evaluators
from stages.report.funnel import funnel, without_license
from stages.report.scores import (
    MIN_QUESTIONS,
    NO_INTERVAL,
    agreements,
    comparisons,
    differences,
    meanings,
    measures,
    tasks,
)
from stages.report.settings import Report
from x_instruction.language.names import load_names
from x_instruction.pairs.settings import RefinedPairs
from x_instruction.pairs.stop_rule import decision
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

PARTITION: tuple[str, ...] = ()

PAGE = "index.html"
TEMPLATE = "page.html.j2"
# Attributes with which a page loads or opens something else.
LINKS = ("href", "src", "srcset", "action", "data", "poster", "xlink:href")
ACTIVE = ("script", "iframe", "object", "embed")


def run(job: Job) -> Outcome:
    (job.staging / PAGE).write_text(page(job), encoding="utf-8")
    return Outcome()


def page(job: Job) -> str:
    """The HTML of the page. Jinja escapes every value, so that text from the web cannot become markup."""
    settings, names = job.section(Report), load_names(job.language_pages)
    languages = [
        {
            "code": code,
            "name": names[code],
            "funnel": funnel(job, code),
            "without_license": without_license(job, code),
            "measures": measures(job, code, names),
            "differences": differences(job, code, names),
            "comparisons": comparisons(job, code),
            "agreements": agreements(job, code),
            "tasks": tasks(job, code),
            "questions": answers(job, code, settings.questions),
            "pairs": released(job, code, settings.pairs),
        }
        for code in job.settings.languages
    ]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["figure"] = figure
    return environment.get_template(TEMPLATE).render(
        languages=languages,
        evaluators=evaluators(job, names),
        models=models(job),
        min_questions=MIN_QUESTIONS,
        no_interval=NO_INTERVAL,
        meanings=meanings(),
        accepted=decision(job),
        always_kept=job.section(RefinedPairs).always_kept,
        min_rating=job.section(RefinedPairs).min_rating,
    )


def figure(value: float | int | None) -> str:
    """A whole number with commas, other numbers with three decimals (one if 10 or more), and a dash for no value."""
    if value is None or value != value:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.{3 if abs(value) < 10 else 1}f}"


class _Links(HTMLParser):
    """Collects what a page loads or opens from elsewhere. A link within the page begins with # and is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        self.outside += [
            value or "" for name, value in attributes if name in LINKS and not (value or "").startswith("#")
        ]
        if tag in ACTIVE:
            self.outside.append(tag)

    def handle_data(self, data: str) -> None:
        if self._in_style and ("url(" in data or "@import" in data):
            self.outside.append("style")

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False


def outside_links(text: str) -> list[str]:
    parser = _Links()
    parser.feed(text)
    return parser.outside


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    text = (job.staging / PAGE).read_text(encoding="utf-8")
    facts: dict[str, Any] = {code: text.count(f'id="{code}"') for code in job.settings.languages}
    return {
        "languages_missing": sum(count != 1 for count in facts.values()),
        "outside_links": len(outside_links(text)),
        "megabytes": len(text.encode("utf-8")) / 1e6,
    }
