"""The agreement of judges equals the values of published examples."""

from __future__ import annotations

import pytest

from x_instruction.judging.agreement import agreement, alpha, kappa

SCALE = ("win", "tie", "loss")


def test_kappa_has_the_value_of_cohens_example() -> None:
    """Both judges say yes to 20 of 50 items and no to 15; only the first says yes to 5, only the second to 10."""
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert kappa(first, second, ["yes", "no"]) == pytest.approx(0.4)


def test_alpha_has_the_value_of_krippendorffs_example() -> None:
    """The example has four observers and twelve units with missing values (Krippendorff 2011)."""
    rows = ("123321412---", "1233224125-3", "-3332342251-", "12332441251-")
    judges = [{str(unit): value for unit, value in enumerate(row) if value != "-"} for row in rows]
    assert alpha(judges, "12345") == pytest.approx(0.815, abs=0.001)


def test_two_judges_are_compared_on_their_common_items() -> None:
    by_judge = {"a": {"1": "win", "2": "tie", "3": "loss"}, "b": {"2": "tie", "3": "loss", "4": "win"}}
    (row,) = agreement(by_judge, SCALE, "verdicts").iter_rows(named=True)
    assert row == {"judge": "a", "other": "b", "kind": "verdicts", "kappa": 1.0, "alpha": 1.0, "items": 2}


def test_three_judges_also_have_one_alpha_together() -> None:
    by_judge = {
        name: {"1": "win", "2": first, "3": "loss"} for name, first in zip("abc", ["tie", "win", "tie"], strict=True)
    }
    table = agreement(by_judge, SCALE, "verdicts")
    assert table.select("judge", "other").rows() == [("a", "b"), ("a", "c"), ("b", "c"), ("all", "all")]
    together = table.row(3, named=True)
    assert together["kappa"] is None and 0.5 < together["alpha"] < 1


def test_a_loss_is_farther_from_a_win_than_a_tie_is() -> None:
    first = {str(number): label for number, label in enumerate(SCALE * 4)}
    near, far = {**first, "0": "tie"}, {**first, "0": "loss"}
    nearer, farther = alpha([first, near], SCALE), alpha([first, far], SCALE)
    assert nearer is not None and farther is not None and nearer > farther


def test_agreement_is_undefined_if_all_verdicts_are_equal() -> None:
    same = {"1": "win", "2": "win"}
    (row,) = agreement({"a": same, "b": same}, SCALE, "verdicts").iter_rows(named=True)
    assert (row["kappa"], row["alpha"], row["items"]) == (None, None, 2)


def test_judges_without_a_common_item_have_no_row() -> None:
    assert agreement({"a": {"1": "win"}, "b": {"2": "win"}}, SCALE, "verdicts").is_empty()
    assert agreement({"a": {"1": "win"}}, SCALE, "verdicts").is_empty()
