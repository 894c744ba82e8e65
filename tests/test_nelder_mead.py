"""NelderMead takes the steps of scipy's, survives failures, and begins anew."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

import qd
from qd.algorithms import NelderMead
from qd.contracts import Evaluation, Request
from qd.errors import QDError


def rosenbrock(x):
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def bumpy(x):
    return float((x**2).sum() + 3 * np.sin(5 * x).sum())


def rough(x):
    return float((np.sin(40 * x) + 0.01 * x).sum())  # mostly nothing to gain nearby: it must shrink


def walked(algorithm, problem, evaluations, fail=lambda x: False, objective=None):
    """(n, d) all that was asked, in order, and the state."""
    state = algorithm.init(problem, 3)
    asked, left = [], evaluations
    while left > 0 and (request := algorithm.ask(state, left)) is not None:
        request.first = evaluations - left
        x = np.asarray(request.solutions)
        values = np.array([np.nan if fail(row) else objective(row) for row in x])
        status = np.where(np.isnan(values), qd.Status.FAILED, qd.Status.OK)
        algorithm.tell(state, request, Evaluation(values, status=status))
        asked.append(x)
        left -= len(x)
    return np.concatenate(asked), state


@pytest.mark.parametrize("function", [rosenbrock, bumpy, rough])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_every_point_is_scipys(function, d):
    if function is rosenbrock and d == 1:
        d = 3
    low, high = -1.5, 2.0
    problem = qd.problem(lambda x: 0.0, space=qd.Box(low, high, d))
    points, _ = walked(
        NelderMead(tolerance=1e-6, restart=False), problem, 400, objective=lambda x: -function(np.asarray(x))
    )
    theirs = []

    def watched(x):
        theirs.append(x.copy())
        return function(x)

    minimize(
        watched,
        points[0],
        method="Nelder-Mead",
        bounds=[(low, high)] * d,
        options={"initial_simplex": points[: d + 1], "xatol": 1e-6, "fatol": 1e-6, "maxfev": len(points)},
    )
    n = min(len(points), len(theirs))
    assert n > 30 and abs(len(points) - len(theirs)) <= d  # scipy may stop inside a shrink
    np.testing.assert_allclose(points[:n], theirs[:n], rtol=0, atol=1e-12)
    assert points.min() >= low and points.max() <= high


def test_a_hand_worked_move():
    """Of vertices 0, 1 and 3 on a slope, the worst is reflected, and expanded since that pays."""
    algorithm = NelderMead(restart=False)
    problem = qd.problem(lambda x: 0.0, space=qd.Box(-100, 100, 2))
    state = algorithm.init(problem, 0)
    request = algorithm.ask(state, 9)
    request.solutions = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    algorithm.tell(state, request, Evaluation(np.array([0.0, 1.0, 3.0])))
    assert state.values.tolist() == [3.0, 1.0, 0.0]
    assert algorithm.ask(state, 6).solutions.tolist() == [[1.0, 1.0]]  # the centre is (0.5, 0.5)
    algorithm.tell(state, Request(np.array([[1.0, 1.0]])), Evaluation(np.array([4.0])))
    assert algorithm.ask(state, 5).solutions.tolist() == [[1.5, 1.5]]
    algorithm.tell(
        state, Request(np.array([[1.5, 1.5]])), Evaluation(np.array([4.0]))
    )  # no better: the reflection stays
    assert state.simplex.tolist() == [[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]
    assert algorithm.ask(state, 4).operators == "reflect"


def test_failed_vertices_are_the_worst_and_the_search_goes_on():
    problem = qd.problem(lambda x: 0.0, space=qd.Box(-5, 5, 3))
    fail = lambda x: x[0] > 0.2  # noqa: E731
    points, state = walked(
        NelderMead(tolerance=1e-3, restart=False), problem, 300, fail, lambda x: -float(((x + 1) ** 2).sum())
    )
    assert any(fail(x) for x in points)
    assert state.best_objective > -1e-4


def test_where_all_fail_it_begins_elsewhere():
    problem = qd.problem(lambda x: 0.0, space=qd.Box(-5, 5, 3))
    points, state = walked(NelderMead(), problem, 40, lambda x: True, lambda x: 0.0)
    assert state.restarts == 10 and len(np.unique(points, axis=0)) == 40 and state.best is None


def test_a_small_simplex_begins_anew_or_ends():
    problem = qd.problem(lambda x: -float(((x - 1) ** 2).sum()), low=-5, high=5, length=2)
    again = qd.run(qd.Experiment(problem, NelderMead(), 300, seed=1), progress=False)
    assert again.summary["metrics"]["restarts"] >= 2 and again.summary["best_objective"] > -1e-3
    once = qd.run(qd.Experiment(problem, NelderMead(restart=False), 300, seed=1), progress=False)
    assert once.summary["evaluations"] < 150 and once.summary["finished"]


def test_free_genes_begin_in_units_of_their_spread():
    problem = qd.problem(lambda x: 0.0, space=qd.Box(-np.inf, np.inf, 2, init_sigma=(2.0, 4.0)))
    state = NelderMead(spread=0.5).init(problem, 0)
    x = NelderMead(spread=0.5).ask(state, 9).solutions
    np.testing.assert_allclose(x[1:] - x[0], [[1, 0], [0, 2]])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"spread": 0}, "NelderMead.spread: got 0"),
        ({"expansion": 1.0}, r"NelderMead.expansion: got 1.0"),
        ({"contraction": 1.0}, "NelderMead.contraction: got 1.0"),
        ({"shrink": float("nan")}, "NelderMead.shrink: got nan"),
        ({"tolerance": -1}, "NelderMead.tolerance: got -1"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(QDError, match=message):
        NelderMead(**settings)


def test_masks_are_refused():
    with pytest.raises(QDError, match="NelderMead moves real vectors"):
        NelderMead().init(qd.problem(lambda x: 0.0, space=qd.Mask(3)), 0)
