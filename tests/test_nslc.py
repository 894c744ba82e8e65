"""Novelty search with local competition: the order against pyribs and a slow twin, the count, the search itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import operators
import qd
from archives.neighbors import nearest, novelty, novelty_and_competition
from tests.driving import drive

pytestmark = pytest.mark.peer

SMALL = st.integers(0, 30)


def fronts_by_definition(objectives: np.ndarray) -> list[set[int]]:
    """Fronts peeled off by the definition of dominance, one after the other."""
    left = set(range(len(objectives)))
    fronts = []
    while left:
        front = {
            i
            for i in left
            if not any((objectives[j] >= objectives[i]).all() and (objectives[j] > objectives[i]).any() for j in left)
        }
        fronts.append(front)
        left -= front
    return fronts


@given(SMALL.flatmap(lambda n: arrays(np.float64, (n, 3), elements=st.integers(0, 4).map(float))))
def test_fronts_come_in_order(objectives: np.ndarray) -> None:
    order = operators.nslc_order(objectives).tolist()
    at = 0
    for front in fronts_by_definition(objectives):
        assert set(order[at : at + len(front)]) == front
        at += len(front)
    assert at == len(order) == len(objectives)


@settings(max_examples=25)
@given(
    SMALL.filter(bool).flatmap(
        lambda n: st.tuples(
            arrays(np.float64, n, elements=st.integers(0, 20).map(lambda x: x / 7)),  # novelty, with ties
            arrays(np.int64, n, elements=st.integers(0, 15)),
            arrays(np.float64, n, elements=st.integers(0, 3).map(float)),
        )
    )
)
def test_the_order_is_that_of_pyribs(columns: tuple[Any, Any, Any]) -> None:
    rankers = pytest.importorskip("ribs.emitters.rankers")
    far, beaten, apart = columns
    info = {"novelty": far, "local_competition": beaten, "genotypic_diversity": apart}
    two, _ = rankers.NSLCRanker().rank(None, None, {}, info)
    three, _ = rankers.NSLCClassicRanker().rank(None, None, {}, info)
    assert operators.nslc_order(np.stack([far, beaten], axis=1)).tolist() == two.tolist()
    assert operators.nslc_order(np.stack([far, beaten, apart], axis=1)).tolist() == three.tolist()


def test_within_a_front_the_ends_come_first_then_the_least_crowded() -> None:
    # one front; by hand: rows 0 and 4 are ends, 1 lies (3 + 3) / 4 from its neighbours, 2 and 3 by (1 + 2), (1 + 2)
    front = np.array([[0.0, 8.0], [4.0, 4.0], [5.0, 3.0], [6.0, 2.0], [8.0, 0.0]])
    distance = [np.inf, 5 / 8 + 5 / 8, 2 / 8 + 2 / 8, 3 / 8 + 3 / 8, np.inf]
    wanted = sorted(range(5), key=lambda i: -distance[i])
    assert operators.nslc_order(front).tolist() == wanted == [0, 4, 1, 3, 2]
    assert operators.nslc_order(front, "first").tolist() == [4, 3, 2, 1, 0]


def test_failed_rows_are_left_out_and_equal_ones_stay_in_order() -> None:
    objectives = np.ones((4, 2))
    objectives[1, 0] = np.nan
    assert operators.nslc_order(objectives).tolist() == [0, 3, 2]  # two ends of nothing, then the middle
    assert operators.nslc_order(objectives, "first").tolist() == [0, 2, 3]
    assert operators.nslc_order(np.empty((0, 2))).tolist() == []
    assert operators.nslc_order(np.full((3, 2), np.nan)).tolist() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0],), r"shape \(2,\)"),
        ((np.empty((3, 0)),), r"shape \(3, 0\)"),
        (([[1.0, np.inf]],), "row 0"),
        (([[1.0]], "novelty"), "'novelty' given"),
    ],
)
def test_bad_input_of_the_order(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        operators.nslc_order(*arguments)


@given(st.integers(1, 25), st.integers(0, 25), st.integers(1, 6), st.integers(0, 10**6))
def test_competition_counts_the_neighbours_that_novelty_averages_over(n: int, r: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, past = rng.random((n, 2)), rng.random((r, 2))
    mine, theirs = rng.integers(0, 4, n).astype(float), rng.integers(0, 4, r).astype(float)
    ids = rng.permutation(n)
    references, objective = np.concatenate([points, past]), np.concatenate([mine, theirs])
    marks = np.concatenate([ids, n + np.arange(r)])
    far, beaten = novelty_and_competition(points, mine, references, objective, k, query_ids=ids, reference_ids=marks)
    assert far.tobytes() == novelty(points, references, k, query_ids=ids, reference_ids=marks).tobytes()
    _, index = nearest(points, references, k, query_ids=ids, reference_ids=marks)
    for i in range(n):
        assert beaten[i] == sum(objective[j] < mine[i] for j in index[i] if j >= 0)


def test_competition_by_hand_and_bad_input() -> None:
    line = [[0.0], [1.0], [2.0], [3.0]]
    _, beaten = novelty_and_competition(line, [1, 5, 5, 0], line, [1, 5, 5, 0], 2, query_ids=range(4),
                                        reference_ids=range(4))  # fmt: skip
    assert beaten.tolist() == [0, 1, 1, 0]  # equal objectives are not beaten
    far, none = novelty_and_competition([[0.0]], [1.0], np.empty((0, 1)), [], 3)
    assert np.isinf(far[0]) and none.tolist() == [0]
    with pytest.raises(ValueError, match="objectives of shapes"):
        novelty_and_competition(line, [1, 2], line, [1, 5, 5, 0], 2)


def niches(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Two measures; the left half can earn up to 1, the right half up to 100."""
    ceiling = 1.0 if x[0] < 0 else 100.0
    return ceiling * (1 - abs(x[2])), x[:2]


