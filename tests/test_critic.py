"""The critic: what is wrong with a reward before a learner sees it; cycles against brute force and networkx."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qd
from qd.learners import KeyDoor, QLearning, TableTask, TaskCritic
from qd.learners.key_door import FEATURES
from qd.rewards import Critic, Feature, Gene, Potential, ProgramReward, Reward, Steps, Variable
from qd.rewards.critic import random_steps
from qd.rewards.cycles import greatest_mean_cycle

TASK = KeyDoor(size=6, horizon=40)
FORM = ProgramReward(TASK.variables)
JUDGE = TaskCritic(TASK, FORM)


def verdict(text: str, judge: TaskCritic = JUDGE) -> Any:
    return judge.verdicts(FORM.space.pack([FORM.parse(text)]))[0]


def by_force(next_state: Any, reward: Any, allowed: Any) -> float:
    """All simple cycles, one after another."""
    states, best = len(next_state), -np.inf
    weight = np.full((states, states), -np.inf)
    for s, a in zip(*np.nonzero(allowed), strict=True):
        weight[s, next_state[s, a]] = max(weight[s, next_state[s, a]], reward[s, a])
    for length in range(1, states + 1):
        for cycle in permutations(range(states), length):
            best = max(best, sum(weight[s, t] for s, t in zip(cycle, (*cycle[1:], cycle[0]), strict=True)) / length)
    return float(best)


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_the_greatest_mean_cycle_is_that_of_all_cycles(seed: int, states: int, actions: int) -> None:
    rng = np.random.default_rng(seed)
    next_state = rng.integers(0, states, (states, actions))
    reward, allowed = rng.normal(size=(states, actions)), rng.random((states, actions)) < 0.7
    mean, cycle = greatest_mean_cycle(next_state, reward, allowed)
    wanted = by_force(next_state, reward, allowed)
    if not np.isfinite(wanted):
        assert (mean, cycle) == (-np.inf, [])
        return
    assert mean == pytest.approx(wanted)
    around = zip(cycle, (*cycle[1:], cycle[0]), strict=True)
    paid = [reward[s][allowed[s] & (next_state[s] == t)].max() for s, t in around]
    assert np.mean(paid) == pytest.approx(wanted)


def test_a_larger_graph_has_the_cycle_that_networkx_finds() -> None:
    networkx = pytest.importorskip("networkx")
    rng = np.random.default_rng(1)
    next_state, reward = rng.integers(0, 12, (12, 2)), rng.normal(size=(12, 2))
    graph = networkx.DiGraph()
    for s in range(12):
        for a in range(2):
            t = int(next_state[s, a])
            pay = max(reward[s, a], graph.edges[s, t]["pay"]) if graph.has_edge(s, t) else reward[s, a]
            graph.add_edge(s, t, pay=pay)
    best = max(
        np.mean([graph.edges[s, t]["pay"] for s, t in zip(c, (*c[1:], c[0]), strict=True)])
        for c in networkx.simple_cycles(graph)
    )
    assert greatest_mean_cycle(next_state, reward, np.ones((12, 2), bool))[0] == pytest.approx(best)


@pytest.mark.parametrize(
    ("text", "check", "says"),
    [
        ("bump", "standing still", "a step that changes nothing pays 1"),
        ("1 + 0 * key_picked", "numerics", "pays 1 at every one"),
        ("x", "standing still", "pays 3"),
        ("abs(delta(heading))", "cycle", "going round"),
        ("max(toward_goal, 0)", "cycle", "going round 2 states|going round"),
        ("9 * y + 6", "numerics", "cut off at 5"),
        ("key_picked + door_opened", "", ""),
        ("0.5 * toward_key + 0.5 * toward_goal_open", "", ""),
        ("-bump - 0.1 * has_key", "", ""),
    ],
)
def test_what_is_wrong_with_programs(text: str, check: str, says: str) -> None:
    import re

    found = verdict(text)
    assert found.check == check
    assert re.search(says, found.reason)


def test_a_reward_that_is_not_finite_is_found_though_it_is_clipped() -> None:
    text = "10 / (bump / 10 * 0.0001 / 10)"
    deep = ProgramReward(TASK.variables, max_depth=12, max_nodes=60)
    row = deep.parse("*".join([f"({text})"] * 2))
    assert Critic().judge(deep, deep.space.pack([row]), random_steps(TASK.variables))[0].check in ("numerics", "")
    steps = Steps({"a": np.array([1.0, np.inf])})
    plain = ProgramReward((Variable("a", about="step"),))
    found = Critic().judge(plain, plain.space.pack([plain.parse("a")]), steps)[0]
    assert str(found) == "numerics: it is not finite at 1 of 2 steps"
    big = Critic(cap=10).judge(plain, plain.space.pack([plain.parse("a * 9")]), Steps({"a": np.array([1.0, 2.0])}))[0]
    assert "pays 18 in a step, more than cap = 10" in big.reason


def test_weights_are_judged_as_programs_are() -> None:
    form = Reward(tuple(Feature(name) for name in FEATURES))
    given_weights = [{"bump": 1.0}, {"key_picked": 1.0}, {"toward_goal": 1.0, "toward_key": 1.0}]
    rows = [form.solution({f"{name}.weight": w for name, w in weights.items()}) for weights in given_weights]
    z = np.stack([*rows, np.full(len(FEATURES), 9.0)])
    checks = [found.check for found in TaskCritic(TASK, form).verdicts(z)]
    assert checks == ["standing still", "", "", "semantics"]


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_potential_shaping_never_farms(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = ("key_distance", "door_distance", "goal_distance", "has_key", "door_open", "x", "progress")
    form = Reward((Potential(tuple(Gene(name) for name in names), discount=1.0),))
    table = TASK.layout(int(rng.integers(5)))
    paid = form.values(rng.normal(size=(1, form.space.length)) * 2, table.all_steps)[0]
    assert Critic().farming(table, paid).passed
    mean, _ = greatest_mean_cycle(table.next_state, paid.reshape(table.next_state.shape), ~table.ends)
    assert abs(mean) < 1e-9


def line(pay_success: float, pay_other: float) -> tuple[Any, Any]:
    """Two states; action 1 of state 1 succeeds."""
    next_state = np.array([[0, 1], [0, 1]], np.int32)
    success = np.array([[False, False], [False, True]])
    table = TableTask(next_state, success, success, 0, 5, {"place": np.array([0.0, 1.0])},
                      {"pay": np.array([[0, -1.0], [pay_other, pay_success]])})  # fmt: skip
    return table, Reward((Feature("pay"),))


def test_success_must_not_pay_less_than_missing_it() -> None:
    table, form = line(-2.0, -0.5)
    assert Critic(success=1.0).judge(form, np.ones((1, 1)), tables=[table])[0].check == "order"
    assert Critic(success=2.0).judge(form, np.ones((1, 1)), tables=[table])[0].passed


def test_progress_that_was_declared_must_pay() -> None:
    critic = TaskCritic(TASK, FORM, Critic(progress={"progress": 1}))
    assert verdict("key_picked - progress", critic).check == "progress"
    assert verdict("delta(progress)", critic).passed


def test_duplicates_are_found_by_tree_and_by_rank() -> None:
    known = FORM.space.pack([FORM.parse("bump + 2 * step"), FORM.parse("0.2 * goal_distance")])
    for text, place in (("step * 2 + bump", 0), ("0.3 * goal_distance - 1", 1), ("x", -1)):
        assert Critic().duplicate(FORM, FORM.parse(text), known, JUDGE.probe)[0] == place


def test_bad_settings_are_named() -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"cap": 0}, "Critic.cap"),
        ({"order": 2}, "Critic.order"),
        ({"progress": {"x": 3}}, "progress"),
    ]
    for wrong, says in bad:
        with pytest.raises(qd.QDError, match=says):
            Critic(**wrong)
    with pytest.raises(qd.QDError, match="neither steps nor tables"):
        Critic().judge(FORM, FORM.space.pack([FORM.parse("x")]))
    with pytest.raises(qd.QDError, match=r"TaskCritic\.layouts"):
        TaskCritic(TASK, FORM, layouts=0)


def test_text_that_is_refused_has_a_verdict() -> None:
    row, found = Critic().text(FORM, "eval(x)")
    assert row is None
    assert found.check == "syntax"
    assert Critic().text(FORM, "x")[1].passed


def test_a_refused_reward_costs_nothing_and_shifts_nobody() -> None:
    problem = qd.problems.EvolvedReward(TASK, FORM, QLearning(steps=200), critic=JUDGE)
    texts = ["key_picked", "bump", "toward_key"]
    batch = FORM.space.pack([FORM.parse(text) for text in texts])
    seeds = np.array([1, 2, 3], np.uint64)
    evaluation = problem.evaluate(qd.Request(batch), seeds)
    assert evaluation.status.tolist() == [0, 3, 0]
    assert evaluation.reasons[1].startswith("standing still")
    assert evaluation.cost["steps"][1] == 0
    alone = problem.evaluate(qd.Request(batch[[2]]), seeds[2:])
    assert alone.objective[0] == evaluation.objective[2]
