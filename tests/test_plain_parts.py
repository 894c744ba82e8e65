"""Spaces, ragged batches, addressed randomness, the codec: properties and refusals."""

from __future__ import annotations

import contextlib
import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qd
from qd.codec import decode, encode
from qd.errors import CheckpointError
from qd.ragged import Ragged
from qd.rng import derived_seeds, generator, row_seeds

rows = st.lists(st.lists(st.integers(0, 50), max_size=6), min_size=1, max_size=8)


@given(rows, st.data())
def test_ragged_takes_rows_as_a_list_does(lists: list[list[int]], data: st.DataObject) -> None:
    batch = Ragged.from_rows(lists)
    index = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=5))
    assert [row.tolist() for row in batch[np.array(index, int)]] == [lists[i] for i in index]
    a, b = sorted(data.draw(st.tuples(st.integers(0, len(lists)), st.integers(0, len(lists)))))
    assert [row.tolist() for row in batch[a:b]] == lists[a:b]
    assert batch.lengths.tolist() == [len(row) for row in lists]


def test_ragged_refuses_offsets_that_do_not_fit() -> None:
    with pytest.raises(qd.QDError, match="offsets"):
        Ragged(np.arange(3), np.array([0, 2]))
    with pytest.raises(qd.QDError, match="offsets"):
        Ragged(np.arange(3), np.array([0, 5, 3]))


trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.dictionaries(st.integers(), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@given(trees)
def test_codec_gives_trees_back(tree: Any) -> None:
    assert decode(encode(tree)) == tree


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8", "uint64", "bool", "complex64", "<U5", "S3", ">f8"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3)])
def test_codec_gives_arrays_back(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.ones(shape).astype(dtype)
    back = decode(encode({"a": array, "b": 7}))
    assert back["b"] == 7 and back["a"].shape == shape and np.array_equal(back["a"], array)
    assert back["a"].flags.writeable


def test_codec_refuses_objects_and_pickles() -> None:
    with pytest.raises(qd.QDError, match=r"\$\.deep\[1\].*not plain data"):
        encode({"deep": [1, object()]})
    with pytest.raises(qd.QDError, match="dtype object"):
        encode(np.array([object()]))
    with pytest.raises(CheckpointError, match="not data of this program"):
        decode(pickle.dumps({"a": 1}))
    hostile = encode({"a": 1}).replace(b'{"a":1}', b'{"$object":"os.system","state":{}}')
    header = b'{"$object":"os.system","state":{}}'
    with pytest.raises(CheckpointError, match="nothing here registers"):
        decode(b"QDC1" + len(header).to_bytes(8, "little") + header)
    assert hostile


@given(st.binary(max_size=200))
def test_codec_names_damage(junk: bytes) -> None:
    with pytest.raises(CheckpointError):
        decode(b"QDC1" + junk)


@given(st.data())
def test_codec_survives_any_single_byte(data: st.DataObject) -> None:
    good = bytearray(encode({"x": np.arange(5), "y": [1.5, "t"]}))
    good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CheckpointError):  # anything else fails the test
        decode(good)


def test_codec_keeps_spaces_and_archives() -> None:
    for space in (qd.Box([0, -1], [1, 2]), qd.Box(-5, 5, 3, init_sigma=1.0), qd.Mask(4, frozen=(1,)), qd.Tokens(5, 7)):
        back = decode(encode({"space": space}))["space"]
        a, b = (s.sample(6, generator(0, "t")) for s in (space, back))
        assert type(back) is type(space) and (a == b if isinstance(a, Ragged) else np.array_equal(a, b))


def test_a_box_starts_each_gene_at_its_own_scale() -> None:
    space = qd.Box(-np.inf, np.inf, init_sigma=[0.0, 0.1, 10.0], length=3)
    back = decode(encode({"space": space}))["space"]
    drawn = back.sample(4000, generator(0, "t"))
    assert np.array_equal(drawn, space.sample(4000, generator(0, "t")))
    assert not drawn[:, 0].any()
    assert np.allclose(drawn[:, 1:].std(axis=0), [0.1, 10.0], rtol=0.05)


def test_an_array_header_cannot_ask_for_objects() -> None:
    header = json.dumps({"a": {"$array": ["|O", [2]]}}).encode()
    with pytest.raises(CheckpointError, match="refused"):
        decode(b"QDC1" + len(header).to_bytes(8, "little") + header + bytes(64))


def test_addresses_are_independent() -> None:
    first = generator(1, "a", 0).random(4)
    for other in (generator(2, "a", 0), generator(1, "b", 0), generator(1, "a", 1)):
        assert not np.allclose(first, other.random(4))
    assert np.array_equal(first, generator(1, "a", 0).random(4))


def test_row_seeds_are_a_function_of_seed_and_draw() -> None:
    draws = np.arange(100_000, dtype=np.uint64)
    seeds = row_seeds(3, draws)
    assert len(np.unique(seeds)) == len(draws)
    assert np.array_equal(seeds[500:600], row_seeds(3, draws[500:600]))
    assert not (seeds == row_seeds(4, draws)).any()
    assert not (row_seeds(3, draws) == row_seeds(3 + 2**64, draws)).any()
    bits = np.unpackbits(seeds.view(np.uint8)).mean()
    assert abs(bits - 0.5) < 0.002
    assert np.array_equal(derived_seeds(seeds, 0), seeds)
    assert not (derived_seeds(seeds, 1) == derived_seeds(seeds, 2)).any()
    assert row_seeds(3, np.array([0], np.uint64))[0] == row_seeds(3, np.array([0], np.uint64))[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: qd.Box(1, 0, 3), "gene 0 has low 1"),
        (lambda: qd.Box([0, 0], [1, 0]), "gene 1 has low 0"),
        (lambda: qd.Box([0, 0], [1, 1, 1]), "wanted 1 or length"),
        (lambda: qd.Box(0, 1), "length"),
        (lambda: qd.Box(0, np.inf, 3), "init_sigma"),
        (lambda: qd.Box(0, 1, 3, init_sigma=0), "init_sigma"),
        (lambda: qd.Box(0, 1, 3, init_sigma=[1.0, 0.0]), "Box.init_sigma: got shape"),
        (lambda: qd.Box(0, 1, 3, init_sigma=[1.0, -1.0, 0.0]), "at least 0"),
        (lambda: qd.Box(0, 1, 3, init_sigma=[0.0, 0.0, 0.0]), "above it"),
        (lambda: qd.Box(0, 1, 3, dtype="int32"), "dtype"),
        (lambda: qd.Mask(0), "length"),
        (lambda: qd.Mask(3, frozen=(5,)), "position 5"),
        (lambda: qd.Tokens(0, 5), "alphabet"),
        (lambda: qd.Tokens(5, 3, min_length=4), "do not make a range"),
        (lambda: qd.Measures(("a",), (0, 1), (1,)), "low: got 2"),
        (lambda: qd.Measures(("a",), (1,), (0,)), "'a': low must be below high"),
        (lambda: qd.Measures((), (), ()), "got none"),
        (lambda: qd.Measures(("a",), (0,), (1,), dims=(0,)), "at least 1 cell"),
        (lambda: qd.problem(3, low=0, high=1), "wanted a function"),  # type: ignore[arg-type]
        (lambda: qd.problem(lambda x: 0.0), "low="),
        (lambda: qd.problem(lambda x: 0.0, low=0, high=1, length=2, measures={"a": 3}), "wanted e.g."),  # type: ignore[dict-item]
        (lambda: qd.problem(lambda x: 0.0, space=qd.Mask(3), length=2), "leave out"),
        (lambda: qd.EvaluatorSettings(kind="mpl"), "did you mean 'mpi'"),  # type: ignore[arg-type]
        (lambda: qd.EvaluatorSettings(timeout=-1), "evaluator.timeout"),
        (lambda: qd.algorithms.MapElites(batch_size=0), "batch_size"),
        (lambda: qd.algorithms.MapElites(iso_sigma=0, line_sigma=0), "not both 0"),
        (lambda: qd.algorithms.NoveltySearch(sigma=-1), "sigma"),
        (lambda: qd.algorithms.GeneticAlgorithm(10, elitism=10), "elitism"),
        (lambda: qd.algorithms.GeneticAlgorithm(10, parents=11), "parents"),
    ],
)
def test_bad_settings_name_the_field(make: Any, message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        make()


arm = qd.problems.PlanarArm()
search = qd.algorithms.RandomSearch()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((lambda x: x, search, 10), "wanted a qd.Problem"),
        ((arm, "random", 10), "wanted a qd.Algorithm"),
        ((arm, search, 0), "at least 1"),
        ((arm, search, -5), "at least 1"),
        ((arm, search, 1.5), "wanted evaluations"),
        ((arm, search, {"steps": 10}), "does not bound the cost 'steps'"),
        ((qd.problems.HardMaze(), search, {"step": 10}), "did you mean 'steps'"),
        ((qd.problems.HardMaze(), search, {"steps": 10}), "do not pay for one evaluation"),
        ((arm, search, 10, -1), "seed"),
        ((arm, search, 10, True), "seed"),
    ],
)
def test_bad_experiments_name_the_field(arguments: Any, message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        qd.Experiment(*arguments)


def test_searches_refuse_problems_they_cannot_search() -> None:
    bare = qd.problem(lambda x: 0.0, low=0, high=1, length=2)
    tokens = qd.problem(lambda x: (0.0, [0.0]), space=qd.Tokens(5, 5), measures={"a": (0, 1)})
    for algorithm, problem, message in (
        (qd.algorithms.MapElites(), bare, "declares no measures"),
        (qd.algorithms.NoveltySearch(), bare, "declares no measures"),
        (qd.algorithms.MapElites(), tokens, "does not vary"),
        (qd.algorithms.NoveltySearch(), tokens, "not Tokens"),
        (qd.algorithms.GeneticAlgorithm(), tokens, "not Tokens"),
        (qd.algorithms.MapElites(dims=(3, 3, 3)), arm, "got 3 numbers"),
        (qd.algorithms.MapElites(operator="bit_flip"), arm, "does not vary"),
    ):
        with pytest.raises(qd.QDError, match=message):
            algorithm.init(problem, 0)


@given(st.integers(1, 40), st.integers(0, 1000))
def test_samples_lie_in_their_space(n: int, seed: int) -> None:
    boxes = qd.Box([-1, 0], [0, 3]), qd.Box(-2, 2, 5, init_sigma=3.0), qd.Box(-2, 2, 2, init_sigma=[0.0, 1.0])
    for space in (*boxes, qd.Mask(6, (2,)), qd.Tokens(4, 5, 1)):
        batch = space.check(space.sample(n, generator(seed, "s")))
        assert len(batch) == n and space.valid(batch) is None


def test_rows_outside_the_space_are_found() -> None:
    assert qd.Box(0, 1, 2).valid(np.array([[0.5, 0.5], [0.5, 1.5], [np.nan, 0]])).tolist() == [True, False, False]
    assert qd.Box([0, 0], [1, 2]).valid(np.array([[0.5, 1.5], [1.5, 0.5]])).tolist() == [True, False]
    assert qd.Mask(2, (0,)).valid(np.array([[1, 0], [0, 1], [1, 2]], np.uint8)).tolist() == [True, False, False]
    tokens = qd.Tokens(3, 2, 1)
    assert tokens.valid(Ragged.from_rows([[1], [], [0, 1, 2], [3], [2, 2]])).tolist() == [
        True,
        False,
        False,
        False,
        True,
    ]
