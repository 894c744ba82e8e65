"""Operators of masks and tokens: what they may change, how often, and hand-worked cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import operators


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 5), st.data())
@settings(max_examples=60, deadline=None)
def test_dropping_only_drops_and_always_leaves_one(seed: int, length: int, most: int, data: st.DataObject) -> None:
    frozen = data.draw(st.lists(st.integers(0, length - 1), max_size=3))
    masks = (rng(seed).random((20, length)) < 0.6).astype(np.uint8)
    masks[:, frozen] = 1
    children, ok = operators.drop(masks, rng(seed + 1), most, frozen)
    gone = masks.astype(int) - children
    assert gone.min(initial=0) >= 0
    assert not gone[:, frozen].any()
    assert ((gone.sum(axis=1) >= 1) == ok).all()
    assert gone.sum(axis=1).max() <= most
    free = np.setdiff1d(np.arange(length), frozen)
    assert (children[ok][:, free].sum(axis=1) >= 1).all()
    assert not ok[masks[:, free].sum(axis=1) < 2].any()
    assert (children[~ok] == masks[~ok]).all()
    assert children.dtype == masks.dtype


def test_drop_draws_one_to_four_evenly_and_every_place_alike() -> None:
    masks = np.ones((20_000, 16), np.uint8)
    children, ok = operators.drop(masks, rng(1), frozen=(3,))
    counts = np.bincount(16 - children.sum(axis=1), minlength=5)
    assert ok.all()
    assert counts[0] == 0
    assert np.abs(counts[1:5] - 5000).max() < 4 * np.sqrt(20_000 * 0.25 * 0.75)
    places = (1 - children).sum(axis=0)
    expected = 20_000 * 2.5 / 15
    assert places[3] == 0
    assert np.abs(np.delete(places, 3) - expected).max() < 4.5 * np.sqrt(expected)


def test_a_draw_that_does_not_fit_is_drawn_again_so_often_and_no_more() -> None:
    two_left = np.ones((20_000, 2), np.uint8)  # of 1 to 4 only 1 is below 2
    for redraws in (0, 10):
        children, ok = operators.drop(two_left, rng(2), redraws=redraws)
        chance = 1 - 0.75 ** (1 + redraws)
        assert abs(ok.mean() - chance) < 4 * np.sqrt(chance * (1 - chance) / 20_000)
        assert (children[ok].sum(axis=1) == 1).all()


def test_restoring_brings_back_what_was_dropped_and_no_more() -> None:
    masks = (rng(3).random((2000, 6)) < 0.7).astype(np.uint8)
    children, ok = operators.restore(masks, rng(4), most=2)
    back = children.astype(int) - masks
    there = 6 - masks.sum(axis=1)
    assert back.min() == 0
    assert (ok == (there > 0)).all()
    assert (back.sum(axis=1)[ok] >= 1).all()
    assert (back.sum(axis=1) <= np.minimum(there, 2)).all()
    assert set(back.sum(axis=1)[there >= 2]) == {1, 2}


def test_dropping_and_restoring_are_mixed_and_stand_in_for_each_other() -> None:
    masks = np.tile(np.array([1, 1, 1, 1, 1, 0, 0, 0], np.uint8), (4000, 1))
    children, ok = operators.drop_restore(masks, rng(5), 4, (0,), restore_probability=0.3)
    longer = children.sum(axis=1) > 5
    assert ok.all()
    assert abs(longer.mean() - 0.3) < 0.05
    full, empty = np.ones((50, 8), np.uint8), np.array([[1] + [0] * 7] * 50, np.uint8)
    assert (operators.drop_restore(full, rng(6), 4, (0,), restore_probability=1.0)[0].sum(axis=1) < 8).all()
    assert (operators.drop_restore(empty, rng(7), 4, (0,), restore_probability=0.0)[0].sum(axis=1) > 1).all()
    alone = np.ones((3, 1), bool)
    assert not operators.drop_restore(alone, rng(8))[1].any()


def test_crossover_cuts_only_at_the_cuts() -> None:
    first, second = np.zeros((300, 6), np.uint8), np.ones((300, 6), np.uint8)
    children = operators.cut_crossover(first, second, rng(9), cuts=(2, 5))
    assert {tuple(row) for row in children.tolist()} == {(0, 0, 1, 1, 1, 1), (0, 0, 0, 0, 0, 1)}
    uniform = operators.cut_crossover(first, second, rng(9))
    assert len({tuple(row) for row in uniform.tolist()}) > 50


def test_tokens_are_replaced_by_others_as_often_as_said() -> None:
    parents = rng(10).integers(0, 3, (5000, 4)).astype(np.int32)
    children = operators.replace_tokens(parents, rng(11), 0.25, 3)
    changed = children != parents
    assert abs(changed.mean() - 0.25) < 0.015
    assert children.dtype == np.int32
    assert children.min() >= 0
    assert children.max() <= 2
    steps = ((children - parents) % 3)[changed]
    assert abs((steps == 1).mean() - 0.5) < 0.03
    assert (operators.replace_tokens(parents, rng(12), 1.0, 3) != parents).all()
    assert (operators.replace_tokens(np.zeros(4, np.int32), rng(0), 1.0, 1) == 0).all()


def test_crossed_sequences_are_as_long_as_the_first_and_take_tokens_in_place() -> None:
    first, second = np.array([1, 2, 3, 4, 5, 6]), np.array([-1, -2, -3, -4, -5])
    offsets, others = np.array([0, 3, 3, 6]), np.array([0, 1, 2, 5])
    seen = set()
    for seed in range(200):
        values, lengths = operators.crossover_tokens(first, offsets, second, others, rng(seed))
        assert lengths.tolist() == offsets.tolist()
        assert values[1:3].tolist() == [2, 3]  # the second row has one token only
        assert all(value in pair for value, pair in zip(values[3:], ((4, -3), (5, -4), (6, -5)), strict=True))
        seen.add(tuple(values.tolist()))
    assert len(seen) == 16


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: operators.drop(np.ones((2, 3)), rng()), "dtype"),
        (lambda: operators.drop(np.ones(3, bool), rng()), "shape"),
        (lambda: operators.drop(np.full((2, 3), 2, np.uint8), rng()), "value 2"),
        (lambda: operators.drop(np.ones((2, 3), bool), rng(), 0), "most"),
        (lambda: operators.drop(np.ones((2, 3), bool), rng(), frozen=(3,)), "frozen"),
        (lambda: operators.drop(np.ones((2, 3), bool), rng(), redraws=-1), "redraws"),
        (lambda: operators.drop_restore(np.ones((2, 3), bool), rng(), restore_probability=2), "restore_probability"),
        (lambda: operators.cut_crossover(np.ones((2, 3), bool), np.ones((1, 3), bool), rng()), "shape"),
        (lambda: operators.cut_crossover(np.ones((2, 3), bool), np.ones((2, 3), bool), rng(), (3,)), "cuts"),
        (lambda: operators.replace_tokens([1.5], rng(), 0.5, 3), "dtype"),
        (lambda: operators.replace_tokens([3], rng(), 0.5, 3), "0 to 2"),
        (lambda: operators.replace_tokens([1], rng(), -0.5, 3), "probability"),
        (lambda: operators.crossover_tokens([1], [0, 1], [1], [0, 1, 1], rng()), "rows"),
        (lambda: operators.crossover_tokens([1], [0, 2], [1], [0, 1], rng()), "offsets"),
    ],
)
def test_bad_input_is_named(call, word: str) -> None:
    with pytest.raises((ValueError, TypeError), match=word):
        call()
