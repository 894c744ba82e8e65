"""The search EvolutionStrategy: convergence, bounds, restarts, failures, and bits that threads do not change."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import qd
from qd.algorithms import EvolutionStrategy, evolution_strategy
from qd.codec import decode, encode

pytestmark = pytest.mark.thorough

EVERY = pytest.mark.parametrize("strategy", ["cma", "sep_cma", "one_plus_one"])


def best(result: qd.Result) -> float:
    return float(result.summary["best"][0]["objective"])


def climb(problem: qd.Problem, algorithm: qd.Algorithm, budget: int, seed: int = 0) -> qd.Result:
    return qd.run(qd.Experiment(problem, algorithm, budget, seed=seed))


def bowl(low: Any, high: Any, optimum: Any, **settings: Any) -> qd.Problem:
    def value(x: np.ndarray) -> float:
        assert (x >= low).all() and (x <= high).all()
        return -float((((x - optimum) / (np.asarray(high) - low)) ** 2).sum())

    return qd.problem(value, space=qd.Box(low, high, 5, **settings))


@EVERY
@pytest.mark.thorough
def test_the_sphere_is_climbed(strategy: Any) -> None:
    result = climb(qd.problems.Sphere(5, raw=True), EvolutionStrategy(strategy, 6), 2_000)
    assert best(result) > -1e-6
    assert result.summary["metrics"]["best"] == best(result)


@pytest.mark.thorough
def test_a_turned_ellipsoid_is_climbed_by_cma_alone() -> None:
    problem = qd.problems.Ellipsoid(6, rotated=True, raw=True)
    assert best(climb(problem, EvolutionStrategy(), 4_000)) > -1e-8
    assert best(climb(problem, EvolutionStrategy("one_plus_one"), 4_000)) < -1e-2


@EVERY
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_genes_of_different_ranges_and_an_optimum_in_a_corner(strategy: Any, dtype: str) -> None:
    low, high = np.array([0, -1e-3, -500, 2, -1]), np.array([1, 1e-3, 500, 3, 1e4])
    problem = bowl(low.astype(dtype), high.astype(dtype), low, dtype=dtype)
    assert best(climb(problem, EvolutionStrategy(strategy, 8), 2_500)) > -1e-6


def test_an_optimum_in_a_corner_costs_no_more_than_one_inside() -> None:
    """Told the reflections in place of the samples, CMA-ES takes four times as long here."""
    problem = bowl(np.zeros(5), np.ones(5), np.zeros(5))
    assert best(climb(problem, EvolutionStrategy(), 800)) > -1e-8


def test_infinite_and_one_sided_bounds() -> None:
    low, high = np.array([-math.inf, 0.0, -1.0, -math.inf, 0.0]), np.array([math.inf, math.inf, 1.0, 0.5, 2.0])
    target = np.array([3.0, 0.0, 0.2, 0.5, 1.0])

    def value(x: np.ndarray) -> float:
        assert (x >= low).all() and (x <= high).all()
        return -float(((x - target) ** 2).sum())

    problem = qd.problem(value, space=qd.Box(low, high, init_sigma=0.7))
    assert best(climb(problem, EvolutionStrategy(), 1_500)) > -1e-8


def test_rounding_does_not_step_across_a_bound() -> None:
    rng = np.random.default_rng(0)
    space = qd.Box(rng.uniform(-2, -1, 500), rng.uniform(0, 0.1, 500))
    edges = evolution_strategy._to_genes(space, np.array([np.zeros(500), np.ones(500)]))
    assert space.valid(edges) is None
    assert not (space.low + (np.asarray(space.high) - space.low) <= space.high).all()  # so there was something to mend


def restarted(algorithm: EvolutionStrategy, generations: int) -> Any:
    """The state after so many generations on a plateau."""
    problem = qd.problem(lambda x: 0.0, low=0, high=1, length=3)
    state = algorithm.init(problem, 1)
    for number in range(generations):
        request = algorithm.ask(state, 10**6)
        assert request is not None
        algorithm.tell(state, request, qd.Evaluation(np.zeros(len(request))))
        state = decode(encode({"state": state.__dict__}))["state"]
        state = EvolutionStrategy.State(**state)
        assert state.generation == number + 1
    return state


@pytest.mark.parametrize("strategy", ["cma", "sep_cma"])
@pytest.mark.thorough
def test_restarts_double_the_population_and_are_counted(strategy: Any) -> None:
    """Flat after 10 + ceil(30 d / n) generations: 25, then 18, then 14 for populations of 6, 12 and 24."""
    algorithm = EvolutionStrategy(strategy, 6)
    for generations, restarts, population in ((24, 0, 6), (25, 1, 12), (42, 1, 12), (43, 2, 24), (57, 3, 48)):
        state = restarted(algorithm, generations)
        metrics = algorithm.report(state).metrics
        assert (metrics["restarts"], metrics["population_size"]) == (restarts, population)
        assert state.stopped == ({"flat": restarts} if restarts else {})
    kept = EvolutionStrategy(strategy, 6, population_growth=1)
    assert restarted(kept, 50).restarts == 2
    assert kept.report(restarted(kept, 50)).metrics["population_size"] == 6


def test_each_parent_restarts_by_itself() -> None:
    algorithm = EvolutionStrategy("one_plus_one", 4)
    state = restarted(algorithm, 3)
    before = state.strategy.mean.copy()
    state.strategy.sigma[1:3] = 1e-30
    request = algorithm.ask(state, 100)
    assert request is not None
    algorithm.tell(state, request, qd.Evaluation(np.full(4, -1.0)))
    assert state.stopped == {"sigma_small": 2} and state.restarts == 2
    assert (state.strategy.mean == before).all(axis=1).tolist() == [True, False, False, True]
    assert (state.strategy.mean[1] != state.strategy.mean[2]).all()
    assert np.isnan(state.strategy.objective).tolist() == [False, True, True, False]


@EVERY
def test_failures_and_a_request_cut_short_are_survived(strategy: Any) -> None:
    def value(x: np.ndarray) -> float:
        return math.nan if x[0] > 0.6 else -float(((x - 0.5) ** 2).sum())

    result = climb(qd.problem(value, low=0, high=1, length=4), EvolutionStrategy(strategy, 7), 1_503)
    assert result.summary["failed"] > 0
    assert best(result) > -1e-6


@EVERY
def test_all_failed_is_a_result(strategy: Any) -> None:
    result = climb(qd.problem(lambda x: math.nan, low=0, high=1, length=4), EvolutionStrategy(strategy, 7), 40)
    assert result.summary["failed"] == 40
    assert math.isnan(result.summary["metrics"]["best"] or math.nan)


def test_threads_of_linear_algebra_do_not_change_bits() -> None:
    problem = qd.problems.Ellipsoid(150, raw=True)
    digests = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            digests.append(climb(problem, EvolutionStrategy(population_size=60), 900).digest)
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"strategy": "cmaes"}, "strategy"),
        ({"sigma": 0.0}, "sigma"),
        ({"population_size": 1}, "population_size"),
        ({"population_size": -3, "strategy": "one_plus_one"}, "population_size"),
        ({"population_growth": 0}, "population_growth"),
    ],
)
def test_bad_settings_are_named(settings: Any, field: str) -> None:
    with pytest.raises(qd.QDError, match=rf"EvolutionStrategy\.{field}"):
        EvolutionStrategy(**settings)


def test_other_spaces_are_refused() -> None:
    problem = qd.problem(lambda x: 0.0, space=qd.Mask(5))
    with pytest.raises(qd.QDError, match="real vectors, not Mask"):
        EvolutionStrategy().init(problem, 0)
