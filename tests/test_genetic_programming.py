"""Genetic programming on known formulas: it finds them, obeys its critic, and resumes to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import qd
from operators import cma_es
from qd.algorithms import _constant_tuning
from qd.algorithms._constant_tuning import with_constants
from qd.algorithms.genetic_programming import GeneticProgramming
from qd.codec import decode, encode
from qd.learners import KeyDoor, QLearning, TaskCritic
from qd.rewards import Program, ProgramReward, Variable
from qd.rewards.program import terms_of
from tests import regression

SPACE = regression.SPACE


def searched(algorithm: qd.Algorithm, evaluations: int, seed: int = 1, target: str = "x * x - y") -> qd.Result:
    return qd.run(qd.Experiment(regression.problem(target), algorithm, evaluations, seed=seed), progress=False)


@pytest.mark.slow
def test_a_short_formula_is_found() -> None:
    found = [searched(GeneticProgramming(60), 1500, seed).summary["best_objective"] for seed in (1, 2, 3)]
    assert max(found) > -1e-6


def test_constants_are_tuned_to_their_values() -> None:
    problem = regression.problem("0.37 * x - 2.5")
    algorithm = GeneticProgramming(tune_every=1, tune_top=1, tune_evaluations=200)
    state = algorithm.init(problem, 3)
    start = SPACE.pack([SPACE.parse("1 * x - 1")])
    state.solutions, state.ids = start, np.array([0])
    state.objective, state.island = problem.evaluate(qd.Request(start), np.zeros(1, np.uint64)).objective, np.array([0])
    _constant_tuning.begin(state, algorithm.tune_top, algorithm.jitter_sigma)
    first = 1
    while state.tuning:
        request = algorithm.ask(state, 100)
        assert request is not None
        request.first, first = first, first + len(request)
        algorithm.tell(state, request, problem.evaluate(request, np.zeros(len(request), np.uint64)))
    constants = state.solutions.row(0).reshape(-1, 2)
    np.testing.assert_allclose(constants[constants[:, 0] == 0, 1], [0.37, 2.5], atol=0.01)


def test_children_obey_the_critic_or_are_counted() -> None:
    task = KeyDoor(size=6, horizon=40)
    form = ProgramReward(task.variables)
    critic = TaskCritic(task, form)
    problem = qd.problems.EvolvedReward(task, form, QLearning(steps=100))
    state = GeneticProgramming(10, critic).init(problem, 1)
    request = GeneticProgramming(10, critic, retries=50).ask(state, 100)
    assert request is not None
    assert critic.reasons(request.solutions) == [None] * len(request)
    assert sum(state.refused.values()) == len(state.reasons) > 0
    assert ": " in state.reasons[0]


def test_nothing_is_evaluated_twice() -> None:
    problem, algorithm = regression.problem(), GeneticProgramming(20, tune_every=0, retries=100)
    state, seen = algorithm.init(problem, 2), list[bytes]()
    for number in range(6):
        request = algorithm.ask(state, 1000)
        assert request is not None
        request.first = 100 * number
        seen += [SPACE.canonical(row).tobytes() for row in request.solutions]
        algorithm.tell(state, request, problem.evaluate(request, np.zeros(len(request), np.uint64)))
    assert len(set(seen)) == len(seen)


def test_a_state_goes_through_the_codec_and_on_to_the_same() -> None:
    problem, algorithm = regression.problem(), GeneticProgramming(48, tune_every=1)
    state = algorithm.init(problem, 5)
    for number in range(7):
        request = algorithm.ask(state, 1000)
        assert request is not None
        request.first = 100 * number
        copied = qd.algorithms.GeneticProgramming.State(**decode(encode(vars(state))))
        assert encode(vars(copied)) == encode(vars(state))
        evaluation = problem.evaluate(request, np.zeros(len(request), np.uint64))
        evaluation.objective[::4], evaluation.status[::4] = np.nan, 1
        algorithm.tell(state, request, evaluation)
        algorithm.tell(copied, request, evaluation)
        one, other = algorithm.ask(state, 1000), algorithm.ask(copied, 1000)
        assert one is not None
        assert other is not None
        assert one.solutions == other.solutions
        state = copied
    assert set(state.island.tolist()) == {0, 1, 2, 3}
    assert not np.isnan(state.objective).any()


def test_a_generation_of_failures_ends_nothing() -> None:
    algorithm, problem = GeneticProgramming(12), regression.problem()
    state = algorithm.init(problem, 1)
    for number in range(4):
        request = algorithm.ask(state, 1000)
        assert request is not None
        request.first = 100 * number
        n = len(request)
        failed = np.full(n, np.nan), np.ones(n, np.int8)
        evaluation = (
            problem.evaluate(request, np.zeros(n, np.uint64))
            if number == 1
            else qd.Evaluation(failed[0], None, failed[1])  # type: ignore[arg-type]
        )
        algorithm.tell(state, request, evaluation)
    assert len(state.ids) == 12


def test_constants_are_put_in_by_their_order() -> None:
    row = with_constants(SPACE.parse("1 * x - 2"), np.array([3.0, 4.0]))
    assert SPACE.formula(row) == "3.0 * x - 4.0"
    assert cma_es.init(np.zeros((1, 1)), 0.1, 5).d == 1


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(qd.QDError, match="varies programs"):
        GeneticProgramming().init(qd.problems.Sphere(dimension=3), 1)
    with pytest.raises(qd.QDError, match="elites"):
        GeneticProgramming(40, elites=40)
    with pytest.raises(qd.QDError, match="more than 1"):
        GeneticProgramming(crossover=0.9)
    other = TaskCritic(KeyDoor(), ProgramReward(KeyDoor().variables))
    with pytest.raises(qd.QDError, match="other programs"):
        replace(GeneticProgramming(), critic=other).init(regression.problem(), 1)
    assert Program((Variable("x"),)) != SPACE


def test_it_can_begin_with_sums_of_weighted_variables() -> None:
    task = KeyDoor(size=6, horizon=40)
    form = ProgramReward(task.variables)
    critic = TaskCritic(task, form)
    problem = qd.problems.EvolvedReward(task, form, QLearning(steps=100))
    algorithm = GeneticProgramming(15, critic, initial="sums")
    request = algorithm.ask(algorithm.init(problem, 1), 100)
    assert request is not None and len(request) == 15
    assert critic.reasons(request.solutions) == [None] * 15
    terms = [len(terms_of(form.space, row)) for row in request.solutions]
    assert terms == [1, 2, 3, 4, 5] * 3
    with pytest.raises(qd.QDError, match="initial"):
        GeneticProgramming(initial="forest")  # type: ignore[arg-type]
