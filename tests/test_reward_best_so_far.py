"""Best so far in an episode: by hand, as a sum, where it cannot be used, and in a learner that runs episodes."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qd.errors import QDError
from qd.learners import KeyDoor, MountainCar, PolicySearch, QLearning
from qd.rewards import BestSoFar, Criterion, Feature, Reward, Squash, Steps


def paid(reward: Reward, after: list[float], before: list[float] | None, *offsets: int) -> list[float]:
    steps = Steps({"x": after}, {} if before is None else {"x": before}, offsets=np.array(offsets))
    return list(reward.values(np.ones((1, len(reward.genes))), steps)[0].tolist())


@pytest.mark.parametrize(
    ("operator", "before", "wanted"),
    [  # two episodes, (1, 3, 2, 4) and (0, -1), with one between that was cut off before its first step
        (BestSoFar(), None, [0, 2, 0, 1, 0, 0]),
        (BestSoFar(first=-2.0), None, [3, 2, 0, 1, 2, 0]),
        (BestSoFar(), [0, 1, 3, 2, -5, 0], [1, 2, 0, 1, 5, 0]),
        (BestSoFar(first=-9.0), [2, 1, 3, 2, 7, 0], [0, 1, 0, 1, 0, 0]),  # what is known goes before
    ],
)
def test_by_hand(operator: BestSoFar, before: list[float] | None, wanted: list[float]) -> None:
    reward = Reward((Feature("x") | operator,))
    assert paid(reward, [1, 3, 2, 4, 0, -1], before, 0, 4, 4, 6) == wanted
    assert reward.kind == "episode" and reward.formula(reward.solution({"x.weight": 1})) == "best_so_far(x)"


def test_it_is_put_behind_other_operators_and_rows_are_apart() -> None:
    reward = Reward((Feature("x", None) | Squash() | BestSoFar(),))
    steps = Steps({"x": [0.0, 2.0, 1.0, 3.0]}, offsets=np.array([0, 4]))
    solutions = np.array([reward.solution({"x.squash": scale}) for scale in (1.0, 2.0)])
    values = reward.values(solutions, steps)
    for scale, row in zip((1.0, 2.0), values, strict=True):
        three, two = math.tanh(3 / scale), math.tanh(2 / scale)
        assert row == pytest.approx([0, two, 0, three - two])
    assert (reward.values(solutions[1:], steps) == values[1:]).all()
    assert reward.values(solutions, Steps({"x": []}, offsets=np.array([0]))).shape == (2, 0)


@settings(max_examples=100, deadline=None)
@given(x=hnp.arrays(np.float64, st.integers(1, 20), elements=st.floats(-1, 1)), first=st.floats(-1, 1))
def test_a_sum_is_how_far_an_episode_got(x: np.ndarray, first: float) -> None:
    reward = Reward((Feature("x", None) | Squash() | BestSoFar(first=first),), default={"x.squash": 1.0})
    steps = Steps({"x": x}, offsets=np.array([0, len(x)]))
    values = reward.values(reward.start(), steps)
    assert (values >= 0).all()
    assert values.sum() == pytest.approx(max(np.tanh(x).max(), first) - first)


def test_what_is_not_a_number_stays_so_to_the_end_of_its_episode() -> None:
    reward = Reward((Feature("x") | BestSoFar(),))
    values = paid(reward, [1, math.nan, 2, 0, 1], None, 0, 3, 5)
    np.testing.assert_array_equal(values, [0, math.nan, math.nan, 0, 1])


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        (None, "give Steps.offsets"),
        ([], "Steps.offsets"),
        ([1, 3], "Steps.offsets"),
        ([0, 2], "rise from 0 to 3"),
        ([0, 2, 1, 3], "Steps.offsets"),
    ],
)
def test_steps_that_are_no_episodes_are_refused(offsets: Any, message: str) -> None:
    steps = Steps({"x": [1.0, 2.0, 3.0]}, offsets=None if offsets is None else np.array(offsets))
    with pytest.raises(QDError, match=message):
        Reward((Feature("x") | BestSoFar(),)).values(np.ones((1, 1)), steps)


def test_bad_settings_are_named() -> None:
    with pytest.raises(QDError, match=r"BestSoFar\.first: got nan"):
        BestSoFar(first=math.nan)
    with pytest.raises(QDError, match="'accuracy' is worth something at an episode's end alone"):
        Criterion("accuracy") | BestSoFar()


def test_a_table_refuses_it_and_a_learner_that_runs_episodes_is_paid_for_height() -> None:
    one, seeds = np.zeros(1, np.int64), np.array([3], np.uint64)
    tables = Reward((Feature("progress") | BestSoFar(),))
    with pytest.raises(QDError, match="of whole episodes"):
        QLearning().train(KeyDoor(), tables, np.ones((1, 1)), one, one, seeds, 1.0, 100)
    reward = Reward((Feature("position", None) | BestSoFar() | Squash(),))
    learner = PolicySearch(population=6, parents=2, hidden=(4,))
    learned = learner.train(MountainCar(), reward, reward.start(), one, one, seeds, 0.0, 6 * 200 * 4)
    known = learned.shaped[np.isfinite(learned.shaped)]
    assert len(known) and (known >= 0).all() and known.max() > known.min()
    assert learned.ok.all()
