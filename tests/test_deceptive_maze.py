"""The deceptive maze against its plain twin, hand-worked cases, and the facts known of it."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest

import qd
from qd.policies._mlp_kernel import LANES, forward_batch
from qd.problems import DeceptiveMaze
from qd.problems import _deceptive_maze_kernel as kernel
from qd.problems._deceptive_maze_kernel import free, segments
from qd.problems.deceptive_maze import GOAL, START, WALLS
from tests.twins import deceptive_maze as twin

SEGMENTS = segments(WALLS)


def places(n, seed=0):
    """(n, 2) free positions inside."""
    drawn = np.random.default_rng(seed).uniform((3, 5), (195, 202), (20 * n, 2))
    return np.array([p for p in drawn if free(p[0], p[1], SEGMENTS) and p[1] > 14][:n])


def sensed(x, y, sine, cosine):
    """The eleven inputs of a robot in the last lane; those in the other lanes stand elsewhere."""
    lanes = np.random.default_rng(0).uniform(50, 150, (kernel.LAYERS, LANES))
    lanes[[kernel.X, kernel.Y, kernel.SINE, kernel.COSINE], -1] = x, y, sine, cosine
    flat = lanes.ravel()
    kernel.sense(flat, np.array(GOAL), SEGMENTS)
    return flat.reshape(-1, LANES)[kernel.OBSERVATION : kernel.OBSERVATION + 11, -1]


def seen(x, y, degrees):
    turn = math.radians(degrees)
    return sensed(x, y, math.sin(turn), math.cos(turn))


def test_what_the_robot_senses_agrees_with_the_twin():
    for k, (x, y) in enumerate(places(40)):
        heading = 9.37 * k
        np.testing.assert_allclose(seen(x, y, heading), twin.observation(x, y, heading), atol=1e-9)


def test_hand_worked_sights():
    """A wall along x = 56 from y = 54 to 157, seen from x = 40: 16 px ahead, and slantwise further."""
    assert sensed(40.0, 100.0, 0.0, 1.0)[3] == pytest.approx(0.16)
    assert sensed(40.0, 100.0, 0.0, 1.0)[4] == pytest.approx(0.16 * math.sqrt(2))
    assert sensed(40.0, 100.0, 0.0, -1.0)[6] == pytest.approx(0.16)
    assert sensed(-500.0, 100.0, 0.0, 1.0)[1:7].tolist() == [1.0] * 6  # nothing within range


def test_a_wall_seen_end_on_is_none_and_its_end_is_one():
    """The wall x = 56 from above, where its end, shared with no other, is hit exactly: 14 px, by no line beside it."""
    walls = segments([(56.0, 54.0, 56.0, 157.0), (56.0, 54.0, 80.0, 54.0)])
    lanes = np.zeros((kernel.LAYERS, LANES))
    lanes[[kernel.X, kernel.Y, kernel.SINE, kernel.COSINE]] = np.array([[56.0, 40.0, 1.0, 0.0]]).T  # looks down
    for some, ahead in ((walls[:1], 1.0), (walls, 0.14)):
        flat = lanes.ravel().copy()
        kernel.sense(flat, np.array(GOAL), some)
        assert flat.reshape(-1, LANES)[kernel.OBSERVATION + 3] == pytest.approx(ahead)


@pytest.mark.parametrize(("heading", "quarter"), [(0, 10), (270, 7), (180, 8), (90, 9)])
def test_the_goal_lies_in_one_quarter(heading, quarter):
    """From right below, the goal is up: at -90 degrees of a robot that looks along x."""
    bits = seen(GOAL[0], 100.0, heading)[7:]
    assert bits.sum() == 1.0
    assert bits[quarter - 7] == 1.0


def test_quarters_never_overlap_on_their_edges():
    for heading in range(0, 360, 45):
        for dx, dy in ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (0, 1)):
            c, s = round(math.cos(math.radians(heading)), 12), round(math.sin(math.radians(heading)), 12)
            assert sensed(GOAL[0] - dx, GOAL[1] - dy, s, c)[7:].sum() == 1.0


@pytest.mark.parametrize("hidden", [(4,), (), (5, 4, 3, 6)])
@pytest.mark.thorough
def test_whole_episodes_agree_with_the_twin(hidden):
    problem = DeceptiveMaze(steps=150 if hidden == (4,) else 40, hidden=hidden)
    weights = problem.solution_space.sample(6, np.random.default_rng(3))
    final, trace = problem.episodes(weights, np.arange(problem.steps))
    blocked = 0
    for row in range(6):
        pose = (*START, 0.0, 0.0, 0)
        for step in range(problem.steps):
            observation = twin.observation(*pose[:3])
            action = problem.policy.forward(weights[row : row + 1], observation[None], backend="numba")[0]
            pose = twin.step(pose, action)
            assert trace[row, step] == pytest.approx(pose[:2], abs=1e-7)
        assert final[row] == pytest.approx((pose[0], pose[1], pose[2], pose[5]), abs=1e-7)
        blocked += pose[5]
    assert blocked > 0 or problem.steps < 150  # walls were met


def test_the_network_is_the_policy():
    """Episodes of one step end where the policy's own forward sends them."""
    problem = DeceptiveMaze(steps=1)
    weights = problem.solution_space.sample(20, np.random.default_rng(1))
    actions = np.empty((20, 2))
    sizes, codes = np.array(problem.policy.sizes), np.array([1, 1])
    forward_batch(weights, sizes, codes, 2, np.repeat(seen(*START)[None], 20, 0), actions)
    wanted = np.clip((np.clip(actions + 0.5, 0, 1) - 0.5) * 6, -0.2, 0.2)
    final, _ = problem.episodes(weights, np.zeros(0, np.int64))
    np.testing.assert_allclose(final[:, 0] - START[0], wanted[:, 1], atol=1e-12)
    np.testing.assert_allclose((final[:, 2] + 180) % 360 - 180, wanted[:, 0], atol=1e-12)


