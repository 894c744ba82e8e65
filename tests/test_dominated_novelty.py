"""Dominated novelty: against the definition, against pyribs, by hand, and as a search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qd
from archives import dominated_novelty
from tests.driving import drive

pytestmark = pytest.mark.peer


def by_definition(measures: np.ndarray, objective: np.ndarray, k: int) -> np.ndarray:
    """Row by row, in plain numpy."""
    scores = []
    for i in range(len(measures)):
        others = [j for j in range(len(measures)) if j != i and objective[j] >= objective[i]]
        distances = np.sort(np.sqrt(((measures[others] - measures[i]) ** 2).sum(axis=1)))[:k]
        scores.append(distances.mean() if len(distances) else np.inf)
    return np.array(scores)


@given(st.integers(0, 60), st.integers(1, 8), st.integers(1, 9), st.integers(1, 30), st.integers(0, 10**6))
def test_the_kernel_is_the_definition(n: int, m: int, k: int, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    measures, objective = np.round(rng.random((n, m)), 2), rng.integers(0, levels, n).astype(float)
    found = dominated_novelty(measures, objective, k)
    np.testing.assert_allclose(found, by_definition(measures, objective, k), rtol=1e-13)


@pytest.mark.parametrize(("n", "m"), [(700, 2), (1500, 2), (600, 10)])
def test_more_rows_than_a_block_and_than_a_tree_needs(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    measures, objective = rng.random((n, m)), rng.integers(0, 300, n).astype(float)
    np.testing.assert_allclose(
        dominated_novelty(measures, objective, 5), by_definition(measures, objective, 5), rtol=1e-13
    )


@pytest.mark.parametrize("k", [1, 3, 200])
def test_the_values_are_those_of_pyribs(k: int) -> None:
    archives = pytest.importorskip("ribs.archives")
    rng = np.random.default_rng(k)
    measures, objective = rng.random((150, 3)), rng.integers(0, 40, 150).astype(float)
    theirs = archives.DNSArchive(solution_dim=1, measure_dim=3, capacity=10, k_neighbors=k)
    np.testing.assert_allclose(
        dominated_novelty(measures, objective, k), theirs.compute_dns(measures, objective), rtol=1e-12
    )


def test_the_survivors_are_those_of_pyribs() -> None:
    archives = pytest.importorskip("ribs.archives")
    rng = np.random.default_rng(0)
    theirs = archives.DNSArchive(solution_dim=2, measure_dim=2, capacity=30, k_neighbors=3)
    algorithm = qd.algorithms.DominatedNoveltySearch(population_size=30, batch_size=20)
    problem = qd.problem(lambda x: (0.0, x), low=0, high=1, length=2, measures={"x": (0, 1), "y": (0, 1)})
    state = algorithm.init(problem, 0)
    for generation in range(6):
        solutions, objective = rng.random((20, 2)), rng.random(20)
        theirs.add(solutions, objective, solutions)
        request = qd.Request(solutions, first=20 * generation)
        algorithm.tell(state, request, qd.Evaluation(objective, solutions))
    ours = sorted(map(tuple, state.solutions.tolist()))
    assert ours == sorted(map(tuple, theirs.data("solution").tolist()))


def test_by_hand() -> None:
    line = [[0.0], [1.0], [3.0], [7.0]]
    assert dominated_novelty(line, [4.0, 3.0, 2.0, 1.0], 2).tolist() == [np.inf, 1.0, 2.5, 5.0]
    # among equals it is novelty; of two equal best neither is infinite
    assert dominated_novelty(line, np.zeros(4), 1).tolist() == [1.0, 1.0, 2.0, 4.0]
    assert dominated_novelty(line[:2], [5.0, 5.0], 3).tolist() == [1.0, 1.0]
    assert dominated_novelty(line[:1], [5.0], 3).tolist() == [np.inf]
    assert dominated_novelty(np.empty((0, 2)), [], 3).tolist() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.0], [1.0]], [1.0], 3), r"objective of shape \(1,\)"),
        (([[0.0], [1.0]], [1.0, np.nan], 3), "objective of row 1"),
        (([[0.0], [np.nan]], [1.0, 1.0], 3), "row 1 of the queries"),
        (([0.0, 1.0], [1.0, 1.0], 3), r"shape \(2,\)"),
        (([[0.0]], [1.0], 0), "k 0 given"),
    ],
)
def test_bad_input_is_named(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dominated_novelty(*arguments)


def test_the_search_keeps_the_best_and_fills_the_arm() -> None:
    arm = qd.problems.PlanarArm(joints=5)
    algorithm = qd.algorithms.DominatedNoveltySearch(population_size=200, batch_size=100)
    state = drive(arm, algorithm, 5000, seed=2)
    assert len(state.ids) == 200 == len(set(state.ids.tolist()))
    assert np.isinf(state.scores[0]) and state.objective[0] == state.objective.max()
    assert state.ids.max() > 4000  # it goes on taking in what is new
    result = qd.run(qd.Experiment(arm, algorithm, 5000, seed=2))
    random = qd.run(qd.Experiment(arm, qd.algorithms.RandomSearch(100), 5000, seed=2))
    assert result.summary["qd_score"] > 1.1 * random.summary["qd_score"]


def test_equal_objectives_spread_out() -> None:
    flat = qd.problem(lambda x: (0.0, x[:1]), low=0, high=1, length=2, measures={"x": (0, 1)})
    state = drive(flat, qd.algorithms.DominatedNoveltySearch(population_size=20, batch_size=20, neighbors=1), 1000)
    assert np.diff(np.sort(state.measures[:, 0])).max() < 0.15  # 20 points on a line: 0.05 apart if even


@pytest.mark.parametrize("failing", [0.5, 1.0])
def test_failed_rows_do_not_end_it(failing: float) -> None:
    def fails(x: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
        if qd.rng.row_generator(seed).random() < failing:
            raise ValueError("no")
        return float(x.sum()), x[:1]

    problem = qd.problem(fails, low=0, high=1, length=2, measures={"x": (0, 1)})
    algorithm = qd.algorithms.DominatedNoveltySearch(population_size=10, batch_size=10)
    state = drive(problem, algorithm, 100)
    assert np.isfinite(state.objective).all() and len(state.ids) == (10 if failing < 1 else 0)
    assert set(algorithm.report(state).metrics) == {"population_mean", "mean_dominated_novelty"}


def test_bad_settings_name_the_field() -> None:
    for wrong, message in (({"neighbors": 0}, "neighbors"), ({"population_size": 0}, "population_size"),
                           ({"iso_sigma": 0.0, "line_sigma": 0.0}, "not both 0"),
                           ({"flip_probability": 2.0}, "flip_probability")):  # fmt: skip
        with pytest.raises(qd.QDError, match=message):
            qd.algorithms.DominatedNoveltySearch(**wrong)
    with pytest.raises(qd.QDError, match="declares no measures"):
        qd.algorithms.DominatedNoveltySearch().init(qd.problem(lambda x: 0.0, low=0, high=1, length=2), 0)
