"""The humanoid between walls: the model, what stops it, and what is measured."""

import pickle

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.problems import HumanoidTrap

pytest.importorskip("mujoco")


def thrown(env, speed, steps=60):
    """The largest x and y of a humanoid that is thrown with a velocity from where it stands."""
    env.reset(seed=0)
    inner = env.unwrapped
    velocity = inner.init_qvel.copy()
    velocity[:2] = speed
    inner.set_state(inner.init_qpos, velocity)
    reach = []
    for _ in range(steps):
        inner.do_simulation(np.zeros(17), inner.frame_skip)
        reach.append(inner.data.qpos[:2].copy())
    return np.array(reach)


@pytest.mark.thorough
def test_walls_stop_what_comes_from_the_start_and_leave_the_sides_free():
    import gymnasium

    trap, free = HumanoidTrap(hidden=(4,)).make_environment(), gymnasium.make("Humanoid-v5")
    assert thrown(free, (12.0, 0.0))[:, 0].max() > 6.5
    assert thrown(trap, (12.0, 0.0))[:, 0].max() < 5.5
    np.testing.assert_allclose(thrown(trap, (-6.0, 0.0)), thrown(free, (-6.0, 0.0)), atol=1e-9)  # nothing is behind


def test_the_walls_are_open_towards_the_start():
    lines = HumanoidTrap(hidden=(4,)).scene()["lines"]
    low, high = np.array([line.min(axis=0) for line in lines]), np.array([line.max(axis=0) for line in lines])
    np.testing.assert_allclose(low.min(axis=0), (2.5, -1.6))
    np.testing.assert_allclose(high.max(axis=0), (5.6, 1.6))
    front = low[:, 0] < 2.6
    np.testing.assert_allclose(np.sort((low + high)[front, 1] / 2), (-1.5, 1.5))


def test_the_measures_are_the_centre_of_mass_and_observations_are_the_humanoids():
    problem = HumanoidTrap(hidden=(4,), max_steps=20)
    assert problem.encoding[0] == 348
    weights = problem.solution_space.sample(2, np.random.default_rng(0))
    evaluation = problem.evaluate(qd.Request(weights), np.arange(2, dtype=np.uint64))
    assert evaluation.ok.all()
    lane = problem.new_lane()
    lane.env.reset(seed=3)
    inner = lane.env.unwrapped
    wanted = (inner.model.body_mass[:, None] * inner.data.xipos).sum(axis=0) / inner.model.body_mass.sum()
    np.testing.assert_allclose(lane.probe(None, None), wanted[:2])
    assert (np.abs(evaluation.measures) < 2.0).all()


def test_it_travels_to_child_processes():
    problem = HumanoidTrap(hidden=(4,), max_steps=5)
    again = pickle.loads(pickle.dumps(problem))
    weights = problem.solution_space.sample(1, np.random.default_rng(0))
    seeds = np.array([5], np.uint64)
    np.testing.assert_array_equal(
        problem.evaluate(qd.Request(weights), seeds).measures, again.evaluate(qd.Request(weights), seeds).measures
    )


def test_another_model_is_refused():
    with pytest.raises(QDError, match=r"HumanoidTrap.id: got 'Ant-v5'"):
        HumanoidTrap(id="Ant-v5")
