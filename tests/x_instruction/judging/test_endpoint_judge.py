"""An endpoint's verdict is read from label probabilities in both orders, never from prose."""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from tests.chat_server import ChatServer, Reply, answer_of, chat_server
from x_instruction.generation.endpoint_client import EndpointClient
from x_instruction.generation.settings import Endpoint
from x_instruction.judging.comparisons import comparisons_of
from x_instruction.judging.endpoint_judge import AnswerPair, as_text, ask_judge
from x_instruction.judging.settings import Judge
from x_instruction.judging.verdicts import Opinion, by_opinions
from x_instruction.runner.errors import InputError

PAIR = AnswerPair("Finnish", "Why does ice float?", "hyvä vastaus", "huono vastaus")


def opinion(server: ChatServer, pair: AnswerPair = PAIR, **settings: object) -> Opinion:
    judge = Judge(name="served", endpoint=server.endpoint, **settings)  # type: ignore[arg-type]
    return ask_judge(judge, EndpointClient(judge.endpoint), [pair])[0]


def prefers_good(message: str) -> Reply:
    first, second = re.findall(r"\[Answer \d]\n(\w+)", message)
    better, worse = ("A", "B") if first == "hyvä" else ("B", "A")
    assert {first, second} == {"hyvä", "huono"}
    return {better: 0.7, worse: 0.1, "C": 0.2}


def test_the_label_probabilities_in_both_orders_decide_the_verdict() -> None:
    with chat_server(prefers_good) as server:
        found = opinion(server)
    assert (found.shown_first, found.shown_second) == (pytest.approx(0.6), pytest.approx(0.6))
    assert len(server.bodies) == 2
    body = server.bodies[0]
    assert (body["max_tokens"], body["temperature"], body["logprobs"], body["top_logprobs"]) == (1, 0, True, 20)
    assert "Finnish" in body["messages"][0]["content"] and "Why does ice float?" in body["messages"][0]["content"]


def test_a_judge_that_prefers_a_position_contradicts_itself() -> None:
    with chat_server(lambda _: {"A": 0.9, "B": 0.1}) as server:
        found = opinion(server)
    assert (found.shown_first, found.shown_second) == (pytest.approx(0.8), pytest.approx(-0.8))


def test_a_judge_that_prefers_neither_answer_makes_a_tie_in_both_orders() -> None:
    """The small rest of the probability is on the first position, so its sign says nothing about the answers."""
    with chat_server(lambda _: {"A": 0.03, "B": 0.02, "C": 0.95}) as server:
        found = opinion(server)
    assert found == Opinion(0.0, 0.0) and judged(found) == ("tie", "tie", "tie", 0.0)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ({"A": 0.4, "B": 0.2, "C": 0.4}, "tie"),
        ({"A": 0.2, "B": 0.4, "C": 0.4}, "tie"),
        ({"A": 0.41, "B": 0.2, "C": 0.39}, "win"),
        ({"A": 0.2, "B": 0.41, "C": 0.39}, "loss"),
    ],
)
def test_neither_counts_if_no_answer_has_a_higher_probability(reply: Reply, verdict: str) -> None:
    with chat_server(lambda _: reply) as server:
        assert judged(opinion(server))[1] == verdict


def test_a_judge_that_chooses_neither_in_one_order_only_depends_on_the_order() -> None:
    def reply(message: str) -> Reply:
        return {"C": 0.9, "B": 0.1} if "[Answer 1]\nhuono" in message else {"A": 0.9, "C": 0.1}

    with chat_server(reply) as server:
        assert judged(opinion(server)) == ("tie", "win", "tie", 1.0)


def judged(found: Opinion) -> tuple[str, str, str, float]:
    """The verdict, the verdicts in the two orders, and the disagreement between the orders."""
    columns = {"question_id": ["q"], "model": ["tuned"], "against": ["base"]}
    verdicts = by_opinions(pl.DataFrame(columns), "served", [found], 0.0)
    lengths = pl.DataFrame({"question_id": ["q", "q"], "model": ["tuned", "base"], "characters": [5, 5]})
    (row,), (summary,) = verdicts.to_dicts(), comparisons_of(verdicts, lengths, 10, 1).to_dicts()
    return row["verdict"], row["shown_first"], row["shown_second"], summary["order_disagreement"]


def test_other_tokens_and_spaces_around_labels_are_ignored() -> None:
    with chat_server(lambda _: {" A": 0.3, "A": 0.3, "B": 0.2, "The": 0.2}) as server:
        found = opinion(server)
    assert found.shown_first == pytest.approx((0.6 - 0.2) / 0.8)


def test_a_judge_that_answers_in_prose_has_no_verdict() -> None:
    with chat_server(lambda _: {"Both": 0.7, "The": 0.2, "A": 0.1}) as server:
        found = opinion(server)
    assert found.shown_first is None and "probability of 0.10 together" in found.failure


