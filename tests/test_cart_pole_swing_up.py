"""The swing-up against a plain twin, a world of its own physics, and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qd
from qd.contracts import Request, Status
from qd.errors import QDError
from qd.policies._mlp_kernel import rational_tanh
from qd.problems import CartPoleSwingUp
from qd.problems import _cart_pole_swing_up_kernel as kernel
from qd.problems.cart_pole_swing_up import START

M, m, rod, b, g = 0.5, 0.5, 0.6, 0.1, 9.82  # masses, length, friction, gravity
UPRIGHT = (0.0, 0.0, 0.0, 0.0)


def sample(n, seed=0, **fields):
    return np.asarray(CartPoleSwingUp(**fields).solution_space.sample(n, np.random.default_rng(seed)))


def evaluate(problem, solutions, *columns):
    return problem.evaluate(Request(solutions, columns=columns), np.zeros(len(solutions), np.uint64))


def lagrange(force, v, w, a):
    """Both accelerations, of the two equations as a linear system: no formula of the kernel's."""
    mass = np.array([[M + m, m * rod / 2 * np.cos(a)], [m * rod / 2 * np.cos(a), m * rod**2 / 3]])
    rest = np.array([force - b * v + m * rod / 2 * w**2 * np.sin(a), m * g * rod / 2 * np.sin(a)])
    return np.linalg.solve(mass, rest)


def plain(weights, steps, start=START, hidden=16):
    """One episode of the default network: its states, and the sums of the kernel."""
    w1, b1 = weights[: 5 * hidden].reshape(5, hidden), weights[5 * hidden : 6 * hidden]
    w2, b2 = weights[6 * hidden : 7 * hidden], weights[-1]
    x, v, a, w = start
    states, paid, places, upright, on = [], 0.0, 0.0, 0, True
    for _ in range(steps):
        seen = np.array([x / 2.4, v / 5, np.cos(a), np.sin(a), w / 10])
        units = np.array([rational_tanh.py_func(unit) for unit in seen @ w1 + b1])
        cart, pole = lagrange(10 * rational_tanh.py_func(units @ w2 + b2), v, w, a)
        after = (x + 0.02 * (v + 0.02 * cart), v + 0.02 * cart, a + 0.02 * (w + 0.02 * pole), w + 0.02 * pole)
        on = on and abs(after[0]) <= 2.4
        if on:
            x, v, a, w = after
            paid += (1 + np.cos(a)) / 2 * np.cos(np.pi * x / 4.8)
            upright += np.cos(a) > 0.9
        places += x
        states.append((x, v, a, w))
    return np.array(states), (paid, places, upright, float(on))


@given(st.floats(-10, 10), st.floats(-6, 6), st.floats(-12, 12), st.floats(-7, 7))
def test_the_accelerations_are_lagranges(force, v, w, a):
    found = kernel.accelerations.py_func(force, v, w, np.sin(a), np.cos(a))
    assert np.allclose(found, lagrange(force, v, w, a), rtol=1e-9, atol=1e-9)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.05, 1.0), st.floats(-1, 1), st.floats(-3, 3))
def test_a_plain_twin(seed, scale, x, a):
    """Over 40 steps: what rounds differently doubles every few steps."""
    weights, start = sample(3, seed) * scale, (x, 0.5, a, -1.0)
    final, trace = CartPoleSwingUp(steps=40).episodes(weights, np.arange(40), start)
    for row in range(3):
        states, sums = plain(weights[row], 40, start)
        assert np.allclose(trace[row], states, rtol=1e-7, atol=1e-7)
        assert np.allclose(final[row], sums, rtol=1e-7, atol=1e-7)


def test_a_pole_that_is_left_hanging_earns_nothing():
    found = evaluate(CartPoleSwingUp(), np.zeros((1, 113)), "on_track")
    assert found.objective[0] < 1e-12 and np.abs(found.measures).max() < 1e-9 and found.columns["on_track"].all()


def test_a_pole_that_stands_in_the_middle_earns_everything():
    final, _ = CartPoleSwingUp(steps=50).episodes(np.zeros((1, 113)), np.zeros(0, np.int64), UPRIGHT)
    assert final.tolist() == [[50.0, 0.0, 50.0, 1.0]]


