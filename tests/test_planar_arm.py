"""The planar arm against plain numpy and hand-worked poses."""

import numpy as np
import pytest
from numba import njit

from qd.contracts import Request
from qd.errors import QDError
from qd.problems import PlanarArm
from qd.problems._trig import sincos_turns
from tests.twins.planar_arm import arm


def evaluate(problem, genes):
    return problem.evaluate(Request(genes), np.zeros(len(genes), np.uint64))


@pytest.mark.parametrize("joints", [2, 3, 10, 100])
@pytest.mark.parametrize("n", [1, 63, 64, 200])
def test_the_kernel_agrees_with_numpy(joints, n):
    problem = PlanarArm(joints=joints)
    genes = problem.solution_space.sample(n, np.random.default_rng(joints))
    result = evaluate(problem, genes)
    objective, measures = arm(genes)
    assert np.abs(result.objective - objective).max() < 1e-12
    assert np.abs(result.measures - measures).max() < 1e-12
    assert measures.min() >= 0
    assert measures.max() <= 1


def test_hand_worked_poses():
    """Two links of 1/2 in a circle of diameter 1: straight, folded, and at a right angle."""
    genes = np.array([[0.5, 0.5], [0.5, 1.0], [0.5, 0.75], [0.75, 0.5], [0.0, 0.0]])
    result = evaluate(PlanarArm(joints=2), genes)
    hands = [[1, 0.5], [0.5, 0.5], [0.75, 0.75], [0.5, 1.0], [0.5, 0.5]]
    assert np.abs(result.measures - hands).max() < 1e-15 * 4
    r = np.sqrt(0.5)  # the sample deviation of (a, b) is |a - b| / sqrt 2
    assert np.abs(result.objective - [1, 1 - 0.5 * r, 1 - 0.25 * r, 1 - 0.25 * r, 1]).max() < 1e-15 * 4


def test_rows_do_not_depend_on_their_neighbours():
    problem = PlanarArm()
    genes = problem.solution_space.sample(150, np.random.default_rng(0))
    whole = evaluate(problem, genes)
    parts = [evaluate(problem, genes[i:j]) for i, j in ((0, 1), (1, 70), (70, 150))]
    assert (whole.objective == np.concatenate([part.objective for part in parts])).all()
    assert (whole.measures == np.concatenate([part.measures for part in parts])).all()
    assert (evaluate(problem, genes[::-1]).measures[::-1] == whole.measures).all()


def test_sincos():
    @njit
    def both(turns, sine, cosine):
        for i in range(len(turns)):
            sine[i], cosine[i] = sincos_turns(turns[i])

    turns = np.concatenate([np.random.default_rng(0).uniform(-60, 60, 100_000), np.arange(-32, 33) / 8])
    sine, cosine = np.empty_like(turns), np.empty_like(turns)
    both(turns, sine, cosine)
    angle = 2 * np.pi * (turns - np.round(turns))
    assert np.abs(sine - np.sin(angle)).max() < 2e-15
    assert np.abs(cosine - np.cos(angle)).max() < 2e-15
    assert [sincos_turns.py_func(t) for t in turns[:99]] == list(zip(sine[:99], cosine[:99]))


def test_drawing():
    problem = PlanarArm(joints=3)
    genes = np.array([0.5, 0.75, 0.25])
    points = problem.points(genes)
    hand = evaluate(problem, genes[None]).measures[0]
    assert np.abs(points - [[0.5, 0.5], [4 / 6, 0.5], [4 / 6, 4 / 6], [5 / 6, 4 / 6]]).max() < 1e-15 * 4
    assert np.abs(points[-1] - hand).max() < 1e-14
    assert problem.scene()["circles"][0][:3] == (0.5, 0.5, 0.5)
    assert problem.render(genes, 0).axes[0].get_xlabel() == "x [reach]"


def test_one_joint_has_no_spread():
    with pytest.raises(QDError, match="joints"):
        PlanarArm(joints=1)
