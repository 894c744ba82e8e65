"""Signatures: hand-worked cases, the laws they obey, the numpy twin, and two independent libraries' numbers."""

from __future__ import annotations

from functools import cache
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import qd
from qd.behavior import BehaviorSpace, Samples, Signature, Whitened
from qd.behavior._lyndon import brackets, lyndon_words
from qd.rng import generator

Levels = list[NDArray[np.float64]]  # level j of a truncated tensor has j axes of d; level 0 is a number

# Few numbers, so that cases shrink to something to look at.
NUMBERS = st.integers(-20, 20).map(lambda x: x / 10)


@st.composite
def paths(draw: st.DrawFn, d: int = 2, shortest: int = 1) -> NDArray[np.float64]:
    """(T, d) a path of up to 6 points."""
    moments = draw(st.integers(shortest, 6))
    return np.array(draw(st.lists(st.lists(NUMBERS, min_size=d, max_size=d), min_size=moments, max_size=moments)))


def sign(path: NDArray[np.float64], depth: int = 4, **more: object) -> NDArray[np.float64]:
    return Signature(depth, **more).encode({}, path[None])[0]


def levels(flat: NDArray[np.float64], d: int, depth: int) -> Levels:
    """A signature as tensors, with level 0."""
    found, at = [np.array(1.0)], 0
    for j in range(1, depth + 1):
        found.append(flat[at : at + d**j].reshape((d,) * j))
        at += d**j
    assert at == len(flat)
    return found


def flat(tensor: Levels) -> NDArray[np.float64]:
    return np.concatenate([level.ravel() for level in tensor[1:]])


def product(a: Levels, b: Levels) -> Levels:
    """Chen's product of truncated tensors."""
    return [sum(np.multiply.outer(a[i], b[j - i]) for i in range(j + 1)) for j in range(len(a))]  # type: ignore[misc]


def exponential(x: NDArray[np.float64], depth: int) -> Levels:
    powers = [np.array(1.0)]
    for _ in range(depth):
        powers.append(np.multiply.outer(powers[-1], x))
    return [power / factorial(j) for j, power in enumerate(powers)]


def twin(path: NDArray[np.float64], depth: int) -> Levels:
    whole = exponential(np.zeros(path.shape[1]), depth)
    for step in np.diff(path, axis=0):
        whole = product(whole, exponential(step, depth))
    return whole


def logarithm(tensor: Levels) -> Levels:
    """The series of log(1 + t), power by power."""
    t = [np.zeros(()), *tensor[1:]]
    power, total = t, [np.zeros_like(level) for level in t]
    for k in range(1, len(tensor)):
        total = [a + (-1) ** (k + 1) / k * b for a, b in zip(total, power, strict=True)]
        power = product(power, t)
    return total


@cache
def lie_basis(d: int, depth: int) -> NDArray[np.float64]:
    """(m, words) the Lyndon brackets as rows, by plain commutators of tensors of one level."""

    def bracket(word: tuple[int, ...]) -> NDArray[np.float64]:
        if len(word) == 1:
            return np.eye(d)[word[0]]
        cut = min(range(1, len(word)), key=lambda i: word[i:])
        u, v = bracket(word[:cut]), bracket(word[cut:])
        return np.multiply.outer(u, v) - np.multiply.outer(v, u)

    rows = []
    for word in lyndon_words(d, depth):
        tensor = [np.zeros((d,) * j) for j in range(depth + 1)]
        tensor[len(word)] = bracket(word)
        rows.append(flat(tensor))
    return np.array(rows)


# By hand.


def test_a_corner_by_hand() -> None:
    corner = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]])  # 1 along x, then 2 along y
    # x then y: 1 * 2; y then x: 0; level 3, xxy: 1/2 * 2; xyy: 1 * 4/2
    wanted = [1, 2, 1 / 2, 2, 0, 2, 1 / 6, 1, 0, 2, 0, 0, 0, 8 / 6]
    np.testing.assert_allclose(sign(corner, 3), wanted, rtol=1e-15)
    # displacement, and the area between path and chord
    np.testing.assert_allclose(sign(corner, 2, log=True), [1, 2, 1], rtol=1e-15)


