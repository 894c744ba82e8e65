"""ZDT and DTLZ against pymoo's values, their fronts, and their settings."""

import numpy as np
import pytest

import operators as op
import qd
from qd.contracts import Request
from qd.problems.dtlz import simplex_lattice

pytestmark = pytest.mark.peer

pymoo = pytest.importorskip("pymoo.problems")

ZDT = ["ZDT1", "ZDT2", "ZDT3", "ZDT4", "ZDT6"]
DTLZ = [f"DTLZ{i}" for i in range(1, 8)]


def evaluate(problem, x):
    return problem.evaluate(Request(x), np.zeros(len(x), np.uint64)).objective


def make(name, m=2):
    return getattr(qd.problems, name)() if name in ZDT else getattr(qd.problems, name)(number_of_objectives=m)


@pytest.mark.parametrize("name", ZDT)
@pytest.mark.parametrize("dimension", [2, 10, 30])
def test_zdt_equals_pymoo(name, dimension):
    problem, theirs = getattr(qd.problems, name)(dimension=dimension), pymoo.get_problem(name.lower(), dimension)
    x = problem.solution_space.sample(300, np.random.default_rng(dimension))
    x[:2] = problem.solution_space.low, problem.solution_space.high
    assert np.allclose(problem.solution_space.low, theirs.xl)
    assert np.allclose(problem.solution_space.high, theirs.xu)
    expected = -theirs.evaluate(x)
    assert (
        np.abs(
            evaluate(problem, x) / np.maximum(np.abs(expected), 1.0) - expected / np.maximum(np.abs(expected), 1.0)
        ).max()
        < 1e-12
    )


@pytest.mark.parametrize("name", DTLZ)
@pytest.mark.parametrize(("m", "k"), [(2, 1), (3, 10), (5, 4), (8, 20)])
def test_dtlz_equals_pymoo(name, m, k):
    problem = getattr(qd.problems, name)(m, k)
    theirs = pymoo.get_problem(name.lower(), n_var=m - 1 + k, n_obj=m)
    x = problem.solution_space.sample(300, np.random.default_rng(m))
    x[0], x[1] = 0.0, 1.0
    expected = -theirs.evaluate(x)
    scale = np.maximum(np.abs(expected), 1.0)
    assert (np.abs(evaluate(problem, x) - expected) / scale).max() < 1e-12
    assert len(problem.objectives) == m == len(problem.reference_point)


@pytest.mark.parametrize(("name", "m"), [(z, 2) for z in ZDT] + [(z, m) for z in DTLZ for m in (2, 3)] + [("DTLZ2", 5)])
def test_the_front_is_one_above_the_reference_and_nothing_found_beats_it(name, m):
    problem = make(name, m)
    front = problem.pareto_front(200)
    assert front.shape[1] == m
    assert len(front) >= 200
    assert op.non_dominated(front).all()
    assert (front > problem.reference_point).all()
    x = problem.solution_space.sample(1200, np.random.default_rng(0))
    if name.startswith("DTLZ") and name[-1] in "12345":
        x[:600, m - 1 :] = 0.5  # where g = 0
    elif name == "ZDT4" or name.startswith("DTLZ") or name in ZDT:
        x[:600, (1 if m == 2 else m - 1) :] = 0.0
    found = evaluate(problem, x)
    assert not op.dominates(found[:, None], front[None] + 1e-6).any()
    on = found[:600]
    near = np.abs(on[op.non_dominated(on)][:, None] - problem.pareto_front(2000)[None]).max(axis=2).min(axis=1)
    assert near.max() < 0.2  # what lies at g = 0 is what pareto_front draws


@pytest.mark.parametrize("name", ["ZDT1", "ZDT2", "ZDT3", "ZDT4", "ZDT6", "DTLZ1", "DTLZ2"])
def test_the_front_has_pymoos_hypervolume(name):
    problem = make(name)
    theirs = pymoo.get_problem(name.lower(), **({} if name in ZDT else {"n_var": 7, "n_obj": 2}))
    if name in ZDT:
        expected = -theirs.pareto_front(n_pareto_points=2000) if name != "ZDT3" else -theirs.pareto_front(n_points=2000)
    else:
        expected = -theirs.pareto_front(ref_dirs=simplex_lattice(2000, 2))
    volume = op.hypervolume(problem.pareto_front(2000), problem.reference_point)
    assert volume == pytest.approx(op.hypervolume(expected, problem.reference_point), rel=2e-3)


def test_a_simplex_lattice_is_even():
    lattice = simplex_lattice(100, 4)
    assert len(lattice) >= 100
    assert np.allclose(lattice.sum(axis=1), 1.0)
    assert len(np.unique(lattice, axis=0)) == len(lattice)
    assert lattice.min() == 0.0


@pytest.mark.parametrize("name", ["ZDT1", "ZDT4", "DTLZ2"])
def test_the_problems_keep_their_contract(name):
    assert qd.check_problem(make(name)) == []


def test_bad_settings_are_named():
    with pytest.raises(qd.QDError, match=r"ZDT3.dimension: got 1"):
        qd.problems.ZDT3(dimension=1)
    with pytest.raises(qd.QDError, match=r"DTLZ2.number_of_objectives: got 1"):
        qd.problems.DTLZ2(1)
    with pytest.raises(qd.QDError, match=r"DTLZ2.distance_genes: got 0"):
        qd.problems.DTLZ2(3, 0)
    with pytest.raises(qd.QDError, match=r"DTLZ6.pareto_front: not known for 4"):
        qd.problems.DTLZ6(4).pareto_front()


@pytest.mark.parametrize("algorithm", [qd.algorithms.MapElites(), qd.algorithms.GeneticAlgorithm()])
def test_a_search_for_one_objective_refuses_them(algorithm):
    with pytest.raises(qd.QDError, match="ZDT1 has 2 objectives"):
        qd.Experiment(qd.problems.ZDT1(), algorithm, 100)
