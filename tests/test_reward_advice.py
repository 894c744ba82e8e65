"""What policies did, as columns, and the edits of programs that this suggests."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

import qd
from qd.algorithms.genetic_programming import ADVISED, GeneticProgramming
from qd.contracts import CELL, Request
from qd.learners import KeyDoor, QLearning, TaskCritic
from qd.problems._reward_analysis import analysis
from qd.problems.evolved_reward import EvolvedReward
from qd.rewards import Feature, ProgramReward, Reward
from qd.rewards.advice import SEEN, advised, told
from qd.rewards.analyser import FAILURES
from qd.rewards.critic import Critic
from qd.rewards.edits import edited

TASK = KeyDoor(size=6, horizon=40)
FORM = ProgramReward(TASK.variables)
SPACE = FORM.space
STAGES, HAPPENINGS = ("has_key", "door_open"), ("bump", "step", "toward_key")


def problem(**more: Any) -> EvolvedReward:
    few: dict[str, Any] = {"layouts": 2, "seeds": 2, "held_out": 2, "test_seeds": 2}
    return EvolvedReward(TASK, FORM, QLearning(steps=200), **(few | more))


def programs(*texts: str) -> Any:
    return SPACE.pack([SPACE.parse(text) for text in texts])


def walked(actions: list[int], solution: str) -> dict[str, Any]:
    """The analysis of an episode of these actions."""
    table, path = TASK.layout(0), np.full(TASK.horizon + 1, -1, np.int32)
    path[0] = table.start
    for i, action in enumerate(actions):
        path[i + 1] = table.next_state[path[i], action]
    learned: Any = SimpleNamespace(paths=path[None], final=np.zeros(1))
    found = analysis(TASK, FORM, programs(solution), np.zeros(1, np.int64), np.zeros(1, np.int64), learned)
    return {name: values[0] for name, values in found.items()}


def test_an_episode_of_turning_round_is_a_loop_that_time_pays_for() -> None:
    seen = walked([0] * TASK.horizon, "3 * step - 1 * has_key")
    assert FAILURES[int(seen["failures"].argmax())] == "farming loop"
    assert seen["reached"].tolist() == [0, 0, 0]
    np.testing.assert_allclose(seen["shares"][:3], [1, 0, 0])
    np.testing.assert_allclose(seen["loop_pay"][:3], [3, 0, 0])
    assert seen["happened"].max() == 0, "a step is a step everywhere, and nothing else happened"
    edits = advised(SPACE, SPACE.parse("3 * step - 1 * has_key"), seen, TASK.stages, problem().happenings)
    assert [(edit.kind, edit.target) for edit in edits] == [
        ("drop", "3 * step"),
        ("bonus", "delta(has_key)"),
        ("rescale", "3 * step"),
        ("drop", "3 * step"),
        ("drop", "1 * has_key"),
    ]


def test_advice_reads_its_numbers() -> None:
    seen = {
        "failures": np.array([0.2, 0, 0, 0, 0, 0.8]),
        "reached": np.array([0.9, 0.1, 0.2]),
        "shares": np.array([0.1, 0.9] + [0.0] * 14),
        "variances": np.array([1.0, 0.5] + [0.0] * 14),
        "loop_pay": np.zeros(16),
        "happened": np.array([0.7, 0.0, 0.0]),
    }
    row = SPACE.parse("1 * bump + 2 * toward_key")
    edits = advised(SPACE, row, seen, STAGES, HAPPENINGS)
    assert [edit[:3] for edit in edits] == [("bonus", "delta(door_open)", 0.0), ("rescale", "2 * toward_key", 0.25)]
    assert edits[0].reason == "90% of episodes never come to door_open"
    looping = seen | {"failures": np.array([0, 0, 1.0, 0, 0, 0])}
    kinds = [edit[:2] for edit in advised(SPACE, row, looping, STAGES, HAPPENINGS)]
    assert kinds[0] == ("penalty", "bump"), "nothing is paid in the loop, but it bumps"
    assert told(seen, STAGES) == "80% time-out, 20% success; has_key in 90%, door_open in 10%"
    for edit in edits:
        assert edited(SPACE, row, edit, np.random.default_rng(0))[1]


def test_columns_of_cells_gather_to_those_of_rows() -> None:
    rows, number = programs("toward_key", "3 * step", "delta(has_key) - 1 * bump"), problem().cells_of
    seeds = np.arange(1, 4, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    whole = problem().evaluate(Request(rows, columns=SEEN), seeds)
    k = number(Request(rows))
    each = Request(
        SPACE.pack([row for row in rows for _ in range(k)]), columns=SEEN, fidelity={CELL: np.tile(np.arange(k), 3)}
    )
    cells = problem().evaluate(each, np.repeat(seeds, k))
    for name in SEEN:
        values = cells.columns[name]
        together = problem().gather({name: values.reshape(3, k, values.shape[1])})[name]
        np.testing.assert_allclose(together, whole.columns[name], atol=1e-12, err_msg=name)
    np.testing.assert_allclose(whole.columns["failures"].sum(axis=1), 1)


def test_what_was_refused_has_empty_columns_of_the_right_width() -> None:
    result = qd.evaluate_batch(problem(critic=Critic()), Request(programs("step", "2 * step"), columns=SEEN))
    assert not result.ok.any()
    assert result.columns["reached"].shape == (2, 3) and np.isnan(result.columns["happened"]).all()


def test_rewards_with_weights_are_analysed_too() -> None:
    reward = Reward((Feature("toward_key"), Feature("step")))
    weighed = EvolvedReward(TASK, reward, QLearning(steps=200), layouts=1, seeds=1, held_out=1)
    solution = reward.solution({"toward_key.weight": 1.0, "step.weight": 0.5})
    seen = qd.evaluate_batch(weighed, Request(solution[None], columns=SEEN)).columns
    assert seen["shares"][0, :2].sum() > 0.999


def run(algorithm: qd.Algorithm, generations: int = 12) -> tuple[Any, list[str]]:
    """Its state and the operators of its children."""
    task = problem()
    state, names, first = algorithm.init(task, 3), list[str](), 0
    for number in range(generations):
        request = algorithm.ask(state, 1000)
        assert request is not None
        request.number, request.first = number, first
        first += len(request)
        names += [request.operators] if isinstance(request.operators, str) else list(request.operators)
        algorithm.tell(state, request, qd.evaluate_batch(task, replace(request)))
    return state, names


def test_advised_edits_are_made_and_told_to_the_bandit() -> None:
    algorithm = GeneticProgramming(12, TaskCritic(TASK, FORM), edit=1.0, edit_most=1.0, tune_every=2)
    state, names = run(algorithm)
    made = [name for name in names if name in ADVISED]
    assert made
    assert sum(sum(state.edits[kind]) for kind in ADVISED) == len(made)
    assert set(state.advice) <= {str(number) for number in state.ids}
    _, plain = run(GeneticProgramming(12, edit=1.0, edit_most=1.0, analyse=False))
    assert not set(plain) & set(ADVISED)


def test_a_critic_that_lets_nothing_pass_costs_no_evaluation() -> None:
    impossible = TaskCritic(TASK, FORM, Critic(cap=1e-12))
    algorithm = GeneticProgramming(6, impossible, retries=3, patience=4)
    experiment = qd.Experiment(problem(), algorithm, 30, seed=1)
    result = qd.run(experiment, progress=False)
    assert result.summary["evaluations"] == 0
    assert result.summary["metrics"]["refused"] + result.summary["metrics"]["repeats"] == 4 * 6 * 3
