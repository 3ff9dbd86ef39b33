"""A page that would take too long is refused because of its size, or the process that reads it is ended."""

import pytest

from x_instruction.pages.extractor import Extractor
from x_instruction.pages.limits import LimitError, Limits, check_size
from x_instruction.pages.main_text import ExtractionError, NestingError

SENTENCE = "Täytteeksi keitetään useimmiten riisipuuroa, mutta vanhemmissa piirakoissa käytettiin ohraa."
PAGE = f"<html><body><article><h1>Kuori</h1><p>{SENTENCE}</p></article></body></html>"


def attributes(count: int) -> str:
    return f"<html><body><div {' '.join(f'a{number}=1' for number in range(count))}>{SENTENCE}</div></body></html>"


@pytest.mark.parametrize(
    ("page", "what"),
    [
        (f"<html><body>{'<p>x</p>' * 286_000}", "more than 30000 elements"),
        (f"<html><body>{'<br>' * 500_000}", "more than 30000 elements"),
        (attributes(45_000), "an element with more than 500 attributes"),
        (f"<p {' '.join(f'a{number}' for number in range(140_000))}>", "an element with more than 500 attributes"),
        (f"<p {' '.join(f'a{n}={chr(34)}>{chr(34)}' for n in range(60_000))}>", "an element with more than 500"),
    ],
    ids=["2 MB of paragraphs", "breaks", "349 kB of attributes", "1 MB of names", "quoted"],
)
def test_a_page_with_too_many_elements_is_refused_before_it_is_parsed(page: str, what: str) -> None:
    with pytest.raises(LimitError, match=what):
        Extractor().extract(page, Limits())


HONEST = [
    *(PAGE, attributes(80), "a < b " * 60_000, f"<img src='data:{'A=' * 20_000}'>{PAGE}"),
    f'<input type="text="" name="q">{PAGE * 20}',  # browsers accept the third quotation mark; a real page has it
    f"<script>{'if (a<b) c = d; ' * 40_000}</script><!-- {'<p> ' * 40_000} -->{PAGE}",
]


@pytest.mark.parametrize("page", HONEST)
def test_an_ordinary_page_is_within_the_limits(page: str) -> None:
    check_size(page, Limits())


def test_a_page_that_takes_too_long_ends_its_process_and_not_the_next_page(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Extractor()
    slow = Limits(max_attributes=10**6, max_seconds_per_megabyte=1)  # allows 0.3 s for this page
    with pytest.raises(LimitError, match=r"more than 0\.3\d* s of processor time"):
        reader.extract(attributes(40_000), slow)
    assert reader.extract(PAGE, Limits()).text == f"Kuori\n{SENTENCE}"


def test_errors_are_passed_on_from_the_process() -> None:
    reader = Extractor()
    with pytest.raises(NestingError, match="nested deeper than 200 levels"):
        reader.extract("<html><body>" + "<div>" * 10_000 + SENTENCE, Limits())
    assert reader.extract(PAGE, Limits()).title == "Kuori"


def test_a_process_that_ended_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Extractor()
    assert reader.extract(PAGE, Limits()).text
    assert reader._process is not None
    reader._process.terminate()
    reader._process.join()
    with monkeypatch.context() as patch, pytest.raises(ExtractionError, match="ended with code -15"):
        patch.setattr(reader._process, "is_alive", lambda: True)  # the process ends while it reads the page
        reader.extract(PAGE, Limits())
    assert reader.extract(PAGE, Limits()).text
