"""TAPruning: its sweeps, acceptance and trace on tables of hand-made objectives."""

import numpy as np
import pytest

import qd
from qd.algorithms import TAPruning
from qd.errors import QDError
from tests.driving import drive
from tests.planted import Planted

FULL = {"111": 10.0, "011": 9.7, "001": 9.65, "010": 9.2, "000": 1.0, "101": 20.0, "110": 5.0}


class Table(qd.Problem):
    """Three tokens with an objective for each mask; NaN fails."""

    solution_space = qd.Mask(3)
    batching = "rows"
    deterministic = True

    def __init__(self, values: dict[str, float]) -> None:
        self.values, self.asked, self.purposes = values, [], set()

    def evaluate(self, request, seeds):
        names = ["".join(map(str, row)) for row in request.solutions]
        self.asked += names
        self.purposes.add(request.purpose)
        return qd.Evaluation(np.array([self.values[name] for name in names]))


def traced(values: dict[str, float], **settings) -> tuple[list[str], list[str], TAPruning, object]:
    problem, search = Table(values), TAPruning(**settings)
    state = drive(problem, search, 100)
    return problem.asked, ["".join(map(str, row)) for row in state.trace], search, state


def test_it_sweeps_from_left_to_right_until_a_sweep_drops_nothing() -> None:
    # 9.7 >= 9.6: token 0 goes. 9.65: token 1 goes. 1.0: token 2 stays. A second sweep tries it again, and that is all.
    asked, trace, search, state = traced(FULL)
    assert asked == ["111", "011", "001", "000", "000"]
    assert trace == ["111", "011", "001"]
    assert state.best == 10.0  # the best ever is the mark, not the last
    assert state.sweep == 2
    assert search.report(state).metrics["best_in_trace"] == 10.0
    assert search.report(state).populations["reported"].tolist() == [[1, 1, 1]]


def test_the_mark_rises_and_tokens_put_back_are_tried_again() -> None:
    values = {"111": 10.0, "011": 9.0, "101": 20.0, "100": 3.0, "001": 19.2}
    values |= {"000": 0.0}
    asked, trace, search, state = traced(values)
    # sweep 0: token 0 stays, token 1 goes (the mark is 20), token 2 stays; sweep 1: token 0 goes (19.2 = 0.96 * 20)
    assert asked == ["111", "011", "101", "100", "001", "000", "000"]
    assert trace == ["111", "101", "001"]
    assert state.best == 20.0
    assert search.report(state).populations["reported"].tolist() == [[1, 0, 1]]


def test_of_equal_objectives_the_last_is_reported() -> None:
    _, trace, search, state = traced({"111": 5.0, "011": 5.0, "001": 5.0, "000": 1.0})
    assert trace[search.reported(state)] == "001"


def test_acceptance_strict_needs_a_rise() -> None:
    asked, trace, _, _ = traced({"111": 5.0, "011": 5.0, "101": 5.1, "001": 5.1, "100": 5.0}, acceptance="strict")
    assert trace == ["111", "101"]
    assert asked == ["111", "011", "101", "100", "001", "100"]


def test_the_tolerance_is_a_share_of_the_size_where_ratios_turn_round() -> None:
    worse, better = {"111": -100.0, "011": -103.0, "101": -105.0}, -50.0
    values = worse | {"001": -200.0, "010": better, "000": -300.0, "100": -200.0, "110": -90.0}
    assert traced(values)[1] == ["111", "011", "010"]
    # as a ratio 1.03 and 1.05 of -100 are good, and 0.5 is bad
    assert traced(values, acceptance="ratio")[1][:2] == ["111", "011"]
    assert "010" not in traced(values, acceptance="ratio")[1]
    zero = {"111": 0.0, "011": -1.0, "001": -2.0, "000": -3.0}
    assert traced(zero, acceptance="ratio")[1][1] == "011"
    assert not TAPruning()._good(0.0, -0.001)
    assert TAPruning()._good(0.0, 0.0)


def test_a_token_whose_removal_fails_is_put_back() -> None:
    nan = float("nan")
    asked, trace, _, _ = traced({"111": 5.0, "011": nan, "101": 6.0, "001": nan, "100": nan})
    assert trace == ["111", "101"]
    assert asked == ["111", "011", "101", "100", "001", "100"]
    _, trace, _, state = traced({"111": nan, "011": nan, "101": 1.0, "001": nan, "100": nan})
    assert trace == ["101"]
    assert state.best == 1.0
    _, trace, search, state = traced(dict.fromkeys(("111", "011", "101", "110"), nan))
    assert trace == []
    assert np.isnan(search.report(state).metrics["best_in_trace"])


def test_purposes_and_faithful() -> None:
    for search, purpose in ((TAPruning(), "search"), (TAPruning.faithful(), "select")):
        problem = Table(FULL)
        drive(problem, search, 100)
        assert problem.purposes == {purpose}
    assert TAPruning.faithful(order="shuffled") == TAPruning(acceptance="ratio", purpose="select", order="shuffled")


@pytest.mark.parametrize("settings", [{}, {"acceptance": "strict"}, {"order": "shuffled"}])
@pytest.mark.parametrize("speculative", [3, 100])
def test_trying_several_at_once_finds_the_same_masks(settings: dict, speculative: int) -> None:
    problem = Planted(24)
    one = drive(problem, TAPruning(**settings), 1000, seed=4)
    many = drive(problem, TAPruning(**settings, speculative=speculative), 3000, seed=4)
    assert len(one.trace) > 5
    assert (one.trace == many.trace).all()
    assert (one.objective == many.objective).all()


def test_orders_frozen_tokens_and_local_optima() -> None:
    problem = Planted(40)
    found = {}
    for order in ("left_to_right", "shuffled"):
        states = [drive(problem, TAPruning(tolerance=0.0, order=order), 1000, seed) for seed in range(3)]
        found[order] = {float(state.objective.max()) for state in states}
        assert all(state.trace[:, 0].all() for state in states)
    assert len(found["left_to_right"]) == 1  # nothing is drawn
    assert len(found["shuffled"]) > 1  # where it ends depends on the order
    assert max(found["shuffled"] | found["left_to_right"]) <= problem.optimum + 1e-9


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"tolerance": -0.1}, "tolerance"),
        ({"acceptance": "ratios"}, "acceptance"),
        ({"order": "left"}, "order"),
        ({"purpose": "test"}, "purpose"),
        ({"speculative": 0}, "speculative"),
    ],
)
def test_bad_settings_are_named(settings: dict, word: str) -> None:
    with pytest.raises(QDError, match=f"TAPruning.{word}"):
        TAPruning(**settings)


def test_spaces_that_cannot_be_pruned_are_refused() -> None:
    problem = Table(FULL)
    problem.solution_space = qd.Mask(3, frozen=(0, 1, 2))
    with pytest.raises(QDError, match="frozen"):
        TAPruning().init(problem, 0)
    with pytest.raises(QDError, match="Mask"):
        TAPruning().init(qd.problems.PlanarArm(joints=3), 0)