@pytest.mark.parametrize("share", [float("nan"), float("inf"), 1.5])
def test_label_probabilities_that_are_no_probabilities_give_no_verdict(share: float) -> None:
    with chat_server(lambda _: {"A": share, "B": 0.1}) as server:
        found = opinion(server)
    assert (found.shown_first, found.shown_second) == (None, None)
    assert re.search(r"probability of (nan|inf|1\.60) together, which is not between .* \(0\.5\) and 1", found.failure)


def with_logprobs(value: Any) -> bytes:
    answer = answer_of("A")
    answer["choices"][0]["logprobs"] = value
    return json.dumps(answer).encode()


def with_top(value: Any) -> bytes:
    return with_logprobs({"content": [{"token": "A", "logprob": -0.1, "bytes": None, "top_logprobs": value}]})


MALFORMED = {
    "no list of tokens": with_logprobs({"content": [{"token": "A", "logprob": -0.1}]}),
    "null": with_top(None),
    "a null log-probability": with_top([{"token": "A", "logprob": None}]),
    "a huge log-probability": with_top([{"token": "A", "logprob": 1e6}]),
    "a null token": with_top([{"token": None, "logprob": -0.1}]),
    "a list": with_logprobs([1, 2]),
    "a text": with_logprobs({"content": "abc"}),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_judge_whose_probabilities_are_malformed_is_asked_again(body: bytes) -> None:
    replies: list[Reply] = [body]
    with chat_server(lambda _: replies.pop() if replies else {"A": 0.9, "B": 0.1}) as server:
        assert opinion(server).shown_first == pytest.approx(0.8)
    assert len(server.bodies) == 3
    with chat_server(lambda _: body) as server, pytest.raises(InputError, match="no usable answer after 2 attempts"):
        opinion(server)


def test_the_grade_of_an_answer_is_its_expected_value_in_both_positions() -> None:
    def grades(message: str) -> Reply:
        graded = re.search(r"Grade answer (\d)", message)
        assert graded
        good = re.findall(r"\[Answer \d]\n(\w+)", message)[int(graded[1]) - 1] == "hyvä"
        return {"M": 0.5, "K": 0.5} if good else {"D": 1.0}

    with chat_server(grades) as server:
        found = opinion(server, scale="grade")
    assert (found.shown_first, found.shown_second) == (pytest.approx(0.9 - 0.2), pytest.approx(0.9 - 0.2))
    assert len(server.bodies) == 4


@pytest.mark.parametrize("word", ["I", "A"])
def test_a_grading_judge_that_refuses_in_prose_has_no_verdict(word: str) -> None:
    with chat_server(lambda _: {word: 0.93, "The": 0.05}) as server:
        found = opinion(server, scale="grade")
    assert found.shown_first is None and "probability of 0.00 together" in found.failure
    shown = server.bodies[0]["messages"][0]["content"]
    assert shown.endswith("B is 0, C is 1, D is 2, E is 3, F is 4, G is 5, H is 6, J is 7, K is 8, L is 9, M is 10.")


def test_an_endpoint_without_probabilities_is_refused_with_one_sentence() -> None:
    with chat_server(lambda _: "A") as server, pytest.raises(InputError, match=r"served at http.* must support `logp"):
        opinion(server)


def test_a_judge_that_is_down_is_named_with_its_address() -> None:
    with chat_server(lambda _: 503) as server, pytest.raises(InputError, match="gave no answer after 2 attempts"):
        opinion(server)


def test_placeholders_and_control_strings_in_an_answer_remain_text() -> None:
    pair = AnswerPair("Finnish", "{answer_2}", "{language} <|im_end|></s>[INST] 3 < 4", "b")
    with chat_server(lambda _: {"C": 1.0}) as server:
        opinion(server, pair)
    message = server.bodies[0]["messages"][0]["content"]
    assert "[Answer 1]\n{language} < |im_end|>< /s>[ INST] 3 < 4\n" in message and "[Request]\n{answer_2}\n" in message
    assert as_text("a<b x < 2 [1]") == "a< b x < 2 [1]"


ENDPOINT = Endpoint(url="http://127.0.0.1:9/v1", model="served")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"name": "evaluator"}, "name evaluator belongs to a judge that is always there"),
        ({"endpoint": Endpoint(url="http://x")}, "needs endpoint.url and endpoint.model"),
        ({"labels": ("A", "B")}, "needs three labels"),
        ({"labels": ("A", "B", " A")}, "must differ"),
        ({"prompt": "{language} {instruction} {answer_1}"}, "must contain {answer_2}"),
        ({"prompt": "{language} {instruction} {answer_1} {answer_2} {graded}"}, "unknown placeholder {graded}"),
        ({"scale": "grade", "prompt": "{language} {instruction} {answer_1} {answer_2}"}, "must contain {graded}"),
    ],
)
def test_impossible_settings_of_a_judge_are_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        Judge.model_validate({"name": "served", "endpoint": ENDPOINT, **settings})
