"""NSGA-II: against pymoo's on ZDT, failures, copies, masks, settings, and what it reports."""

from dataclasses import replace

import numpy as np
import pytest

import operators as op
import qd

pytestmark = pytest.mark.peer


def run(problem, budget=1000, seed=1, **settings):
    return qd.run(qd.Experiment(problem, qd.algorithms.NSGA2(**settings), budget, seed=seed), progress=False)


def flaky(x):
    if x[0] > 0.5:
        raise RuntimeError("on purpose")
    return (float(x[0]), -float(x[0]) - float(x[1]))


def two(function, **settings):
    return qd.problem(function, objectives=("a", "b"), **{"low": 0, "high": 1, "length": 3} | settings)


def test_it_reaches_the_front_of_zdt1():
    problem = qd.problems.ZDT1(dimension=10)
    result = run(problem, 8000, population_size=40)
    best = op.hypervolume(problem.pareto_front(1000), problem.reference_point)
    volume = result.summary["metrics"]["hypervolume"]
    assert volume > 0.97 * best
    assert volume == pytest.approx(result.archive.hypervolume)
    assert result.summary["metrics"]["front_size"] == 40
    random = qd.run(qd.Experiment(problem, qd.algorithms.RandomSearch(), 8000, seed=1), progress=False)
    assert random.best["objective"] < result.best["objective"]
    rising = result.metrics["hypervolume"].to_numpy()
    assert rising[-1] == volume
    assert rising[0] < 0.1
    assert np.isnan(result.summary["qd_score"])  # one cell is no archive of cells
    front = result.archive.data()
    x = front["solution"]
    evaluation = problem.evaluate(qd.Request(x), np.zeros(len(x), np.uint64))
    assert np.array_equal(evaluation.objective, front["objective"])
    assert op.non_dominated(front["objective"]).all()


def test_the_hypervolume_equals_pymoos():
    """Equal population and evaluations, means over 5 seeds within 2 %; benchmarks/ has the full study."""
    nsga2 = pytest.importorskip("pymoo.algorithms.moo.nsga2")
    from pymoo.optimize import minimize
    from pymoo.problems import get_problem

    problem = qd.problems.ZDT1(dimension=6)
    ours, theirs = [], []
    for seed in range(5):
        ours.append(run(problem, 3000, seed, population_size=40).summary["metrics"]["hypervolume"])
        found = minimize(get_problem("zdt1", 6), nsga2.NSGA2(pop_size=40), ("n_eval", 3000), seed=seed)
        theirs.append(op.hypervolume(-np.atleast_2d(found.F), problem.reference_point))
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.02)


def test_failed_rows_never_enter():
    result = run(two(flaky), 600, population_size=20)
    assert result.summary["failed"] > 0
    data = result.archive.data()
    assert np.isfinite(data["objective"]).all()
    assert (data["solution"][:, 0] <= 0.5).all()


def test_a_run_of_failures_alone_ends():
    result = run(two(lambda x: (np.nan, 0.0)), 100, population_size=20)
    assert result.summary["failed"] == 100
    assert len(result.archives) == 0
    assert np.isnan(result.summary["metrics"]["hypervolume"])


def test_one_column_of_nan_is_a_failed_row():
    result = run(two(lambda x: (float(x[0]), np.nan if x[1] > 0.5 else -float(x[0]))), 200, population_size=20)
    assert 0 < result.summary["failed"] < 200
    assert (result.archive.data("solution")[:, 1] <= 0.5).all()


def test_all_equal_objectives():
    result = run(two(lambda x: (1.0, 2.0)), 200, population_size=20)
    assert len(result.archive) == 1
    assert result.summary["metrics"] == {"hypervolume": 0.0, "front_size": 20.0}  # measured from the first generation


