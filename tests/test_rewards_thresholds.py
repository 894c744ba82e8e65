"""Thresholds: multipliers by hand, the soft cap's bounds, and proxies whose gold peaks where it should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qd
from qd.contracts import Request, Status
from qd.errors import QDError
from qd.learners import GaussianPolicy
from qd.problems import OverOptimisation
from qd.problems.over_optimisation import thresholds, weights
from qd.rewards import Feature, Gene, Lagrange, Reward, SoftCap, Steps
from qd.rewards.lagrange import Multipliers

NUMBER = st.floats(-1e6, 1e6)


def test_multipliers_by_hand():
    """u begins where tanh is 0.5; J is 1 above tau: u falls by rate x slope x 1, then momentum adds a tenth of that."""
    combiner = Lagrange(first=0.5)
    begun = combiner.start(1, 2)
    assert combiner.weights(begun) == pytest.approx(np.array([[0.5, 0.5]]))
    once = combiner.update(begun, np.array([[2.0, 0.5]]), np.array([[1.0, 0.5]]))
    assert once.u[0] == pytest.approx([np.arctanh(0.5) - 0.1 * 0.75, np.arctanh(0.5)])
    twice = combiner.update(once, np.array([[1.0, 0.5]]), np.array([[1.0, 0.5]]))  # on the threshold: momentum alone
    assert twice.u[0, 0] - once.u[0, 0] == pytest.approx(-0.1 * 0.1 * 0.75)


def test_a_sigmoid_multiplier_by_hand():
    combiner = Lagrange("at_least", rate=0.2, momentum=0.0, first=0.5)
    begun = combiner.start(1, 1)
    assert begun.u[0, 0] == 0
    once = combiner.update(begun, np.array([[0.0]]), np.array([[2.0]]))
    assert once.u[0, 0] == pytest.approx(0.2 * 0.25 * 2.0)


@given(st.floats(-700, 700))
def test_multipliers_stay_in_their_range(u):
    at = Multipliers(np.array([[u]]), np.zeros((1, 1)))
    assert -1 <= Lagrange("equal").weights(at)[0, 0] <= 1
    assert 0 <= Lagrange("at_least").weights(at)[0, 0] <= 1


def test_an_overshot_term_is_pulled_back_and_a_sigmoid_one_only_stops_paying():
    for form, least in (("equal", -1.0), ("at_least", 0.0)):
        combiner = Lagrange(form)
        now = combiner.start(1, 1)
        for _ in range(300):
            now = combiner.update(now, np.array([[3.0]]), np.array([[1.0]]))
        weight = combiner.weights(now)[0, 0]
        assert (weight < -0.9) if least < 0 else (0 <= weight < 0.05)


def test_what_is_paid_by_hand():
    """(2 - 0.5 + 0.25) anchor + 0.5 r_0 - 0.25 r_1."""
    combiner = Lagrange()
    at = Multipliers(np.arctanh([[0.5, -0.25]]), np.zeros((1, 2)))
    paid = combiner.mixed(at, np.array([[[1.0, 2.0], [4.0, 8.0]]]), np.array([[10.0, 20.0]]))
    assert paid == pytest.approx(np.array([[17.5 + 0.5 - 1.0, 35.0 + 1.0 - 2.0]]))


def test_lagrange_in_a_reward():
    reward = thresholds()
    assert [gene.name for gene in reward.genes] == ["proxy_0.threshold", "proxy_1.threshold"]
    solution = reward.solution({"proxy_1.threshold": 3.0})
    assert reward.formula(solution) == "proxy_0 -> 2, proxy_1 -> 3"
    steps = Steps({"proxy_0": [1.0, 2.0], "proxy_1": [10.0, 20.0]})
    assert reward.values(solution[None], steps).tolist() == [[5.5, 11.0]]  # at the first multipliers
    with pytest.raises(QDError, match="wanted -10"):
        reward.solution({"proxy_0.threshold": 11.0})


@given(NUMBER, NUMBER, NUMBER)
def test_a_soft_cap_is_below_the_cap_and_the_value_and_rises(cap, low, high):
    reward = Reward((Feature("x", weight=None) | SoftCap(Gene("cap", default=0.0, low=-1e6, high=1e6)),))
    paid = reward.values(np.array([[cap]]), Steps({"x": sorted([low, high])}))[0]
    assert np.isfinite(paid).all() and paid[0] <= paid[1]
    assert (paid <= np.minimum(cap, sorted([low, high])) + 1e-9).all()
    assert (paid >= np.minimum(cap, sorted([low, high])) - np.log(2) - 1e-9).all()


def test_a_soft_cap_by_hand():
    reward = Reward((Feature("x", weight=None) | SoftCap(),))
    paid = reward.values(reward.start(), Steps({"x": [1.0, -99.0, 99.0]}))[0]
    assert paid == pytest.approx([1 - np.log(2), -99.0, 1.0])
    assert reward.formula(reward.start()[0]) == "softcap(x, 1)"


# ---------------------------------------------------------------- the problem


def trained(problem, solutions, purpose="search", first=0):
    columns = ("gold", "kl", "proxies", "multipliers", "error")
    return qd.evaluate_batch(
        problem, Request(np.atleast_2d(solutions), purpose=purpose, columns=columns), 3, first=first
    )


@pytest.mark.thorough
def test_rows_are_independent_and_seeded():
    assert qd.check_problem(OverOptimisation(steps=40), n=4) == []
    assert qd.check_problem(OverOptimisation(weights(), steps=40), n=4) == []


def test_gold_is_0_at_the_start_1_at_the_peaks_and_less_anywhere_else():
    problem = OverOptimisation(peaks=(1.5, 2.0))
    assert problem.gold(np.array([[0.0, 0.0], [1.5, 2.0]])) == pytest.approx([0, 1])
    others = np.array([1.5, 2.0]) + np.random.default_rng(0).normal(0, 1, (500, 2))
    assert (problem.gold(others) <= 1).all()
    beyond = problem.gold(np.array([[1.5 + e, 2.0] for e in (-0.7, 0.7)]))
    assert beyond[0] == pytest.approx(beyond[1], abs=1e-6)  # it falls beyond as it rose before


def test_gold_is_the_mean_over_samples():
    problem = OverOptimisation()
    means = np.array([[0.7, 2.4]])
    drawn = means + np.random.default_rng(0).standard_normal((400_000, 2))
    tent = drawn - problem.peaks
    tent = tent - 2 * 0.5 * np.log1p(np.exp(tent / 0.5))
    assert problem._gold(means)[0] == pytest.approx(tent.sum(axis=1).mean(), abs=0.01)


@pytest.mark.thorough
@pytest.mark.parametrize("correlation", [-0.4, 0.0, 0.6])
def test_fixed_weights_end_where_the_gradient_is_zero(correlation):
    """anchor x mean = sum of w_i a_i, so the proxies' means are the Gram matrix times w, over anchor."""
    problem = OverOptimisation(weights(), correlation, learner=GaussianPolicy(batch=64))
    solution = problem.reward.solution({"proxy_0.weight": 0.6, "proxy_1.weight": 0.3})
    evaluation = trained(problem, np.repeat(solution[None], 4, axis=0), "test")
    wanted = np.array([[1, correlation], [correlation, 1]]) @ [0.6, 0.3] / 0.5
    assert evaluation.columns["proxies"][:, -5:].mean(axis=(0, 1)) == pytest.approx(wanted, abs=0.15)
    assert np.isnan(evaluation.columns["error"]).all()


