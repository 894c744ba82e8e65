"""Statistics over runs: worked by hand, by property, and against rliable, scipy and statsmodels."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qd.errors import QDError
from qd.statistics import (
    AGGREGATES,
    area_under,
    at,
    bootstrap_interval,
    holm,
    improvement_interval,
    iqm,
    mann_whitney,
    mean,
    mean_height,
    median,
    optimality_gap,
    probability_of_improvement,
    profile,
    profile_band,
    resampled,
)

finite = st.floats(-1e6, 1e6, allow_nan=False, width=32)
runs = st.integers(2, 12).flatmap(lambda n: arrays(np.float64, n, elements=finite))


def scores(n: int, tasks: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, tasks)) + np.arange(tasks)


# ---------------------------------------------------------------- worked by hand


def test_iqm_cuts_a_quarter_at_each_end():
    assert iqm([1, 2, 3, 4, 5, 6, 7, 1000]) == 4.5  # 3, 4, 5, 6
    assert iqm([5, 1, 2]) == pytest.approx(8 / 3)  # of three runs nothing is cut
    assert iqm([7]) == 7
    assert iqm(np.array([[1, 10], [3, 20]])) == 6.5  # 1, 3, 10, 20 together: 3 and 10


def test_tasks_weigh_alike_in_mean_and_median():
    uneven = [[0.0, 2.0], [10.0, 10.0, 10.0], [4.0]]
    assert mean(uneven) == 5.0
    assert median(uneven) == 4.0
    assert median([1, 2, 30]) == 2.0  # of one task: over its runs


def test_optimality_gap_gives_nothing_for_more_than_the_target():
    assert optimality_gap([0.5, 1.5]) == 0.25
    assert optimality_gap([1, 3], target=4) == 2


def test_probability_of_improvement_counts_ties_half():
    assert probability_of_improvement([2, 2], [1, 2]) == 0.75
    assert probability_of_improvement([1], [1]) == 0.5
    assert probability_of_improvement(np.array([[1, 1]]), np.array([[0, 2]])) == 0.5  # one task won, one lost


def test_holm_by_hand():
    # sorted 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.5 x 1
    assert holm([0.03, 0.01, 0.5, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert np.isnan(holm([0.01, np.nan])[1]) and holm([0.01, np.nan])[0] == 0.01  # what is no test costs nothing


def test_holm_is_the_smallest_level_at_which_its_procedure_rejects():
    for seed in range(10):
        ps = np.random.default_rng(seed).random(1 + seed) ** 3
        order = np.argsort(ps)
        for level in (0.01, 0.05, 0.2, 0.5):
            rejected, k = np.zeros(len(ps), bool), len(ps)
            for step, i in enumerate(order):  # step down until one stands
                if ps[i] > level / (k - step):
                    break
                rejected[i] = True
            assert np.array_equal(holm(ps) <= level, rejected)


def test_mann_whitney_of_three_against_three_by_counting():
    found = mann_whitney([4, 5, 6], [1, 2, 3])
    assert (found.statistic, found.method) == (9.0, "exact")
    assert found.p == pytest.approx(2 / 20)  # 2 of the 20 orders are as far out


def test_mann_whitney_names_the_approximation():
    assert mann_whitney([1, 2, 2], [2, 3, 4]).method == "asymptotic"
    assert mann_whitney(np.arange(9), np.arange(9) + 0.5).method == "asymptotic"
    assert mann_whitney([1, 1], [1, 1]).p == 1.0
    assert np.isnan(mann_whitney([1], [2, 3]).p)


def test_curves_are_steps():
    x, y = [10, 20, 40], [1.0, 3.0, 2.0]
    assert np.array_equal(at(x, y, [9, 10, 39.9, 40, 1e9]), [np.nan, 1, 3, 2, 2], equal_nan=True)
    assert area_under(x, y, 10, 50) == 10 * 1 + 20 * 3 + 10 * 2
    assert area_under(x, y, 15, 15) == 0
    assert np.isnan(area_under(x, y, 5, 15))
    assert mean_height(x, y, 10, 30) == 2.0
    assert mean_height(x, y, 20, 20) == 3.0


# ---------------------------------------------------------------- properties


@given(runs)
def test_aggregates_lie_among_the_runs_and_do_not_care_for_order(values):
    slack = 1e-9 * (1 + np.abs(values).max())
    for aggregate in (iqm, median, mean):
        assert values.min() - slack <= aggregate(values) <= values.max() + slack
        assert aggregate(values[::-1]) == pytest.approx(aggregate(values), abs=slack)


@given(runs, runs)
def test_improvement_and_its_reverse_are_one(a, b):
    assert probability_of_improvement(a, b) + probability_of_improvement(b, a) == pytest.approx(1.0)
    u = mann_whitney(a, b).statistic
    assert probability_of_improvement(a, b) == pytest.approx(u / (len(a) * len(b)))


@given(runs)
def test_a_profile_falls_from_one_to_zero(values):
    taus = np.linspace(values.min() - 1, values.max(), 30)
    shares = profile(values, taus)
    assert shares[0] == 1 and shares[-1] == 0
    assert (np.diff(shares) <= 0).all()
    low, high = profile_band(values, taus, reps=50)
    assert (low <= high).all() and (low >= 0).all() and (high <= 1).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_never_helps_and_keeps_the_order(ps):
    corrected = holm(ps)
    assert (corrected >= np.asarray(ps)).all() and (corrected <= 1).all()
    assert (np.diff(corrected[np.argsort(ps, kind="stable")]) >= 0).all()


def test_resampling_stays_within_its_task_and_is_addressed():
    tasks = resampled([np.zeros(3), np.ones(5)], reps=7)
    assert [task.shape for task in tasks] == [(7, 3), (7, 5)]
    assert not tasks[0].any() and tasks[1].all()
    one, other = (resampled(np.arange(9), 20, seed=seed)[0] for seed in (1, 2))
    assert np.array_equal(one, resampled(np.arange(9), 20, seed=1)[0]) and not np.array_equal(one, other)


def test_an_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(3)
    hits = 0
    for trial in range(300):
        low, high = bootstrap_interval(rng.normal(size=30), AGGREGATES["mean"], reps=500, seed=trial)
        hits += low <= 0 <= high
    assert 0.90 <= hits / 300 <= 0.98


def test_one_run_has_no_interval():
    assert np.isnan(bootstrap_interval([1.0])).all()
    assert np.isnan(improvement_interval([1.0], [2.0])).all()
    assert not np.isnan(bootstrap_interval(np.array([[1.0, 2.0], [3.0, 4.0]]))).any()


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: iqm([]), "at least one"),
        (lambda: iqm([1, np.nan]), "NaN"),
        (lambda: iqm(np.zeros((2, 2, 2))), "shape"),
        (lambda: bootstrap_interval([1, 2], level=95), "between 0 and 1"),
        (lambda: resampled([1, 2], reps=0), "reps"),
        (lambda: probability_of_improvement(np.ones((1, 2)), [1]), "same tasks"),
        (lambda: mann_whitney([np.nan, 1], [1, 2]), "NaN"),
        (lambda: at([2, 1], [0, 0], [1]), "falls"),
        (lambda: at([1], [0, 0], [1]), "same"),
        (lambda: area_under([1], [1], 5, 4), "before"),
    ],
)
def test_bad_input_is_named(call, word):
    with pytest.raises(QDError, match=word):
        call()


# ---------------------------------------------------------------- against others


@pytest.fixture(scope="module")
def rliable():
    """rliable's two modules. Its arch still calls a decorator of pandas 2, which only marks an old argument's name."""
    pytest.importorskip("rliable")
    import pandas.util._decorators as decorators

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(decorators, "deprecate_kwarg", lambda *names, **more: lambda function: function)
        from rliable import library, metrics
    return library, metrics


@pytest.mark.peer
@pytest.mark.parametrize(("n", "tasks"), [(5, 1), (10, 3), (7, 6), (3, 2)])
def test_aggregates_are_rliables(rliable, n, tasks):
    _, metrics = rliable
    for seed in range(5):
        x, y = scores(n, tasks, seed), scores(n + 2, tasks, seed + 100)
        assert iqm(x) == pytest.approx(metrics.aggregate_iqm(x), abs=1e-9)
        assert mean(x) == pytest.approx(metrics.aggregate_mean(x), abs=1e-9)
        assert optimality_gap(x, 0.5) == pytest.approx(metrics.aggregate_optimality_gap(x, 0.5), abs=1e-9)
        if tasks > 1:
            assert median(x) == pytest.approx(metrics.aggregate_median(x), abs=1e-9)
        theirs = metrics.probability_of_improvement(x, y)
        assert probability_of_improvement(x, y) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.peer
def test_profiles_are_rliables(rliable):
    library, _ = rliable
    x, taus = scores(10, 4), np.linspace(-3, 6, 50)
    theirs, bands = library.create_performance_profile({"x": x}, taus, reps=500)
    assert np.abs(profile(x, taus) - theirs["x"]).max() <= 1e-9
    low, high = profile_band(x, taus, reps=2_000)
    assert np.abs(low - bands["x"][0]).max() < 0.06 and np.abs(high - bands["x"][1]).max() < 0.06


@pytest.mark.peer
def test_intervals_are_rliables_to_the_bootstraps_own_error(rliable):
    library, metrics = rliable
    np.random.seed(1)  # what rliable draws from
    x, y = scores(10, 3), scores(8, 3, 1) + 0.3
    width = np.ptp(bootstrap_interval(x))
    _, theirs = library.get_interval_estimates({"x": x}, lambda s: np.array([metrics.aggregate_iqm(s)]), reps=2_000)
    assert np.abs(theirs["x"][:, 0] - bootstrap_interval(x, reps=20_000)).max() < 0.08 * width
    pair = {"x": (y, x)}
    _, theirs = library.get_interval_estimates(
        pair, lambda a, b: np.array([metrics.probability_of_improvement(a, b)]), reps=500
    )
    assert np.abs(theirs["x"][:, 0] - improvement_interval(y, x, reps=20_000)).max() < 0.05


def test_intervals_are_scipys_to_the_bootstraps_own_error():
    from scipy.stats import bootstrap, trim_mean

    x = scores(12, 1)[:, 0]
    theirs = bootstrap((x,), lambda v, axis: trim_mean(v, 0.25, axis), n_resamples=20_000, method="percentile",
                       rng=np.random.default_rng(0)).confidence_interval  # fmt: skip
    ours = bootstrap_interval(x, reps=20_000)
    assert np.abs(np.array(ours) - theirs).max() < 0.03 * np.ptp(ours)


def test_mann_whitney_is_scipys():
    from scipy.stats import mannwhitneyu

    for seed, (n, k) in enumerate([(3, 4), (8, 8), (5, 12), (10, 10), (20, 15)]):
        a, b = scores(n, 1, seed)[:, 0], scores(k, 1, seed + 50)[:, 0] + 0.5
        for rounded in (a, np.round(a)):
            theirs = mannwhitneyu(rounded, b if rounded is a else np.round(b), alternative="two-sided")
            ours = mann_whitney(rounded, b if rounded is a else np.round(b))
            assert ours.statistic == theirs.statistic
            assert ours.p == pytest.approx(theirs.pvalue, abs=1e-9)