def test_masks_trade_two_counts():
    def counts(mask):
        return float(mask[:10].sum()), -float(mask.sum())

    problem = qd.problem(counts, space=qd.Mask(20, frozen=(19,)), objectives=("left", "small"))
    result = run(problem, 3000, population_size=30)
    assert {tuple(row) for row in result.archive.data("objective")} == {(k, -k - 1) for k in range(11)}
    assert (result.archive.data("solution")[:, 19] == 1).all()


def test_the_reference_point_comes_from_the_setting_the_problem_or_the_first_generation():
    zdt = qd.problems.ZDT1(dimension=4)
    assert run(zdt, 50).archive.reference_point.tolist() == [-1.1, -1.1]
    assert run(zdt, 50, reference_point=(-9.0, -2.0)).archive.reference_point.tolist() == [-9.0, -2.0]
    plain = two(lambda x: (-x[0], x[0] - x[1]))
    short, long = (run(plain, budget, population_size=25) for budget in (25, 500))
    worst = short.archive.reference_point
    assert worst.tolist() == long.archive.reference_point.tolist()
    assert (worst <= short.archive.data("objective").min(axis=0)).all()
    assert long.summary["metrics"]["hypervolume"] > 0


def test_survivors_are_the_best_of_parents_and_children():
    algorithm, problem = qd.algorithms.NSGA2(population_size=10), qd.problems.DTLZ2(3, 4)
    state = algorithm.init(problem, 3)
    seen = np.empty((0, 3))
    for _ in range(5):
        request = algorithm.ask(state, 1000)
        before = state.objective if state.objective is not None else np.empty((0, 3))
        evaluation = problem.evaluate(request, np.zeros(len(request), np.uint64))
        seen = np.concatenate([before, evaluation.objective])
        algorithm.tell(state, request, evaluation)
        kept = op.crowded_truncation(seen, 10)
        assert np.array_equal(state.objective, seen[kept.rows])
        assert np.array_equal(state.rank, kept.rank)
    assert request.parents.shape == (10, 2)


def test_an_odd_population_and_a_short_last_request():
    result = run(qd.problems.ZDT1(dimension=5), 66, population_size=7)
    assert result.summary["evaluations"] == 66
    assert result.summary["metrics"]["front_size"] <= 7


@pytest.mark.parametrize(("settings", "message"), [
    ({"population_size": 0}, r"NSGA2\.population_size"),
    ({"crossover_probability": 1.5}, r"NSGA2\.crossover_probability"),
    ({"mutation_probability": -0.1}, r"NSGA2\.mutation_probability"),
    ({"crossover_eta": -1.0}, r"NSGA2\.crossover_eta"),
    ({"mutation_eta": float("nan")}, r"NSGA2\.mutation_eta"),
])  # fmt: skip
def test_bad_settings_are_named(settings, message):
    with pytest.raises(qd.QDError, match=message):
        qd.algorithms.NSGA2(**settings)


def test_bad_problems_are_refused_before_any_work():
    with pytest.raises(qd.QDError, match="PlanarArm has one objective"):
        run(qd.problems.PlanarArm())
    with pytest.raises(qd.QDError, match="infinite bounds"):
        run(two(lambda x: (0.0, 0.0), low=None, high=None, length=0, space=qd.Box(-np.inf, 1.0, 2, init_sigma=1.0)))
    with pytest.raises(qd.QDError, match=r"NSGA2\.reference_point: got \(0.0,\)"):
        run(qd.problems.ZDT1(), reference_point=(0.0,))
    with pytest.raises(qd.QDError, match="varies real vectors and masks"):
        run(two(lambda x: (0.0, 0.0), low=None, high=None, length=0, space=qd.Tokens(3, 4)))


def test_the_seed_alone_decides():
    problem = qd.problems.ZDT3(dimension=5)
    experiment = qd.Experiment(problem, qd.algorithms.NSGA2(20), 200, seed=1)
    digests = [qd.run(made, progress=False).digest for made in (experiment, experiment, replace(experiment, seed=2))]
    assert digests[0] == digests[1] != digests[2]
