"""Parents by curiosity, objective, rank, confidence bound and fewest draws: the draws, and the counts behind them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import qd
from archives import GridArchive, NoveltyArchive
from operators import parents
from tests.driving import drive

COUNTING = ("curiosity", "ucb", "fewest")
ALL = ("uniform", "objective", "rank", *COUNTING)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_draws_are_in_proportion() -> None:
    weights = np.array([0.0, 1.0, 3.0, 0.0, 6.0, 0.0])
    counts = np.bincount(parents.proportional(weights, rng(), 100_000), minlength=6)
    assert counts[weights == 0].sum() == 0
    np.testing.assert_allclose(counts / 100_000, weights / 10, atol=0.005)
    even = np.bincount(parents.proportional(np.zeros(4), rng(), 40_000), minlength=4)
    np.testing.assert_allclose(even / 40_000, 0.25, atol=0.01)


@given(
    arrays(np.float64, st.integers(1, 30), elements=st.one_of(st.just(0.0), st.floats(0, 1e300))),
    st.integers(0, 10**6),
)
def test_what_has_no_weight_is_never_drawn(weights: np.ndarray, seed: int) -> None:
    chosen = parents.proportional(weights, rng(seed), 200)
    assert chosen.min() >= 0 and chosen.max() < len(weights)
    if weights.max() > 0:
        assert (weights[chosen] > 0).all()
    assert parents.proportional(weights, rng(seed), 200).tolist() == chosen.tolist()


def test_weights_by_hand() -> None:
    # scores 2 - 0.5, 0 - 1.5, 0: above the lowest by 3, 0, 1.5, and 0.03 for all
    np.testing.assert_allclose(parents.curiosity_weights([3, 3, 0], [2, 0, 0]), [3.03, 0.03, 1.53])
    np.testing.assert_allclose(parents.objective_weights([-5.0, 5.0, 0.0]), [0.1, 10.1, 5.1])
    assert parents.rank_weights([7.0, 1.0, 7.0, 3.0]).tolist() == [3.5, 1.0, 3.5, 2.0]
    for equal in (parents.curiosity_weights([0, 0], [0, 0]), parents.objective_weights([2.0, 2.0])):
        assert equal.tolist() == [1.0, 1.0]


def test_the_confidence_bound_by_hand() -> None:
    drawn, entered = np.array([10, 10, 2, 0]), np.array([9, 1, 1, 0])
    width = np.sqrt(2 * np.log(22) / np.array([10, 10, 2]))
    bound = np.array([0.9, 0.1, 0.5]) + width
    order = [3, *(-bound).argsort().tolist()]
    assert parents.upper_confidence(drawn, entered, rng(), 4).tolist() == order
    assert order[1] == 2  # the least tried of those tried
    assert parents.upper_confidence(drawn, entered, rng(), 3, exploration=0.0).tolist() == [3, 0, 2]
    assert parents.upper_confidence(drawn, entered, rng(), 6).tolist() == [*order, *order[:2]]


@given(arrays(np.int64, st.integers(1, 20), elements=st.integers(0, 5)), st.integers(0, 60), st.integers(0, 1000))
def test_the_fewest_draws_come_first_and_ties_by_lot(drawn: np.ndarray, count: int, seed: int) -> None:
    chosen = parents.fewest(drawn, rng(seed), count)
    assert len(chosen) == count
    first = chosen[: len(drawn)]
    assert len(set(first.tolist())) == len(first)
    assert drawn[first].tolist() == sorted(drawn.tolist())[: len(first)]
    assert len({tuple(parents.fewest(np.zeros(9), rng(s), 9)) for s in range(5)}) > 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: parents.proportional([], rng(), 1), "n at least 1"),
        (lambda: parents.proportional([1.0, -1.0], rng(), 1), "negative"),
        (lambda: parents.proportional([1.0, np.nan], rng(), 1), "not finite"),
        (lambda: parents.proportional([1.0], rng(), -1), "count -1"),
        (lambda: parents.curiosity_weights([1], [2]), "above drawn"),
        (lambda: parents.curiosity_weights([1, 2], [2]), "wanted for both"),
        (lambda: parents.objective_weights([1.0, np.nan]), "not all finite"),
        (lambda: parents.upper_confidence([], [], rng(), 1), "no elites"),
        (lambda: parents.fewest([], rng(), 1), "n at least 1"),
    ],
)
def test_bad_input_of_the_draws(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


LINE = qd.problem(lambda x: (float(x[1]), x[:1]), low=0, high=1, length=2, measures={"x": (0, 1)})


@pytest.mark.parametrize("selection", COUNTING)
def test_counts_belong_to_the_elite_and_follow_the_rule(selection: Any) -> None:
    algorithm = qd.algorithms.MapElites(batch_size=4, dims=(4,), selection=selection, operator="gaussian")
    state = algorithm.init(LINE, 0)

    def tell(solutions: Any, ok: Any = None) -> None:
        solutions = np.array(solutions, float)
        request = algorithm.ask(state, 100)
        assert request is not None
        evaluation = qd.Evaluation(solutions[:, 1], solutions[:, :1])
        if ok is not None:
            bad = ~np.array(ok)
            evaluation.objective[bad], evaluation.measures[bad], evaluation.status[bad] = np.nan, np.nan, 1
        algorithm.tell(state, qd.Request(solutions, first=request.first), evaluation)

    tell([[0.1, 0.5], [0.4, 0.5], [0.6, 0.5], [0.9, 0.5]])  # every cell has an elite; nobody was a parent
    assert state.drawn.tolist() == state.entered.tolist() == [0, 0, 0, 0]
    state.parent_cells = None
    algorithm.ask(state, 100)
    state.parent_cells = np.array([0, 0, 1, 2], np.int32)
    solutions = np.array([[0.4, 0.9], [0.1, 0.1], [0.6, 0.1], [0.9, 0.2]])  # only the first gets in, to cell 1
    algorithm.tell(state, qd.Request(solutions), qd.Evaluation(solutions[:, 1], solutions[:, :1]))
    assert state.drawn.tolist() == [2, 0, 1, 0]  # cell 1 has a new elite, whose parents' children do not count
    assert state.entered.tolist() == [1, 0, 0, 0]
    algorithm.ask(state, 100)
    state.parent_cells = np.array([3, 3, 3, 0], np.int32)
    evaluation = qd.Evaluation(np.full(2, np.nan), np.full((2, 1), np.nan), np.ones(2, np.int8))
    algorithm.tell(state, qd.Request(solutions[:2]), evaluation)  # cut to two rows, and both failed
    assert state.drawn.tolist() == [2, 0, 1, 2] and state.entered.tolist() == [1, 0, 0, 0]
    assert state.parent_cells is None


@pytest.mark.parametrize("selection", ALL)
def test_parents_are_elites_and_are_the_ones_that_are_counted(selection: Any) -> None:
    arm = qd.problems.PlanarArm(joints=4)
    algorithm = qd.algorithms.MapElites(batch_size=50, dims=(8, 8), selection=selection)
    state = drive(arm, algorithm, 500, seed=1)
    request = algorithm.ask(state, 50)
    ids, cells = state.archive.column("id"), state.archive.column("index")
    assert np.isin(request.parents, ids).all()
    if selection in COUNTING:
        by_id = dict(zip(ids.tolist(), cells.tolist(), strict=True))
        assert [by_id[i] for i in request.parents[:, 0].tolist()] == state.parent_cells.tolist()
    else:
        assert state.drawn is None and state.parent_cells is None


def test_each_choice_prefers_what_it_says() -> None:
    """Two elites: A with the better objective and no luck with children, B the other way round."""
    for selection, preferred in (("objective", 0), ("rank", 0), ("curiosity", 1), ("fewest", 1)):
        algorithm = qd.algorithms.MapElites(batch_size=300, dims=(2,), selection=selection, operator="gaussian")  # type: ignore[arg-type]
        state = algorithm.init(LINE, 0)
        state.archive.add([[0.1, 0.9], [0.9, 0.1]], [0.9, 0.1], [[0.1], [0.9]], id=[0, 1])
        state.generation = 1
        if state.drawn is not None:
            state.drawn[:], state.entered[:] = [300, 10], [0, 10]
        request = algorithm.ask(state, 300)
        share = float((request.parents[:, 0] == preferred).mean())
        assert share >= (0.6 if selection in ("rank",) else 0.5 if selection == "fewest" else 0.9), selection


@pytest.mark.parametrize("selection", ["curiosity", "rank"])
def test_pyribs_archives_too(selection: Any) -> None:
    pytest.importorskip("ribs")
    arm = qd.problems.PlanarArm(joints=4)
    algorithm = qd.algorithms.MapElites(
        batch_size=30, archive="cvt", centroids=20, centroid_samples=200, selection=selection
    )
    state = drive(arm, algorithm, 300)
    request = algorithm.ask(state, 30)
    assert np.isin(request.parents, state.archive.data("id")).all()
    if selection == "curiosity":
        assert state.drawn.shape == (20,) and state.drawn.sum() > 0


@pytest.mark.parametrize("selection", ALL)
def test_equal_objectives_and_failures_do_not_end_it(selection: Any) -> None:
    def fails(x: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
        if qd.rng.row_generator(seed).random() < 0.6:
            raise ValueError("no")
        return 1.0, x[:1]

    problem = qd.problem(fails, low=0, high=1, length=2, measures={"x": (0, 1)})
    state = drive(problem, qd.algorithms.MapElites(batch_size=10, dims=(5,), selection=selection), 200)
    assert len(state.archive) >= 4
    none = qd.problem(lambda x: (float("nan"), x[:1]), low=0, high=1, length=2, measures={"x": (0, 1)})
    assert len(drive(none, qd.algorithms.MapElites(batch_size=10, dims=(5,), selection=selection), 50).archive) == 0


def test_bad_settings_name_the_field() -> None:
    for wrong, message in (
        ({"selection": "curious"}, "did you mean 'curiosity'"),
        ({"exploration": -1.0}, "exploration"),
        ({"exploration": float("nan")}, "exploration"),
    ):
        with pytest.raises(qd.QDError, match=message):
            qd.algorithms.MapElites(**wrong)
    growing = qd.algorithms.MapElites(
        selection="ucb", make_archive=lambda problem: NoveltyArchive(solution_dim=2, measure_dim=1)
    )
    with pytest.raises(qd.QDError, match="NoveltyArchive has no cells that stay"):
        growing.init(LINE, 0)
    own = qd.algorithms.MapElites(
        selection="ucb",
        make_archive=lambda problem: GridArchive(
            solution_dim=2, dims=[7], ranges=[(0, 1)], extra_fields={"id": ((), np.int64)}
        ),
    )
    assert own.init(LINE, 0).drawn.shape == (7,)
