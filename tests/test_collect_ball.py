"""The ball collector against a plain twin and hand-built episodes."""

import numpy as np
import pytest

from qd.contracts import Request, Status
from qd.errors import QDError
from qd.policies._mlp_kernel import rational_tanh
from qd.problems import CollectBall
from qd.problems._collect_ball_map import BALLS, HOME, bitmap, lit, tables
from qd.problems._fastsim_map import SIDE
from qd.problems.collect_ball import START
from tests.twins import collect_ball as twin
from tests.twins import hard_maze as robot

GRID = twin.walls()
SIZES = (10, 5, 5, 3)
TANH = rational_tanh.py_func
NONE = np.zeros(0, np.int64)


def sample(n, seed=0, **fields):
    return CollectBall(**fields).solution_space.sample(n, np.random.default_rng(seed))


def evaluate(problem, solutions, *columns):
    return problem.evaluate(Request(solutions, columns=columns), np.zeros(len(solutions), np.uint64))


def one_unit(inputs=None, bias=0.0, grip=(0.0, 0.0)):
    """Weights of 10 - 1 - 3 for a robot that drives straight with a gripper worked by one unit.

    The unit is u = 2 sigmoid(inputs . w + bias) - 1; the gripper's last sigmoid gets grip[0] + grip[1] u, the wheels'
    get grip[0].
    """
    weights = np.zeros(15)
    for place, weight in (inputs or {}).items():
        weights[place] = weight
    weights[10] = bias
    weights[13], weights[14] = grip[1], grip[0]
    return weights


def test_the_map_is_the_twins():
    assert (bitmap() == GRID).all()
    touching = tables().touching.reshape(SIDE, SIDE)
    for x, y in (*BALLS, HOME):
        assert touching[round(y / 3), round(x / 3)] == 0


def run_beside_the_twin(problem, weights, start=START):
    """Every step of every row: the pose, and what the twin's balls came to."""
    final, trace, at_end = problem.episodes(weights, np.arange(problem.steps), start)
    sizes = problem.policy.sizes
    worlds = []
    for row in range(len(weights)):
        world = twin.World(GRID, start)
        for t in range(problem.steps):
            world.step(*robot.act(weights[row], sizes, world.observe(), TANH))
            assert np.abs(np.subtract(world.pose, trace[row, t, :3])).max() < 1e-9, (row, t)
            world.pose = tuple(trace[row, t, :3].tolist())
            balls = world.balls()
            balls[world.delivered] = np.nan
            assert np.allclose(trace[row, t, 3:].reshape(6, 2), balls, rtol=0, atol=1e-9, equal_nan=True)
        assert world.collisions == final[row, 5]
        assert len(world.delivered) == final[row, 3]
        assert (-1 if world.carried is None else world.carried) == final[row, 4]
        assert np.abs(world.balls() - at_end[row]).max() < 1e-9
        worlds.append(world)
    return worlds


@pytest.mark.thorough
def test_every_step_agrees_with_the_twin():
    worlds = run_beside_the_twin(CollectBall(steps=200), sample(8, 3))
    assert max(world.collisions for world in worlds) > 0


@pytest.mark.parametrize("where", [(75.0, 530.0, -0.9), (225.0, 235.0, 2.0), (440.0, 440.0, 0.8), (460.0, 80.0, 3.0)])
@pytest.mark.thorough
def test_steps_beside_a_ball_agree_with_the_twin(where):
    """Larger weights and starts beside a ball: balls are carried about and dropped where others see them."""
    weights = 3 * sample(12, 5)
    worlds = run_beside_the_twin(CollectBall(steps=60), weights, where)
    moved = sum(not np.array_equal(world.balls(), np.array(BALLS, float)) for world in worlds)
    assert moved >= 2


def test_a_standing_robot_stays():
    final, _, balls = CollectBall().episodes(np.zeros((1, 93)), NONE)
    assert final[0].tolist() == [100.0, 500.0, np.pi / 4, 0.0, -1.0, 0.0]
    assert (balls[0] == BALLS).all()


