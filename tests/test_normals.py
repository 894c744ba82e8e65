"""The ziggurat: standard normals by their distribution, moments, tails and independence, and by address."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from operators.normals import _F, _X, standard_normals

pytestmark = pytest.mark.thorough


def rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(seed))


@pytest.fixture(scope="module")
def sample() -> np.ndarray:
    return standard_normals(rng(0), 4_000_000)


def test_the_distribution_is_normal(sample: np.ndarray) -> None:
    counts, _ = np.histogram(stats.norm.cdf(sample), bins=500, range=(0, 1))
    assert stats.chisquare(counts).pvalue > 1e-3
    assert stats.kstest(sample[:500_000], "norm").pvalue > 1e-3


def test_the_moments_are_those_of_a_normal(sample: np.ndarray) -> None:
    n = len(sample)
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10395 - 225)):
        assert abs((sample**power).mean() - moment) < 4.5 * np.sqrt(variance / n), power


@pytest.mark.parametrize("edge", [1.0, 2.0, 3.0, 3.6541528853610088, 4.0, 4.4])
def test_both_tails_hold_their_share(sample: np.ndarray, edge: float) -> None:
    expected = stats.norm.sf(edge) * len(sample)
    for tail in (sample > edge, sample < -edge):
        assert abs(tail.sum() - expected) < 4.5 * np.sqrt(expected) + 1


def test_successive_numbers_are_unrelated(sample: np.ndarray) -> None:
    for lag in (1, 2, 3, 256):
        assert abs(np.corrcoef(sample[:-lag], sample[lag:])[0, 1]) < 4.5 / np.sqrt(len(sample))
        assert abs(np.corrcoef(np.abs(sample[:-lag]), np.abs(sample[lag:]))[0, 1]) < 4.5 / np.sqrt(len(sample))


def test_layers_have_equal_areas() -> None:
    areas = _X[1:-1] * (_F[2:] - _F[1:-1])
    assert np.allclose(areas, areas[0], rtol=1e-6)
    base = _X[1] * _F[1] + np.sqrt(2 * np.pi) * stats.norm.sf(_X[1])  # the lowest layer and the tail
    assert np.isclose(base, areas[0], rtol=1e-6)


def test_numbers_are_a_function_of_the_generator() -> None:
    first, second = rng(3), rng(3)
    a, b = standard_normals(first, 10), standard_normals(first, 10)
    assert np.array_equal(a, standard_normals(second, 10)) and np.array_equal(b, standard_normals(second, 10))
    assert not np.allclose(a, b)
    assert np.array_equal(standard_normals(rng(3), 100)[:10], a)
    assert standard_normals(rng(3), 10, np.float32).dtype == np.float32
    assert np.allclose(standard_normals(rng(3), 10, np.float32), a, rtol=1e-6)
    assert len(standard_normals(rng(3), 0)) == 0
