"""Grid worlds: what the network sees, what is paid, where episodes end, and layouts."""

import sys

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.evaluate.guard import guarded
from qd.problems.minigrid import KINDS, MiniGrid
from qd.rng import row_seeds

pytestmark = pytest.mark.peer

gymnasium = pytest.importorskip("gymnasium")
minigrid = pytest.importorskip("minigrid")


def evaluate(problem, solutions, seeds, **request):
    return guarded(problem, qd.Request(solutions, number=1, **request), seeds)


def batch(problem, n, seed=0):
    solutions = problem.solution_space.sample(n, qd.rng.generator(seed, "test"))
    return solutions, row_seeds(seed, np.arange(n, dtype=np.uint64))


def by_hand(observation, one_hot):
    """What a network sees, cell by cell and number by number."""
    numbers = []
    for row in observation["image"]:
        for cell in row:
            for value, kinds in zip(cell, KINDS, strict=True):
                numbers += [float(value == k) for k in range(kinds)] if one_hot else [value / (kinds - 1)]
    return numbers + [float(observation["direction"] == k) for k in range(4)]


@pytest.mark.parametrize("name", ["MiniGrid-Empty-8x8-v0", "MiniGrid-DoorKey-5x5-v0", "MiniGrid-FourRooms-v0"])
@pytest.mark.parametrize("encoding", ["scaled", "one_hot"])
def test_observations(name, encoding):
    problem = MiniGrid(name, encoding_of_cells=encoding, hidden=(4,))
    env = gymnasium.make(name)
    width, encode = problem.encoding
    assert width == (7 * 7 * (3 if encoding == "scaled" else 21) + 4) == problem.network.sizes[0]
    observation, _ = env.reset(seed=1)
    rng = np.random.default_rng(0)
    for _ in range(30):
        seen = encode(observation)
        np.testing.assert_allclose(seen, by_hand(observation, encoding == "one_hot"))
        assert 0 <= seen.min() <= seen.max() <= 1
        observation, *_ = env.step(rng.integers(0, 7))


def test_returns_and_places_are_those_of_a_plain_loop():
    problem = MiniGrid("MiniGrid-FourRooms-v0", layout_seed=None, max_steps=40, hidden=(8,), init_sigma=1.0)
    solutions, seeds = batch(problem, 12)
    result = evaluate(problem, solutions, seeds)
    env = gymnasium.make("MiniGrid-FourRooms-v0", max_steps=40)
    for row in range(12):
        observation, _ = env.reset(seed=int(seeds[row]) >> 33)
        total, over, steps = 0.0, False, 0
        while not over:
            seen = np.array([by_hand(observation, one_hot=False)])
            action = int(problem.network.forward(solutions[row : row + 1], seen, "numba").argmax())
            observation, reward, terminated, truncated, _ = env.step(action)
            total, steps, over = total + reward, steps + 1, terminated or truncated
        x, y = env.unwrapped.agent_pos
        assert result.objective[row] == total
        assert result.cost["steps"][row] == steps
        np.testing.assert_allclose(result.measures[row], [(x + 0.5) / 19, (y + 0.5) / 19])
    assert len(np.unique(result.measures, axis=0)) > 3


def walker(actions):
    """A policy that looks at nothing but its own weights: one column of outputs a step, by a counter in each row."""

    class Script:
        length = len(actions)
        step = 0

        def forward(self, weights, observations):
            out = np.zeros((len(weights), 7))
            out[:, actions[min(self.step, len(actions) - 1)]] = 1.0
            self.step += 1
            return out

    return lambda inputs, outputs: Script()


