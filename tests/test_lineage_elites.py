"""MAP-Elites over lineages: archives that hold chains, what they cost, and how they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qd
from archives import GridArchive
from qd.algorithms import MapElites
from qd.algorithms._ragged_elites import RaggedElites
from qd.errors import QDError
from qd.lineages import Decoder
from qd.problems import Decoded
from qd.store.digest import START, final
from qd.store.export import elites, write_table
from tests.driving import drive

pytestmark = pytest.mark.thorough


class Slope(qd.Problem):
    """The sum of the weights; the first two are the measures. There is always something better, so chains grow."""

    solution_space = qd.Box(-np.inf, np.inf, 20, init_sigma=0.1, dtype="float32")
    measure_space = qd.Measures(("x", "y"), (-1.0, -1.0), (1.0, 1.0), dims=(4, 4))

    def evaluate(self, request, seeds):
        x = np.asarray(request.solutions, np.float64)
        return qd.Evaluation(x.sum(axis=1), np.clip(x[:, :2], -1, 1))


class Failing(Slope):
    """Where the third weight is positive the evaluation fails."""

    def evaluate(self, request, seeds):
        evaluation = super().evaluate(request, seeds)
        evaluation.objective[np.asarray(request.solutions)[:, 2] > 0] = np.nan
        return evaluation


def searched(problem: qd.Problem | None = None, evaluations: int = 2000, **changed: Any) -> Any:
    return drive(Decoded(problem or Slope()), MapElites(**({"batch_size": 25, "sigma": 0.1} | changed)), evaluations)


def grid(**more: Any) -> GridArchive:
    return GridArchive(solution_dim=1, dims=(4, 4), ranges=[(-1, 1)] * 2, solution_dtype=np.int64, **more)


@pytest.mark.parametrize("problem", [Slope(), Failing()])
def test_every_elite_is_the_chain_that_was_evaluated(problem: qd.Problem) -> None:
    archive = searched(problem).archive
    weights = Decoded(problem).weights(archive.column("solution"))
    again = problem.evaluate(qd.Request(weights), np.zeros(len(weights), np.uint64))
    assert len(archive) > 4
    assert np.array_equal(again.objective, archive.column("objective"))
    assert np.array_equal(again.measures, archive.column("measures"))


def test_children_are_elites_with_one_more_seed_and_no_two_share_it() -> None:
    problem, search = Decoded(Slope()), MapElites(batch_size=25, sigma=0.1)
    state = search.init(problem, 3)
    drawn: list[int] = []
    for number in range(12):
        known = {row.tobytes() for row in state.archive.column("solution")}
        request = search.ask(state, 1000)
        assert request is not None
        request = qd.Request(request.solutions, parents=request.parents, operators=request.operators)
        evaluation = qd.evaluate_batch(problem, request, 3, first=25 * number, number=number)
        if number:
            assert request.operators == "gaussian" and request.parents.shape == (25, 1)
            for row in request.solutions:
                assert row[:-2].tobytes() in known
                assert row[-1:].view(np.float32)[0] == np.float32(0.1)
                drawn.append(int(row[-2]))
        search.tell(state, request, evaluation)
    assert len(set(drawn)) == len(drawn) == 11 * 25


def test_rows_of_replaced_elites_are_forgotten() -> None:
    state = searched(evaluations=5000)
    archive = state.archive
    assert archive.offered == 5000
    assert len(archive._rows) == len(archive) <= 16
    assert archive.column("solution").lengths.max() > 2 * 20
    assert len(qd.codec.encode({"archive": archive})) < 16 * 8 * 200 + 8192


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 5)), max_size=6), max_size=6))
def test_it_holds_what_a_dict_of_cells_would(batches: list[list[tuple[int, int]]]) -> None:
    archive, twin, best, made = RaggedElites(grid(), np.uint32), {}, (-np.inf, [0]), 0
    for batch in batches:
        rows, measures, offers = [], [], {}
        for cell, objective in batch:
            made += 1
            rows.append([made] * (1 + made % 4))
            measures.append([-0.99 + 0.5 * (cell // 4), -0.99 + 0.5 * (cell % 4)])
            if objective > max(twin.get(cell, (-np.inf,))[0], offers.get(cell, (-np.inf,))[0]):
                offers[cell] = (objective, rows[-1])
        twin |= offers
        if batch:
            archive.add(qd.Ragged.from_rows(rows, np.uint32), [float(o) for _, o in batch], measures)
    found = dict(zip(archive.column("index").tolist(), archive.column("solution"), strict=True))
    assert {cell: row.tolist() for cell, row in found.items()} == {cell: row for cell, (_, row) in twin.items()}
    assert len(archive._rows) <= len(twin) + 1  # the best ever may have gone
    back = qd.codec.decode(qd.codec.encode({"a": archive}))["a"]
    assert back.column("solution") == archive.column("solution") and back.offered == made
    if twin:
        best = max(objective for objective, _ in twin.values())
        assert archive.best_elite["solution"].tolist() in [row for objective, row in twin.values() if objective == best]
    else:
        assert archive.best_elite is None


def test_the_best_ever_keeps_its_chain_where_thresholds_let_worse_in() -> None:
    soft = RaggedElites(grid(learning_rate=0.1, threshold_min=0.0), np.uint32)
    for row, objective in (([1, 2], 9.0), ([3, 4], 5.0), ([5, 6], 6.0)):
        soft.add(qd.Ragged.from_rows([row], np.uint32), [objective], [[0.1, 0.1]])
    assert soft.column("solution").row(0).tolist() == [5, 6] and soft.best_elite["solution"].tolist() == [1, 2]
    assert len(soft._rows) == 2
    back = qd.codec.decode(qd.codec.encode({"a": soft}))["a"]
    assert back.best_elite["solution"].tolist() == [1, 2]


def test_the_digest_sees_chains_and_not_handles() -> None:
    digests = set()
    for rows in ([[1, 2], [3, 4, 5, 6]], [[1, 2], [3, 4, 5, 7]], [[1, 2, 3, 4], [5, 6]], [[1, 2], [3, 4, 5, 6]]):
        archive = RaggedElites(grid(), np.uint32)
        if len(digests) == 3:
            archive.offered = 77
        archive.add(qd.Ragged.from_rows(rows, np.uint32), [1.0, 1.0], [[0.1, 0.1], [0.9, 0.9]])
        digests.add(final(START, {"elites": archive}))
    assert len(digests) == 3


@pytest.mark.parametrize("selection", ["curiosity", "objective", "rank", "ucb", "fewest"])
def test_any_selection_of_parents(selection: Any) -> None:
    archive = searched(evaluations=500, selection=selection, sigma=0.2).archive
    assert len(archive) > 4 and archive.column("solution").lengths.max() > 4


def test_what_is_stored_grows_to_the_same_weights(tmp_path: Path) -> None:
    problem = Decoded(Slope())
    live = qd.run(qd.Experiment(problem, MapElites(25, sigma=0.1), 500, seed=2), tmp_path / "run")
    table = elites(qd.Result.load(tmp_path / "run").archive)
    assert table["solution"] == live.archive.column("solution")
    write_table(table, tmp_path / "elites.npz", "npz")
    with np.load(tmp_path / "elites.npz") as file:
        chains = qd.Ragged(file["solution.values"], file["solution.offsets"])
        objective = file["objective"]
    assert np.array_equal(problem.weights(chains).astype(float).sum(axis=1), objective)
    best = qd.Result.load(tmp_path / "run").best
    assert best["solution"].tolist() == live.archive.best_elite["solution"].tolist()


def test_a_cache_of_all_elites_makes_a_child_two_additions() -> None:
    problem = Decoded(Slope())
    drive(problem, MapElites(25, sigma=0.1), 1500)
    assert problem.decoder.additions <= 2 * 1500  # a child, and at most once each elite that is a parent
    small = Decoded(Slope())
    object.__setattr__(small, "decoder", Decoder(small.solution_space, 0))
    drive(small, MapElites(25, sigma=0.1), 1500)
    assert small.decoder.additions > 3 * problem.decoder.additions


@pytest.mark.peer
def test_other_archives_hold_handles_too() -> None:
    from ribs.archives import GridArchive as Theirs

    def theirs(problem: qd.Problem) -> Any:
        return Theirs(solution_dim=1, dims=(4, 4), ranges=[(-1, 1)] * 2, solution_dtype=np.int64)

    ours, other = searched(evaluations=400).archive, searched(evaluations=400, make_archive=theirs).archive
    assert other.column("objective").max() > 0 and len(other) == len(ours)
    weights = Decoded(Slope()).weights(other.data("solution"))
    assert np.allclose(weights.astype(float).sum(axis=1), other.data("objective"))
    centroids = searched(evaluations=400, archive="cvt", centroids=9, centroid_samples=100).archive
    assert 4 < len(centroids) <= 9 and centroids.data()["solution"].lengths.max() > 2


def test_bad_settings_are_named() -> None:
    for changed, named in (
        ({"operator": "iso_line"}, "MapElites.operator: 'iso_line' does not vary Lineage"),
        ({"sigma": 33.0}, "sigma: got 33.0"),
        ({"make_archive": lambda problem: GridArchive(solution_dim=3, dims=(2, 2), ranges=[(0, 1)] * 2)}, "of 3 genes"),
    ):
        with pytest.raises(QDError, match=named):
            searched(**changed)
    with pytest.raises(QDError, match="return_type"):
        searched(evaluations=50).archive.data(return_type="pandas")
