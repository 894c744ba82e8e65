"""Mountain car and Acrobot for learners: gymnasium's motion, binned Q-learning and policy search on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.learners import Acrobot, BinnedQLearning, KeyDoor, MountainCar, PolicySearch, QLearning
from qd.problems.evolved_reward import EvolvedReward
from qd.rewards import Feature, Reward

pytestmark = pytest.mark.thorough
ENERGY = Reward((Feature("energy_gain"), Feature("step")))


@pytest.mark.peer
@pytest.mark.parametrize(
    ("task", "name"), [(MountainCar(horizon=60), "MountainCar-v0"), (Acrobot(horizon=60), "Acrobot-v1")]
)
def test_the_motion_is_gymnasiums_step_for_step(task: Any, name: str) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    network = task.network((4,))
    weights = np.random.default_rng(1).normal(size=(3, network.length))
    runs = task.rollouts(network, weights, 2)
    env = gymnasium.make(name).unwrapped
    for row in range(3):
        env.reset(seed=0)
        env.state = np.array(task.layout(2)[0])
        for step in range(int(runs.length[row])):
            observed, *_ = env.step(int(runs.actions[row, step]))
            truth = np.asarray(env.state, np.float64)
            np.testing.assert_allclose(runs.states[row, step + 1], truth, atol=2e-6)
            assert np.isfinite(observed).all()


def learners(task: Any, n: int, steps: int) -> Any:
    solutions = np.stack([ENERGY.solution({"energy_gain.weight": 1.0}), ENERGY.solution({"step.weight": 1.0})])
    which, layouts = np.repeat([0, 1], n), np.tile(np.arange(n), 2)
    seeds = np.arange(2 * n, dtype=np.uint64) * np.uint64(7919)
    return which, BinnedQLearning().train(task, ENERGY, solutions, which, layouts, seeds, 1.0, steps)


def test_pay_for_energy_teaches_the_car_and_pay_for_time_does_not() -> None:
    which, learned = learners(MountainCar(), 4, 40_000)
    assert learned.curve[which == 0].mean() > learned.curve[which == 1].mean() + 0.1
    assert learned.curve[which == 1].mean() == 0.0
    assert (learned.steps >= 40_000).all() and learned.ok.all()


@pytest.mark.parametrize("learner", [BinnedQLearning(steps=2000), PolicySearch(steps=6400)])
def test_a_learner_does_not_depend_on_those_beside_it(learner: Any) -> None:
    task, solutions = MountainCar(), np.asarray(ENERGY.space.sample(3, np.random.default_rng(0)))
    which, layouts, seeds = np.repeat(np.arange(3), 2), np.tile([0, 1], 3), np.arange(1, 7, dtype=np.uint64)
    together = learner.train(task, ENERGY, solutions, which, layouts, seeds, 1.0, learner.steps)
    alone = learner.train(
        task, ENERGY, solutions[1:2], np.zeros(1, np.int64), layouts[3:4], seeds[3:4], 1.0, learner.steps
    )
    for name in ("curve", "first", "coverage", "length", "reach", "shaped", "solved", "steps", "ok"):
        np.testing.assert_array_equal(getattr(together, name)[3:4], getattr(alone, name), err_msg=name)


def test_evolved_rewards_take_a_continuous_task_and_a_second_learner() -> None:
    problem = EvolvedReward(
        MountainCar(), ENERGY, BinnedQLearning(steps=1000), layouts=1, seeds=1, held_out=1, test_seeds=2,
        second=PolicySearch(steps=6400),
    )  # fmt: skip
    qd.check_problem(problem)
    request = qd.Request(problem.space().sample(2, np.random.default_rng(0)), purpose="test")
    result = problem.evaluate(request, np.arange(2, dtype=np.uint64))
    assert np.isfinite(result.columns["second_learner"]).all()
    assert (result.cost["steps"] <= problem.cost_bounds(request)["steps"]).all()


def test_a_learner_of_tables_refuses_a_continuous_task() -> None:
    with pytest.raises(QDError, match="QLearning learns a LayoutTask, and MountainCar is none"):
        EvolvedReward(MountainCar(), ENERGY, QLearning())
    with pytest.raises(QDError, match="no variable 'enrgy'"):
        EvolvedReward(MountainCar(), Reward((Feature("enrgy"),)), BinnedQLearning())
    with pytest.raises(QDError, match="variation"):
        MountainCar(variation=0.7)


def test_policy_search_learns_tables_too() -> None:
    reward = Reward((Feature("toward_key"), Feature("toward_door"), Feature("toward_goal_open")))
    task = KeyDoor(size=5, horizon=30)
    learned = PolicySearch(steps=9000).train(
        task, reward, np.ones((1, 3)), np.zeros(2, np.int64), np.arange(2), np.arange(2, dtype=np.uint64), 1.0, 9000
    )
    assert learned.ok.all() and (learned.steps <= PolicySearch().most_steps(task, 9000)).all()
