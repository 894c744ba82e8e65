"""Operators: hand-worked cases, bounds, moments, repeatability, and NaN that never gets selected."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import operators as op
from operators.normals import standard_normals


def rng(seed=0):
    return np.random.default_rng(seed)


VARIATIONS = {
    "gaussian": lambda a, b, r: op.gaussian(a, r, 0.3, -0.5, 0.5),
    "gaussian_from": lambda a, b, r: op.gaussian_from(a, np.arange(len(a))[::-1], r, 0.3, -0.5, 0.5),
    "iso_line": lambda a, b, r: op.iso_line(a, b, r, 0.1, 0.4, -0.5, 0.5),
    "iso_line_from": lambda a, b, r: op.iso_line_from(
        a, np.arange(len(a)), np.arange(len(a))[::-1], r, low=-0.5, high=0.5
    ),
    "bit_flip": lambda a, b, r: op.bit_flip(a > 0, r, 0.3),
    "uniform_crossover": lambda a, b, r: op.uniform_crossover(a, b, r),
    "one_point_crossover": lambda a, b, r: op.one_point_crossover(a, b, r),
}


@pytest.mark.parametrize("name", VARIATIONS)
def test_same_generator_same_bits_and_parents_stay(name):
    a, b = rng(1).normal(size=(2, 30, 7))
    before = a.copy(), b.copy()
    first, second, other = (VARIATIONS[name](a, b, rng(seed)) for seed in (5, 5, 6))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != other.tobytes()
    assert np.array_equal(a, before[0])
    assert np.array_equal(b, before[1])
    assert first.shape == a.shape


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(0, 20),
    d=st.integers(1, 9),
    low=st.floats(-2, 0),
    width=st.floats(0, 3),
    by_gene=st.booleans(),
    single=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_bounds_are_respected(n, d, low, width, by_gene, single, seed):
    dtype = np.float32 if single else np.float64
    a, b = (3 * rng(seed).normal(size=(2, n, d))).astype(dtype)
    low, high = (np.full(d, low), np.full(d, low + width)) if by_gene else (low, low + width)
    for children in (op.gaussian(a, rng(seed), 1.0, low, high), op.iso_line(a, b, rng(seed), 0.3, 1.0, low, high)):
        assert children.dtype == dtype
        assert np.all(children >= np.asarray(low, dtype))
        assert np.all(children <= np.asarray(high, dtype))


def test_without_noise_children_are_their_parents():
    a, b = rng().normal(size=(2, 9, 4))
    assert np.array_equal(op.gaussian(a, rng(), 0.0), a)
    assert np.array_equal(op.iso_line(a, b, rng(), 0.0, 0.0), a)
    assert np.array_equal(op.gaussian(a, rng(), [0.0, 1.0, 0.0, 1.0])[:, ::2], a[:, ::2])
    assert np.array_equal(op.bit_flip(a > 0, rng(), 0.0), a > 0)
    assert np.array_equal(op.bit_flip(a > 0, rng(), 1.0), a <= 0)


def test_operators_equal_their_formulas_in_numpy():
    a, b = rng(3).normal(size=(2, 50, 6))
    drawn = standard_normals(rng(4), 50 * 6 + 50)
    noise, line = drawn[:300].reshape(50, 6), drawn[300:, None]
    expected = np.clip(a + 0.1 * noise + 0.5 * line * (b - a), -1, 1)
    assert np.allclose(op.iso_line(a, b, rng(4), 0.1, 0.5, -1, 1), expected, rtol=1e-14, atol=1e-15)
    noise = standard_normals(rng(4), 300).reshape(50, 6)
    assert np.allclose(op.gaussian(a, rng(4), 0.1, -1, 1), np.clip(a + 0.1 * noise, -1, 1), rtol=1e-14, atol=1e-15)


def test_iso_line_moments():
    """Mean a; covariance iso^2 I + line^2 (b - a)(b - a)^T: the line part is one number a row (equation 2)."""
    a, b = np.array([1.0, -2.0, 0.5]), np.array([3.0, 1.0, 0.5])
    n, iso, line = 200_000, 0.3, 0.7
    children = op.iso_line(np.tile(a, (n, 1)), np.tile(b, (n, 1)), rng(), iso, line)
    covariance = iso**2 * np.eye(3) + line**2 * np.outer(b - a, b - a)
    assert np.allclose(children.mean(axis=0), a, atol=0.02)
    assert np.allclose(np.cov(children.T), covariance, atol=0.04)


def test_gaussian_from_reads_rows_by_index():
    pool = rng().normal(size=(40, 5)).astype(np.float32)
    index = rng(1).integers(0, 40, size=25)
    one, two = op.gaussian_from(pool, index, rng(2), 0.3, -1, 1), op.gaussian(pool[index], rng(2), 0.3, -1, 1)
    assert np.array_equal(one, two)
    for wrong in ([40], [-1]):
        with pytest.raises(ValueError, match="0 to 39"):
            op.gaussian_from(pool, wrong, rng(), 0.3)


def test_iso_line_from_reads_rows_by_index():
    pool = rng().normal(size=(40, 5)).astype(np.float32)
    first, second = rng(1).integers(0, 40, size=(2, 25))
    assert np.array_equal(
        op.iso_line_from(pool, first, second, rng(2), low=-1, high=1),
        op.iso_line(pool[first], pool[second], rng(2), low=-1, high=1),
    )
    with pytest.raises(ValueError, match="0 to 39"):
        op.iso_line_from(pool, [40], [0], rng())


def test_solutions_with_more_axes():
    a, b = rng().normal(size=(2, 6, 3, 2))
    flat = op.iso_line(a.reshape(6, 6), b.reshape(6, 6), rng(1), high=0.3)
    assert np.array_equal(op.iso_line(a, b, rng(1), high=0.3).reshape(6, 6), flat)
    assert op.gaussian(a, rng(), np.ones((3, 2))).shape == a.shape


def test_bit_flip_rate_and_frozen_bits():
    masks = np.zeros((4000, 3), np.uint8)
    flipped = op.bit_flip(masks, rng(), [0.0, 0.25, 1.0])
    assert flipped.dtype == np.uint8
    assert flipped[:, 0].max() == 0
    assert flipped[:, 2].min() == 1
    assert abs(flipped[:, 1].mean() - 0.25) < 0.03


@given(n=st.integers(1, 20), d=st.integers(2, 9), seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_crossover_takes_each_gene_from_its_place(n, d, seed):
    a = np.arange(n * d).reshape(n, d)
    b = -1 - a
    for children in (op.uniform_crossover(a, b, rng(seed)), op.one_point_crossover(a, b, rng(seed))):
        assert np.all((children == a) | (children == b))
    from_a = op.one_point_crossover(a, b, rng(seed)) == a
    assert from_a[:, 0].all()
    assert not from_a[:, -1].any()
    assert (np.diff(from_a.astype(int), axis=1) != 0).sum(axis=1).tolist() == [1] * n


def test_crossover_is_even():
    a, b = np.zeros((20_000, 4)), np.ones((20_000, 4))
    assert np.allclose(op.uniform_crossover(a, b, rng()).mean(axis=0), 0.5, atol=0.02)
    assert np.allclose(op.one_point_crossover(a, b, rng()).mean(axis=0), [0, 1 / 3, 2 / 3, 1], atol=0.02)


def test_truncation_by_hand():
    objective = [1.0, np.nan, 3.0, -np.inf, 3.0, 2.0]
    assert op.truncation(objective, 3).tolist() == [2, 4, 5]
    assert op.truncation(objective, 99).tolist() == [2, 4, 5, 0, 3]
    assert op.elites(objective, 2).tolist() == [2, 4]
    assert op.truncation([np.nan], 1).tolist() == []
    many = rng().integers(0, 3, size=1000)
    assert op.truncation(many, 1000).tolist() == sorted(range(1000), key=lambda i: (-many[i], i))


@given(st.lists(st.sampled_from([np.nan, 0.0, 1.0, 2.0]), min_size=1, max_size=12), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_nan_is_never_selected(values, seed):
    objective = np.array(values)
    assert not np.isnan(objective[op.truncation(objective, len(values))]).any()
    if np.isnan(objective).all():
        with pytest.raises(ValueError, match="every row has failed"):
            op.tournament(objective, rng(seed), 5, 2)
    else:
        assert not np.isnan(objective[op.tournament(objective, rng(seed), 50, 2)]).any()


def test_tournament_pressure_and_ties():
    winners = op.tournament([0.0, 1.0, 2.0, 3.0], rng(), 40_000, 2)
    # The best of two draws from four ranks is rank r with chance (2 r - 1) / 16.
    assert np.allclose(np.bincount(winners) / 40_000, [1 / 16, 3 / 16, 5 / 16, 7 / 16], atol=0.01)
    assert set(op.tournament([5.0, 5.0, np.nan], rng(), 200, 50).tolist()) == {0}


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: op.gaussian([[1, 2]], rng(), 0.1), TypeError, "int64"),
        (lambda: op.gaussian([1.0, 2.0], rng(), 0.1), ValueError, "one row a solution"),
        (lambda: op.gaussian([[1.0, 2.0]], 7, 0.1), TypeError, "Generator"),
        (lambda: op.gaussian([[1.0, 2.0]], rng(), 0.1, low=[0.0]), ValueError, "low"),
        (lambda: op.iso_line([[1.0]], [[1.0], [2.0]], rng()), ValueError, "one shape"),
        (lambda: op.bit_flip(np.array([[2]], np.uint8), rng(), 0.5), ValueError, "0 and 1"),
        (lambda: op.bit_flip([[True]], rng(), 1.5), ValueError, "0 to 1"),
        (lambda: op.one_point_crossover([[1.0]], [[1.0]], rng()), ValueError, "at least 2"),
        (lambda: op.truncation([[1.0]], 1), ValueError, "one number a solution"),
        (lambda: op.tournament([1.0], rng(), 1, 0), ValueError, "size"),
    ],
)
def test_errors_name_what_was_given(call, error, says):
    with pytest.raises(error, match=says):
        call()
