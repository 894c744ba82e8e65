"""Loops of a finite task: against brute force, against networkx's cycles, and cases worked by hand."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qd.errors import QDError
from qd.learners import KeyDoor
from qd.rewards.cycles import (
    able_to_go_on,
    endless_values,
    finishing_values,
    maximum_mean_cycles,
    null_steps,
    reachable,
)


def random_task(seed: int, states: int = 6, actions: int = 2) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    shape = (states, actions)
    return rng.integers(states, size=shape), rng.random(shape) < 0.3, rng.normal(size=shape)


def best_cycle(next_state: NDArray[Any], ends: NDArray[Any], paid: NDArray[Any], start: int | None) -> float:
    """The best mean over all simple cycles, each found from its lowest state by trying everything."""
    known, best = reachable(next_state, ends, start), -np.inf

    def walk(first: int, at: int, total: float, been: tuple[int, ...]) -> None:
        nonlocal best
        for action in range(next_state.shape[1]):
            to = int(next_state[at, action])
            if ends[at, action]:
                continue
            if to == first:
                best = max(best, (total + paid[at, action]) / len(been))
            elif to > first and to not in been:
                walk(first, to, total + paid[at, action], (*been, to))

    for first in np.flatnonzero(known):
        walk(int(first), int(first), 0.0, (int(first),))
    return best


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_best_mean_is_that_of_brute_force(seed: int, everywhere: bool) -> None:
    next_state, ends, paid = random_task(seed)
    start = None if everywhere else 0
    found = maximum_mean_cycles(next_state, ends, paid, start)
    assert found == pytest.approx(best_cycle(next_state, ends, paid, start), abs=1e-12)


def test_the_best_mean_is_that_of_networkx() -> None:
    nx = pytest.importorskip("networkx")
    for seed in range(20):
        next_state, ends, paid = random_task(seed, 9, 2)
        graph = nx.DiGraph()
        for s, a in product(range(9), range(2)):
            if not ends[s, a]:
                to = int(next_state[s, a])
                old = graph[s][to]["paid"] if graph.has_edge(s, to) else -np.inf
                graph.add_edge(s, to, paid=max(paid[s, a], old))
        means = [
            np.mean([graph[a][b]["paid"] for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True)])
            for cycle in nx.simple_cycles(graph)
        ]
        found = maximum_mean_cycles(next_state, ends, paid)
        assert found == pytest.approx(max(means, default=-np.inf), abs=1e-12)


def test_there_may_be_no_cycle() -> None:
    line, none = np.array([[1], [2], [2]]), np.zeros((3, 1), bool)
    last = none.copy()
    last[2] = True
    paid = np.ones((2, 3, 1))
    assert maximum_mean_cycles(line, last, paid).tolist() == [-np.inf, -np.inf]
    assert maximum_mean_cycles(line, none, paid).tolist() == [1.0, 1.0], "the last state keeps to itself"
    assert not able_to_go_on(line, last).any()
    assert np.isneginf(endless_values(line, last, paid, 0.9)).all()


def test_a_cycle_that_cannot_be_reached_does_not_count() -> None:
    apart = np.array([[0], [1]])
    never = np.zeros((2, 1), bool)
    paid = np.array([[1.0], [5.0]])
    assert maximum_mean_cycles(apart, never, paid, 0)[0] == 1.0
    assert maximum_mean_cycles(apart, never, paid)[0] == 5.0


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_endless_walks_are_worth_what_the_best_policy_earns(seed: int) -> None:
    next_state, ends, paid = random_task(seed, 4)
    found = endless_values(next_state, ends, paid, 0.8)[0]
    best = np.full(4, -np.inf)
    for policy in product(range(2), repeat=4):  # some stationary policy is best
        value = np.zeros(4)
        for _ in range(150):
            value = np.array(
                [-np.inf if ends[s, a] else paid[s, a] + 0.8 * value[next_state[s, a]] for s, a in enumerate(policy)]
            )
        best = np.maximum(best, value)
    np.testing.assert_allclose(found, best, atol=1e-8)


def test_the_endless_value_tends_to_the_best_mean() -> None:
    for seed in range(10):
        next_state, ends, paid = random_task(seed, 8, 3)
        mean = maximum_mean_cycles(next_state, ends, paid, 0)[0]
        value = endless_values(next_state, ends, paid, 1 - 1e-5)[0, 0]
        assert 1e-5 * value == pytest.approx(mean, abs=1e-3)


def test_finishing_is_worth_the_best_walk_that_succeeds_in_time() -> None:
    line = np.array([[1, 0], [2, 0], [2, 2]])  # on, or back to the first
    success = np.array([[False, False], [False, False], [True, False]])
    ends = success.copy()
    ends[2, 1] = True  # an end that is no success
    paid = np.array([[-1.0, 0.0], [-1.0, 0.0], [10.0, 99.0]])
    assert finishing_values(line, ends, success, paid, 1.0, 3)[0].tolist() == [8.0, 9.0, 10.0]
    assert finishing_values(line, ends, success, paid, 0.5, 3)[0].tolist() == [1.0, 4.0, 10.0]
    assert finishing_values(line, ends, success, paid, 1.0, 2)[0].tolist() == [-np.inf, 9.0, 10.0]


def test_null_steps_change_nothing_and_do_not_end() -> None:
    next_state = np.array([[0, 1], [1, 1]])
    ends = np.array([[False, False], [True, False]])
    assert null_steps(next_state, ends).tolist() == [[True, False], [False, True]]


@given(st.integers(0, 10_000), st.sampled_from([1.0, 0.9]))
@settings(max_examples=40, deadline=None)
def test_a_potential_is_worth_the_same_whatever_loop_is_taken(seed: int, discount: float) -> None:
    table = KeyDoor(size=5).layout(seed % 7)
    phi = 100 * np.random.default_rng(seed).normal(size=len(table.next_state))
    paid = discount * np.where(table.ends, 0.0, phi[table.next_state]) - phi[:, None]
    if discount == 1.0:
        assert abs(maximum_mean_cycles(table.next_state, table.ends, paid)[0]) < 1e-9
    else:
        on = able_to_go_on(table.next_state, table.ends)
        np.testing.assert_allclose(endless_values(table.next_state, table.ends, paid, discount)[0][on], -phi[on],
                                   atol=1e-5)  # fmt: skip


def test_bad_input_is_named() -> None:
    next_state, ends, paid = random_task(0)
    with pytest.raises(QDError, match=r"shapes \(6, 2\), \(6, 2\) and \(1, 6, 1\)"):
        maximum_mean_cycles(next_state, ends, paid[:, :1])
    with pytest.raises(QDError, match="not finite"):
        maximum_mean_cycles(next_state, ends, paid * np.nan)
    with pytest.raises(QDError, match="below 1"):
        endless_values(next_state, ends, paid, 1.0)
