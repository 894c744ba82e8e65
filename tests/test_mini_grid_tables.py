"""MiniGrid worlds as tables: step for step what the world does, refused where there is no table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qd.contracts import Request
from qd.errors import QDError
from qd.learners import MiniGridTables, QLearning
from qd.learners.mini_grid import ACTIONS
from qd.problems import EvolvedReward
from qd.rewards import Feature, Reward, WeightedSum

gymnasium = pytest.importorskip("gymnasium")
pytest.importorskip("minigrid")
pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore")]

WITH_DROP = ("left", "right", "forward", "pickup", "drop", "toggle")


@pytest.mark.parametrize(
    ("world", "actions"),
    [
        ("MiniGrid-DoorKey-5x5-v0", MiniGridTables.actions),
        ("MiniGrid-DoorKey-5x5-v0", WITH_DROP),
        ("MiniGrid-MultiRoom-N2-S4-v0", MiniGridTables.actions),
        ("MiniGrid-LavaGapS5-v0", ("left", "right", "forward", "done")),
        ("MiniGrid-Unlock-v0", MiniGridTables.actions),
    ],
)
def test_random_walks_are_those_of_the_world(world: str, actions: tuple[str, ...]) -> None:
    task, rng = MiniGridTables(world, actions=actions), np.random.default_rng(0)
    env = gymnasium.make(world)
    ended = 0
    for number in (0, 3):
        table = task.layout(number)
        for _ in range(4):
            env.reset(seed=number)
            state = table.start
            for _ in range(table.horizon):
                here = env.unwrapped
                assert (table.states["x"][state], table.states["y"][state]) == tuple(here.agent_pos)
                assert table.states["heading"][state] == here.agent_dir
                if "has_key" in table.states:
                    assert table.states["has_key"][state] == (getattr(here.carrying, "type", "") == "key")
                if "door_open" in table.states:
                    doors = [thing.is_open for thing in here.grid.grid if getattr(thing, "type", "") == "door"]
                    assert table.states["door_open"][state] == np.mean(doors)
                action = int(rng.integers(len(actions)))
                _, paid, terminated, truncated, _ = env.step(ACTIONS.index(actions[action]))
                assert table.ends[state, action] == terminated
                assert table.success[state, action] == (terminated and paid > 0)
                state = int(table.next_state[state, action])
                if terminated or truncated:
                    ended += terminated
                    break
    if "Lava" in world:
        assert ended > 0, "a walk that ends tells most"


def test_the_shortest_way_is_one_in_the_world() -> None:
    table = MiniGridTables("MiniGrid-DoorKey-6x6-v0").layout(5)
    env = gymnasium.make("MiniGrid-DoorKey-6x6-v0")
    env.reset(seed=5)
    left, state, paid = table.steps_to_success, table.start, 0.0
    for taken in range(int(left[state])):
        assert paid == 0 and left[state] == left[table.start] - taken
        after = np.where(table.success[state], 0.0, left[table.next_state[state]])
        action = int(after.argmin())
        _, paid, *_ = env.step(ACTIONS.index(MiniGridTables.actions[action]))
        state = int(table.next_state[state, action])
    assert paid > 0
    assert table.states["progress"][state] == 1.0


def test_variables_say_what_happened() -> None:
    table = MiniGridTables("MiniGrid-DoorKey-5x5-v0").layout(0)
    states, steps, live = table.states, table.steps, ~table.ends.all(axis=1)
    picked = steps["key_picked"] > 0
    assert (states["has_key"][table.next_state[picked]] == 1).all() and (states["key_distance"] <= 6).all()
    assert picked.sum() >= 1 and (steps["toward_key"][picked] == 0).all(), "taking it is not walking to it"
    assert (np.abs(steps["toward_goal"]) <= 1).all() and steps["toward_goal"].max() == 1
    assert (steps["toward_door"][states["has_key"] == 0] == 0).all(), "a locked door is no way out without the key"
    assert steps["toward_door"].max() == 1 and steps["door_opened"].sum() > 0
    forward = MiniGridTables.actions.index("forward")
    moved = (states["x"][table.next_state] != states["x"][:, None]) | (
        states["y"][table.next_state] != states["y"][:, None]
    )
    np.testing.assert_array_equal(steps["bump"][live, forward] == 1, ~moved[live, forward])
    assert (np.delete(steps["bump"], forward, axis=1) == 0).all()


def test_layouts_of_different_sizes_are_learned_together_as_alone() -> None:
    task = MiniGridTables("MiniGrid-DoorKey-5x5-v0", horizon=60)
    assert len({len(task.layout(k).next_state) for k in range(3)}) > 1
    form = Reward((Feature("key_picked"), Feature("door_opened"), Feature("goal_distance")), WeightedSum(0.1))
    solutions = np.array([[1.0, 1.0, -0.1], [0.0, 0.0, 0.0]])
    which, at = np.array([0, 0, 0, 1]), np.array([0, 1, 2, 1])
    seeds = np.arange(4).astype(np.uint64) + np.uint64(11)
    together = QLearning().train(task, form, solutions, which, at, seeds, 1.0, 2000)
    for cell in range(4):
        one = slice(cell, cell + 1)
        alone = QLearning().train(
            task, form, solutions[which[one]], np.zeros(1, np.int64), at[one], seeds[one], 1.0, 2000
        )
        for name in ("curve", "first", "coverage", "shaped", "reach", "length"):
            np.testing.assert_array_equal(getattr(together, name)[one], getattr(alone, name), err_msg=name)


def test_a_reward_is_evolved_on_it() -> None:
    task = MiniGridTables("MiniGrid-DoorKey-5x5-v0", horizon=60)
    form = Reward(tuple(Feature(name) for name in ("toward_key", "toward_door", "toward_goal_open", "key_picked")))
    problem = EvolvedReward(task, form, layouts=2, held_out=2)
    solutions = np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    result = problem.evaluate(Request(solutions), np.array([1, 1], np.uint64))
    assert result.columns["area"][0] > 0.3 + result.columns["area"][1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"id": "MiniGrid-Dynamic-Obstacles-5x5-v0"}, "id.*random"),
        ({"id": "MiniGrid-DoorKey-8x8-v0", "states": 100}, "states: layout 0 .* more than 100.*raise it"),
        ({"id": "MiniGrid-DorKey-5x5-v0"}, "id: .*DoorKey-5x5"),
        ({"id": "CartPole-v1"}, "id: .*not a MiniGrid world"),
    ],
)  # fmt: skip
def test_worlds_without_a_table_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(QDError, match=message):
        MiniGridTables(**settings).layout(0)


@pytest.mark.parametrize(
    ("settings", "field"),
    [({"actions": ("lift",)}, "actions"), ({"actions": ()}, "actions"), ({"horizon": -1}, "horizon"),
     ({"states": 0}, "states")],
)  # fmt: skip
def test_wrong_settings_are_named(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(QDError, match=f"MiniGridTables.{field}"):
        MiniGridTables(**settings)


def test_what_cannot_be_solved_or_read_fails_at_the_door() -> None:
    bump = Reward((Feature("bump"),))
    with pytest.raises(QDError, match="layout 0 cannot be solved"):  # its ball needs a free hand
        EvolvedReward(MiniGridTables("MiniGrid-KeyCorridorS3R1-v0"), bump)
    with pytest.raises(QDError, match=r"cannot be solved: .* the horizon 5"):
        EvolvedReward(MiniGridTables("MiniGrid-DoorKey-5x5-v0", horizon=5), bump)
    with pytest.raises(QDError, match="no variable 'key_picked'"):
        EvolvedReward(MiniGridTables("MiniGrid-Empty-5x5-v0"), Reward((Feature("key_picked"),)))
