"""Problems with several objectives through the loop: shapes, statuses, repeats, records, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import qd
from qd.errors import ProblemError
from qd.rng import row_generator


class Schaffer(qd.Problem):
    """Minus x^2 and minus (x - 2)^2, with noise from the seeds; the second is NaN below -9."""

    solution_space = qd.Box(-10.0, 10.0, 1)
    measure_space = qd.Measures(("x",), (-10.0,), (10.0,), dims=(20,))
    objectives = ("left", "right")
    batching = "rows"

    def evaluate(self, request, seeds):
        x = np.asarray(request.solutions)[:, 0]
        noise = np.array([row_generator(seed).normal() for seed in seeds]) * 1e-3
        objective = np.stack([-(x**2) + noise, -((x - 2) ** 2)], axis=1)
        objective[x < -9, 1] = np.nan
        return qd.Evaluation(objective, x[:, None])


@pytest.fixture(scope="module")
def result():
    return qd.run(qd.Experiment(Schaffer(), qd.algorithms.RandomSearch(batch_size=50), 400), progress=False)


def test_a_row_is_lost_whole_and_counted(result):
    assert 0 < result.summary["failed"] == result.summary["statuses"]["failed"] < 60


def test_the_best_has_the_largest_sum_and_keeps_its_parts(result):
    best = result.summary["best"][0]
    assert best["objective"] == pytest.approx(sum(best["objectives"]))
    assert best["objective"] == result.summary["best_objective"]
    assert abs(best["measures"][0] - 1.0) < 0.2  # -x^2 - (x - 2)^2 is highest at 1
    assert result.summary["coverage"] > 0.8


def test_both_objectives_enter_the_digest(result):
    class Other(Schaffer):
        def evaluate(self, request, seeds):
            evaluation = super().evaluate(request, seeds)
            evaluation.objective[:, 1] += 1e-12
            return evaluation

    other = qd.run(qd.Experiment(Other(), result.experiment.algorithm, 400), progress=False)
    same = qd.run(qd.Experiment(Schaffer(), result.experiment.algorithm, 400), progress=False)
    assert same.digest == result.digest != other.digest


def test_repeats_average_each_objective():
    seen = []

    class Repeating(qd.algorithms.RandomSearch):
        def ask(self, state, left):
            request = super().ask(state, left)
            return None if request is None else replace(request, fidelity={"repeats": 4}, columns=("objective_spread",))

        def tell(self, state, request, evaluation):
            seen.append(evaluation)

    qd.run(qd.Experiment(Schaffer(), Repeating(batch_size=8), 32), progress=False)
    assert seen[0].objective.shape == seen[0].columns["objective_spread"].shape == (8, 2)
    assert (seen[0].columns["objective_spread"][seen[0].ok, 0] > 0).all()
    assert (seen[0].columns["objective_spread"][seen[0].ok, 1] == 0).all()


@pytest.mark.parametrize(
    "algorithm",
    [qd.algorithms.GeneticAlgorithm(), qd.algorithms.NoveltySearch(), qd.algorithms.MapElites()],
    ids=lambda algorithm: algorithm.name,
)
def test_a_search_for_one_objective_refuses_two(algorithm):
    with pytest.raises(qd.QDError, match=rf"Experiment.problem: Schaffer has 2 objectives .* {algorithm.name}"):
        qd.Experiment(Schaffer(), algorithm, 100)


@pytest.mark.parametrize("shape", [(5,), (5, 3), (4, 2)])
def test_the_wrong_number_of_objectives_breaks_the_contract(shape):
    class Broken(Schaffer):
        def evaluate(self, request, seeds):
            return qd.Evaluation(np.zeros(shape), np.zeros((len(request), 1)))

    with pytest.raises(ProblemError, match=r"objective has shape .* wanted \(5, 2\)"):
        qd.run(qd.Experiment(Broken(), qd.algorithms.RandomSearch(batch_size=5), 10), progress=False)


def test_a_plain_function_with_several_objectives():
    one = qd.problem(lambda x: ((-x[0], x[0]), x[:1]), low=0, high=1, length=2, measures={"x": (0, 1)},
                     objectives=("down", "up"))  # fmt: skip
    many = qd.problem(lambda x: np.stack([-x[:, 0], x[:, 0]], axis=1), low=0, high=1, length=2, batch=True,
                      objectives=("down", "up"))  # fmt: skip
    for problem in (one, many):
        assert qd.check_problem(problem) == []
        result = qd.run(qd.Experiment(problem, qd.algorithms.RandomSearch(batch_size=5), 10), progress=False)
        assert result.summary["best_objective"] == 0.0
    short = qd.problem(lambda x: (x[0],), low=0, high=1, length=2, objectives=("a", "b"))
    result = qd.run(qd.Experiment(short, qd.algorithms.RandomSearch(batch_size=5), 10), progress=False)
    assert result.summary["failed"] == 10  # an error of the function, told with each row
    with pytest.raises(qd.QDError, match="objectives="):
        qd.problem(lambda x: 0.0, low=0, high=1, length=2, objectives=("a", "a"))
