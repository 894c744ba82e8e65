"""Deceptive mazes for learners: all can be solved, the motion is the problem's, variables are what they say."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.learners import DeceptiveMazes, KeyDoor, PointMazes, PolicySearch
from qd.learners.maze_task import CORNER, FOOT
from qd.problems._deceptive_maze_kernel import free, segments
from qd.problems.deceptive_maze import REACHED, WALLS
from qd.problems.evolved_reward import EvolvedReward
from qd.rewards import Feature, Reward

pytestmark = pytest.mark.thorough
TASKS = [DeceptiveMazes(horizon=60), PointMazes(horizon=60)]


def ran(task: Any, n: int = 6, number: int = 3) -> tuple[Any, Any]:
    network = task.network((4,))
    return network, np.random.default_rng(1).normal(0, 2, (n, network.length))


@pytest.mark.parametrize("starts", ["anywhere", "far"])
def test_every_layout_can_be_solved_and_going_straight_does_not(starts: Any) -> None:
    task = DeceptiveMazes(starts=starts)
    seen = set()
    for number in (*range(30), 1_000_000):
        layout = task.solvable(number)
        way = float(layout.way(layout.start[None, :2])[0])
        assert np.isfinite(way) and way < layout.longest + 1e-9
        assert way >= 2.0 * np.hypot(*(layout.start[:2] - layout.goal))
        assert free(layout.start[0], layout.start[1], segments(layout.walls))
        seen.add(layout.walls.tobytes())
    assert len(seen) == 31
    again = DeceptiveMazes(starts=starts).layout(7)
    np.testing.assert_array_equal(again.walls, task.layout(7).walls)


def test_without_variation_it_is_the_published_maze() -> None:
    layout = DeceptiveMazes(variation=0.0, starts="far").layout(5)
    np.testing.assert_array_equal(layout.walls, WALLS)
    assert float(layout.way(layout.start[None, :2])[0]) == pytest.approx(483, rel=0.1)


def test_the_flood_finds_what_dijkstra_finds() -> None:
    layout = DeceptiveMazes().layout(2)
    walls, shape = segments(layout.walls), layout.on_foot.shape
    goal = tuple(((layout.goal - CORNER) / FOOT).astype(int)[::-1])
    far, edge = {goal: 0.0}, [(0.0, goal)]
    while edge:
        way, (row, column) = heapq.heappop(edge)
        if way > far[row, column]:
            continue
        for down, right in ((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b):
            to = (row + down, column + right)
            middle = CORNER + (np.array(to[::-1]) + 0.5) * FOOT
            if not (0 <= to[0] < shape[0] and 0 <= to[1] < shape[1]) or not free(middle[0], middle[1], walls):
                continue
            new = way + FOOT * float(np.hypot(down, right))
            if new < far.get(to, np.inf) - 1e-9:
                far[to] = new
                heapq.heappush(edge, (new, to))
    expected = np.full(shape, np.inf)
    for to, way in far.items():
        expected[to] = way
    np.testing.assert_allclose(layout.on_foot, expected)


def test_the_robot_moves_as_in_the_problem() -> None:
    task = DeceptiveMazes(variation=0.0, starts="far")
    network, weights = ran(task)
    steps = task.episodes(network, weights, 0)
    final, _ = qd.problems.DeceptiveMaze(hidden=(4,)).episodes(weights, np.zeros(0, np.int64))
    assert not steps.success.any()
    last = steps.offsets[1:] - 1
    np.testing.assert_array_equal(steps.steps.column("x")[last], final[:, 0])
    np.testing.assert_array_equal(steps.steps.column("y")[last], final[:, 1])


@pytest.mark.parametrize("task", TASKS)
def test_variables_are_what_they_say(task: Any) -> None:
    network, weights = ran(task)
    layout, episodes = task.layout(3), task.episodes(network, weights, 3)
    walls = segments(layout.walls)
    for n in range(len(weights)):
        mine = slice(*episodes.offsets[n : n + 2])
        after = {name: values[mine] for name, values in episodes.steps.after.items()}
        x = np.concatenate([layout.start[:1], after["x"]])
        y = np.concatenate([layout.start[1:2], after["y"]])
        np.testing.assert_allclose(episodes.steps.before["x"][mine], x[:-1])
        goal = np.hypot(x - layout.goal[0], y - layout.goal[1])
        begin = np.hypot(x - x[0], y - y[0])
        np.testing.assert_allclose(after["goal_distance"], goal[1:])
        np.testing.assert_allclose(3 * after["toward_goal"], -np.diff(goal), atol=1e-9)
        np.testing.assert_allclose(3 * after["from_start"], np.diff(begin), atol=1e-9)
        np.testing.assert_array_equal(after["stuck"] == 1, (np.diff(x) == 0) & (np.diff(y) == 0))
        np.testing.assert_allclose(after["on_foot"], layout.way(np.stack([x[1:], y[1:]], 1)))
        places = episodes.places[mine]
        first = [place not in places[:t] for t, place in enumerate(places)]
        np.testing.assert_array_equal(after["fresh"] == 1, first)
        assert (after["clearance"] >= 8.0 - 1e-9).all(), "a body stays out of the walls"
        assert all(free(a, b, walls) for a, b in zip(x, y))
    names = {variable.name for variable in task.variables} - {"visits", "rarity"}
    assert names == set(episodes.steps.after)


def test_an_episode_ends_where_it_comes_to_the_goal() -> None:
    task = PointMazes(horizon=200, detour=1.0)
    network = task.network((4,))
    weights = np.random.default_rng(2).normal(0, 3, (200, network.length))
    ran = (task.episodes(network, weights, number) for number in range(100))
    episodes = next(found for found in ran if found.success.any())  # some start is near enough for chance
    last = episodes.offsets[1:] - 1
    away = episodes.steps.column("goal_distance")
    assert (away[last[episodes.success]] < REACHED).all()
    np.testing.assert_array_equal(episodes.steps.ends[last], episodes.success)
    before = np.ones(len(away), bool)
    before[last] = False
    assert (away[before] >= REACHED).all()


def test_a_push_by_hand() -> None:
    task = PointMazes(horizon=3, force=0.5, drag=0.1)
    network = task.network(())
    weights = np.zeros((2, network.length))
    weights[1, -2:] = 9.0, -9.0  # full pushes to the right and up
    layout = task.layout(0)
    steps = task.episodes(network, weights, 0).steps
    assert (steps.column("stuck")[:3] == 1).all()
    if free(*(layout.start[:2] + (3, -3)), segments(layout.walls)):
        moved = steps.column("x")[3:] - layout.start[0]
        np.testing.assert_allclose(moved, np.cumsum([0.5, 0.95, 1.355]))


@pytest.mark.parametrize("task", TASKS)
def test_evolved_rewards_take_mazes(task: Any) -> None:
    reward = Reward((Feature("toward_goal"), Feature("rarity")))
    problem = EvolvedReward(
        task, reward, PolicySearch(steps=4000, population=8, parents=2), layouts=1, seeds=1, held_out=1, test_seeds=1
    )
    qd.check_problem(problem)


def test_bad_settings_are_named() -> None:
    with pytest.raises(QDError, match=r"DeceptiveMazes\.variation"):
        DeceptiveMazes(variation=3)
    with pytest.raises(QDError, match=r"PointMazes\.starts: got 'near'"):
        PointMazes(starts="near")  # type: ignore[arg-type]
    with pytest.raises(QDError, match=r"PointMazes\.drag"):
        PointMazes(drag=1.0)
    with pytest.raises(QDError, match="at most four"):
        DeceptiveMazes().network((2,) * 5)


@pytest.mark.parametrize("task", TASKS)
def test_ways_through_mazes_are_drawn(task: Any) -> None:
    reward = Reward((Feature("toward_goal"), Feature("rarity")))
    problem = EvolvedReward(task, reward, PolicySearch(steps=1200, population=10), layouts=2, seeds=1, held_out=1)
    solution = reward.solution({"rarity.weight": 1.0})
    sketch = problem.sketch(solution, 3)
    way = sketch["lines"][-1]
    layout = task.layout(0)
    assert len(sketch["lines"]) == len(layout.walls) + 1
    np.testing.assert_allclose(way[0], layout.start[:2])
    assert np.hypot(*np.diff(way, axis=0).T).max() < 25, "from place to neighbouring place"
    assert len(problem.render(solution, 3).axes) == 4


def test_a_searched_policy_leaves_the_states_that_it_came_to() -> None:
    task = KeyDoor(size=6, horizon=40)
    reward = Reward((Feature("toward_key"),))
    learned = PolicySearch(steps=1000, population=10).train(
        task, reward, np.zeros((1, 1)), np.zeros(2, int), np.arange(2), np.arange(2, dtype=np.uint64), 1.0, 1000
    )
    for number, path in enumerate(learned.paths):
        table, states = task.layout(number), path[path >= 0]
        assert states[0] == table.start
        assert (table.next_state[states[:-1]] == states[1:, None]).any(axis=1).all()
