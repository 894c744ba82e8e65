"""Spaces of texts and of several parts: exact there and back, validated, stored and sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qd
from qd import codec
from qd.lineages import Lineage

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
SPACE = qd.Texts(("instruction", "examples"), initial=(("Be brief.", ""), {"examples": "a: b", "instruction": "Go."}))


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=6))
def test_texts_come_back_as_they_were(solutions: list[tuple[str, str]]) -> None:
    packed = SPACE.pack(solutions)
    assert len(packed) == len(solutions) and packed.dtype == np.uint8
    assert SPACE.unpack(packed) == solutions
    assert SPACE.named(packed) == [{"instruction": a, "examples": b} for a, b in solutions]
    assert SPACE.valid(packed) is None
    assert codec.decode(codec.encode(packed)) == packed


def test_bytes_of_a_hand_worked_row() -> None:
    assert SPACE.pack([("é", "b")]).values.tolist() == [0xC3, 0xA9, 0xFF, ord("b")]
    assert qd.Texts(("one",), "x").pack(["", "ab"]).lengths.tolist() == [0, 2]


def test_samples_are_the_initial_texts_each_as_often() -> None:
    rng = np.random.default_rng(0)
    drawn = SPACE.unpack(SPACE.sample(7, rng))
    assert sorted(drawn.count(texts) for texts in set(drawn)) == [3, 4]
    assert set(drawn) == {("Be brief.", ""), ("Go.", "a: b")}
    assert SPACE.unpack(SPACE.start) == [("Be brief.", ""), ("Go.", "a: b")]


def test_what_is_no_texts_is_invalid() -> None:
    good = SPACE.pack([("a", "b")]).row(0)
    rows = [good, good[:1], np.append(good, 255), [0xC3, 255], [255, 0x80], [255], np.full(9000, 65)]
    batch = qd.Ragged.from_rows(rows, np.uint8)
    valid = SPACE.valid(batch)
    assert valid is not None and valid.tolist() == [True, False, False, False, False, True, False]
    with pytest.raises(qd.QDError, match=r"solutions\[0\].*3 texts, wanted 2"):
        SPACE.unpack(batch[[2]])
    with pytest.raises(qd.QDError, match="UTF-8"):
        SPACE.unpack(batch[[3]])
    full = qd.Texts(("a", "b"), [("xy", "z")], 4)
    assert full.valid(full.pack([("xy", "z")])) is None
    assert full.valid(full.pack([("xy", "zz")])) is not None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: qd.Texts((), ("a",)), "Texts.names"),
        (lambda: qd.Texts(("a", "a"), (("x", "y"),)), "Texts.names"),
        (lambda: qd.Texts(("a",), ()), "Texts.initial"),
        (lambda: qd.Texts(("a", "b"), (("x",),)), r"Texts.initial\[0\].*2 texts"),
        (lambda: qd.Texts(("a", "b"), ({"a": "x"},)), r"Texts.initial\[0\]: 'b' is missing"),
        (lambda: qd.Texts(("a",), ({"a": "x", "c": "y"},)), r"Texts.initial\[0\]: 'c' is not known"),
        (lambda: qd.Texts(("a",), ("xyz",), 2), r"Texts.initial\[0\]: has 3 bytes"),
        (lambda: qd.Texts(("a",), ("xyz",), 0), "Texts.max_bytes"),
        (lambda: SPACE.pack([("a", "\ud800")]), r"texts\[0\].*UTF-8"),
        (lambda: SPACE.check(np.zeros((2, 3), np.uint8)), "Texts.pack"),
        (lambda: SPACE.check(qd.Ragged.from_rows([[1]], np.int32)), "Texts.pack"),
        (lambda: qd.Composite({}), "Composite.parts"),
        (lambda: qd.Composite({"a": 3}), r"Composite.parts\['a'\]"),  # type: ignore[dict-item]
        (lambda: FIXED.join({"mask": np.zeros((1, 5), np.uint8)}), "Composite.join"),
        (lambda: FIXED.check(np.zeros((1, 3), np.uint8)), "wants"),
        (lambda: RAGGED.check(np.zeros((1, 3), np.uint8)), "Composite.join"),
        (lambda: RAGGED.split(qd.Ragged.from_rows([[1, 2]], np.uint8)), r"solutions\[0\]"),
    ],
)
def test_bad_input_is_named(make: Any, message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        make()


FIXED = qd.Composite(
    {"mask": qd.Mask(5, frozen=(1,)), "rates": qd.Box(0, 1, 2, dtype="float32"), "x": qd.Box(-1, 1, 1)}
)
RAGGED = qd.Composite({
    "texts": SPACE,
    "rates": qd.Box(0, 1, 2),
    "tokens": qd.Tokens(9, 6),
    "seeds": Lineage(10, init_sigma=0.1),
    "inner": qd.Composite({"prompt": qd.Texts(("p",), "hello"), "mask": qd.Mask(3)}),
})  # fmt: skip


def same(a: Any, b: Any) -> bool:
    return a == b if isinstance(a, qd.Ragged) else a.dtype == b.dtype and a.tobytes() == b.tobytes()


@settings(deadline=None)
@given(st.integers(0, 7), st.integers(0, 2**32), st.sampled_from([FIXED, RAGGED]))
def test_composites_come_back_as_they_were(n: int, seed: int, space: qd.Composite) -> None:
    solutions = space.sample(n, np.random.default_rng(seed))
    assert len(solutions) == n and solutions.dtype == np.uint8
    assert isinstance(solutions, qd.Ragged) == (space is RAGGED)
    parts = space.split(solutions)
    rng = np.random.default_rng(seed)
    for name, inner in space.parts.items():
        assert same(parts[name], inner.check(inner.sample(n, rng))), name
    assert same(space.join(parts), solutions)
    assert space.valid(solutions) is None
    cut = space.split(solutions[1:3])
    assert all(same(cut[name], parts[name][1:3]) for name in parts)


@given(st.binary(max_size=60))
def test_any_bytes_are_valid_or_not_and_never_raise(data: bytes) -> None:
    batch = qd.Ragged.from_rows([np.frombuffer(data, np.uint8)], np.uint8)
    for space in (SPACE, RAGGED):
        valid = space.valid(batch)
        if valid is None and isinstance(space, qd.Texts):
            assert space.pack(space.unpack(batch)) == batch


def test_bits_that_no_number_prints_survive() -> None:
    space = qd.Composite({"x": qd.Box(-np.inf, np.inf, 3, init_sigma=1.0), "t": SPACE})
    x = np.array([[-0.0, np.nextafter(1, 2), 5e-324]])
    back = space.split(space.join({"x": x, "t": SPACE.pack([("ÿ", "")])}))
    assert back["x"].tobytes() == x.tobytes()  # type: ignore[union-attr]


def test_composites_are_valid_by_parts() -> None:
    parts = FIXED.split(FIXED.sample(3, np.random.default_rng(1)))
    parts["mask"][1, 1] = 0  # type: ignore[index]
    parts["x"][2, 0] = 4.0  # type: ignore[index]
    valid = FIXED.valid(FIXED.join(parts))
    assert valid is not None and valid.tolist() == [True, False, False]
    rows = list(RAGGED.sample(3, np.random.default_rng(1)))
    rows[0] = rows[0][:-1]
    rows[2] = np.append(rows[2], np.uint8(0))
    valid = RAGGED.valid(qd.Ragged.from_rows(rows, np.uint8))
    assert valid is not None and valid.tolist() == [False, True, False]


@pytest.mark.parametrize("space", [SPACE, FIXED, RAGGED])
def test_spaces_travel_in_checkpoints(space: qd.Space) -> None:
    back = codec.decode(codec.encode({"space": space}))["space"]
    assert repr(back) == repr(space)
    drawn = space.sample(4, np.random.default_rng(3))
    assert same(back.sample(4, np.random.default_rng(3)), drawn)
    assert back.valid(drawn) is None


class Lengths(qd.Problem):
    """The share of a mask that is kept, by how long the texts beside it are."""

    def __init__(self, space: qd.Composite) -> None:
        self.solution_space = space

    def evaluate(self, request: qd.Request, seeds: Any) -> qd.Evaluation:
        assert isinstance(self.solution_space, qd.Composite)
        parts = self.solution_space.split(request.solutions)
        return qd.Evaluation(np.array([float(np.asarray(row).sum()) for row in parts["x"]]))


@pytest.mark.parametrize(
    "space",
    [qd.Composite({"x": qd.Mask(6), "rate": qd.Box(0, 1, 2)}), qd.Composite({"x": qd.Tokens(9, 6), "texts": SPACE})],
)
def test_a_run_over_composites_is_stored_and_resumed(space: qd.Composite, tmp_path: Any) -> None:
    experiment = qd.Experiment(Lengths(space), qd.algorithms.RandomSearch(batch_size=5), 20, seed=1)
    short = qd.run(experiment, tmp_path / "run")
    longer = qd.resume(tmp_path / "run", experiment, evaluations=40)
    assert longer.digest == qd.run(replace(experiment, budget=40)).digest != short.digest
    best = np.load(tmp_path / "run" / "archive.npz")["best/0/solution"]
    (found,) = space.split(qd.Ragged.from_rows([best], np.uint8) if space.length < 0 else best[None])["x"]
    assert found.sum() == longer.summary["best_objective"]
