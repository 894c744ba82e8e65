"""The ant maze: the model's numbers, walls, reward areas, seeds, neighbours, simulations that come apart."""

import pickle
import sys

import numpy as np
import pytest

import qd
from qd.contracts import Request, Status
from qd.errors import QDError
from qd.problems import AntMaze
from qd.problems.ant_maze import AREAS, reward

pytestmark = pytest.mark.peer

mujoco = pytest.importorskip("mujoco")
NONE = np.zeros(0, np.int64)


def sample(n, seed=0, **fields):
    return AntMaze(**fields).solution_space.sample(n, np.random.default_rng(seed))


def evaluate(problem, solutions, *columns, seeds=None):
    seeds = np.arange(1, len(solutions) + 1, dtype=np.uint64) if seeds is None else np.asarray(seeds, np.uint64)
    return problem.evaluate(Request(solutions, columns=columns), seeds)


def test_the_models_numbers():
    """Total mass with the hanging body 25755 kg, of which the ant has 41.45; motors, steps, start."""
    model = AntMaze().model
    assert model.body_mass.sum() == pytest.approx(41.448882837906645, rel=1e-12)
    assert (model.nq, model.nv, model.nu) == (15, 14, 8)
    assert (model.actuator_gear[:, 0] == 150).all()
    assert (model.actuator_ctrlrange == [-1, 1]).all()
    assert model.opt.timestep == 0.005
    assert model.opt.integrator == mujoco.mjtIntegrator.mjINT_RK4
    assert model.qpos0[:3].tolist() == [-25.0, -25.0, 0.6]


def test_the_arena_is_closed_between_its_walls():
    """Rays from the start at half height: the border to the left and below, the inner boxes to the right and above."""
    model = AntMaze().model
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    hit = np.zeros(1, np.int32)

    def far(start, direction):
        ahead = np.array([*direction, 0.0])
        return mujoco.mj_ray(model, data, np.array([*start, 1.8]), ahead, None, 1, -1, hit, None)

    assert far((-20.0, -25.0), (-1.0, 0.0)) == pytest.approx(9.7)
    assert far((-20.0, -25.0), (0.0, -1.0)) == pytest.approx(4.7)
    assert far((-20.0, -25.0), (1.0, 0.0)) == pytest.approx(29.7)
    assert far((-10.0, -25.0), (0.0, 1.0)) == pytest.approx(9.7)
    assert far((-20.0, 20.0), (1.0, 0.0)) == pytest.approx(4.7)
    assert far((-20.0, 38.0), (1.0, 0.0)) == pytest.approx(59.7)  # above the upper box
    assert far((-20.0, -20.0), (0.0, 1.0)) == pytest.approx(59.7)  # through the gap at the left


def test_walls_hold_the_ant_in():
    """Thrown at the border with 8 m/s it bounces off; without walls it would fly 5 m and more."""
    problem = AntMaze(steps=40, noise=0.0)
    ant = mujoco.MjData(problem.model)
    ant.qpos[:3] = -28.0, -25.0, 0.8
    ant.qvel[0] = -8.0
    mujoco.mj_step(problem.model, ant, 200)
    assert -29.7 < ant.qpos[0] < -26.0


def test_steps_are_those_of_a_plain_loop():
    problem = AntMaze(steps=12, frames=3)
    weights = sample(3)
    result = evaluate(problem, weights, "trajectory", seeds=[7, 8, 9])
    for row in range(3):
        ant = mujoco.MjData(problem.model)
        random = qd.rng.row_generator(7 + row)
        ant.qpos[:] += random.uniform(-0.1, 0.1, 15)
        ant.qvel[:] = 0.1 * random.standard_normal(14)
        mujoco.mj_forward(problem.model, ant)
        path = []
        for _ in range(12):
            seen = np.concatenate([ant.qpos, ant.qvel])
            seen[:2] = (seen[:2] - 5) / 70
            ant.ctrl[:] = problem.policy.forward(weights[row : row + 1], seen[None], "numba")[0]
            for _ in range(5):
                mujoco.mj_step(problem.model, ant)
            path.append((ant.qpos[:2].copy() - 5) / 70)
        assert (result.columns["trajectory"][row] == np.array(path)[problem.frame_steps()]).all()
        assert (result.measures[row] == path[-1]).all()


