"""The test functions: known values, gradients against differences, measures, rotation, bad settings."""

from __future__ import annotations

import math

import numpy as np
import pytest

import qd
from qd.problems import Cigar, Ellipsoid, Rastrigin, Rosenbrock, Sphere
from qd.problems.functions import DOMAIN, SHIFT

ALL = [Sphere, Ellipsoid, Cigar, Rosenbrock, Rastrigin]


def evaluate(problem, x, columns=()):
    return problem.evaluate(qd.Request(np.atleast_2d(x), columns=columns), np.zeros(len(np.atleast_2d(x)), np.uint64))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("rotated", [False, True])
def test_the_optimum_pays_100_and_the_corner_0(kind, rotated):
    problem = kind(dimension=6, rotated=rotated)
    assert evaluate(problem, np.full(6, SHIFT)).objective[0] == pytest.approx(100.0, abs=1e-12)
    assert evaluate(kind(dimension=6, raw=True, rotated=rotated), np.full(6, SHIFT)).objective[0] == 0.0
    drawn = problem.solution_space.sample(200, np.random.default_rng(0))
    assert (evaluate(problem, drawn).objective < 100.0).all()
    assert evaluate(kind(dimension=6), np.full(6, -DOMAIN)).objective[0] == pytest.approx(0.0, abs=1e-9)


def test_hand_worked_values():
    """f at z = (1, 2, 3)."""
    z = np.array([1.0, 2.0, 3.0]) + SHIFT
    wanted = {
        Sphere: 14.0,
        Ellipsoid: 1.0 + 1e3 * 4 + 1e6 * 9,
        Cigar: 1.0 + 1e6 * 13,
        Rosenbrock: 100 * (4 - 3) ** 2 + 1 + 100 * (9 - 4) ** 2 + 4,
        Rastrigin: 14.0,
    }
    for kind, value in wanted.items():
        assert evaluate(kind(dimension=3, raw=True), z).objective[0] == pytest.approx(-value, rel=1e-12)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("rotated", [False, True])
def test_the_jacobian_is_the_difference_quotient(kind, rotated):
    problem = kind(dimension=5, rotated=rotated, bound=math.inf)
    x = np.random.default_rng(1).uniform(-7, 7, (4, 5))
    jacobian = evaluate(problem, x, ("jacobian",)).columns["jacobian"]
    h = 1e-5
    for gene in range(5):
        step = np.zeros(5)
        step[gene] = h
        up, down = evaluate(problem, x + step), evaluate(problem, x - step)
        quotient = np.column_stack([up.objective - down.objective, up.measures - down.measures]) / (2 * h)
        np.testing.assert_allclose(jacobian[:, :, gene], quotient, rtol=2e-5, atol=2e-5)


def test_measures_sum_halves_and_fold_outside_the_domain():
    problem = Sphere(dimension=5, bound=math.inf)
    result = evaluate(problem, [1.0, -2.0, DOMAIN, 2 * DOMAIN, -4 * DOMAIN])
    assert result.measures[0].tolist() == pytest.approx([-1.0, DOMAIN + 0.5 - 0.25])
    assert problem.measure_space.ranges == [(-2 * DOMAIN, 2 * DOMAIN), (-3 * DOMAIN, 3 * DOMAIN)]
    zero = evaluate(problem, np.zeros(5))
    assert zero.measures[0].tolist() == [0.0, 0.0]


def test_the_rotation_is_one_and_couples_the_genes():
    problem = Ellipsoid(dimension=4, rotated=True)
    np.testing.assert_allclose(problem.rotation @ problem.rotation.T, np.eye(4), atol=1e-14)
    assert np.linalg.det(problem.rotation) == pytest.approx(np.sign(np.linalg.det(problem.rotation)))
    x = np.random.default_rng(2).normal(size=(3, 4))
    turned = Ellipsoid(dimension=4).value((x - SHIFT) @ problem.rotation.T)
    np.testing.assert_allclose(evaluate(Ellipsoid(dimension=4, rotated=True, raw=True), x).objective, -turned)
    np.testing.assert_allclose(  # a sphere has no direction
        evaluate(Sphere(dimension=4, rotated=True), x).objective, evaluate(Sphere(dimension=4), x).objective
    )


@pytest.mark.parametrize("problem", [kind(dimension=7, rotated=r) for kind in ALL for r in (False, True)])
def test_contracts(problem):
    assert qd.check_problem(problem) == []


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"dimension": 1}, "dimension"),
        ({"bound": 2.0}, "bound"),
        ({"bound": math.nan}, "bound"),
        ({"cells": 0}, "cells"),
    ],
)
def test_bad_settings_are_named(settings, field):
    with pytest.raises(qd.QDError, match=f"Sphere.{field}"):
        Sphere(**settings)
