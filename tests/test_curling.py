"""The curling table against a plain twin, closed forms and hand-worked cases."""

import subprocess
import sys

import numpy as np
import pytest

import qd
from qd.contracts import Request, Status
from qd.errors import QDError
from qd.policies._mlp_kernel import rational_tanh
from qd.problems import Curling
from qd.problems.curling import AREAS, BALL_RADIUS, BASE_Y, DT, LIMITS, WALL, misplaced, outlines, reward
from tests.twins import curling as twin

SIZES = (6, 5, 5, 5, 2)
TANH = rational_tanh.py_func
ROOM = WALL - BALL_RADIUS
AWAY = (1.0, 1.0)  # a place for a ball that nothing reaches


def sample(n, seed=0, **fields):
    return Curling(**fields).solution_space.sample(n, np.random.default_rng(seed))


def evaluate(problem, solutions, *columns):
    return problem.evaluate(Request(solutions, columns=columns), np.zeros(len(solutions), np.uint64))


def told(base, elbow):
    """Weights of a network that ignores its input: the joints' speeds."""
    weights = np.zeros(94)
    weights[82] = 5.0  # the last hidden layer's bias: every unit gives the same
    for j, out in enumerate((base, elbow)):
        weights[83 + j : 93 : 2] = 2 * np.arctanh(out) / (5 * TANH(2.5))
    return weights


def course(start, steps, base=0.0, elbow=0.0):
    """The table's first four numbers after each step, and all nine at the end."""
    final, trace = Curling(steps=steps).episodes(told(base, elbow)[None], np.arange(steps), start)
    return trace[0], final[0]


def depths(table):
    """How deep the ball is in the inner and in the outer link."""
    arm = twin.Arm(table[2:4], table[2:4])
    return [arm.touch(outer, complex(*table[:2]))[0] for outer in (0, 1)]


