"""The hard maze against a plain twin, closed forms and hand-worked cases."""

import subprocess
import sys

import numpy as np
import pytest

import qd
from qd.contracts import Request, Status
from qd.errors import QDError
from qd.policies._mlp_kernel import rational_tanh
from qd.problems import HardMaze
from qd.problems._fastsim_map import MISS, REACH, SIDE, SPAN, STEPS, supercover
from qd.problems._hard_maze_map import bitmap, tables
from qd.problems.hard_maze import AREAS, START, reward
from tests.twins import hard_maze as twin

GRID = twin.walls()
SIZES = (5, 5, 5, 2)
TANH = rational_tanh.py_func


def sample(n, seed=0, **fields):
    return HardMaze(**fields).solution_space.sample(n, np.random.default_rng(seed))


def evaluate(problem, solutions, *columns):
    return problem.evaluate(Request(solutions, columns=columns), np.zeros(len(solutions), np.uint64))


def constant(left, right, hidden=(5, 5)):
    """Weights of a network that ignores its input: wheel distances through large or zero biases and weights."""
    problem = HardMaze(hidden=hidden)
    weights = np.zeros(problem.policy.length)
    last = problem.policy.length - (2 * hidden[-1] + 1)
    weights[last - 1] = 5.0  # the last hidden layer's bias: every unit gives u
    u = TANH(2.5)
    for j, wheel in enumerate((left, right)):
        weights[last + j : last + 2 * hidden[-1] : 2] = 2 * np.arctanh(wheel) / (hidden[-1] * u)
    return weights


def test_the_bitmap_is_the_twins():
    assert (bitmap() == GRID).all()


@pytest.mark.thorough
def test_every_step_agrees_with_the_twin():
    problem, steps = HardMaze(steps=500), 500
    weights = sample(12, 7)
    final, trace = problem.episodes(weights, np.arange(steps))
    for row in range(len(weights)):
        pose, bumped, collisions = START, (0.0, 0.0), 0
        for t in range(steps):
            found, bumped, collided = twin.step(GRID, pose, bumped, weights[row], SIZES, TANH)
            collisions += collided
            assert np.abs(np.subtract(found, trace[row, t])).max() < 1e-11, (row, t)
            pose = tuple(trace[row, t].tolist())
        assert collisions == final[row, 5]
    assert final[:, 5].max() > 50  # bumpers were part of it


@pytest.mark.thorough
def test_whole_episodes_agree_with_the_twin():
    weights = sample(4, 5)
    final, _ = HardMaze().episodes(weights, np.zeros(0, np.int64))
    for row in range(len(weights)):
        poses, collisions = twin.episode(GRID, weights[row], SIZES, 2000, START, TANH)
        assert np.abs(poses[-1] - final[row, :3]).max() < 1e-9
        assert np.abs(poses[-2, :2] - final[row, 3:5]).max() < 1e-9
        assert collisions == final[row, 5]


@pytest.mark.parametrize(
    "hidden",
    [(2, 3, 4), pytest.param((1,), marks=pytest.mark.slow), pytest.param((3, 2, 2, 5), marks=pytest.mark.slow)],
)  # the compiler takes 10 seconds for each
def test_other_networks_agree_with_the_twin(hidden):
    weights = sample(3, 11, hidden=hidden)
    final, _ = HardMaze(hidden=hidden, steps=60).episodes(weights, np.zeros(0, np.int64))
    for row in range(3):
        poses, _ = twin.episode(GRID, weights[row], (5, *hidden, 2), 60, START, TANH)
        assert np.abs(poses[-1] - final[row, :3]).max() < 1e-9


def test_short_episodes_agree_with_exact_tanh():
    weights = sample(8, 1)
    final, _ = HardMaze(steps=30).episodes(weights, np.zeros(0, np.int64))
    for row in range(8):
        poses, _ = twin.episode(GRID, weights[row], SIZES, 30, START)
        assert np.abs(poses[-1, :2] - final[row, :2]).max() < 0.05  # 30 steps of tanh errors below 1e-4


