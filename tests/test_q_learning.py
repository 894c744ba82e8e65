"""Batched tabular Q-learning: equal to a plain learner, on every backend; a potential changes no optimal policy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qd.errors import QDError
from qd.learners import KeyDoor, QLearning, TableTask
from qd.learners.key_door import FEATURES
from qd.learners.q_learning import compiled
from qd.rewards import CountBonus, Feature, Potential, Reward, Steps, WeightedSum
from tests.twins.q_learning import plain_learner

FIELDS = ("curve", "first", "coverage", "length", "reach", "shaped", "solved", "steps", "ok", "paths")


def _cells(n: int, layouts: int, seeds: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
    which, at, seed = (part.ravel() for part in np.indices((n, layouts, seeds)))
    return which, at, (seed + 100 * at + 7).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def _form() -> Reward:
    return Reward(tuple(Feature(name) for name in FEATURES), WeightedSum(0.1))


def _solutions(n: int) -> NDArray[np.float64]:
    return np.asarray(_form().space.sample(n, np.random.default_rng(3)))


@pytest.mark.parametrize("backend", ["numba", "numpy", "torch"])
def test_a_backend_equals_a_plain_learner(backend: Any) -> None:
    if backend == "torch":
        pytest.importorskip("torch")
    task, form, solutions = KeyDoor(size=7, horizon=40), _form(), _solutions(2)
    solutions[0, 0:4] = 2.0  # one that learns the task
    which, at, seeds = _cells(2, 2, 2)
    learned = QLearning(backend=backend).train(task, form, solutions, which, at, seeds, 1.0, 400)
    rewards, _ = compiled(form, solutions, [task.layout(0), task.layout(1)])
    for cell in range(len(which)):
        curve, first, path, returns = plain_learner(
            task.layout(int(at[cell])), rewards[which[cell], at[cell]], int(seeds[cell]), 400
        )
        assert learned.curve[cell].tolist() == curve
        assert learned.first[cell] == first
        assert learned.paths[cell][: len(path)].tolist() == path
        assert learned.shaped[cell][: len(returns)].tolist() == [float(paid) for paid, _ in returns]
        assert learned.solved[cell][: len(returns)].tolist() == [solved for _, solved in returns]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_backends_agree_to_the_bit_with_a_count_bonus(backend: Any) -> None:
    if backend == "torch":
        pytest.importorskip("torch")
    task, form, solutions = KeyDoor(size=7), _form(), _solutions(3)
    tables = [task.layout(k) for k in range(2)]
    rewards, _ = compiled(form, solutions, tables)
    which, at, seeds = _cells(3, 2, 3)
    bonus = np.array([0.0, 0.05, 0.3], np.float32)
    numba = QLearning(optimism=0.25).train_on(tables, rewards, bonus, which, at, seeds, 1.0, 600)
    other = QLearning(backend=backend, optimism=0.25).train_on(tables, rewards, bonus, which, at, seeds, 1.0, 600)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(numba, name), getattr(other, name), err_msg=name)
    assert not np.array_equal(numba.shaped[which == 1], numba.shaped[which == 0])


def test_optimism_tries_what_was_not_tried() -> None:
    task = KeyDoor()
    rewards = np.zeros((1, 1, *task.layout(0).next_state.shape), np.float32)
    which, at, seeds = _cells(1, 1, 20)
    plain, optimist = (
        QLearning(optimism=optimism).train_on(
            [task.layout(0)], rewards, np.zeros(1, np.float32), which, at, seeds, 0, 3000
        )
        for optimism in (0.0, 1.0)
    )
    assert optimist.coverage.mean() > plain.coverage.mean() + 0.03


def test_a_learner_does_not_depend_on_those_beside_it() -> None:
    task, form, solutions = KeyDoor(), _form(), _solutions(4)
    which, at, seeds = _cells(4, 2, 2)
    together = QLearning().train(task, form, solutions, which, at, seeds, 1.0, 500)
    alone = QLearning().train(task, form, solutions[2:3], np.zeros(1, np.int64), at[9:10], seeds[9:10], 1.0, 500)
    assert which[9] == 2
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(together, name)[9:10], getattr(alone, name), err_msg=name)


def test_a_corridor_is_learned() -> None:
    """Five states in a row, right is 1: with success alone paid, the greedy policy goes right in the end."""
    right = np.minimum(np.arange(5) + 1, 4)
    next_state = np.stack([np.maximum(np.arange(5) - 1, 0), right], axis=1).astype(np.int32)
    success = np.zeros((5, 2), bool)
    success[3, 1] = True
    table = TableTask(next_state, success, success, 0, 20, {"x": np.arange(5.0)})
    assert table.steps_to_success.tolist() == [4, 3, 2, 1, 2]
    assert table.place_count == 5
    zero = np.zeros((1, 1, 5, 2), np.float32)
    none = np.zeros(1, np.float32)
    where = np.zeros(1, np.int64)
    learned = QLearning(explore=0.3).train_on([table], zero, none, where, where, np.array([5], np.uint64), 1.0, 2000)
    assert learned.final[0] == 1.0
    assert learned.paths[0, :6].tolist() == [0, 1, 2, 3, 4, -1]
    assert learned.length[0] == 4 / 20


def _values(table: TableTask, paid: NDArray[np.float64], discount: float) -> NDArray[np.float64]:
    """(S, A) the optimal action values, by value iteration to the end."""
    q = np.zeros(paid.shape)
    for _ in range(3000):
        better = paid + discount * np.where(table.ends, 0.0, q.max(axis=1)[table.next_state])
        if np.abs(better - q).max() < 1e-13:
            break
        q = better
    return q


@settings(max_examples=15, deadline=None)
@given(theta=st.tuples(*[st.floats(-3, 3)] * 4), layout=st.integers(0, 30))
def test_a_potential_leaves_the_optimal_policies_as_they_are(theta: tuple[float, ...], layout: int) -> None:
    """Exact, by value iteration: Q* moves by the potential of the state, equally for all actions."""
    table = KeyDoor(size=6).layout(layout)
    names = ("x", "key_distance", "goal_distance", "has_key")
    form = Reward((Potential(names, discount=0.95),))
    solution = form.solution({f"potential.{name}": t for name, t in zip(names, theta, strict=True)})
    shaping = form.values(solution[None], table.all_steps)[0].reshape(table.next_state.shape)
    true = table.success.astype(np.float64)
    plain, shaped = _values(table, true, 0.95), _values(table, true + shaping, 0.95)
    potential = sum(t * table.states[name] for name, t in zip(names, theta, strict=True))
    np.testing.assert_allclose(shaped, plain - np.asarray(potential)[:, None], atol=1e-9)


def test_a_learner_that_diverges_is_said_to() -> None:
    task = KeyDoor(size=6)
    rewards = np.full((1, 1, *task.layout(0).next_state.shape), 3e38, np.float32)
    where = np.zeros(1, np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        learned = QLearning(rate=1.0, discount=1.0).train_on(
            [task.layout(0)], rewards, np.zeros(1, np.float32), where, where, np.ones(1, np.uint64), 0.0, 300
        )
    assert not learned.ok[0]


@pytest.mark.parametrize(
    ("settings", "field"),
    [({"steps": 3}, "steps"), ({"rate": 1.5}, "rate"), ({"discount": 0.0}, "discount"), ({"explore": -1}, "explore"),
     ({"backend": "nump"}, "backend")],
)  # fmt: skip
def test_wrong_settings_are_named(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(QDError, match=field):
        QLearning(**settings)


def test_correlation_and_farming_by_hand() -> None:
    from qd.learners.learner import Learned

    blank = np.zeros(3)
    shaped = np.array([[1.0, 2, 3, 4], [4, 3, 2, np.nan], [5, 5, 5, 5]])
    solved = np.array([[False, False, True, True], [False, False, True, False], [True, False, True, False]])
    learned = Learned(np.zeros((3, 10)), blank, blank, blank, blank, shaped, solved, blank, blank > 0, np.zeros((3, 1)))  # type: ignore[arg-type]
    np.testing.assert_allclose(learned.correlation, [2 / np.sqrt(5), -np.sqrt(3) / 2, 0.0])
    assert learned.farming.tolist() == [0.0, 1.0, 0.0]


def test_steps_of_a_table_have_a_before_and_an_after() -> None:
    table = KeyDoor().layout(3)
    steps: Steps = table.all_steps
    gained = steps.earlier("key_distance") - steps.column("key_distance")  # type: ignore[operator]
    picked = steps.column("key_picked") > 0
    np.testing.assert_array_equal(gained[~picked], steps.column("toward_key")[~picked])
    facing = (table.states["has_key"] == 0) & (table.states["key_distance"] == 1)
    assert 1 <= picked.sum() <= facing.sum() / 4, "from beside the key, of four headings one picks it up"


def test_a_count_bonus_in_a_weighted_sum_is_what_the_learner_adds() -> None:
    task = KeyDoor(size=7)
    form = Reward((Feature("step"), CountBonus()), WeightedSum(0.1))
    solutions = np.stack([form.solution({"count_bonus.beta": beta}) for beta in (1e-4, 0.05, 0.5)])
    assert form.kind == "history" and form.count_weights(solutions) == pytest.approx([1e-4, 0.05, 0.5])
    which, at, seeds = _cells(3, 2, 6)
    learned = QLearning().train(task, form, solutions, which, at, seeds, 0.0, 1500)
    tables = [task.layout(0), task.layout(1)]
    rewards, bonus = np.zeros((3, 2, *tables[0].next_state.shape), np.float32), np.array([1e-4, 0.05, 0.5], np.float32)
    by_hand = QLearning().train_on(tables, rewards, bonus, which, at, seeds, 0.0, 1500)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(learned, name), getattr(by_hand, name), err_msg=name)
    assert not np.array_equal(learned.shaped[which == 1], learned.shaped[which == 2])


def test_a_count_bonus_wants_optimism_of_what_it_pays_for_ever() -> None:
    """Tables that begin at 0: what is tried first is paid, so it is repeated; 5 = 0.1 / (1 - 0.98) looks better."""
    task, form = KeyDoor(size=7), Reward((CountBonus(), Feature("step")))
    which, at, seeds = _cells(1, 4, 12)
    coverage = [
        QLearning(optimism=optimism).train(task, form, form.start(), which, at, seeds, 0.0, 1500).coverage.mean()
        for optimism in (0.0, 5.0)
    ]
    assert coverage[1] > 1.5 * coverage[0]