PROBLEM = qd.problem(niches, low=-1, high=1, length=3, measures={"x": (-1, 1), "y": (-1, 1)})


def quality(algorithm: qd.Algorithm) -> float:
    """Mean share of what is to be had where it stands, of the final population."""
    state = drive(PROBLEM, algorithm, 4000, seed=3)
    return float((1 - np.abs(state.solutions[:, 2])).mean())


def test_local_competition_makes_every_corner_good_where_novelty_alone_does_not() -> None:
    alone = quality(qd.algorithms.NoveltySearch(population_size=40))
    assert quality(qd.algorithms.NSLC(population_size=40)) > alone + 0.1


def test_equal_objectives_make_it_a_novelty_search_of_the_archive() -> None:
    flat = qd.problem(lambda x: (0.0, x[:2]), low=-1, high=1, length=2, measures={"x": (-1, 1), "y": (-1, 1)})
    both = [
        drive(flat, kind(population_size=20), 500, seed=5) for kind in (qd.algorithms.NSLC, qd.algorithms.NoveltySearch)
    ]
    assert both[0].local_competition == 0.0
    assert both[0].solutions.tobytes() == both[1].solutions.tobytes()


@pytest.mark.parametrize("failing", [0.5, 1.0])
@pytest.mark.parametrize("diversity", [False, True])
def test_failed_rows_do_not_end_it(failing: float, diversity: bool) -> None:
    def fails(x: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
        if qd.rng.row_generator(seed).random() < failing:
            raise ValueError("no")
        return float(x.sum()), x[:2]

    problem = qd.problem(fails, low=-1, high=1, length=2, measures={"x": (-1, 1), "y": (-1, 1)})
    algorithm = qd.algorithms.NSLC(population_size=10, genotypic_diversity=diversity)
    state = drive(problem, algorithm, 150, seed=1)
    assert np.isfinite(state.objective).all()
    assert len(state.solutions) == (10 if failing < 1 else 0)


def test_a_single_survivor_has_no_neighbour_and_lives() -> None:
    state = drive(PROBLEM, qd.algorithms.NSLC(population_size=1, offspring=1, additions=0), 20, seed=1)
    assert len(state.solutions) == 1


def test_bad_settings_name_the_field() -> None:
    for wrong, message in (({"neighbors": 0}, "NSLC.neighbors"), ({"ties": "best"}, "NSLC.ties"),
                              ({"additions": -1}, "NSLC.additions")):  # fmt: skip
        with pytest.raises(qd.QDError, match=message):
            qd.algorithms.NSLC(**wrong)
    bare = qd.problem(lambda x: 0.0, low=0, high=1, length=2)
    with pytest.raises(qd.QDError, match="declares no measures"):
        qd.algorithms.NSLC().init(bare, 0)