def test_full_speed_is_two_units_a_step():
    final, _, _ = CollectBall(steps=20).episodes(np.full((1, 93), 5.0), NONE, (300.0, 100.0, 0.0))
    assert np.abs(final[0, :3] - [340, 100, 0]).max() < 1e-9


TOWARDS_HOME = (75.0, 540.0, float(np.arctan2(HOME[1] - 540.0, HOME[0] - 75.0)))  # on ball 2
DELIVER = one_unit({7: 100.0, 8: 100.0, 9: -100.0}, bias=50.0, grip=(10.0, 50.0))  # open if carrying past home


def test_a_ball_is_carried_home_and_counts_once():
    """From ball 2 straight over home, 47.2 units or 24 steps: the gripper opens on step 25, when home lies behind."""
    for steps, delivered, carried in ((24, 0, 1), (25, 1, -1), (28, 1, -1)):
        problem = CollectBall(steps=steps, hidden=(1,))
        final, _, balls = problem.episodes(DELIVER[None], NONE, TOWARDS_HOME)
        assert final[0, 3:5].tolist() == [delivered, carried]
        assert balls[0, 1].tolist() == pytest.approx(list(HOME) if delivered else final[0, :2].tolist())
        assert (balls[0, [0, 2, 3, 4, 5]] == np.array(BALLS)[[0, 2, 3, 4, 5]]).all()
    assert np.hypot(*(final[0, :2] - HOME)) < 10  # still near enough to pick it up, were it there


@pytest.mark.parametrize("ball", range(6))
def test_a_ball_dropped_elsewhere_lies_there_and_is_picked_up_again(ball):
    """A gripper that opens when it holds something: carried on odd steps, down on even ones, at the robot's place."""
    weights = one_unit({9: 100.0}, bias=-50.0, grip=(10.0, -50.0))
    x, y = BALLS[ball][0], BALLS[ball][1] + 7
    for steps in (1, 2, 3):
        final, _, balls = CollectBall(steps=steps, hidden=(1,)).episodes(weights[None], NONE, (x, y, 0.0))
        assert final[0, 3:5].tolist() == [0.0, ball if steps % 2 else -1.0]
        assert balls[0, ball].tolist() == pytest.approx(final[0, :2].tolist())
        assert np.abs(balls[0, ball] - [x + 2 * steps, y]).max() < 0.1


def test_nothing_is_picked_up_from_afar_or_by_an_open_gripper():
    for grip, start in ((10.0, (225.0, 250.0, 0.0)), (-10.0, (225.0, 232.0, 0.0))):
        weights = one_unit(grip=(grip, 0.0))
        final, _, balls = CollectBall(steps=3, hidden=(1,)).episodes(weights[None], NONE, start)
        assert final[0, 4] == -1
        assert (balls[0] == BALLS).all()


def test_lights_are_seen_where_the_twin_sees_them():
    free = np.argwhere(~GRID)
    for y, x in np.random.default_rng(1).choice(free, 150):
        for k, light in enumerate((*BALLS, HOME)):
            ends = [robot.pixel(v) for v in light]
            there = not any(GRID[b, a] for entered in robot.line(*ends, x, y) for a, b in entered)
            back = not any(GRID[b, a] for entered in robot.line(x, y, *ends) for a, b in entered)
            assert there == back == bool(lit()[y * SIDE + x] >> k & 1)


def test_rows_do_not_depend_on_their_neighbours():
    problem, weights = CollectBall(steps=300), 2 * sample(37, 3)
    whole = evaluate(problem, weights, "trajectory", "balls")
    parts = [evaluate(problem, weights[i:j], "trajectory", "balls") for i, j in ((0, 1), (1, 6), (6, 30), (30, 37))]
    for name in ("objective", "measures"):
        assert (getattr(whole, name) == np.concatenate([getattr(part, name) for part in parts])).all()
    for name in ("trajectory", "balls"):
        assert (whole.columns[name] == np.concatenate([part.columns[name] for part in parts])).all()
    assert (evaluate(problem, weights[::-1]).measures[::-1] == whole.measures).all()