def test_time_runs_from_0_to_1_and_is_the_last_coordinate() -> None:
    path = generator(1, "test").normal(size=(7, 2))
    with_time = np.column_stack([path, np.linspace(0, 1, 7)])
    np.testing.assert_allclose(sign(path, 3, time=True), sign(with_time, 3), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(sign(path[:1], 2, time=True), np.zeros(12))


def test_factorial_scaling_multiplies_level_j_by_j_factorial() -> None:
    line = np.array([[0.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(sign(line, 5, scaling="factorial"), np.ones(62), rtol=1e-14)
    path = generator(2, "test").normal(size=(6, 2))
    plain, scaled = sign(path, 3, log=True), sign(path, 3, log=True, scaling="factorial")
    np.testing.assert_allclose(scaled, plain * [1, 1, 2, 6, 6])


@pytest.mark.parametrize(
    ("d", "depth", "time", "log", "wanted"),
    [(2, 2, False, False, 6), (2, 5, False, False, 62), (2, 2, True, False, 12), (2, 5, True, False, 363),
     (2, 5, False, True, 14), (2, 5, True, True, 80), (1, 4, False, True, 1), (3, 1, False, True, 3)],
)  # fmt: skip
def test_sizes(d: int, depth: int, time: bool, log: bool, wanted: int) -> None:
    assert Signature(depth, time, log).size((9, d)) == wanted


def test_no_rows_give_no_rows() -> None:
    for log, wanted in ((False, 14), (True, 5)):
        assert Signature(3, log=log).encode({}, np.zeros((0, 9, 2))).shape == (0, wanted)


def test_lyndon_words_and_brackets_by_hand() -> None:
    assert lyndon_words(2, 4) == [(0,), (1,), (0, 1), (0, 0, 1), (0, 1, 1), (0, 0, 0, 1), (0, 0, 1, 1), (0, 1, 1, 1)]
    # [0, [0, 1]] = 001 - 2 010 + 100
    assert brackets((0, 0, 1)) == {(0, 0, 1): 1, (0, 1, 0): -2, (1, 0, 0): 1}


# Against the plain twin.


@pytest.mark.parametrize(("d", "depth", "n"), [(2, 5, 100), (3, 4, 49), (1, 3, 48), (4, 1, 1)])
def test_the_kernels_are_their_twins(d: int, depth: int, n: int) -> None:
    batch = generator(d, "test").normal(size=(n, 8, d))
    whole = Signature(depth).encode({}, batch)
    logs = Signature(depth, log=True).encode({}, batch)
    basis = lie_basis(d, depth)
    for path, given_, log_given in zip(batch, whole, logs, strict=True):
        wanted = twin(path, depth)
        np.testing.assert_allclose(given_, flat(wanted), rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(log_given @ basis, flat(logarithm(wanted)), rtol=1e-7, atol=1e-9)


def test_threads_change_nothing() -> None:
    batch = generator(4, "test").normal(size=(130, 9, 2))
    alone = Signature(4).encode({}, batch)
    for threads in (2, 3, 50):
        np.testing.assert_array_equal(Signature(4, threads=threads).encode({}, batch), alone)


def test_what_is_not_finite_stays_in_its_row() -> None:
    batch = generator(5, "test").normal(size=(60, 9, 2))
    clean = {log: Signature(3, log=log).encode({}, batch) for log in (False, True)}
    for bad in (np.nan, np.inf):
        spoilt = batch.copy()
        spoilt[17, 4, 1] = bad
        for log, wanted in clean.items():
            measures = Signature(3, log=log).encode({}, spoilt)
            assert not np.isfinite(measures[17]).all()
            np.testing.assert_array_equal(np.delete(measures, 17, 0), np.delete(wanted, 17, 0))


# The laws of signatures.


@given(paths(), paths())
def test_chen_a_path_after_another_is_the_product(first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    joined = np.concatenate([first, second[1:] - second[0] + first[-1]])
    wanted = product(levels(sign(first), 2, 4), levels(sign(second), 2, 4))
    np.testing.assert_allclose(sign(joined), flat(wanted), rtol=1e-9, atol=1e-9)


@given(paths(shortest=2), st.data())
def test_pauses_and_stops_on_the_way_change_nothing_without_time(
    path: NDArray[np.float64], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(path) - 2))
    for extra in (path[at], (path[at] + path[at + 1]) / 2):  # the same point twice, and one in the middle of a step
        slower = np.insert(path, at + 1, extra, axis=0)
        for log in (False, True):
            np.testing.assert_allclose(sign(slower, log=log), sign(path, log=log), rtol=1e-9, atol=1e-9)


def test_pauses_change_signatures_with_time() -> None:
    path = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    paused = np.insert(path, 1, path[1], axis=0)
    for log in (False, True):
        assert np.abs(sign(path, 2, time=True, log=log) - sign(paused, 2, time=True, log=log)).max() > 0.01


@given(paths(), NUMBERS, NUMBERS)
def test_the_starting_point_does_not_matter(path: NDArray[np.float64], x: float, y: float) -> None:
    np.testing.assert_allclose(sign(path + [x, y]), sign(path), rtol=1e-9, atol=1e-9)


@given(paths())
def test_the_way_back_is_the_inverse(path: NDArray[np.float64]) -> None:
    there, back = levels(sign(path), 2, 4), levels(sign(path[::-1]), 2, 4)
    np.testing.assert_allclose(flat(product(there, back)), 0.0, atol=1e-7)
    np.testing.assert_allclose(sign(path[::-1], log=True), -sign(path, log=True), rtol=1e-7, atol=1e-7)


@given(paths(d=3))
def test_level_1_is_the_displacement(path: NDArray[np.float64]) -> None:
    for log in (False, True):
        np.testing.assert_allclose(sign(path, log=log)[:3], path[-1] - path[0], rtol=1e-12, atol=1e-12)


@given(st.lists(NUMBERS, min_size=3, max_size=3), st.integers(2, 9))
def test_a_straight_line_is_an_exponential_and_its_logarithm_the_displacement(step: list[float], moments: int) -> None:
    line = np.linspace(0, 1, moments)[:, None] * np.array(step)
    np.testing.assert_allclose(sign(line), flat(exponential(np.array(step), 4)), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(sign(line, log=True), [*step, *[0.0] * 29], rtol=1e-9, atol=1e-9)


@given(paths())
def test_shuffle_products_of_integrals_are_sums_of_integrals(path: NDArray[np.float64]) -> None:
    s = levels(sign(path), 2, 4)
    one, two, three = s[1], s[2], s[3]
    np.testing.assert_allclose(np.multiply.outer(one, one), two + two.T, rtol=1e-9, atol=1e-9)
    # i times jk: i shuffled into jk
    shuffled = three + three.transpose(1, 0, 2) + three.transpose(2, 0, 1)
    np.testing.assert_allclose(np.multiply.outer(one, two), shuffled, rtol=1e-8, atol=1e-8)


# Other libraries.


@pytest.mark.peer
@pytest.mark.parametrize("time", [False, True])
def test_against_pysiglib(time: bool) -> None:
    pysiglib = pytest.importorskip("pysiglib", reason="pip install pysiglib")
    for d, depth in ((2, 5), (3, 3)):
        batch = generator(d, "test").normal(size=(20, 30, d)).cumsum(axis=1)
        wanted = pysiglib.sig(batch, depth, time_aug=time)
        np.testing.assert_allclose(Signature(depth, time).encode({}, batch), wanted, rtol=1e-8, atol=1e-8)
        pysiglib.prepare_log_sig(d, depth, time_aug=time, method=2)  # 2: the Lyndon basis
        wanted = pysiglib.log_sig(batch, depth, time_aug=time, method=2)
        given_ = Signature(depth, time, log=True).encode({}, batch)
        np.testing.assert_allclose(given_, wanted, rtol=1e-6, atol=1e-8 * np.abs(wanted).max())


@pytest.mark.peer
def test_against_iisignature() -> None:
    iisignature = pytest.importorskip("iisignature", reason="pip install iisignature")
    prepared = iisignature.prepare(2, 5)
    for path in generator(7, "test").normal(size=(5, 30, 2)).cumsum(axis=1):
        np.testing.assert_allclose(sign(path, 5), iisignature.sig(path, 5), rtol=1e-8, atol=1e-8)
        wanted = iisignature.logsig(path, prepared)
        np.testing.assert_allclose(sign(path, 5, log=True), wanted, rtol=1e-6, atol=1e-8 * np.abs(wanted).max())


# As a behaviour space.


@given(st.integers(1, 8), st.integers(1, 12))
def test_samples_end_at_the_end_and_are_evenly_spread(count: int, moments: int) -> None:
    path = np.column_stack([np.arange(moments), -np.arange(moments)]).astype(float)
    if count > moments:
        with pytest.raises(qd.QDError, match=r"Samples.count"):
            Samples(count).size(path.shape)
        return
    taken = Samples(count).encode({}, path[None]).reshape(count, 2)
    assert taken[-1].tolist() == path[-1].tolist()
    steps = np.diff(taken[:, 0])
    assert (taken[:, 1] == -taken[:, 0]).all()
    assert len(steps) == 0 or steps.max() - steps.min() <= 1


def test_samples_are_of_the_first_moment_at_or_after_their_time() -> None:
    path = np.arange(6.0).reshape(1, 6, 1)  # moments 2.5 and 5
    assert Samples(2).encode({}, path).tolist() == [[3.0, 5.0]]


def test_whitened_signatures_have_unit_variance_and_no_surprise() -> None:
    rows = generator(8, "test").normal(size=(200, 12, 2)).cumsum(axis=1)
    space = BehaviorSpace(Whitened(Signature(2, log=True)), (12, 2))
    space.fit(rows)
    np.testing.assert_allclose(np.cov(space.encode(rows).T), np.eye(3), atol=1e-9)
    measures, surprise = space.encoder.describe(space.learned, rows)
    assert (surprise == 0).all()
    np.testing.assert_array_equal(measures, space.encode(rows))
    with pytest.raises(qd.QDError, match="has no surprise"):
        space.surprise(rows)


def test_bad_settings_and_observations_are_refused_by_name() -> None:
    for message, make in {
        r"Signature.depth: got 0": lambda: Signature(0),
        r"Signature.threads: got 0": lambda: Signature(threads=0),
        r"Signature.scaling: got 'half'": lambda: Signature(scaling="half"),  # type: ignore[arg-type]
        r"wanted paths \(T, d\)": lambda: Signature().size((5, 64, 64, 3)),
        r"Signature.depth: got 9": lambda: Signature(9).size((50, 10)),
        r"Samples.count: got 0": lambda: Samples(0),
        r"Samples: got observations": lambda: Samples(2).size((4,)),
    }.items():
        with pytest.raises(qd.QDError, match=message):
            make()