@pytest.mark.thorough
def test_thresholds_are_reached_whatever_the_correlation():
    for correlation in (0.0, 0.5):
        problem = OverOptimisation(correlation=correlation)
        right = problem.reward.solution({"proxy_0.threshold": 1.5, "proxy_1.threshold": 2.0})
        evaluation = trained(problem, np.repeat(right[None], 4, axis=0), "test")
        assert evaluation.columns["error"].mean() < 0.1 and evaluation.objective.min() > 0.93


@pytest.mark.thorough
def test_fixed_weights_leave_what_was_meant():
    problem = OverOptimisation(weights(), 0.9)
    gold = trained(problem, problem.reward.start()).columns["gold"][0]
    assert gold.max() > 0.9 and gold[-1] < 0


def test_diverging_learners_are_lost_alone():
    problem = OverOptimisation(weights(), learner=GaussianPolicy(rate=3.0, anchor=5.0))
    assert (trained(problem, problem.reward.start()).status == Status.FAILED).all()
    mixed = OverOptimisation(Reward((_Broken("proxy_0"), Feature("proxy_1"))))
    evaluation = trained(mixed, np.array([[4.0, 0.0, 0.0], [0.1, 0.0, 0.0]]))
    assert evaluation.status.tolist() == [Status.FAILED, Status.OK]
    assert "not finite" in evaluation.reasons[0]


class _Broken(Feature):
    """NaN wherever its weight's row is a large one; a stand-in for rewards that are no numbers."""

    @property
    def genes(self):
        return (Gene("bad"),)

    def values(self, genes, steps):
        from qd.rewards import Values

        return Values(np.where(genes > 1, np.nan, steps.column(self.variable)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OverOptimisation(correlation=1.5), "OverOptimisation.correlation: got 1.5, wanted a number from -1"),
        (lambda: OverOptimisation(correlation=float("nan")), "OverOptimisation.correlation: got nan"),
        (lambda: OverOptimisation(peaks=(0.0, 1.0)), "OverOptimisation.peaks"),
        (lambda: OverOptimisation(width=0.0), "OverOptimisation.width"),
        (lambda: OverOptimisation(dimension=1), "OverOptimisation.dimension: got 1"),
        (lambda: OverOptimisation(steps=30), "OverOptimisation.steps: got 30, wanted a multiple of 20"),
        (lambda: OverOptimisation(Reward((Feature("gold"),))), "it reads 'gold'"),
        (lambda: GaussianPolicy(batch=1), "GaussianPolicy.batch: got 1"),
        (lambda: GaussianPolicy(rate=-1.0), "GaussianPolicy.rate: got -1"),
        (lambda: Lagrange("above"), "Lagrange.form: got 'above'"),
        (lambda: Lagrange(first=1.0), "Lagrange.first: got 1"),
        (lambda: Lagrange("at_least", first=-0.5), "Lagrange.first: got -0.5"),
        (lambda: Lagrange(rate=0.0), "Lagrange.rate: got 0"),
        (lambda: Lagrange(momentum=1.0), "Lagrange.momentum: got 1"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(QDError, match=message):
        make()


def test_weights_outside_bounds_are_invalid():
    problem = OverOptimisation(weights())
    request = Request(np.array([[99.0, 0.0], [0.0, 0.0]]))
    assert qd.evaluate_batch(problem, request).status.tolist() == [Status.INVALID, Status.OK]
