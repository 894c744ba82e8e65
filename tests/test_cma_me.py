"""CMA-ME, CMA-MAE, CMA-MEGA and the emitter bandit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import qd
from qd.interop.ribs_emitters import starts
from tests.plain_ribs import plain_ribs  # noqa: F401

pytestmark = pytest.mark.peer

a = qd.algorithms
SPHERE = qd.problems.Sphere(dimension=20, cells=30)
BUDGET = 3000


def run(algorithm: qd.Algorithm, problem: qd.Problem = SPHERE, budget: int = BUDGET, seed: int = 1) -> Any:
    return qd.run(qd.Experiment(problem, algorithm, budget, seed=seed))


@pytest.fixture(scope="module")
def random_score() -> float:
    return float(run(a.RandomSearch(batch_size=60)).summary["qd_score"])


@pytest.mark.parametrize(
    "algorithm",
    [
        a.CMAME(emitters=3, batch_size=20),
        a.CMAME(emitters=3, batch_size=20, es="sep_cma", ranker=("2rd", "2imp", "obj"), start="sample"),
        a.CMAME(emitters=6, batch_size=20, active=3, ranker=("2imp", "2rd", "obj", "iso_line")),
        a.CMAMAE(emitters=3, batch_size=20),
        a.CMAMAE(emitters=3, batch_size=20, es="sep_cma", learning_rate=0.1),
        a.CMAMEGA(batch_size=20, sigma0=3.0),
        a.CMAMEGA(emitters=2, batch_size=20, sigma0=3.0, optimizer="adam", step=0.05),
        a.CMAMEGA(batch_size=20, sigma0=3.0, ranker="imp", learning_rate=0.1, threshold_min=0.0, restart_rule="basic"),
    ],
    ids=lambda algorithm: f"{algorithm.name}-{algorithm.es}",
)
def test_it_beats_random_search(algorithm: Any, random_score: float) -> None:
    result = run(algorithm)
    assert result.summary["qd_score"] > 1.2 * random_score
    assert result.summary["evaluations"] == BUDGET
    assert result.summary["statuses"]["invalid"] == 0


@pytest.mark.usefixtures("plain_ribs")
@pytest.mark.parametrize("es", ["ribs_cma", "ribs_sep_cma", "ribs_lm_ma"])
def test_strategies_of_pyribs_by_name(es: Any) -> None:
    result = run(a.CMAME(emitters=2, batch_size=10, es=es), budget=200)
    assert result.summary["evaluations"] == 200 and result.summary["statuses"]["ok"] == 200


def test_no_improvement_restarts_and_they_are_counted() -> None:
    """One cell only: nothing but the first improves for long."""
    problem = qd.problem(lambda x: (1.0, x[:1]), low=-1, high=1, length=3, measures={"a": (-1, 1)})
    settings = {"emitters": 2, "batch_size": 5, "dims": (1,)}
    result = run(a.CMAME(**settings, ranker=("2rd",)), problem, budget=100)
    assert result.metrics["restarts"].tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]  # all but the first, of both
    assert result.summary["metrics"]["restarts"] == 18
    assert run(a.CMAME(**settings, ranker=("2rd",), restart_rule=5), problem, 100).summary["metrics"]["restarts"] == 4
    assert run(a.CMAME(**settings), problem, 100).summary["metrics"]["restarts"] == 20  # equal objectives are flat too


def test_a_strategy_that_runs_away_restarts() -> None:
    """A ridge along the first gene, to be climbed for ever: steps grow until the strategy gives up."""
    problem = qd.problem(
        lambda x: (x[0] - 1e6 * (x[1:] ** 2).sum(), [0.0]), low=-1e12, high=1e12, length=3, measures={"a": (-1, 1)}
    )
    settings = {"emitters": 1, "batch_size": 12, "dims": (1,), "ranker": ("obj",), "selection_rule": "mu"}
    result = run(a.CMAME(**settings, sigma0=1.0, restart_rule="basic"), problem, budget=1200)
    assert result.summary["metrics"]["restarts"] == 1


@pytest.mark.usefixtures("plain_ribs")
def test_a_covariance_that_degenerates_restarts() -> None:
    search = a.CMAMAE(emitters=2, batch_size=8, es="ribs_cma")
    state = search.init(SPHERE, 3)
    for number, restarts in enumerate((0, 1, 1)):
        request = search.ask(state, 100)
        state.scheduler.emitters[1]._opt.cov.condition_number = 1e15 if number == 1 else 1.0
        search.tell(state, request, qd.evaluate_batch(SPHERE, request))  # type: ignore[arg-type]
        assert search.report(state).metrics == {"restarts": restarts}


def test_the_result_archive_is_reported_and_keeps_the_best() -> None:
    result = run(a.CMAMAE(emitters=2, batch_size=20, learning_rate=0.0))
    report = result.archives
    elites, learning = report["elites"], report["learning"]
    assert (learning.learning_rate, learning.threshold_min) == (0.0, 0.0) and elites.learning_rate == 1.0
    assert len(elites) == len(learning) and result.summary["qd_score"] == pytest.approx(elites.qd_score)
    assert elites.qd_score > learning.qd_score  # with learning rate 0 the last one in stays, good or not
    best = {tuple(m): o for m, o in zip(learning.data("index")[:, None], learning.data("objective"), strict=True)}
    kept = {tuple(m): o for m, o in zip(elites.data("index")[:, None], elites.data("objective"), strict=True)}
    assert all(kept[cell] >= objective for cell, objective in best.items())


def test_cma_mega_asks_for_gradients_one_row_an_emitter() -> None:
    search = a.CMAMEGA(emitters=2, batch_size=6)
    state = search.init(SPHERE, 3)
    kinds = []
    for _ in range(4):
        request = search.ask(state, 100)
        assert request is not None
        kinds.append((len(request), request.columns))
        search.tell(state, request, qd.evaluate_batch(SPHERE, request))
    assert kinds == [(2, ("jacobian",)), (12, ())] * 2


def test_cma_mega_follows_the_gradient() -> None:
    """One objective, a measure that nothing moves: the middle of the box to the optimum is uphill all the way."""
    result = run(a.CMAMEGA(batch_size=10, sigma0=1.0, ranker="obj", restart_rule="basic"), budget=2000)
    assert result.summary["best_objective"] > 99.9


class Fails(qd.problems.Sphere):
    """Half of the space does not evaluate; gradients are NaN in a third of the rest."""

    def evaluate(self, request: qd.Request, seeds: Any) -> qd.Evaluation:
        found = super().evaluate(request, seeds)
        failed = np.asarray(request.solutions)[:, 0] > 0.3
        found.objective[failed], found.measures[failed] = np.nan, np.nan
        if "jacobian" in found.columns:
            found.columns["jacobian"][request.ids % 3 == 0] = np.nan
        return found


@pytest.mark.parametrize(
    "algorithm",
    [
        a.CMAME(emitters=3, batch_size=8),
        a.CMAME(emitters=3, batch_size=8, active=2),
        a.CMAMAE(emitters=3, batch_size=8),
        a.CMAMEGA(emitters=2, batch_size=8, sigma0=2.0),
    ],
    ids=lambda algorithm: algorithm.name,
)
def test_failures_are_survived(algorithm: Any) -> None:
    result = run(algorithm, Fails(dimension=6, cells=10), budget=600)
    assert result.summary["evaluations"] == 600 and result.summary["failed"] > 20
    assert len(result.archive) > 5
    assert (result.archive.data("solution")[:, 0] <= 0.3).all()


@pytest.mark.parametrize("rule", ["basic", "no_improvement"])
def test_a_threshold_that_nothing_passes_is_survived(rule: Any) -> None:
    """A restart begins at x0 then, where pyribs raises."""
    result = run(a.CMAMAE(emitters=2, batch_size=8, threshold_min=1e9, restart_rule=rule), budget=192)
    assert result.summary["metrics"]["restarts"] == {"basic": 0, "no_improvement": 24}[rule]
    assert result.summary["archives"]["learning"] == 0
    assert result.summary["archives"]["elites"] > 0  # the result archive keeps the best of what there was


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: a.CMAME(sigma0=0), r"CMAME.sigma0: got 0, wanted a number above 0"),
        (lambda: a.CMAME(ranker=("2ipm",)), r"CMAME.ranker: got '2ipm', did you mean '2imp'\?"),
        (lambda: a.CMAME(ranker=()), "CMAME.ranker"),
        (lambda: a.CMAME(ranker="2imp"), "CMAME.ranker: got '2imp', wanted names"),
        (lambda: a.CMAME(batch_size=1), "CMAME.batch_size: got 1, wanted at least 2"),
        (lambda: a.CMAME(emitters=0), "CMAME.emitters"),
        (lambda: a.CMAME(es="sep_cme"), r"CMAME.es: got 'sep_cme', did you mean 'sep_cma'\?"),
        (lambda: a.CMAME(selection_rule="filtre"), r"did you mean 'filter'\?"),
        (lambda: a.CMAME(restart_rule="basics"), r"did you mean 'basic'\?"),
        (lambda: a.CMAME(restart_rule=0), "CMAME.restart_rule: got 0"),
        (lambda: a.CMAME(active=16), "CMAME.active: got 16, wanted 0 to the 15"),
        (lambda: a.CMAMAE(learning_rate=1.5), "CMAMAE.learning_rate: got 1.5, wanted a number from 0 to 1"),
        (lambda: a.CMAMAE(threshold_min=float("-inf")), "CMAMAE.threshold_min: got -inf with learning_rate 0.01"),
        (lambda: a.CMAMAE(threshold_min=float("nan")), "CMAMAE.threshold_min"),
        (lambda: a.CMAMEGA(step=0), "CMAMEGA.step"),
        (lambda: a.CMAMEGA(ranker="2objj"), r"CMAMEGA.ranker: got '2objj', did you mean '2obj'\?"),
        (lambda: a.CMAMEGA(optimizer="adams"), r"did you mean 'adam'\?"),
        (lambda: a.CMAMEGA(selection_rule="filter", restart_rule="basic"), "steps towards 0"),
        (lambda: a.CMAMEGA(learning_rate=0.1), "CMAMEGA.threshold_min: got None with learning_rate 0.1"),
    ],
)
def test_bad_settings_are_refused_by_name(make: Any, message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        make()


MASK = qd.problem(lambda x: (1.0, x[:1]), space=qd.Mask(5), measures={"a": (0, 1)})
BARE = qd.problem(lambda x: 1.0, low=0, high=1, length=5)
LINE = qd.problem(lambda x: (1.0, x[:1]), low=0, high=1, length=5, measures={"a": (0, 1)})


class NoDims(qd.problems.PlanarArm):
    """A problem that suggests no cells."""

    measure_space = qd.Measures(("x", "y"), (0, 0), (1, 1))


@pytest.mark.parametrize(
    ("algorithm", "problem", "message"),
    [
        (a.CMAMEGA(), qd.problems.PlanarArm(), r"CMAMEGA: .*PlanarArm does not offer the column 'jacobian'"),
        (a.CMAME(), MASK, "vary real vectors"),
        (a.CMAMAE(), BARE, "declares no measures"),
        (a.CMAME(), NoDims(), "CMAME.dims: NoDims suggests none"),
        (a.CMAME(dims=(3, 3)), LINE, "CMAME.dims: got 2 numbers"),
    ],
)
def test_a_problem_that_does_not_fit_is_refused_at_the_start(algorithm: Any, problem: Any, message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        run(algorithm, problem)


def test_where_emitters_begin() -> None:
    box = qd.Box([-1, 0, -np.inf, 2], [3, np.inf, np.inf, 4], init_sigma=1.0)
    assert starts(box, "center", 1, 2).tolist() == [[1, 0, 0, 3]] * 2
    drawn = starts(box, "sample", 1, 3)
    assert box.valid(drawn) is None and len(np.unique(drawn[:, 0])) == 3
    assert np.array_equal(drawn, starts(box, "sample", 1, 3))


def test_float32_solutions_stay_inside_their_bounds() -> None:
    arm = replace(qd.problems.PlanarArm(joints=6))
    object.__setattr__(arm, "solution_space", qd.Box(0.1, 0.9, 6, dtype="float32"))
    result = run(a.CMAME(emitters=2, batch_size=10, sigma0=2.0), arm, budget=500)
    assert result.summary["statuses"]["invalid"] == 0
    assert result.archive.data("solution").dtype == np.float32
