"""The point on a square against a plain twin, closed forms and hand-worked cases."""

import numpy as np
import pytest

import qd
from qd.contracts import Request, Status
from qd.errors import QDError
from qd.policies._mlp_kernel import rational_tanh
from qd.problems import Point2D
from qd.problems.point2d import EDGE, SPEED
from tests.twins import mlp

TANH = rational_tanh.py_func


def sample(n, seed=0, **fields):
    return Point2D(**fields).solution_space.sample(n, np.random.default_rng(seed))


def evaluate(problem, solutions, *columns):
    return problem.evaluate(Request(solutions, columns=columns), np.zeros(len(solutions), np.uint64))


def constant(x, y):
    """Weights of a network that ignores its input: outputs x and y."""
    weights = np.zeros(48)
    weights[36] = 5.0  # the last hidden layer's bias: every unit gives the same
    for j, out in enumerate((x, y)):
        weights[37 + j : 47 : 2] = 2 * np.arctanh(out) / (5 * TANH(2.5))
    return weights


def walk(weights, sizes, steps):
    """(steps + 1, 2) the twin's path."""
    layers, functions, path = ["tanh_half"] * (len(sizes) - 1), mlp.rational(TANH), [(0.0, 0.0)]
    for _ in range(steps):
        action = mlp.forward(weights, sizes, layers, "scalar", path[-1], functions)
        path.append(tuple(min(max(at + 0.05 * out, -1.0), 1.0) for at, out in zip(path[-1], action, strict=True)))
    return np.array(path)


@pytest.mark.parametrize("hidden", [(), (5, 5), (3, 1, 4)])
def test_paths_are_the_twins(hidden):
    problem = Point2D(hidden=hidden)
    weights = sample(6, 3, hidden=hidden)
    final, trace = problem.episodes(weights, np.arange(50))
    for row in range(6):
        path = walk(weights[row], (2, *hidden, 2), 50)
        assert np.abs(trace[row] - path[1:]).max() < 1e-12
        assert np.abs(final[row] - path[-1]).max() < 1e-12


def test_a_straight_walk_ends_at_the_border():
    final, trace = Point2D().episodes(np.stack([constant(0.2, -0.4), constant(0.2, -0.9)]), np.arange(50))
    steps = np.arange(1, 51)[:, None]
    for row, out in enumerate(((0.2, -0.4), (0.2, -0.9))):
        expected = np.clip(SPEED * steps * np.array(out), -EDGE, EDGE)
        assert np.abs(trace[row] - expected).max() < 1e-3  # the rational tanh is within 1e-4
    assert final[1, 1] == -EDGE


def test_random_networks_reach_every_quarter_and_the_border():
    measures = evaluate(Point2D(), sample(2000)).measures
    assert np.abs(measures).max() == EDGE
    assert {tuple(quarter) for quarter in np.sign(measures)} >= {(1, 1), (1, -1), (-1, 1), (-1, -1)}


def test_areas_pay_the_final_position():
    problem = Point2D(areas=((0.5, -1.0, 0.4), (0.5, -1.0, 0.1), (-0.5, 0.5, 0.2)))
    positions = np.array([[0.5, -1.0], [0.5, -0.8], [0.5, -0.6], [-0.5, 0.45], [0.0, 0.0]])
    paid, area = problem.reward(positions)
    assert np.abs(paid - [1.0, 0.5, 0.0, 0.75, 0.0]).max() < 1e-12
    assert area.tolist() == [0, 0, -1, 2, -1]
    result = evaluate(problem, sample(300), "reward_area")
    paid, area = problem.reward(result.measures)
    assert (result.objective == paid).all()
    assert (result.truth["reward_area"] == area).all()
    assert (result.columns["reward_area"] == area).all()
    assert {0, 2} <= set(area.tolist())  # and the smaller disc inside the larger one never pays more
    assert len(problem.reward_areas) == 3
    none = evaluate(Point2D(), sample(20))
    assert not none.objective.any()
    assert (none.truth["reward_area"] == -1).all()


def test_pictures_show_where_the_point_is():
    problem = Point2D(areas=((-0.5, 0.5, 0.2),), images=4, image_size=44, frames=4)  # 20 pixels a unit
    result = evaluate(problem, sample(9, 4), "images", "trajectory")
    images, pixels = result.columns["images"], (result.columns["trajectory"] * (1, -1) + 1.1) * 20
    assert images.shape == (9, 4, 44, 44, 3)
    assert images.dtype == np.uint8
    places = np.arange(44) + 0.5
    empty = Point2D(areas=problem.areas, images=1, image_size=44)
    for row in range(9):
        for shot in range(4):
            blue = 255.0 - images[row, shot, :, :, 0]
            red = (images[row, shot, :, :, 0] == 255) & (images[row, shot, :, :, 1] < 255)
            blue[red] = 0.0
            assert abs(blue.sum() / 255 - np.pi * 4) < 1.0  # a disc of 2 pixels
            x, y = (blue.sum(0) * places).sum() / blue.sum(), (blue.sum(1) * places).sum() / blue.sum()
            assert np.abs(pixels[row, shot] - (x, y)).max() < 0.4
    corner = evaluate(empty, constant(0.9, 0.9)[None], "images").columns["images"][0, 0]
    assert corner[12, 12].tolist() == [255, 0, 0]  # the area, left and above
    assert corner[2, 41].tolist() == [0, 0, 255]  # the point in the corner, right and above
    assert corner[30, 30].tolist() == [255, 255, 255]


def test_columns_cost_and_status():
    problem = Point2D(steps=20, frames=7, images=2, image_size=16)
    weights = sample(3)
    weights[1, 40] = np.nan
    result = evaluate(problem, weights, "trajectory", "images")
    assert result.columns["trajectory"].shape == (3, 7, 2)
    assert (result.columns["trajectory"][[0, 2], -1] == result.measures[[0, 2]]).all()
    assert result.status.tolist() == [Status.OK, Status.INVALID, Status.OK]
    assert np.isnan(result.objective[1])
    assert np.isnan(result.measures[1]).all()
    assert result.cost["steps"].tolist() == [20.0] * 3
    assert evaluate(problem, weights).columns == {}


def test_the_problem_is_sound():
    assert qd.check_problem(Point2D(image_size=16, areas=((0.5, 0.5, 0.4),))) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 0), ("hidden", (5, 0)), ("frames", 0), ("images", 0), ("image_size", 7),
        ("areas", ((0.0, 0.0),)), ("areas", ((0.0, 0.0, 0.0),)), ("areas", ((1.2, 0.0, 0.1),)),
        ("areas", ((float("nan"), 0.0, 0.1),)),
    ],
)  # fmt: skip
def test_bad_settings_name_the_field(field, value):
    with pytest.raises(QDError, match=rf"Point2D\.{field}: got"):
        Point2D(**{field: value})


@pytest.mark.drawing
def test_scene_and_figure():
    problem = Point2D(areas=((0.5, 0.5, 0.4),))
    assert problem.scene()["circles"] == [(0.5, 0.5, 0.4, "reward 1")]
    axes = problem.render(sample(1)[0], 0).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    assert not axes.yaxis_inverted()