def scattered(count, seed):
    """Nine numbers of tables in which nothing overlaps; most of the balls are near the arm or a wall."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < count:
        angles = rng.uniform(-1, 1, 2) * LIMITS
        link = outlines(*angles)[int(rng.random() < 0.7)]
        ball = link[:4].mean(0) + rng.uniform(-0.6, 0.6, 2)
        if rng.random() < 0.5:
            ball[rng.integers(2)] = ROOM * rng.choice([-1, 1])
        if not misplaced(*ball, *angles):
            found.append((*ball, *angles, 0.0, 0.0, *rng.normal(0, 2, 2), rng.normal(0, 5)))
    return np.array(found)


@pytest.mark.thorough
def test_every_step_agrees_with_the_twin():
    weights, steps = sample(8, 7), 300
    one = Curling(steps=1)
    met = 0
    for row in range(8):
        state = (-0.5, 0.2, 0, 0, 0, 0, 0, 0, 0)
        for step in range(steps):
            found = one.episodes(weights[row : row + 1], np.zeros(0, np.int64), state)[0][0] if step else None
            expected = twin.step(state, twin.act(weights[row], SIZES, state, TANH))
            if found is not None:
                assert np.abs(found - expected).max() < 1e-9, (row, step)
            met += expected[0] != state[0]
            state = expected
        final, _ = Curling(steps=steps).episodes(weights[row : row + 1], np.zeros(0, np.int64))
        assert np.abs(final[0, :4] - state[:4]).max() < 1e-6
    assert met > 300


@pytest.mark.thorough
def test_crowded_tables_agree_with_the_twin():
    """Balls beside links and walls, also between links, at speeds at which they bounce."""
    tables = scattered(1000, 1)
    commands = np.random.default_rng(2).uniform(-0.95, 0.95, (len(tables), 2))
    one, kinds = Curling(steps=1), set()
    for table, command in zip(tables, commands, strict=True):
        weights = told(*command)
        actions = twin.act(weights, SIZES, table, TANH)
        found = one.episodes(weights[None], np.zeros(0, np.int64), tuple(table))[0][0]
        assert np.abs(found - twin.step(table, actions)).max() < 1e-8
        wanted = np.clip(table[2:4] + DT * np.array(actions), -np.array(LIMITS), LIMITS)
        kinds.add((bool(abs(found[2:4] - wanted).max() > 1e-9), bool(abs(found[8] - table[8] / (1 + 2 * DT)) > 1e-9)))
    assert len(kinds) == 4  # arms that gave way or not, balls whose spin was changed or not


@pytest.mark.slow  # compiling takes longer than all other tests here
@pytest.mark.parametrize("hidden", [(3,), (3, 2, 2, 5)])
def test_other_networks_agree_with_the_twin(hidden):
    weights = sample(3, 11, hidden=hidden)
    final, _ = Curling(hidden=hidden, steps=40).episodes(weights, np.zeros(0, np.int64))
    for row in range(3):
        assert np.abs(twin.episode(weights[row], (6, *hidden, 2), 40, TANH)[-1] - final[row]).max() < 1e-9


def test_an_untouched_ball_stays():
    final, trace = Curling().episodes(np.zeros((1, 94)), np.arange(500))
    assert final[0].tolist() == [-0.5, 0.2, 0, 0, 0, 0, 0, 0, 0]
    assert (trace == [-0.5, 0.2, 0, 0]).all()


def test_a_free_ball_is_slowed_down():
    """v_k = v_0 / (1 + 1.1 dt)^k, and the way is the sum."""
    final = course((-1.0, 1.0, 0, 0, 0, 0, 0.9, -0.3, 4.0), 60)[1]
    factor = 1 / (1 + 1.1 * DT)
    way = DT * factor * (1 - factor**60) / (1 - factor)
    assert np.abs(final[:2] - [-1.0 + 0.9 * way, 1.0 - 0.3 * way]).max() < 1e-12
    assert np.abs(final[6:8] - np.array([0.9, -0.3]) * factor**60).max() < 1e-12
    assert abs(final[8] - 4.0 / (1 + 2 * DT) ** 60) < 1e-12


@pytest.mark.parametrize(("speed", "kept"), [(1.5, 0.9), (1.03, 0.9), (1.01, 0.0), (0.5, 0.0)])
def test_bounces_off_a_wall(speed, kept):
    """Straight on, 0.01 before the wall: above 1 unit/s nine tenths come back, below nothing."""
    place, final = course((ROOM - 0.005, 1.0, 0, 0, 0, 0, speed, 0.0, 0.0), 1)
    after = speed / (1 + 1.1 * DT)
    assert abs(final[6] + kept * after) < 1e-12
    assert abs(place[0, 0] - (ROOM - kept * (DT * after - 0.005))) < 1e-12


def test_friction_of_a_wall_turns_the_ball():
    """Sliding fast along the wall: the impulse along it is friction times that into it, and makes spin."""
    final = course((ROOM - 0.001, 1.0, 0, 0, 0, 0, 1.5, -6.0, 0.0), 1)[1]
    vx, vy = np.array([1.5, -6.0]) / (1 + 1.1 * DT)
    rub = np.sqrt(0.9 * 0.2) * 1.9 * vx
    assert abs(vy + rub - final[7]) < 1e-12
    assert abs(final[8] - 2 * rub / BALL_RADIUS) < 1e-12  # down along a wall on the right: counter-clockwise


def test_slow_contact_with_a_wall_ends_in_rolling():
    """Friction suffices to stop the slipping: two thirds of the speed remain, and the spin fits."""
    final = course((ROOM - 0.001, 1.0, 0, 0, 0, 0, 0.9, -0.3, 0.0), 1)[1]
    vy = -0.3 / (1 + 1.1 * DT)
    assert abs(final[7] - 2 / 3 * vy) < 1e-12
    assert abs(final[8] * BALL_RADIUS + final[7]) < 1e-12


def test_the_arm_hits_the_ball_elastically():
    """The upright arm turns left at 0.95 rad/s; the ball touches it 1.7 above the base: v = 1.9 u along the normal."""
    start = (-0.05 - BALL_RADIUS, BASE_Y + 1.7, 0, 0)
    final = course(start, 1, 0.95)[1]
    speed = twin.act(told(0.95, 0.0), SIZES, (*start, 0, 0), TANH)[0]
    turn = speed * DT  # the touching place when the arm has turned
    normal = np.array([-np.cos(turn), -np.sin(turn)])
    assert abs(final[6:8] @ normal - 1.9 * speed * (1.7 * np.cos(turn) + 0.2 * np.sin(turn))) < 1e-9
    assert depths(final[:4])[1] < 0  # it leaves the arm


def test_a_slow_push_keeps_touching():
    start = (-0.05 - BALL_RADIUS, BASE_Y + 1.2, 0, 0)
    places, _ = course(start, 60, 0.3)
    assert max(max(depths(place)) for place in places) < 1e-6
    assert min(max(depths(place)) for place in places) > -1e-3
    assert places[-1, 0] < -0.5


def test_joints_stop_at_their_limits():
    for sign in (1, -1):
        places, final = course((*AWAY, 0, 0), 200, sign * 0.95, -sign * 0.95)
        assert abs(places[-1, 2] - sign * LIMITS[0]) < 1e-12
        assert final[4] == 0.0
        assert (np.abs(places[:, 2:4]) <= LIMITS).all()
    places, final = course((*AWAY, 0, 0), 400, 0.0, 0.95)
    assert abs(places[-1, 3] - LIMITS[1]) < 1e-12
    assert final[5] == 0.0


def test_the_arm_stays_inside_the_walls_and_the_base_gives_way():
    """Both joints turn left: the tip meets the wall, the elbow goes on, the base is pushed back or stays."""
    places, _ = course((*AWAY, 0, 0), 250, 0.6, 0.6)
    corners = np.array([outlines(*place[2:4])[1] for place in places])
    assert np.abs(corners[:, :, 0]).max() < WALL + 1e-9
    assert corners[:, :, 1].min() > -WALL - 1e-9
    met = np.flatnonzero(np.abs(np.diff(places[:, 2]) - np.diff(places[:, 2])[0]) > 1e-6)
    assert 20 < met[0] < 150
    assert np.diff(places[:, 2])[met[0] + 1 : met[0] + 20].max() < 0.5 * np.diff(places[:, 2])[0]
    assert np.allclose(np.diff(places[: met[0] + 20, 3]), np.diff(places[:2, 3]))


def test_a_ball_caught_at_a_wall_stops_the_arm():
    """A link parallel to the wall squeezes the ball: it rolls or rests, confined, and the arm is held."""
    base = 0.5
    elbow = -base  # the outer link is upright
    left = -np.sin(base) - 0.05 - BALL_RADIUS
    places, _ = course((left - 0.1, 0.0, base, elbow), 300, 0.5)
    assert places[:, 0].min() >= -ROOM
    assert max(max(depths(place)) for place in places) < 1e-5
    held = places[-50:, 2]
    assert np.ptp(held) < 0.5 * 50 * DT * 0.5  # much less than it is told
    assert places[-1, 2] < LIMITS[0]


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_balls_are_confined_and_nothing_overlaps(scale):
    problem = Curling()
    weights = np.clip(scale * sample(2000, 9), -5, 5)
    _, trace = problem.episodes(weights, np.arange(0, 500, 7))
    assert np.abs(trace[:, :, :2]).max() <= ROOM
    assert (np.abs(trace[:, :, 2:]) <= LIMITS).all()
    moved = np.hypot(trace[:, -1, 0] + 0.5, trace[:, -1, 1] - 0.2) > 1e-3
    assert 0.3 < moved.mean() < 0.9
    for table in trace[moved][:25].reshape(-1, 4):
        assert max(depths(table)) < 1e-5
        corners = outlines(*table[2:])[1]
        assert max(np.abs(corners[:, 0]).max(), -corners[:, 1].min()) < WALL + 1e-5


def test_rows_do_not_depend_on_their_neighbours():
    problem, weights = Curling(), sample(37, 3)
    whole = evaluate(problem, weights, "trajectory", "images")
    parts = [evaluate(problem, weights[i:j], "trajectory", "images") for i, j in ((0, 1), (1, 6), (6, 30), (30, 37))]
    shuffled = evaluate(problem, weights[::-1])
    for name in ("objective", "measures"):
        assert (getattr(whole, name) == np.concatenate([getattr(part, name) for part in parts])).all()
        assert (getattr(whole, name) == getattr(shuffled, name)[::-1]).all()
    for name in ("trajectory", "images"):
        assert (whole.columns[name] == np.concatenate([part.columns[name] for part in parts])).all()


def test_reward_areas():
    """At the centre 1, half the radius away 1/2, on the rim and outside 0."""
    positions = np.array([[0.8, 0.8], [0.8, 1.0], [0.4, 0.8], [0.8, -0.8], [0.95, -0.8], [0.8, -0.6], [0.0, 0.0]])
    paid, area = reward(positions)
    assert np.abs(paid - [1, 0.5, 0, 1, 0.25, 0, 0]).max() < 1e-12
    assert area[np.abs(paid) > 1e-9].tolist() == [0, 0, 1, 1]
    assert area[-1] == -1


def test_columns_costs_and_status():
    problem = Curling(steps=100, frames=7, images=2, image_size=16)
    weights = sample(3)
    weights[1, 4] = np.nan
    result = evaluate(problem, weights, *problem.columns)
    assert {name: column.shape for name, column in result.columns.items()} == {
        "trajectory": (3, 7, 2), "images": (3, 2, 16, 16, 3), "reward_area": (3,), "posture": (3, 2),
    }  # fmt: skip
    assert (result.columns["trajectory"][[0, 2], -1] == result.measures[[0, 2]]).all()
    assert result.status.tolist() == [Status.OK, Status.INVALID, Status.OK]
    assert np.isnan(result.objective[1])
    assert np.isnan(result.measures[1]).all()
    assert result.cost["steps"].tolist() == [100.0] * 3
    assert (result.truth["reward_area"] == -1).all()
    assert evaluate(problem, weights).columns == {}


def test_pictures_show_ball_arm_walls_and_areas():
    from qd.problems._curling_pictures import pictures

    scale = 100 / 3
    image = pictures(np.array([[[-0.5, 0.2, 0.0, -np.pi / 2]]]), 100)[0, 0]

    def colour(x, y):
        return image[int((1.5 - y) * scale), int((1.5 + x) * scale)].tolist()

    assert image.dtype == np.uint8
    assert colour(-0.5, 0.2) == [0, 0, 255]
    assert colour(-0.5, 0.31) == [0, 0, 255]
    assert colour(-0.5, 0.42) == [255, 255, 255]
    assert colour(0.8, 1.1) == colour(0.8, -0.8) == [255, 0, 0]
    assert colour(0.5, -0.8) == [255, 255, 255]
    assert colour(-1.48, 0.0) == colour(1.48, 0.0) == colour(0.4, -1.48) == colour(0.4, 1.48) == [150, 150, 150]
    assert colour(0.01, -1.2) == [100, 100, 100]  # the inner link is upright
    assert colour(0.8, -0.5) == colour(-0.07, -0.5) == [100, 100, 100]  # the outer one goes to the right, and a tail
    assert colour(-0.13, -0.5) == colour(0.94, -0.5) == [255, 255, 255]
    for x, y, radius in AREAS:
        red = (image[:, :, 0] > 250) & (image[:, :, 1] < 5)
        rows, columns = np.nonzero(red)
        near = np.hypot((columns + 0.5) / scale - 1.5 - x, 1.5 - (rows + 0.5) / scale - y) < radius
        assert abs(near.sum() / scale**2 - np.pi * radius**2) < 0.15 * radius


def test_the_problem_is_sound():
    assert qd.check_problem(Curling(steps=100, image_size=16)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("steps", 0), ("hidden", ()), ("hidden", (5, 0)), ("hidden", (1,) * 5), ("frames", 0), ("images", 0),
     ("image_size", 4)],
)  # fmt: skip
def test_bad_settings_name_the_field(field, value):
    with pytest.raises(QDError, match=rf"Curling\.{field}: got"):
        Curling(**{field: value})


@pytest.mark.parametrize(
    ("start", "why"),
    [
        ((1.31, 0.0, 0.0, 0.0), "ball is in a wall"),
        ((1.0, 1.0, 1.3, 0.0), "limit"),
        ((1.0, 1.0, 1.0, 0.5), "arm is in a wall"),
        ((0.1, -0.8, 0.0, 0.0), "ball is in the arm"),
        ((1.0, 1.0, 0.0), "4 to 9"),
        ((1.0, float("nan"), 0.0, 0.0), "finite"),
    ],
)
def test_bad_starts_are_refused(start, why):
    with pytest.raises(QDError, match=rf"start: .*{why}"):
        Curling().episodes(np.zeros((1, 94)), np.zeros(0, np.int64), start)


@pytest.mark.drawing
def test_scene_and_figure():
    problem = Curling(steps=50)
    assert [circle[:3] for circle in problem.scene()["circles"]] == list(AREAS)
    axes = problem.render(sample(1)[0], 0).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x [units]", "y [units]")
    assert not axes.yaxis_inverted()


def test_importing_the_problem_is_cheap():
    code = "import sys; from qd.problems import Curling; Curling().solution_space; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