def test_the_goal_is_paid_as_the_world_says():
    """5 x 5 without walls inside: from (1, 1) two cells right, turn, two down: 5 steps of 100."""
    problem = MiniGrid("MiniGrid-Empty-5x5-v0", policy=walker([2, 2, 1, 2, 2]))
    result = evaluate(problem, np.zeros((1, 5)), np.zeros(1, np.uint64), columns=("steps",))
    assert result.objective[0] == pytest.approx(1 - 0.9 * 5 / 100)
    assert result.measures[0].tolist() == [3.5 / 5, 3.5 / 5]
    assert result.columns["steps"][0] == 5
    lazy = MiniGrid("MiniGrid-Empty-5x5-v0", policy=walker([0]))  # turns left on its place
    result = evaluate(lazy, np.zeros((1, 1)), np.zeros(1, np.uint64), columns=("steps",))
    assert (result.objective[0], result.columns["steps"][0]) == (0.0, 100)
    assert result.measures[0].tolist() == [1.5 / 5, 1.5 / 5]


def test_measures_fall_into_one_cell_of_the_grid_each():
    space = MiniGrid("MiniGrid-Empty-6x6-v0").measure_space
    assert space.dims == (6, 6)
    archive = qd.archives.GridArchive(solution_dim=1, dims=space.dims, ranges=space.ranges)
    places = np.array([[(x + 0.5) / 6, (y + 0.5) / 6] for x in range(6) for y in range(6)])
    assert len(set(archive.index_of(places).tolist())) == 36


def test_layouts():
    short = {"hidden": (8,), "max_steps": 24}
    fixed = MiniGrid("MiniGrid-DoorKey-6x6-v0", **short)
    assert fixed.deterministic
    solutions, seeds = batch(fixed, 10)
    first, second = evaluate(fixed, solutions, seeds), evaluate(fixed, solutions, seeds[::-1])
    assert (first.measures == second.measures).all()  # whatever the seeds are
    other = evaluate(MiniGrid("MiniGrid-DoorKey-6x6-v0", **short, layout_seed=5), solutions, seeds)
    assert (first.measures != other.measures).any()
    free = MiniGrid("MiniGrid-DoorKey-6x6-v0", **short, layout_seed=None)
    assert not free.deterministic
    same = np.repeat(solutions[:1], 10, axis=0)
    assert len(np.unique(evaluate(free, same, seeds).measures, axis=0)) > 1
    assert len(np.unique(evaluate(fixed, same, seeds).measures, axis=0)) == 1


@pytest.mark.parametrize("layout_seed", [3, None])
@pytest.mark.parametrize("name", ["MiniGrid-DoorKey-5x5-v0", "MiniGrid-Dynamic-Obstacles-5x5-v0"])
def test_nothing_is_wrong_with_the_problems(name, layout_seed):
    problem = MiniGrid(name, layout_seed=layout_seed, max_steps=20, hidden=(4,), side_by_side=3)
    assert qd.check_problem(problem, n=7) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"id": "MiniGrid-Empty-9x9-v0"}, "did you mean 'MiniGrid-Empty-"),
        ({"id": "CartPole-v1"}, "'CartPole-v1' is not a MiniGrid world; use qd.problems.Gym"),
        ({"encoding_of_cells": "onehot"}, "MiniGrid.encoding_of_cells: got 'onehot', did you mean 'one_hot'"),
        ({"layout_seed": -1}, "MiniGrid.layout_seed: got -1"),
        ({"options": {"size": "x"}}, "cannot be made"),
    ],
)
def test_bad_settings_fail_at_the_door(settings, message):
    with pytest.raises(QDError, match=message):
        MiniGrid(**settings)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "minigrid", None)
    with pytest.raises(QDError, match=r"needs minigrid .*pip install 'qd-evolution\[gym\]'"):
        MiniGrid()


def test_a_search_finds_the_goal():
    problem = MiniGrid("MiniGrid-Empty-5x5-v0", hidden=(8,), init_sigma=1.0, max_steps=40)
    algorithm = qd.algorithms.MapElites(batch_size=25, iso_sigma=0.3)
    result = qd.run(qd.Experiment(problem, algorithm, 100, seed=1))
    assert result.summary["coverage"] * 25 <= 9  # the inner cells
    assert result.best["objective"] > 0.5