def test_seeds_give_the_noise_and_nothing_else():
    problem, weights = AntMaze(steps=5), sample(1)
    first, again, other = (evaluate(problem, weights, seeds=[seed]).measures for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    calm = AntMaze(steps=5, noise=0.0)
    assert calm.deterministic
    assert not problem.deterministic
    assert (evaluate(calm, weights, seeds=[1]).measures == evaluate(calm, weights, seeds=[2]).measures).all()


def test_rows_do_not_depend_on_their_neighbours():
    problem, weights = AntMaze(steps=6, frames=2), sample(18, 3)
    seeds = np.arange(18, dtype=np.uint64)
    whole = evaluate(problem, weights, "trajectory", seeds=seeds)
    backwards = evaluate(problem, weights[::-1], "trajectory", seeds=seeds[::-1])
    alone = [evaluate(problem, weights[i : i + 1], seeds=seeds[i : i + 1]).measures[0] for i in (0, 15, 17)]
    assert (whole.measures == backwards.measures[::-1]).all()
    assert (whole.columns["trajectory"] == backwards.columns["trajectory"][::-1]).all()
    assert (whole.measures[[0, 15, 17]] == alone).all()


def test_reward_areas():
    positions = np.array([[35, -25], [35, -23.5], [35, -22], [-25, 35], [-27.7, 35], [0, 0]], float)
    paid, area = reward(positions)
    assert np.abs(paid - [1, 0.5, 0, 1, 0.1, 0]).max() < 1e-12
    assert area.tolist() == [0, 0, -1, 1, 1, -1]


@pytest.mark.parametrize("steps", [1, 4])
def test_the_last_step_pays_whatever_the_length(steps):
    """An ant that starts in an area is paid at the end of 1 step as of 4, for the place where it is then."""
    problem = AntMaze(steps=steps, noise=0.0)
    problem.model.qpos0[:2] = AREAS[1][0] + 1.5, AREAS[1][1]
    result = evaluate(problem, np.zeros((1, 574)), "reward_area")
    place = 70 * result.measures[0] + 5
    assert result.objective[0] == pytest.approx(1 - np.hypot(*(place - AREAS[1][:2])) / 3)
    assert 0.4 < result.objective[0] < 0.6
    assert result.columns["reward_area"].tolist() == result.truth["reward_area"].tolist() == [1]
    assert result.cost["steps"].tolist() == [steps]


def test_a_simulation_that_comes_apart_has_failed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes MUJOCO_LOG.TXT where it runs
    problem = AntMaze(steps=4)
    ready = AntMaze._ready

    def thrown(self, mujoco, seed):
        ant = ready(self, mujoco, seed)
        if seed == 2:
            ant.qvel[3] = 1e12
        return ant

    weights = sample(3)
    calm = evaluate(problem, weights, "trajectory")
    monkeypatch.setattr(AntMaze, "_ready", thrown)
    result = evaluate(problem, weights)
    assert result.status.tolist() == [Status.OK, Status.FAILED, Status.OK]
    assert "came apart: MuJoCo reports BADQVEL" in result.reasons[1]
    assert np.isnan(result.objective[1])
    assert np.isnan(result.measures[1]).all()
    assert result.truth["reward_area"].tolist() == [-1, -1, -1]
    assert (result.measures[[0, 2]] == calm.measures[[0, 2]]).all()


def test_weights_that_are_not_numbers_are_invalid():
    weights = sample(2)
    weights[1, 5] = np.nan
    result = evaluate(AntMaze(steps=2), weights)
    assert result.status.tolist() == [Status.OK, Status.INVALID]
    assert result.reasons == {1: "weights are not finite"}


def test_pictures_are_seen_from_above_with_y_up():
    result = evaluate(AntMaze(steps=4, images=2, image_size=142), sample(2), "images")
    images = result.columns["images"]
    assert images.shape == (2, 2, 142, 142, 3)
    assert images.dtype == np.uint8

    def colour(row, x, y):  # two pixels a unit, 0.5 beyond the border's centre lines
        return images[row, -1, int(2 * (40.5 - y)), int(2 * (x + 30.5))].tolist()

    for x, y, _ in AREAS:
        assert colour(0, x, y) == [255, 0, 0]
    for row in range(2):
        assert colour(row, *(70 * result.measures[row] + 5)) == [0, 0, 255]
    assert colour(0, -10.0, -10.0) == colour(0, -15.0, -20.0) == [255, 255, 255]
    assert max(colour(0, -3.0, -15.0)) < 160  # the box, 0.6 wide
    assert max(colour(0, -15.0, 20.0)) < 160
    assert min(colour(0, 20.0, -15.0)) == 255


def test_bad_settings_name_the_field():
    for fields in (
        {"steps": 0},
        {"hidden": ()},
        {"hidden": (5, 0)},
        {"frames": 0},
        {"noise": -1},
        {"noise": np.nan},
        {"images": 0},
        {"image_size": 4},
        {"ant_radius": 0},
    ):
        with pytest.raises(QDError, match=f"AntMaze.{next(iter(fields))}"):
            AntMaze(**fields)


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(QDError, match=r"pip install 'qd-evolution\[gym\]'"):
        AntMaze()


def test_the_problem_travels_without_its_model():
    problem, weights = AntMaze(steps=3), sample(2)
    here = evaluate(problem, weights).measures
    there = pickle.loads(pickle.dumps(problem))
    assert "model" not in vars(there)
    assert there == problem
    assert (evaluate(there, weights).measures == here).all()


def test_it_keeps_the_contract():
    qd.check_problem(AntMaze(steps=3, frames=2))


def test_scene():
    scene = AntMaze().scene()
    assert len(scene["lines"]) == 7
    assert max(np.abs(line).max() for line in scene["lines"]) == pytest.approx(0.5, abs=0.005)
    assert scene["circles"][0][:3] == pytest.approx((30 / 70, -30 / 70, 3 / 70))


@pytest.mark.drawing
def test_the_figure_shows_the_path():
    figure = AntMaze(steps=10).render(sample(1)[0], 0)
    assert "reward 0.000" in figure.axes[0].get_title()
    assert figure.axes[0].get_xlabel() == "x"
