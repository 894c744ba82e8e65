"""Front sort, crowding, truncation, hypervolume: twins, hand-worked cases, properties; SBX and polynomial mutation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

import operators as op
from operators import pareto
from tests.twins import pareto as twin

pytestmark = pytest.mark.peer


def rng(seed=0):
    return np.random.default_rng(seed)


def tables(most=40, objectives=5):
    """(n, k) with many ties and copies, or none, sorted or chained."""

    def build(n, k, levels, seed, chained):
        values = rng(seed).integers(0, levels, (n, k)).astype(float) if levels else rng(seed).normal(size=(n, k))
        return values + np.arange(n)[:, None] * chained

    return st.builds(build, st.integers(0, most), st.integers(1, objectives), st.sampled_from([0, 2, 3, 6]),
                     st.integers(0, 10**6), st.sampled_from([0.0, 1.0, -1.0]))  # fmt: skip


# ------------------------------------------------------------------ fronts


@given(tables())
def test_ranks_equal_the_twin(values):
    found = op.front_ranks(values)
    assert found.dtype == np.int64
    assert found.tolist() == twin.ranks(values).tolist()


@given(tables(120, 6))
def test_fronts_partition_and_none_dominates_its_front(values):
    fronts = op.fronts(values)
    assert sorted(np.concatenate([*fronts, np.empty(0, np.int64)]).tolist()) == list(range(len(values)))
    for before, front in zip([None, *fronts], fronts):
        assert (np.diff(front) > 0).all()
        assert not op.dominates(values[front][:, None], values[front][None]).any()
        if before is not None:  # true successive fronts: somebody in the front before is better
            assert op.dominates(values[before][:, None], values[front][None]).any(axis=0).all()


@given(tables(60), st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(values, seed):
    order = rng(seed).permutation(len(values))
    assert np.array_equal(op.front_ranks(values[order]), op.front_ranks(values)[order])


@pytest.mark.parametrize("k", [2, 3, 4])
def test_many_rows_equal_another_library(k):
    moocore = pytest.importorskip("moocore")
    for levels in (0, 30):
        values = rng(k).integers(0, levels, (3000, k)).astype(float) if levels else rng(k).normal(size=(3000, k))
        assert np.array_equal(op.front_ranks(values), moocore.pareto_rank(values, maximise=True))


def test_more_rows_than_bit_sets_are_made_for(monkeypatch):
    values = rng().integers(0, 9, (500, 4)).astype(float)
    expected = op.front_ranks(values)
    monkeypatch.setattr(pareto, "_BITS", 499)
    assert np.array_equal(op.front_ranks(values), expected)


def test_by_hand():
    values = [[1, 3], [3, 1], [1, 1], [3, 1], [0, 3], [0, 0]]
    assert op.front_ranks(values).tolist() == [0, 0, 1, 0, 1, 2]
    assert [front.tolist() for front in op.fronts(values)] == [[0, 1, 3], [2, 4], [5]]
    assert op.non_dominated(values).tolist() == [True, True, False, True, False, False]
    assert op.front_ranks([[1.0], [3.0], [3.0], [2.0]]).tolist() == [2, 0, 0, 1]
    assert op.front_ranks([[-0.0, 1.0], [0.0, 1.0]]).tolist() == [0, 0]  # zero has one value
    assert op.front_ranks([[np.inf, 0.0], [1.0, 1.0], [-np.inf, 1.0]]).tolist() == [0, 0, 1]
    assert op.fronts(np.empty((0, 3))) == []
    assert op.front_ranks(np.zeros((7, 3))).tolist() == [0] * 7


def test_dominates():
    assert op.dominates([2.0, 1.0], [1.0, 1.0])
    assert not op.dominates([1.0, 1.0], [1.0, 1.0])
    assert not op.dominates([2.0, 0.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="NaN"):
        op.dominates([1.0, np.nan], [0.0, 0.0])
    with pytest.raises(ValueError, match="shapes"):
        op.dominates([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    "call", [op.front_ranks, op.fronts, op.crowding_distance, lambda v: op.crowded_truncation(v, 1)]
)
def test_nan_and_wrong_shapes_are_refused(call):
    with pytest.raises(ValueError, match=r"objective of row 1 is \[nan, 1.0\]"):
        call([[0.0, 1.0], [np.nan, 1.0]])
    with pytest.raises(ValueError, match=r"\(n, k\) wanted"):
        call([1.0, 2.0])
    with pytest.raises(ValueError, match="nan"):
        call(np.full((3, 2), np.nan))


# ------------------------------------------------------------------ crowding and survival


@given(tables(30, 4))
def test_crowding_equals_the_twin(values):
    found = op.crowding_distance(values)
    assert np.allclose(found, twin.crowding(values) if len(values) else [], rtol=1e-12)
    ranks = op.front_ranks(values)
    split = op.crowding_distance(values, ranks)
    for front in op.fronts(values):
        assert np.allclose(split[front], twin.crowding(values[front]), rtol=1e-12)
        assert np.isinf(split[front]).any()


def test_crowding_of_groups_that_share_values():
    """Equal rows of different groups are no copies of each other."""
    values = np.tile([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]], (2, 1))
    assert op.crowding_distance(values, [0, 0, 0, 1, 1, 1]).tolist() == [np.inf, 2.0, np.inf] * 2


def test_crowding_by_hand():
    values = [[0.0, 10.0], [1.0, 6.0], [4.0, 5.0], [10.0, 0.0], [4.0, 5.0]]
    # row 1: (4 - 0) / 10 + (10 - 5) / 10; row 2: (10 - 1) / 10 + (6 - 0) / 10; row 4 is a copy of row 2
    assert np.allclose(op.crowding_distance(values), [np.inf, 0.9, 1.5, np.inf, 0.0])
    assert op.crowding_distance([[1.0, 2.0], [1.0, 2.0]]).tolist() == [np.inf, 0.0]
    assert op.crowding_distance([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]]).tolist() == [np.inf, 1.0, np.inf]
    with pytest.raises(ValueError, match="finite"):
        op.crowding_distance([[np.inf, 0.0]])
    with pytest.raises(ValueError, match="ranks"):
        op.crowding_distance([[1.0, 0.0]], [0, 1])


@given(tables(40, 4), st.integers(0, 50))
def test_truncation_keeps_better_fronts_then_wider_gaps(values, count):
    kept = op.crowded_truncation(values, count)
    ranks = op.front_ranks(values)
    assert len(kept.rows) == min(count, len(values)) == len(set(kept.rows.tolist()))
    assert np.array_equal(kept.rank, ranks[kept.rows])
    out = np.setdiff1d(np.arange(len(values)), kept.rows)
    distance = op.crowding_distance(values, ranks) if len(values) else np.empty(0)
    assert np.array_equal(kept.crowding, distance[kept.rows])
    for i in out:
        for j in kept.rows:
            assert (ranks[j], -distance[j]) <= (ranks[i], -distance[i])
    with pytest.raises(ValueError, match="count -1"):
        op.crowded_truncation(values, -1)


def test_tournament_prefers_lower_fronts_then_wider_gaps():
    rank, crowding = np.array([0, 0, 1, 2]), np.array([np.inf, 1.0, np.inf, 5.0])
    won = np.bincount(op.crowded_tournament(rank, crowding, rng(), 8000), minlength=4)
    # each row enters as often as every other; row 0 always wins, 1 against 2 and 3, 2 against 3 alone, 3 never
    assert won[3] == 0
    assert np.allclose(won / 8000, [1 / 2, 1 / 3, 1 / 6, 0], atol=0.02)
    tied = np.bincount(op.crowded_tournament(np.zeros(2, int), np.ones(2), rng(), 8000), minlength=2)
    assert abs(tied[0] / 8000 - 0.5) < 0.03  # a coin
    assert op.crowded_tournament([0], [np.inf], rng(), 3).tolist() == [0, 0, 0]
    assert (
        op.crowded_tournament(rank, crowding, rng(1), 5).tolist()
        == op.crowded_tournament(rank, crowding, rng(1), 5).tolist()
    )
    with pytest.raises(ValueError, match="of 0 rows"):
        op.crowded_tournament([], [], rng(), 1)


def test_hypervolume():
    assert op.hypervolume([[1, 2], [2, 1], [0.5, 0.5]], [0, 0]) == pytest.approx(3.0)
    assert op.hypervolume([[1, 2], [-1, 9]], [0, 0]) == pytest.approx(2.0)  # below the reference: nothing
    assert op.hypervolume(np.empty((0, 2)), [0, 0]) == 0.0
    assert op.hypervolume([[1, 2, 3]], [0, 0, 1]) == pytest.approx(4.0)
    assert op.hypervolume([[2.0] * 7], [0.0] * 7) == pytest.approx(2.0**7, rel=0.02)  # approximate from six on
    with pytest.raises(ValueError, match="reference_point"):
        op.hypervolume([[1, 2]], [0, 0, 0])
    with pytest.raises(ValueError, match="nan"):
        op.hypervolume([[1, np.nan]], [0, 0])


# ------------------------------------------------------------------ SBX and polynomial mutation


def test_sbx_keeps_the_mean_and_has_the_published_spread():
    """Without bounds: children's mean is the parents', beta = their distance over the parents' has Deb's density."""
    a, b = np.full((20_000, 1), -1.0), np.full((20_000, 1), 2.0)
    for eta in (2.0, 15.0):
        one, two = op.simulated_binary_crossover(a, b, rng(), eta, 1.0, 1.0)
        assert np.allclose(one + two, a + b, atol=1e-12)
        beta = np.abs(one - two).ravel() / 3.0
        power = eta + 1.0

        def cumulative(x, power=power):
            return np.where(x <= 1, 0.5 * x**power, 1.0 - 0.5 * np.maximum(x, 1e-9) ** -power)

        assert kstest(beta, cumulative).pvalue > 1e-3
        assert abs((one < two).mean() - 0.5) < 0.02  # which child is the lower one is a coin


@given(n=st.integers(0, 20), d=st.integers(1, 6), eta=st.sampled_from([0.0, 1.0, 20.0]), single=st.booleans(),
       seed=st.integers(0, 10**6))  # fmt: skip
def test_children_stay_inside_the_bounds(n, d, eta, single, seed):
    dtype = np.float32 if single else np.float64
    low, high = -rng(seed).random(d).astype(dtype), rng(seed + 1).random(d).astype(dtype)
    a, b = (np.clip(rng(seed).normal(0, 0.7, (n, d)), low, high).astype(dtype) for seed in (seed + 2, seed + 3))
    before = a.copy(), b.copy()
    children = op.simulated_binary_crossover(a, b, rng(seed), eta, 1.0, 0.7, low, high)
    mutant = op.polynomial_mutation(a, rng(seed), low, high, eta, 0.8)
    for child in (*children, mutant):
        assert child.dtype == dtype
        assert child.shape == (n, d)
        assert (child >= low).all()
        assert (child <= high).all()
    assert np.array_equal(a, before[0]) and np.array_equal(b, before[1])
    again = op.simulated_binary_crossover(a, b, rng(seed), eta, 1.0, 0.7, low, high)
    assert children[0].tobytes() == again[0].tobytes() and children[1].tobytes() == again[1].tobytes()


def test_sbx_near_a_bound_loses_only_the_tail():
    """With the lower parent on the bound the lower child cannot expand: beta is drawn from its contracting half."""
    a, b = np.zeros((20_000, 1)), np.ones((20_000, 1))
    one, two = op.simulated_binary_crossover(a, b, rng(), 5.0, 1.0, 1.0, 0.0, np.inf)
    low = np.minimum(one, two).ravel()
    assert kstest(1.0 - 2.0 * low, lambda x: np.clip(x, 0, 1) ** 6).pvalue > 1e-3


def test_sbx_probabilities():
    a, b = np.zeros((4000, 5)), np.ones((4000, 5))
    one, _ = op.simulated_binary_crossover(a, b, rng(), 2.0, 0.6, 0.5)
    moved = one != 0
    assert abs(moved.any(axis=1).mean() - 0.6 * (1 - 0.5**5)) < 0.03
    assert abs(moved[moved.any(axis=1)].mean() - 0.5 / (1 - 0.5**5)) < 0.03
    same, _ = op.simulated_binary_crossover(a, b, rng(), 2.0, 0.0)
    assert np.array_equal(same, a)
    alike, _ = op.simulated_binary_crossover(a, a, rng(), 2.0, 1.0, 1.0)
    assert np.array_equal(alike, a)


def test_polynomial_mutation_has_the_published_steps():
    """delta has density (eta + 1) / 2 (1 - |delta|)^eta, cut at the bound on either side."""
    eta = 4.0
    for x in (0.5, 0.1, 0.0):
        parents = np.full((20_000, 1), 10.0 * x - 3.0)
        step = (op.polynomial_mutation(parents, rng(), -3.0, 7.0, eta, 1.0) - parents).ravel() / 10.0
        left, right = (1 - x) ** (eta + 1), x ** (eta + 1)  # what the bounds cut off

        def cumulative(d, left=left, right=right):
            down = 0.5 * ((1 + np.minimum(d, 0)) ** (eta + 1) - left) / max(1 - left, 1e-12)
            up = 0.5 + 0.5 * (1 - (1 - np.maximum(d, 0)) ** (eta + 1)) / (1 - right)
            return np.where(d < 0, down, up)

        if x > 0:
            assert kstest(step, cumulative).pvalue > 1e-3
            assert abs((step > 0).mean() - 0.5) < 0.02
        else:
            assert step.min() == 0.0  # half of the steps would leave and stay


def test_polynomial_mutation_takes_one_gene_a_solution_by_default():
    parents = np.full((4000, 8), 0.5)
    moved = op.polynomial_mutation(parents, rng(), 0.0, 1.0) != parents
    assert abs(moved.sum(axis=1).mean() - 1.0) < 0.06
    assert op.polynomial_mutation(parents.reshape(4000, 2, 4), rng(), 0.0, 1.0).shape == (4000, 2, 4)


def test_bad_operator_settings():
    a = np.zeros((2, 3))
    for change, message in (
        ({"eta": -1.0}, "eta"),
        ({"probability": 1.5}, "probability"),
        ({"gene_probability": -0.1}, "gene_prob"),
    ):
        with pytest.raises(ValueError, match=message):
            op.simulated_binary_crossover(a, a, rng(), **change)
    with pytest.raises(ValueError, match="infinite"):
        op.polynomial_mutation(a, rng(), -np.inf, 1.0)
    with pytest.raises(ValueError, match="eta"):
        op.polynomial_mutation(a, rng(), 0.0, 1.0, eta=np.nan)
    with pytest.raises(ValueError, match="one shape"):
        op.simulated_binary_crossover(a, np.zeros((3, 3)), rng())
    with pytest.raises(TypeError, match="float32 or float64"):
        op.polynomial_mutation(np.zeros((2, 3), int), rng(), 0, 1)
