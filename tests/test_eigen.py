"""Eigenvectors of easy and of hard symmetric matrices: residual, orthogonality and order, and LAPACK's values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators import eigen as module
from operators.eigen import eigen

pytestmark = pytest.mark.thorough

LIMIT = 64 * 2.0**-53  # a few roundings of the largest eigenvalue; LAPACK's are about 20 at 100 rows


def decomposed(matrices):
    b, d, _ = matrices.shape
    values, vectors = np.full((b, d), np.nan), np.full((b, d, d), np.nan)
    finite = eigen(matrices, np.arange(b), values, vectors)
    assert finite.all()
    return values, vectors


def check(matrix, values, vectors):
    whole = np.tril(matrix) + np.tril(matrix, -1).T
    d, theirs = len(whole), np.linalg.eigvalsh(whole)
    size = max(np.abs(theirs).max(), np.finfo(float).tiny)
    within = LIMIT * max(d / 24, 1)
    assert (np.diff(values) >= 0).all()
    assert np.abs(values - theirs).max() <= within * size
    assert np.abs(whole @ vectors - vectors * values).max() <= within * size
    assert np.abs(vectors.T @ vectors - np.eye(d)).max() <= within


def symmetric(kind, d, rng):
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    x = rng.normal(size=(d, d))
    return {
        "random": lambda: x + x.T,
        "eye": lambda: np.eye(d),
        "zero": lambda: np.zeros((d, d)),
        "ones": lambda: np.ones((d, d)),
        "graded": lambda: (turn * np.logspace(-14, 0, d)) @ turn.T,
        "clusters": lambda: (turn * np.repeat([1.0, 2.0, 2.0 + 1e-13, 5.0], d)[::4]) @ turn.T,
        "one update": lambda: 0.9 * np.eye(d) + 0.01 * x[:5].T @ x[:5],
        "nearly eye": lambda: np.eye(d) + 1e-15 * (x + x.T),
        "blocks": lambda: np.equal.outer(np.arange(d) % 3, np.arange(d) % 3).astype(float),
        "chain": lambda: 2.0 * np.eye(d) - np.eye(d, k=1) - np.eye(d, k=-1),
        "wilkinson": lambda: np.diag(np.abs(np.arange(d) - d // 2) * 1.0) + np.eye(d, k=1) + np.eye(d, k=-1),
        "spread": lambda: np.tril(10.0 ** rng.uniform(-200, 0, (d, d))),
        "huge": lambda: 1e300 * np.tril(x),
        "tiny": lambda: 1e-300 * np.tril(x),
    }[kind]()


KINDS = ("random", "eye", "zero", "ones", "graded", "clusters", "one update", "nearly eye", "blocks", "chain",
         "wilkinson", "spread", "huge", "tiny")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [1, 2, 3, 24, 25, 49, 97, 128])
def test_easy_and_hard_matrices(kind, d):
    matrix = symmetric(kind, d, np.random.default_rng(d))
    values, vectors = decomposed(matrix[None])
    check(matrix, values[0], vectors[0])


@given(st.integers(1, 60), st.sampled_from(KINDS), st.integers(0, 2**32 - 1), st.sampled_from([1e-30, 1e-8, 1e-3]))
@settings(deadline=None, max_examples=60)
def test_any_mixture(d, kind, seed, noise):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(d, d))
    matrix = symmetric(kind, d, rng)
    matrix = matrix + noise * np.abs(matrix).max() * (x + x.T)
    values, vectors = decomposed(matrix[None])
    check(matrix, values[0], vectors[0])


def test_a_matrix_by_hand():
    values, vectors = decomposed(np.array([[[2.0, np.nan], [1.0, 2.0]]]))  # the upper triangle does not count
    np.testing.assert_allclose(values[0], [1.0, 3.0], rtol=1e-15)
    np.testing.assert_allclose(np.abs(vectors[0]), np.sqrt(0.5), rtol=1e-15)


def test_solved_without_lapack(monkeypatch):
    """The fall-back, if every matrix went there, would hide whatever the kernel does."""
    monkeypatch.setattr(module.np.linalg, "eigh", None)
    for d in (5, 60, 128):
        decomposed(np.stack([symmetric(kind, d, np.random.default_rng(0)) for kind in KINDS]))


def test_some_of_a_batch_to_the_bit_and_the_others_untouched():
    rng = np.random.default_rng(0)
    matrices = np.stack([symmetric(kind, 40, rng) for kind in KINDS])
    matrices[3, 7, 2] = np.nan
    matrices[4, 7, 2] = -np.inf
    values, vectors = np.full((len(KINDS), 40), 7.0), np.full((len(KINDS), 40, 40), 7.0)
    which = np.array([9, 3, 4, 0])
    assert eigen(matrices, which, values, vectors).tolist() == [True, False, False, True]
    for i in (1, 2, 3, 4, 5):
        assert (values[i] == 7.0).all() and (vectors[i] == 7.0).all()
    for i in (0, 9):
        alone = decomposed(matrices[i : i + 1])
        assert alone[0].tobytes() == values[i].tobytes()
        assert alone[1].tobytes() == vectors[i].tobytes()


def test_beyond_its_size_lapack_takes_over():
    matrices = np.stack([symmetric("random", 129, np.random.default_rng(s)) for s in (0, 1)])
    matrices[1, 5, 5] = np.nan
    values, vectors = np.zeros((2, 129)), np.zeros((2, 129, 129))
    assert eigen(matrices, np.arange(2), values, vectors).tolist() == [True, False]
    check(matrices[0], values[0], vectors[0])
    assert not values[1].any()
