"""The image maze in torch: pictures and steps of the compiled twin, one graph a step, however many rows."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

import qd  # noqa: E402
from qd.problems import ImageMaze, OnDevice  # noqa: E402
from qd.problems.image_maze import picture  # noqa: E402

pytestmark = pytest.mark.peer
MAZE = ImageMaze(network="tiny", steps=25)


def driving(n, seed=3):
    sigma = 3.0 * MAZE.policy.initial_sigma()
    return (np.random.default_rng(seed).normal(size=(n, len(sigma))) * sigma).astype(np.float32)


def beginning(rows):
    rollout = OnDevice(MAZE, device="cpu", chunk=rows).rollout
    solutions = torch.from_numpy(driving(rows)).to(rollout.dtype)
    return rollout, rollout.begin(solutions, torch.zeros(rows, dtype=torch.int64))


@torch.no_grad()
def test_pictures_are_those_of_the_kernel_at_every_step():
    rollout, (packed, state, memory) = beginning(3)
    for _ in range(MAZE.steps):
        state, memory = rollout.one_step(packed, state, memory)
        robots = state.robots
        for row in range(3):
            pose = (robots.x[row].item(), robots.y[row].item(), robots.heading[row].item())
            np.testing.assert_array_equal(state.pictures[row, -1].numpy().reshape(84, 84), picture(pose))


@torch.no_grad()
def test_robots_at_the_edges_of_the_picture_are_cut_off():
    rollout, (_, state, _) = beginning(3)
    poses = np.array([[4.0, 6.0, 10.0], [200.0, 203.0, 80.0], [100.0, 3.0, 300.0]])
    x, y, heading = torch.from_numpy(poses).T
    turns = np.deg2rad(poses[:, 2])
    robots = state.robots._replace(
        x=x, y=y, heading=heading, sine=torch.from_numpy(np.sin(turns)), cosine=torch.from_numpy(np.cos(turns))
    )
    drawn = rollout.world._drawn(robots).numpy().reshape(3, 84, 84)
    np.testing.assert_array_equal(drawn, [picture(tuple(pose)) for pose in poses])


def test_episodes_are_those_of_the_kernel():
    weights = driving(5)
    request = qd.Request(weights, columns=("trajectory",))
    wanted = MAZE.evaluate(request, np.zeros(5, np.uint64))
    found = OnDevice(MAZE, device="cpu", chunk=4).evaluate(request, np.zeros(5, np.uint64))
    np.testing.assert_allclose(found.columns["trajectory"], wanted.columns["trajectory"], atol=1e-3)  # float32 there
    np.testing.assert_allclose(found.objective, wanted.objective, atol=1e-3)
    assert np.abs(found.measures - found.measures[0]).max() > 1.0


def test_a_row_does_not_depend_on_the_chunk():
    weights = driving(3)
    whole, single = (
        OnDevice(MAZE, device="cpu", chunk=chunk).evaluate(qd.Request(weights), np.zeros(3, np.uint64))
        for chunk in (3, 1)
    )
    np.testing.assert_allclose(whole.measures, single.measures, atol=1e-9)


@torch.no_grad()
def test_the_operators_of_a_step_do_not_grow_with_the_population():
    class Counting(TorchDispatchMode):
        def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
            names.append(str(operator))
            return operator(*args, **(kwargs or {}))

    counts = []
    for rows in (2, 5):
        rollout, arguments = beginning(rows)
        names: list[str] = []
        with Counting():
            rollout.one_step(*arguments)
        counts.append(names)
    assert counts[0] == counts[1]
    assert not any("_local_scalar_dense" in name for name in counts[0])


@torch.no_grad()
def test_a_step_compiles_into_one_graph():
    rollout, arguments = beginning(2)
    traced = torch.compile(rollout._one_step, fullgraph=True, dynamic=False, backend="eager")
    found, wanted = traced(*arguments)[0], rollout.one_step(*arguments)[0]
    assert torch.equal(found.pictures, wanted.pictures)
    assert torch.equal(found.robots.x, wanted.robots.x)