def test_a_push_for_ever_leaves_the_track():
    weights = np.zeros((1, 113))
    weights[0, -1] = 9.0  # the output's bias: full force to the right
    final, trace = CartPoleSwingUp(steps=500).episodes(weights, np.arange(500))
    x = trace[0, :, 0]
    left = int(np.argmax(np.diff(x) == 0.0))  # the step after which it stays
    assert final[0, 3] == 0.0 and 2.2 < x[-1] <= 2.4 and np.all(np.diff(x[:left]) > 0)
    assert np.all(trace[0, left:] == trace[0, left])
    longer = CartPoleSwingUp(steps=900).episodes(weights, np.zeros(0, np.int64))[0]
    assert longer[0, 0] == final[0, 0] and longer[0, 2] == final[0, 2]  # nothing is paid any more


def test_energy_is_what_friction_leaves():
    """Of the equations themselves, in steps so short that the integrator takes next to nothing."""
    v, a, w, dt, friction = 0.0, 2.0, 0.0, 1e-4, 0.0
    energies = []
    for _ in range(10000):
        kinetic = 0.5 * (M + m) * v**2 + m * rod / 2 * v * w * np.cos(a) + m * rod**2 / 6 * w**2
        energies.append(kinetic + m * g * rod / 2 * np.cos(a))
        cart, pole = kernel.accelerations.py_func(0.0, v, w, np.sin(a), np.cos(a))
        v, w = v + dt * cart, w + dt * pole
        a += dt * w
        friction += dt * b * v**2
    assert energies[0] - energies[-1] == pytest.approx(friction, abs=0.01)
    assert friction > 0.02


def test_small_swings_have_the_time_of_a_hanging_rod():
    """A free cart of mass M under a rod m: omega^2 = (3 g / 2 rod) / (1 - 3 m / (4 (M + m)))."""
    _, trace = CartPoleSwingUp(steps=500).episodes(np.zeros((1, 113)), np.arange(500), (0.0, 0.0, np.pi - 0.01, 0.0))
    off = np.pi - trace[0, :, 2]
    crossings = np.flatnonzero((off[:-1] > 0) & (off[1:] <= 0))
    period = 0.02 * np.diff(crossings).mean()
    omega = np.sqrt(3 * g / (2 * rod) / (1 - 3 * m / (4 * (M + m))))
    assert period == pytest.approx(2 * np.pi / omega, rel=0.01)


def test_mirrored_networks_drive_mirrored_carts():
    weights = sample(4) * 0.3
    mirrored = weights.copy()
    first = mirrored[:, :80].reshape(4, 5, 16)
    first[:, [0, 1, 3, 4]] *= -1  # what changes its sign in the mirror
    mirrored[:, 96:] *= -1
    a = CartPoleSwingUp(steps=60).episodes(weights, np.arange(60), (0.3, 0.1, 2.0, -0.5))[1]
    c = CartPoleSwingUp(steps=60).episodes(mirrored, np.arange(60), (-0.3, -0.1, -2.0, 0.5))[1]
    assert np.allclose(a, -c, atol=1e-9)


def test_rows_of_any_number_are_the_same():
    problem = CartPoleSwingUp(steps=100)
    solutions = sample(21)
    whole = evaluate(problem, solutions)
    for row in (0, 7, 20):
        alone = evaluate(problem, solutions[row : row + 1])
        assert alone.objective[0] == whole.objective[row] and (alone.measures[0] == whole.measures[row]).all()


def test_the_contract():
    assert qd.check_problem(CartPoleSwingUp(steps=50)) == []


def test_columns_and_broken_weights():
    solutions = sample(3)
    solutions[1, 0] = np.nan
    found = evaluate(CartPoleSwingUp(steps=80, frames=8), solutions, "trajectory", "on_track")
    assert found.columns["trajectory"].shape == (3, 8, 4) and found.columns["on_track"].dtype == np.bool_
    assert found.status.tolist() == [Status.OK, Status.INVALID, Status.OK] and np.isnan(found.objective[1])
    assert found.cost["steps"].tolist() == [80.0] * 3


@pytest.mark.parametrize(
    ("field", "fields"), [("steps", {"steps": 0}), ("frames", {"frames": 0}), ("hidden", {"hidden": ()})]
)
def test_bad_settings_are_named(field, fields):
    with pytest.raises(QDError, match=f"CartPoleSwingUp.{field}"):
        CartPoleSwingUp(**fields)


def test_a_start_off_the_track_is_refused():
    with pytest.raises(QDError, match="start"):
        CartPoleSwingUp().episodes(sample(1), np.zeros(0, np.int64), (3.0, 0.0, 0.0, 0.0))


@pytest.mark.drawing
def test_it_draws_itself():
    figure = CartPoleSwingUp(steps=40).render(sample(1)[0], 0)
    track, over_time, *_ = figure.axes
    assert "objective" in track.get_title() and len(over_time.lines) == 2