def test_a_move_into_a_wall_is_refused_whole():
    """Weights 0 but a bias for the speed: the robot drives along x from the start until the wall at x = 108."""
    problem = DeceptiveMaze(steps=400, hidden=())
    weights = np.zeros((1, problem.policy.length))
    weights[0, -1] = 5.0  # full speed ahead
    final, trace = problem.episodes(weights, np.arange(400))
    assert final[0, 1] == START[1]
    assert final[0, 3] > 300
    assert len(np.unique(trace[0, 100:], axis=0)) == 1  # no sliding
    x, y = final[0, :2]
    assert free(x, y, SEGMENTS)
    assert not free(x + 3.0, y, SEGMENTS)  # 3 px a step


def test_known_facts():
    assert math.dist(START[:2], GOAL) == pytest.approx(164.1, abs=0.05)
    assert free(START[0], START[1], SEGMENTS)
    assert free(*GOAL, SEGMENTS)
    assert math.dist((30, 59), GOAL) == pytest.approx(39.0, abs=0.05)  # the trap


@pytest.mark.slow
def test_the_way_round_takes_483_px():
    """Dijkstra over whole pixels, straight and diagonal steps, with the robot's clearance."""
    open_ = {(x, y) for x in range(3, 196) for y in range(5, 203) if free(float(x), float(y), SEGMENTS)}
    ways = {GOAL: 0.0}
    heap = [(0.0, GOAL)]
    while heap:
        so_far, (x, y) = heapq.heappop(heap)
        if so_far > ways[x, y]:
            continue
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                to, way = (x + dx, y + dy), so_far + math.hypot(dx, dy)
                if to in open_ and way < ways.get(to, math.inf):
                    ways[to] = way
                    heapq.heappush(heap, (way, to))
    assert ways[36, 184] == pytest.approx(483, abs=15)
    assert ways[30, 59] == pytest.approx(574, abs=15)  # the trap is further than the start


def test_contracts_and_rows():
    problem = DeceptiveMaze(steps=40)
    assert qd.check_problem(problem) == []
    weights = problem.solution_space.sample(5, np.random.default_rng(0))
    weights[2, 3] = np.nan
    request = qd.Request(weights, columns=("trajectory", "reached"))
    result = problem.evaluate(request, np.zeros(5, np.uint64))
    assert result.status.tolist() == [0, 0, 3, 0, 0]
    assert np.isnan(result.objective[2])
    whole = problem.evaluate(qd.Request(weights[3:]), np.zeros(2, np.uint64))
    assert (whole.objective == result.objective[3:]).all()
    assert result.columns["trajectory"].shape == (5, 50, 2)
    assert not result.columns["reached"].any()
    home = problem.episodes(weights[:1], np.zeros(0, np.int64), start=(31.0, 21.0, 0.0))[0]
    assert math.dist(home[0, :2], GOAL) < 60


def test_the_objective_is_minus_the_final_distance():
    problem = DeceptiveMaze(steps=10)
    weights = problem.solution_space.sample(3, np.random.default_rng(5))
    result = problem.evaluate(qd.Request(weights), np.zeros(3, np.uint64))
    np.testing.assert_allclose(-result.objective, np.hypot(*(result.measures - GOAL).T))


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"steps": 0}, "steps"),
        ({"frames": 0}, "frames"),
        ({"hidden": (0,)}, "hidden"),
        ({"hidden": (4,) * 5}, "hidden"),
    ],
)
def test_bad_settings_are_named(settings, field):
    with pytest.raises(qd.QDError, match=f"DeceptiveMaze.{field}"):
        DeceptiveMaze(**settings)


def test_a_row_does_not_depend_on_its_neighbours_in_the_lanes():
    problem = DeceptiveMaze(steps=60)
    weights = problem.solution_space.sample(LANES + 3, np.random.default_rng(2))
    whole = problem.episodes(weights, np.arange(60))
    for row in range(len(weights)):
        final, trace = problem.episodes(weights[row : row + 1], np.arange(60))
        assert final.tobytes() == whole[0][row].tobytes()
        assert trace.tobytes() == whole[1][row].tobytes()


def test_a_start_inside_a_wall_is_refused():
    problem = DeceptiveMaze(steps=1)
    with pytest.raises(qd.QDError, match="touches a wall"):
        problem.episodes(np.zeros((1, 226)), np.zeros(0, np.int64), start=(56.0, 100.0, 0.0))


@pytest.mark.parametrize("problem", [DeceptiveMaze(steps=3), qd.problems.CartPoleSwingUp(steps=3)])
def test_more_frames_than_steps_are_all_filled(problem):
    weights = problem.solution_space.sample(1, np.random.default_rng(0))
    evaluation = problem.evaluate(qd.Request(weights, columns=("trajectory",)), np.zeros(1, np.uint64))
    trajectory = evaluation.columns["trajectory"][0]
    assert len(trajectory) == 50
    assert len(np.unique(trajectory, axis=0)) <= 3
