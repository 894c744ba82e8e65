"""The image maze: pictures against plain drawing, episodes against the dense network and the plain motion."""

import math

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.policies import ConvNet, _conv_kernel
from qd.problems import ImageMaze
from qd.problems.deceptive_maze import GOAL, START, WALLS
from qd.problems.image_maze import picture
from tests.twins import deceptive_maze as twin


def plain_picture(x, y, degrees):
    """168 x 168 points, one after the other, then means of 2 x 2."""
    scale, drawn = 168 / 205, np.zeros((168, 168))
    mark = x + 4.5 * math.cos(math.radians(degrees)), y + 4.5 * math.sin(math.radians(degrees))
    for row in range(168):
        for column in range(168):
            p = np.array([(column + 0.5) / scale, (row + 0.5) / scale])
            if math.dist(p, (x, y)) < 8.0:
                drawn[row, column] = 0.0 if math.dist(p, mark) < 2.5 else 1.0
                continue
            for ax, ay, bx, by in WALLS:
                a, along = np.array([ax, ay]), np.array([bx - ax, by - ay])
                t = min(max((p - a) @ along / (along @ along), 0.0), 1.0)
                if math.dist(p, a + t * along) < 0.75 / scale:
                    drawn[row, column] = 0.5
    return drawn.reshape(84, 2, 84, 2).mean(axis=(1, 3))


def driving(problem, n, seed=3):
    """Weights that make robots move: three times what first weights are."""
    sigma = 3.0 * problem.policy.initial_sigma()
    return (np.random.default_rng(seed).normal(size=(n, len(sigma))) * sigma).astype(np.float32)


@pytest.mark.thorough
def test_a_picture_agrees_with_plain_drawing():
    pose = (14.2, 190.0, 91.0)
    np.testing.assert_array_equal(picture(pose), plain_picture(*pose))


def test_the_robot_is_a_disc_with_a_mark_ahead():
    drawn = picture(START) - picture((100.0, 60.0, 0.0))
    there = drawn[60:, :30]
    assert there.sum() * (205 / 84) ** 2 == pytest.approx(math.pi * (8.0**2 - 2.5**2), rel=0.05)
    _, columns = np.nonzero(there > 0)
    assert columns.mean() * 205 / 84 < START[0] - 0.5  # the mark takes from the front


@pytest.mark.parametrize("network", ["tiny", pytest.param("small", marks=pytest.mark.thorough)])
def test_episodes_agree_with_the_dense_network_step_by_step(network):
    problem = ImageMaze(network=network, steps=40)
    weights = driving(problem, 2)
    final, trace = problem.episodes(weights, np.arange(40))
    for row in range(2):
        pose, seen = (*START, 0.0, 0.0, 0), [picture(START)] * 4
        for step in range(40):
            seen = [*seen[1:], picture(pose[:3])]
            action = problem.policy.forward(weights[row : row + 1], np.array(seen)[None])[0]
            pose = twin.step(pose, action)
            assert trace[row, step] == pytest.approx(pose[:2], abs=1e-3)
        assert final[row] == pytest.approx((pose[0], pose[1], pose[2], pose[5]), abs=1e-2)
    assert np.hypot(*(final[:, :2] - START[:2]).T).max() > 5.0  # somebody moved


@pytest.mark.parametrize("shape", [((5, 4, 2), (6, 3, 1)), ((3, 5, 3),)])
def test_what_differs_from_a_background_gives_what_the_whole_picture_gives(shape):
    """Any shape, changes anywhere: edges, corners, twice the same channel's neighbours."""
    net = ConvNet(3, inputs=(2, 11, 9), convolutions=shape, hidden=(7, 4))
    rng = np.random.default_rng(5)
    weights = rng.normal(0.0, 0.4, net.length).astype(np.float32)
    seen = rng.random((2, 11, 9)).astype(np.float32)
    memory, layout = _conv_kernel.memory(net), _conv_kernel.layout(net)
    flat = seen.reshape(2, -1).T.ravel()
    _conv_kernel.background(weights, *layout, flat, *memory[:3], memory.slots, memory.touched)
    for places in ([0, 8, 90, 98], [40, 41, 50], [], list(range(99))):
        channels = rng.integers(0, 2, len(places))
        differences = rng.normal(size=len(places)).astype(np.float32)
        changed = seen.copy()
        changed.reshape(2, -1)[channels, places] += differences
        out = np.zeros(3, np.float32)
        rows, columns = np.divmod(np.array(places, np.int64), 9)
        _conv_kernel.different(weights, *layout, rows, columns, channels, differences, len(places), *memory, out)
        np.testing.assert_allclose(out, net.forward(weights[None], changed[None])[0], rtol=1e-4, atol=1e-4)
        assert (memory.slots == -1).all()  # nothing is left behind for the next step


def test_rows_do_not_depend_on_their_neighbours_and_broken_ones_are_invalid():
    problem = ImageMaze(network="tiny", steps=20)
    weights = driving(problem, 3)
    weights[1, 5] = np.nan
    request = qd.Request(weights, columns=("trajectory", "reached"))
    evaluation = problem.evaluate(request, np.zeros(3, np.uint64))
    assert evaluation.status.tolist() == [qd.Status.OK, qd.Status.INVALID, qd.Status.OK]
    alone = problem.evaluate(qd.Request(weights[2:]), np.zeros(1, np.uint64))
    np.testing.assert_array_equal(alone.measures[0], evaluation.measures[2])
    assert evaluation.columns["trajectory"].shape == (3, 50, 2)
    assert evaluation.objective[0] == pytest.approx(-math.dist(evaluation.measures[0], GOAL))
    assert not evaluation.columns["reached"].any()


def test_lineages_of_four_million_weights_drive_it():
    problem = qd.problems.Decoded(ImageMaze(steps=2))
    lineages = problem.solution_space.sample(2, np.random.default_rng(0))
    evaluation = problem.evaluate(qd.Request(lineages), np.zeros(2, np.uint64))
    assert problem.problem.solution_space.length == 4_044_450
    assert lineages.values.nbytes == 16
    assert evaluation.ok.all()


@pytest.mark.parametrize("settings", [{"network": "huge"}, {"steps": 0}, {"frames": 0}])
def test_bad_settings_are_named(settings):
    with pytest.raises(QDError, match=f"ImageMaze.{next(iter(settings))}"):
        ImageMaze(**settings)


@pytest.mark.drawing
def test_the_picture_of_a_solution_shows_the_maze():
    problem = ImageMaze(network="tiny", steps=10)
    figure = problem.render(driving(problem, 1)[0], 0)
    assert "px from the goal" in figure.axes[0].get_title()