def test_what_an_evaluation_says(monkeypatch):
    monkeypatch.setattr(CollectBall.episodes, "__defaults__", (TOWARDS_HOME,))
    weights = np.stack([DELIVER, np.zeros(15), np.zeros(15)])
    weights[2, 4] = np.nan
    problem = CollectBall(steps=28, frames=7, hidden=(1,))
    result = evaluate(problem, weights, "trajectory", "balls", "reward_area")
    assert result.objective[:2].tolist() == [1.0, 0.0]
    assert result.truth["reward_area"][:2].tolist() == result.columns["reward_area"][:2].tolist() == [0, -1]
    assert result.status.tolist() == [Status.OK, Status.OK, Status.INVALID]
    assert np.isnan(result.objective[2])
    assert result.columns["trajectory"].shape == (3, 7, 2)
    assert (result.columns["trajectory"][:2, -1] == result.measures[:2]).all()
    assert result.columns["balls"].shape == (3, 6, 2)
    assert result.cost["steps"].tolist() == [28.0] * 3
    assert set(evaluate(problem, weights).columns) == set()


def test_pictures(monkeypatch):
    """Walls, home, robot and balls where they are; a ball that came home is no longer drawn."""
    monkeypatch.setattr(CollectBall.episodes, "__defaults__", (TOWARDS_HOME,))
    problem = CollectBall(steps=28, images=2, image_size=200, hidden=(1,))
    result = evaluate(problem, np.stack([DELIVER, np.zeros(15)]), "images", "trajectory")
    images = result.columns["images"]
    assert images.shape == (2, 2, 200, 200, 3)
    assert images.dtype == np.uint8

    def colour(row, frame, x, y):
        return images[row, frame, round(y / 3), round(x / 3)].tolist()

    assert colour(0, 0, 300, 350) == colour(0, 0, 100, 300) == [0, 0, 0]
    assert colour(0, 0, 300, 450) == [255, 255, 255]
    for x, y in BALLS[2:]:
        assert colour(0, 1, x, y) == [255, 0, 0]
    assert colour(0, 1, 75, 540) == [255, 255, 255]  # carried off
    assert colour(1, 1, 75, 540) == [255, 0, 0]  # the robot stands on it, the ball is on top
    assert colour(1, 1, *HOME) == [0, 160, 0]
    assert colour(0, 1, *(600 * result.measures[0])) == [0, 0, 255]  # home without a ball
    middle = problem.episodes(DELIVER[None], np.array([14]), TOWARDS_HOME)[1][0, 0, :2]
    assert colour(0, 0, *middle) == [255, 0, 0]  # on its way, with the ball


def test_bad_settings_name_the_field():
    for fields in (
        {"steps": 0},
        {"hidden": ()},
        {"hidden": (5, 0)},
        {"hidden": (1,) * 5},
        {"frames": 0},
        {"images": 0},
        {"image_size": 4},
    ):
        with pytest.raises(QDError, match=next(iter(fields))):
            CollectBall(**fields)
    with pytest.raises(QDError, match="start"):
        CollectBall(hidden=(1,)).episodes(np.zeros((1, 15)), NONE, (300.0, 300.0, 0.0))


@pytest.mark.drawing
def test_scene_and_figure():
    scene = CollectBall().scene()
    assert len(scene["lines"]) == 5
    assert [circle[3] for circle in scene["circles"]][-1] == "home"
    figure = CollectBall(steps=50).render(sample(1)[0], 0)
    assert figure.axes[0].yaxis_inverted()
    assert "0 balls home" in figure.axes[0].get_title()