@pytest.mark.thorough
def test_reachable_cells():
    """2093 of 2500 with the fitted walls, by a flood fill over the pixels in which the robot does not collide."""
    free = tables().touching.reshape(SIDE, SIDE) == 0
    seen = np.zeros_like(free)
    todo = [(150, 20)]  # the start's pixel, (450, 60) / 3
    while todo:
        y, x = todo.pop()
        if free[y, x] and not seen[y, x]:
            seen[y, x] = True
            todo += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    cells = set()
    for y, x in np.argwhere(seen):
        for dy in (-1.5, 1.499):  # a pixel holds the positions that round to it
            for dx in (-1.5, 1.499):
                cells.add((int((3 * y + dy) // 12), int((3 * x + dx) // 12)))
    assert len(cells) == 2093
    for x, y, radius in AREAS:
        near = [(3 * i - x) ** 2 + (3 * j - y) ** 2 < radius**2 for j, i in np.argwhere(seen)]
        assert any(near)
        assert seen[round(y / 3), round(x / 3)]


def test_a_standing_robot_stays():
    final, _ = HardMaze().episodes(np.zeros((1, 63)), np.zeros(0, np.int64))
    assert final[0].tolist() == [60.0, 450.0, np.pi / 4, 60.0, 450.0, 0.0]


def test_straight_drive():
    """Full speed for 20 steps: 20 units at 45 degrees."""
    weights = np.full((1, 63), 5.0)  # every unit saturates at 1
    final, _ = HardMaze(steps=20).episodes(weights, np.zeros(0, np.int64))
    along = 20 * np.sqrt(0.5)
    assert np.abs(final[0, :3] - [60 + along, 450 + along, np.pi / 4]).max() < 1e-12
    assert final[0, 5] == 0


@pytest.mark.parametrize(("left", "right"), [(0.6, 0.2), (0.3, 0.9), (-0.5, 0.5), (0.4, 0.4)])
def test_arcs_in_closed_form(left, right):
    """Constant wheels drive a circle of radius 10 (r + l) / (r - l) about a fixed centre."""
    steps, (x, y, heading) = 40, (480.0, 240.0, 0.3)
    weights = constant(left, right)
    left, right = twin.act(weights, SIZES, [0.0] * 5, TANH)  # as the rational tanh has it
    final, _ = HardMaze(steps=steps).episodes(weights[None], np.zeros(0, np.int64), (x, y, heading))
    turned = steps * (right - left) / 20
    if turned:
        radius = 10 * (right + left) / (right - left)
        x += radius * (np.sin(heading + turned) - np.sin(heading))
        y -= radius * (np.cos(heading + turned) - np.cos(heading))
    else:
        x, y = x + steps * left * np.cos(heading), y + steps * left * np.sin(heading)
    assert np.abs(final[0, :3] - [x, y, heading + turned]).max() < 1e-10
    assert final[0, 5] == 0


@pytest.mark.thorough
def test_lines_are_supercover():
    """Every pixel that a finely sampled segment passes through is there, and no other."""
    rng = np.random.default_rng(0)
    for ox, oy in rng.integers(-33, 34, (60, 2)):
        main, sides = supercover(int(ox), int(oy))
        if (ox, oy) == (0, 0):
            assert main == []
            continue
        assert main[-1] == (ox, oy)
        t = np.linspace(0, 1, 20001)[:, None] * [ox, oy]
        inside = (np.abs(t - np.round(t)) < 0.4999).all(axis=1)  # clear of edges and corners
        sampled = {(int(a), int(b)) for a, b in np.round(t[inside])} - {(0, 0)}
        entered = {*main, *(cell for cut in sides for cell in cut)}
        assert sampled <= entered
        # Nothing is further from the segment than a pixel that touches it with a corner.
        assert all(abs(u * oy - v * ox) <= (abs(ox) + abs(oy)) / 2 for u, v in entered)


def test_the_memo_of_rays_agrees_with_brute_force():
    """Every ray that episodes have looked up, against a walk along the twin's line."""
    evaluate(HardMaze(), sample(16, 2))
    tab = tables()
    rays = len(tab.steps)
    known = np.flatnonzero(tab.memo)
    for place in np.random.default_rng(0).choice(known, 2000, replace=False):
        at, which = divmod(int(place), rays)
        y, x = divmod(at, SIDE)
        key = int(np.flatnonzero(tab.ray == which)[0])
        oy, ox = key // SPAN - REACH, key % SPAN - REACH
        walk = enumerate(twin.line(x, y, x + ox, y + oy), 1)
        hit = next((step for step, cells in walk if any(GRID[b, a] for a, b in cells)), MISS)
        assert tab.memo[place] == hit
        if hit != MISS:
            end = tab.ends.reshape(rays, STEPS + 1, 2)[which, hit]
            assert tuple(end) == list(twin.line(0, 0, ox, oy))[hit - 1][0]


def test_lasers_straight_ahead():
    """Facing the frame from (480, 540) to the right: the wall begins at pixel 197, 591 units."""
    assert twin.laser(GRID, 480.0, 540.0, 0.0, 1.0) == 100.0
    assert twin.laser(GRID, 520.0, 540.0, 0.0, 1.0) == 591.0 - 520.0


def test_bumpers_see_their_quarter():
    assert twin.bumpers([(2, 2)], 0.0) == (0.0, 1.0)
    assert twin.bumpers([(2, -2)], 0.0) == (1.0, 0.0)
    assert twin.bumpers([(3, 0)], 0.0) == (0.0, 0.0)
    tab = tables()
    for heading in [*tab.bearings, *np.random.default_rng(0).uniform(-np.pi, np.pi, 50)]:
        i = int(np.searchsorted(tab.bearings, heading, "right")) - 1
        sector = 2 * (i % 16) + (tab.bearings[i] != heading)
        for k, bearing in enumerate(tab.bearings):
            offset = next(
                (dx, dy) for dx in range(-3, 4) for dy in range(-3, 4)
                if 0 < dx * dx + dy * dy <= 9 and np.arctan2(dy, dx) == bearing
            )  # fmt: skip
            left, right = twin.bumpers([offset], float(heading))
            assert (bool(tab.left[sector] >> k & 1), bool(tab.right[sector] >> k & 1)) == (left, right)


@pytest.mark.thorough
def test_bumpers_at_headings_exactly_towards_a_pixel():
    """Robots that drive straight along a table direction into a wall, then turn by what their bumpers say."""
    weights = np.zeros(63)
    weights[3 * 5], weights[4 * 5] = 5.0, -2.0  # left bumper +, right bumper - into unit 0,
    weights[26], weights[52], weights[62] = 5.0, 3.0, 5.0  # on to unit 0, to the left wheel; both wheels' bias
    rng, steps, turned = np.random.default_rng(4), 150, 0
    problem, free = HardMaze(steps=steps), np.argwhere(tables().touching.reshape(SIDE, SIDE) == 0)
    for y, x in rng.choice(free, 40, replace=False) * 3.0:
        start = (float(x), float(y), float(rng.choice([np.arctan2(a, b) for a in (-1, 0, 1) for b in (-1, 1)])))
        final, _ = problem.episodes(weights[None], np.zeros(0, np.int64), start)
        poses, _ = twin.episode(GRID, weights, SIZES, steps, start, TANH)
        assert np.abs(poses[-1] - final[0, :3]).max() < 1e-9
        turned += final[0, 2] != start[2]
    assert turned > 10


def test_rows_do_not_depend_on_their_neighbours():
    problem, weights = HardMaze(steps=400), sample(37, 3)
    whole = evaluate(problem, weights, "trajectory", "reward_area")
    again = evaluate(problem, weights, "trajectory", "reward_area")
    parts = [evaluate(problem, weights[i:j], "trajectory") for i, j in ((0, 1), (1, 6), (6, 30), (30, 37))]
    shuffled = evaluate(problem, weights[::-1])
    for name in ("objective", "measures"):
        assert (getattr(whole, name) == getattr(again, name)).all()
        assert (getattr(whole, name) == np.concatenate([getattr(part, name) for part in parts])).all()
        assert (getattr(whole, name) == getattr(shuffled, name)[::-1]).all()
    assert (whole.columns["trajectory"] == np.concatenate([part.columns["trajectory"] for part in parts])).all()


def test_reward_areas():
    """At the centre 1, half the radius away 1/2, on the rim and outside 0."""
    positions = np.array([[60, 60], [85, 60], [110, 60], [100, 200], [100, 240], [100, 260], [300, 300]], float)
    paid, area = reward(positions)
    assert np.abs(paid - [1, 0.5, 0, 1, 0.2, 0, 0]).max() < 1e-12
    assert area.tolist() == [0, 0, -1, 1, 1, -1, -1]


def test_the_reward_is_that_of_the_final_pose(monkeypatch):
    """Driving straight through an area: the end pose pays, or the one before with ``faithful_reward``."""
    monkeypatch.setattr("qd.problems.hard_maze.START", (60.0, 60.0, 0.0))
    monkeypatch.setattr(HardMaze.episodes, "__defaults__", ((60.0, 60.0, 0.0),))
    weights = np.full((1, 63), 5.0)
    for faithful, driven in ((False, 20), (True, 19)):
        result = evaluate(HardMaze(steps=20, faithful_reward=faithful), weights, "reward_area")
        assert abs(result.objective[0] - (50 - driven) / 50) < 1e-12
        assert np.abs(result.measures[0] - [80 / 600, 0.1]).max() < 1e-12
        assert result.columns["reward_area"].tolist() == [0]


def test_columns_costs_and_status():
    problem = HardMaze(steps=100, frames=7)
    weights = sample(3)
    weights[1, 4] = np.nan
    result = evaluate(problem, weights, "trajectory")
    assert result.columns["trajectory"].shape == (3, 7, 2)
    assert (result.columns["trajectory"][[0, 2], -1] == result.measures[[0, 2]]).all()
    assert result.status.tolist() == [Status.OK, Status.INVALID, Status.OK]
    assert np.isnan(result.objective[1])
    assert np.isnan(result.measures[1]).all()
    assert result.cost["steps"].tolist() == [100.0] * 3
    assert problem.frame_steps().tolist() == [15, 29, 43, 57, 71, 85, 99]
    assert "trajectory" not in evaluate(problem, weights).columns


@pytest.mark.parametrize(("size", "radius"), [(64, 10.0), (25, 10.0), (25, 6.0)])
def test_pictures_are_the_twins(size, radius):
    """Within 5 of 255 levels: the twin counts samples, the kernel has exact shares."""
    problem = HardMaze(steps=300, images=2, image_size=size, robot_radius=radius)
    weights = sample(3, 4)
    images = evaluate(problem, weights, "images").columns["images"]
    assert (images.shape, images.dtype) == ((3, 2, size, size, 3), np.uint8)
    _, trace = problem.episodes(weights, np.array([150, 299]))
    for row, frame in ((0, 0), (2, 1)):
        wanted = twin.picture(size, trace[row, frame : frame + 1, :2], radius)
        assert np.abs(images[row, frame] - wanted).max() <= 5
    assert np.abs(images[0, 0] - twin.picture(size, [])).max() > 10  # the robot is there


def test_the_robot_is_where_the_measures_say():
    result = evaluate(HardMaze(image_size=50), sample(30, 9), "images")
    empty = evaluate(HardMaze(steps=1, images=1, image_size=50, robot_radius=1e-3), sample(1), "images")
    background = empty.columns["images"][0, 0].astype(float)  # a robot too small to be seen
    for images, measures in zip(result.columns["images"], result.measures):
        weight = np.abs(images[-1] - background).sum(axis=2)
        x, y = (weight.sum(axis=axis) @ (np.arange(50) + 0.5) / weight.sum() for axis in (0, 1))
        assert np.abs([x, y] - (measures * 200 + 0.5) / 4).max() < 0.06  # beside walls a part of it is on black
        assert weight.sum() == pytest.approx(510 * np.pi * (10 / 12) ** 2, rel=0.1)


def test_pictures_change_nothing_else():
    problem, weights = HardMaze(steps=150, frames=7, images=4, image_size=16), sample(20, 6)
    plain = evaluate(problem, weights)
    both = evaluate(problem, weights, "images", "trajectory")
    assert "images" not in plain.columns
    assert plain.objective.tobytes() == both.objective.tobytes()
    assert plain.measures.tobytes() == both.measures.tobytes()
    for name in ("images", "trajectory"):
        alone = evaluate(problem, weights, name).columns[name]
        assert (both.columns[name] == alone).all()
        parts = [evaluate(problem, weights[i:j], name).columns[name] for i, j in ((0, 1), (1, 6), (6, 20))]
        assert (alone == np.concatenate(parts)).all()
    trace = problem.episodes(weights, problem.frame_steps())[1]
    assert (both.columns["trajectory"] == trace[:, :, :2] / 600).all()
    few = evaluate(HardMaze(steps=2, images=5, image_size=8), weights, "images").columns["images"]
    assert few.shape == (20, 5, 8, 8, 3)


def test_the_contract():
    assert qd.check_problem(HardMaze(steps=50, image_size=8)) == []


def test_bad_settings_name_the_field():
    wrong = [{"steps": 0}, {"hidden": ()}, {"hidden": (5, 0)}, {"hidden": (1,) * 5}, {"frames": 0}, {"images": 0}]
    wrong += [{"image_size": 7}, {"robot_radius": 0.0}, {"robot_radius": np.nan}]
    for fields in wrong:
        with pytest.raises(QDError, match=next(iter(fields))):
            HardMaze(**fields)
    with pytest.raises(QDError, match="start"):
        HardMaze().episodes(np.zeros((1, 63)), np.zeros(0, np.int64), (5.0, 5.0, 0.0))


def test_scene_and_figure():
    problem = HardMaze(steps=50)
    scene = problem.scene()
    assert len(scene["lines"]) == 8
    assert all(line.shape == (5, 2) and line.min() >= -0.01 and line.max() <= 1.01 for line in scene["lines"])
    assert [circle[2] for circle in scene["circles"]] == [50 / 600] * 2
    figure = problem.render(sample(1)[0], 0)
    labels = figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    assert labels == ("x [units]", "y [units], down")
    assert figure.axes[0].yaxis_inverted()


def test_importing_the_problem_is_cheap():
    code = "import sys; from qd.problems import HardMaze; HardMaze().solution_space; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_clearance_is_the_chessboard_distance_to_the_nearest_wall() -> None:
    from scipy.ndimage import distance_transform_cdt

    walls = bitmap()
    assert np.array_equal(tables().clear.reshape(SIDE, SIDE), distance_transform_cdt(~walls, metric="chessboard"))
