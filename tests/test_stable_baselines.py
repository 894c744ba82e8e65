"""Learners of stable-baselines3, and tasks as gymnasium environments: exact, and told when broken."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import qd
from qd.contracts import Request
from qd.errors import QDError
from qd.learners import KeyDoor, Locomotion, MountainCar, PolicySearch, QLearning, StableBaselines
from qd.problems.evolved_reward import EvolvedReward
from qd.rewards import Feature, Reward, Steps, WeightedSum

pytestmark = pytest.mark.peer
torch = pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")

TASK = KeyDoor(size=5, horizon=20)
REWARD = Reward((Feature("toward_key"), Feature("key_picked"), Feature("bump")), WeightedSum(0.1))
SMALL = StableBaselines("PPO", steps=200, settings={"n_steps": 50, "batch_size": 50, "n_epochs": 1})


def trained(learner: StableBaselines, cells: int = 1, reward: Any = REWARD, task: Any = TASK) -> Any:
    return learner.train(
        task, reward, np.ones((1, reward.space.length)), np.zeros(cells, np.int64), np.arange(cells),
        np.arange(cells, dtype=np.uint64) + np.uint64(1 << 63), 1.0, learner.steps,
    )  # fmt: skip


def test_a_learner_is_the_same_to_the_bit_whatever_was_drawn_before_and_runs_beside() -> None:
    two = trained(SMALL, 2)
    torch.rand(3)
    np.random.rand(3)
    state = torch.get_rng_state()
    one = trained(SMALL, 1)
    assert (torch.get_rng_state() == state).all(), "the process's own generator is as it was"
    for name, values in vars(one).items():
        np.testing.assert_array_equal(values, getattr(two, name)[:1], err_msg=name)
    assert one.shaped.shape == (1, 256) and np.isfinite(one.shaped[0, :5]).all()
    assert 200 < one.steps[0] <= SMALL.most_steps(TASK, 200) and one.ok.all()
    assert (two.shaped[0] != two.shaped[1]).any()


def test_the_last_step_of_the_budget_is_the_last() -> None:
    learner = StableBaselines("DQN", steps=150, settings={"learning_starts": 20})
    learned = trained(learner)
    assert learned.steps[0] <= 150 + 10 * 20 and learned.curve.shape == (1, 10)


def test_it_teaches_as_second_learner() -> None:
    problem = EvolvedReward(TASK, REWARD, QLearning(steps=200), layouts=1, seeds=1, held_out=1, test_seeds=1,
                            second=SMALL)  # fmt: skip
    request = Request(problem.space().sample(1, np.random.default_rng(0)), purpose="test")
    result = problem.evaluate(request, np.arange(1, dtype=np.uint64))
    assert np.isfinite(result.columns["second_learner"]).all()
    assert (result.cost["steps"] <= problem.cost_bounds(request)["steps"]).all()


def test_a_learner_that_breaks_is_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = EvolvedReward(TASK, REWARD, SMALL, layouts=1, seeds=1, held_out=1, test_seeds=1)
    values = Reward.values

    def breaks(self: Reward, rows: Any, steps: Steps) -> Any:
        paid = np.array(values(self, rows, steps))
        return np.full_like(paid, np.nan) if len(steps) == 1 else paid

    monkeypatch.setattr(Reward, "values", breaks)
    result = problem.evaluate(Request(np.ones((1, 3))), np.arange(1, dtype=np.uint64))
    assert result.status[0] == qd.Status.FAILED and np.isnan(result.objective[0])


def test_what_it_cannot_do_is_said_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(QDError, match="did you mean 'PPO'"):
        StableBaselines("PPQ")
    with pytest.raises(QDError, match="'gamma' is set by the learner"):
        StableBaselines(settings={"gamma": 0.9})
    with pytest.raises(QDError, match="SAC does not take this task"):
        trained(StableBaselines("SAC", steps=100))
    with pytest.raises(QDError, match="n_stepps"):
        trained(StableBaselines("PPO", steps=100, settings={"n_stepps": 3}))
    with pytest.raises(QDError, match="MountainCar is none"):
        EvolvedReward(MountainCar(), Reward((Feature("energy_gain"),)), SMALL)
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    with pytest.raises(QDError, match=r"pip install 'qd-evolution\[baselines\]'"):
        StableBaselines("PPO")


def test_a_table_is_an_environment() -> None:
    from gymnasium.utils.env_checker import check_env

    env = TASK.environment(0)
    check_env(env, skip_render_check=True)
    table = TASK.layout(0)
    env.reset()
    state = table.start
    for action in (0, 2, 1, 2, 3, 2):
        obs, paid, ended, _, info = env.step(action)
        assert paid == float(table.success[state, action]) and ended == table.ends[state, action]
        assert (
            info["variables"]["step"] == 1.0 and info["place"] == table.place_numbers[table.next_state[state, action]]
        )
        assert info["variables"]["x"] == (table.states["x"][state], table.states["x"][table.next_state[state, action]])
        state = int(table.next_state[state, action])
        np.testing.assert_allclose(obs, table.observations[state], rtol=1e-6)


@pytest.mark.parametrize("robot", ["Hopper", "Swimmer"])
def test_a_walking_robot_is_a_task(robot: str) -> None:
    pytest.importorskip("mujoco")
    task = Locomotion(robot=robot, mark=0.02, horizon=15)
    network = task.network((4,))
    weights = np.random.default_rng(1).normal(size=(4, network.length))
    episodes = task.episodes(network, weights, 0)
    again = task.episodes(network, weights[1:2], 0)
    mine = slice(*episodes.offsets[1:3])
    for name, values in again.steps.after.items():
        np.testing.assert_array_equal(values, episodes.steps.after[name][mine], err_msg=name)
    last = episodes.offsets[1:] - 1
    np.testing.assert_array_equal(episodes.steps.column("x")[last] >= 0.02, episodes.success)
    before = episodes.steps.earlier("x")
    assert before is not None
    inner = np.setdiff1d(np.arange(len(before)), episodes.offsets[:-1])
    np.testing.assert_allclose(before[inner], episodes.steps.column("x")[inner - 1], atol=1e-9)
    assert (episodes.places < task.place_count(0)).all()
    assert {v.name for v in task.variables} - {"visits", "rarity"} == set(episodes.steps.after)


def test_evolved_rewards_take_a_walking_robot_and_learners_of_both_kinds() -> None:
    pytest.importorskip("mujoco")
    task = Locomotion(horizon=10)
    reward = Reward((Feature("forward"), Feature("rarity")))
    problem = EvolvedReward(
        task, reward, PolicySearch(steps=200, population=4, parents=1), layouts=1, seeds=1, held_out=1, test_seeds=1,
        second=StableBaselines("PPO", steps=60, settings={"n_steps": 20, "batch_size": 20, "n_epochs": 1}),
    )  # fmt: skip
    result = problem.evaluate(Request(np.ones((1, 2)), purpose="test"), np.arange(1, dtype=np.uint64))
    assert result.status[0] == qd.Status.OK and np.isfinite(result.columns["second_learner"]).all()
    with pytest.raises(QDError, match="did you mean 'Hopper'"):
        Locomotion(robot="Hoper")
