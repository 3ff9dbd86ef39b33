"""Rules on prose ignore code and formulas but do not remove them; a text that is mostly code is dropped."""

import polars as pl
import pytest

from tests.stages.filtered_text.texts import GOOD, drop, given, made
from x_instruction.cleaning.code_blocks import prose

CODE = "```js\n" + "".join(f"setName{number}(event.target.value);\n" for number in range(8)) + "```"


def prose_of(text: str) -> str:
    return str(pl.select(prose(pl.lit(text))).item())


@pytest.mark.parametrize(
    "code",
    [
        "```python\nfor luku in luvut:\n    print(luku)\n```",
        "$$\n\\frac{a}{b} = c\n$$",
        "$$x = y$$",
        "const nimi = 'Aino';",
        "background-color: red;",
        "foo(1); // palauttaa 2",
        "<div>",
        "</section>",
        "}",
        "// huomautus",
        ">>> print('moi')",
        "from re import match",
    ],
)
def test_code_and_formulas_are_not_prose(code: str) -> None:
    assert prose_of(f"Alku on tässä.\n{code}\nJatkuu näin.") == "Alku on tässä.\nJatkuu näin."


@pytest.mark.parametrize(
    "line",
    [
        "Tarvitaan vettä, suolaa ja jauhoja;",
        "Hinta on 5 $ tai 6 $.",
        "Kutsu `print(luku)` tulostaa luvun.",
        "(ks. yllä)",
    ],
)
def test_prose_with_the_punctuation_of_code_is_prose(line: str) -> None:
    assert prose_of(f"Alku.\n{line}\nLoppu.") == f"Alku.\n{line}\nLoppu."


def test_a_text_with_repeated_lines_of_code_is_kept_with_its_code() -> None:
    text = f"{GOOD}\n{CODE}\nVertaa tätä edelliseen esimerkkiin.\n{CODE}\nNiin se toimii."
    assert made(text).kept["text"].to_list() == [text]
    bare = text.replace("```js\n", "").replace("```\n", "").replace(";", "")
    assert drop(bare)[0] == "duplicate_line_characters"


def test_a_text_that_is_mostly_code_is_dropped() -> None:
    text = f"{GOOD}\n```\n" + "\n".join(f"nimi_{number} = {number}" for number in range(80)) + "\n```"
    assert drop(text) == ("mostly_code", "71 % of characters in code > 60%")
    assert made(text, settings=given(max_code_share=0.8)).kept.height == 1


def test_a_drop_shows_the_text_with_its_code() -> None:
    text = f"{CODE}\n{GOOD} {GOOD} {GOOD}"
    assert made(text).dropped.select("reason", "text").row(0) == ("repetition", text[:500])
