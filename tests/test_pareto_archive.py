"""ParetoArchive: hand-worked cases, the twin, invariants, measuring, sampling, state, errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import operators as op
from archives import ParetoArchive
from qd.codec import decode, encode
from tests.twins import pareto as twin

pytestmark = pytest.mark.thorough


def rng(seed=0):
    return np.random.default_rng(seed)


def archive(**changes):
    settings = {"solution_dim": 3, "objective_dim": 2, "dims": [4, 5], "ranges": [(-1, 1), (0, 2)],
                "reference_point": (-4.0, -4.0)}  # fmt: skip
    return ParetoArchive(**settings | changes)


def batch(n, seed=0, k=2, levels=0, m=2):
    r = rng(seed)
    objective = r.integers(0, levels, (n, k)).astype(float) if levels else np.clip(r.normal(size=(n, k)), -3.9, 3.9)
    return r.normal(size=(n, 3)), objective, r.uniform(-1, 2, (n, m))


def cells_of(made):
    """Cell -> the set of its members' objectives."""
    found = {}
    for row, cell in zip(made.data("objective"), made.data("index")):
        found.setdefault(int(cell), set()).add(tuple(row))
    return found


def test_by_hand():
    made = archive(extra_fields={"id": ((), np.int64)}, reference_point=(0.0, 0.0))
    here, there = [-0.9, 0.1], [0.9, 1.9]
    info = made.add(
        np.arange(15.0).reshape(5, 3), [[1, 3], [2, 2], [1, 3], [0, 1], [3, 1]], [here, here, here, there, here],
        id=[10, 11, 12, 13, 14],
    )  # fmt: skip
    assert info["status"].tolist() == [2, 1, 0, 2, 1]  # the third equals the first
    assert info["value"].tolist() == [3.0, 1.0, 0.0, 1.0, 1.0]
    assert made.data("id").tolist() == [10, 11, 13, 14]
    assert made.data("index").tolist() == [0, 0, 19, 0]
    assert (len(made), made.coverage, made.front_sizes.tolist()) == (4, 0.1, [3, 1])
    assert made.hypervolumes.tolist() == [6.0, 0.0]  # 3 x 1 + 2 x 1 + 1 x 1; (0, 1) is on the reference
    assert (made.moqd_score, made.qd_score, made.hypervolume) == (6.0, 6.0, 6.0)
    info = made.add(np.zeros((2, 3)), [[2.5, 2.5], [2.0, 2.5]], [here, here], id=[15, 16])
    assert info["status"].tolist() == [1, 0]
    assert info["value"].tolist() == [0.5, -0.0]
    assert sorted(made.data("id").tolist()) == [10, 13, 14, 15]  # 11 was dominated
    assert cells_of(made) == {0: {(1, 3), (2.5, 2.5), (3, 1)}, 19: {(0, 1)}}
    assert sorted(made.front(here)["id"].tolist()) == [10, 14, 15]
    assert sorted(made.global_front()["id"].tolist()) == [10, 14, 15]
    assert made.best_elite["id"] == 15
    assert (made.obj_max, made.obj_mean) == (5.0, 14.0 / 4)
    assert made.stats.num_elites == 4
    assert [elite["id"] for elite in made] == made.data("id").tolist()


@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(0, 60), max_size=5), k=st.integers(1, 4),
       levels=st.sampled_from([0, 3, 5]))  # fmt: skip
def test_unbounded_cells_hold_exactly_the_fronts_of_all_that_came(seed, sizes, k, levels):
    made = archive(objective_dim=k, front_size=None, reference_point=np.full(k, -4.0), extra_fields={"id": ((), int)})
    seen, score, first = {}, 0.0, 0
    for number, n in enumerate(sizes):
        solution, objective, measures = batch(n, seed + number, k, levels)
        info = made.add(solution, objective, measures, id=np.arange(first, first + n))
        for row, cell, status, value in zip(objective, made.index_of(measures), info["status"], info["value"]):
            before = seen.setdefault(int(cell), [])
            if before:
                assert np.isclose(value, min((row - other).max() for other in before))
                assert (status > 0) == (value > 0)
            else:
                assert (status, value) == (2, row.max())
            before.append(row)
            seen[int(cell)] = [np.array(member) for member in twin.front_of(before)]
        assert cells_of(made) == {cell: {tuple(row) for row in rows} for cell, rows in seen.items()}
        assert made.moqd_score >= score - 1e-9  # never falls
        score, first = made.moqd_score, first + n
        for cell, volume in zip(made.occupied_cells, made.hypervolumes):
            assert volume == pytest.approx(op.hypervolume(seen[int(cell)], np.full(k, -4.0)))
    total = [row for rows in seen.values() for row in rows]
    assert made.hypervolume == pytest.approx(op.hypervolume(np.array(total).reshape(-1, k), np.full(k, -4.0)))
    columns = made.data()
    assert len({len(column) for column in columns.values()}) == 1


@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4), k=st.integers(2, 4),
       limit=st.integers(1, 6), replacement=st.sampled_from(["crowding", "random"]),
       levels=st.sampled_from([0, 4]))  # fmt: skip
def test_bounded_cells_never_hold_too_many_nor_a_dominated_pair(seed, sizes, k, limit, replacement, levels):
    settings = {"objective_dim": k, "front_size": limit, "replacement": replacement, "seed": seed,
                "reference_point": np.full(k, -4.0), "dims": [2, 1], "extra_fields": {"id": ((), int)}}  # fmt: skip
    made, single = archive(**settings), archive(**settings)
    rows = [batch(n, seed + number, k, levels) for number, n in enumerate(sizes)]
    rows = [np.concatenate(column) for column in zip(*rows)]
    ids = np.arange(len(rows[0]))
    start = 0
    for n in sizes:
        part = slice(start, start + n)
        info = made.add(*(column[part] for column in rows), id=ids[part])
        start += n
        for i, status in zip(ids[part], info["status"]):
            one = single.add_single(*(column[i] for column in rows), id=i)
            assert one["status"] == status  # a batch is as many single ones
        assert cells_of(made) == cells_of(single)
        assert made.front_sizes.max() <= limit
        for cell in made.occupied_cells:
            members = made.data("objective")[made.data("index") == cell]
            assert not twin.domination(members).any()
            assert len(np.unique(members, axis=0)) == len(members)
        stored = made.data()
        for j, i in enumerate(stored["id"]):  # each row is whole: what was offered under its number
            assert np.array_equal(stored["solution"][j], rows[0][i])
            assert np.array_equal(stored["objective"][j], rows[1][i])
            assert np.array_equal(stored["measures"][j], rows[2][i])
            assert stored["index"][j] == made.index_of(rows[2][i : i + 1])[0]


def test_a_full_front_loses_its_most_crowded_member_and_keeps_its_ends():
    made = archive(front_size=3)
    spot = [[0.0, 1.0]]
    for point in ([0, 10], [10, 0], [5, 5]):
        made.add(np.zeros((1, 3)), [point], spot)
    assert made.add(np.zeros((1, 3)), [[4.0, 5.5]], spot)["status"] == [0]  # nearer to an end than (5, 5)
    assert made.add(np.zeros((1, 3)), [[-1.0, 11.0]], spot)["status"] == [1]  # a new end: (0, 10) is crowded now
    assert cells_of(made)[12] == {(-1, 11), (10, 0), (5, 5)}
    assert made.add(np.zeros((1, 3)), [[11.0, 11.0]], spot)["status"] == [1]
    assert len(made) == 1


def test_of_equally_crowded_ones_the_newcomer_goes():
    made = archive(front_size=3)
    made.add(np.zeros((3, 3)), [[0, 9], [9, 0], [3, 6]], [[0.0, 1.0]] * 3)
    assert made.add(np.zeros((1, 3)), [[6.0, 3.0]], [[0.0, 1.0]])["status"] == [0]  # both 6 / 9 + 6 / 9
    assert cells_of(made)[12] == {(0, 9), (9, 0), (3, 6)}


def test_random_replacement_goes_by_the_seed():
    def fill(seed):
        made = archive(front_size=4, replacement="random", seed=seed, dims=[1, 1])
        t = np.linspace(0, 1, 200)
        made.add(np.zeros((200, 3)), np.stack([t, -t], axis=1), np.zeros((200, 2)))
        return cells_of(made)[0]

    assert fill(1) == fill(1) != fill(2)
    assert (1.0, -1.0) in fill(1)  # the newcomer always gets in


def test_one_cell_and_centroids():
    one = ParetoArchive(solution_dim=3, objective_dim=2, front_size=None)
    assert (one.cells, one.measure_dim, one.dims, one.lower_bounds) == (1, 0, None, None)
    objective = rng().normal(size=(300, 2))
    one.add(np.zeros((300, 3)), objective, np.empty((300, 0)))
    assert cells_of(one)[0] == twin.front_of(objective)
    assert np.isnan(one.moqd_score) and np.isnan(one.hypervolume)
    one.reference_point = [-5.0, -5.0]
    assert one.hypervolume == one.moqd_score == pytest.approx(op.hypervolume(objective, [-5.0, -5.0]))
    points = rng(1).uniform(size=(7, 4))
    made = archive(dims=None, centroids=points, ranges=[(0, 1)] * 4)
    measures = rng(2).uniform(size=(50, 4))
    nearest = ((measures[:, None] - points) ** 2).sum(axis=2).argmin(axis=1)
    assert made.index_of(measures).tolist() == nearest.tolist()
    assert not hasattr(one, "centroids")
    assert np.array_equal(made.centroids, points)


def test_parents_are_drawn_by_cell_then_by_member():
    made = archive(front_size=None)
    t = np.linspace(0, 1, 9)
    made.add(np.zeros((9, 3)), np.stack([t, -t], axis=1), np.tile([-0.9, 0.1], (9, 1)))
    made.add(np.ones((1, 3)), [[5.0, 5.0]], [[0.9, 1.9]])
    drawn = made.sample_slots(20_000, rng())
    share = np.bincount(drawn, minlength=10) / 20_000
    assert np.allclose(share, [1 / 18] * 9 + [1 / 2], atol=0.015)
    crowded = np.bincount(made.sample_slots(20_000, rng(), crowding=True), minlength=10) / 20_000
    assert crowded[[0, 8]].min() > 1.4 / 18 > 1.1 / 18 > crowded[1:8].max()  # the ends have no neighbours
    assert made.sample_elites(4, rng=rng())["objective"].shape == (4, 2)
    assert len(np.unique(made.sample_elites(10, replace=False)["objective"], axis=0)) == 10
    with pytest.raises(ValueError, match="empty"):
        archive().sample_slots(1, rng())


@pytest.mark.parametrize("changes", [
    {}, {"front_size": None}, {"front_size": 3, "replacement": "random", "seed": 5}, {"reference_point": None},
    {"dims": None, "centroids": rng().uniform(-1, 2, (6, 2)), "solution_dtype": np.float32},
    {"dims": None, "ranges": None, "measure_dim": 2}, {"objective_dim": 3, "reference_point": [-4.0] * 3},
])  # fmt: skip
def test_state_comes_back_and_goes_on_alike(changes):
    k = changes.get("objective_dim", 2)
    made = archive(**{"dtype": None} | changes)
    for number in range(3):
        made.add(*batch(80, number, k))
    back = decode(encode({"archive": made}))["archive"]
    assert isinstance(back, ParetoArchive)
    assert back.stats == made.stats or np.isnan(made.qd_score)
    for kept in (made, back):
        kept.add(*batch(80, 9, k))
    for name in made.field_list:
        assert made.data(name).tobytes() == back.data(name).tobytes()
        assert made.data(name).dtype == back.data(name).dtype
    assert made.sample_slots(50, rng()).tolist() == back.sample_slots(50, rng()).tolist()
    assert made.best_elite["objective"].tolist() == back.best_elite["objective"].tolist()
    state = made.to_state()
    state["columns"]["index"][0] = 10_000
    with pytest.raises(ValueError, match="damaged"):
        ParetoArchive.from_state(state)


def test_clear_and_empty():
    made = archive()
    assert (len(made), made.coverage, made.moqd_score, made.hypervolume) == (0, 0.0, 0.0, 0.0)
    assert (made.obj_max, made.obj_mean, made.best_elite) == (None, None, None)
    assert made.add(*batch(0))["status"].shape == (0,)
    made.add(*batch(40))
    made.clear()
    assert (len(made), made.moqd_score) == (0, 0.0)
    assert len(made.global_front()["objective"]) == len(made.front([0.0, 1.0])["objective"]) == 0
    made.add(*batch(40))
    other = archive()
    other.add(*batch(40))
    assert made.data("objective").tobytes() == other.data("objective").tobytes()


def test_all_equal_objectives_leave_one_elite_a_cell():
    made = archive()
    info = made.add(np.zeros((50, 3)), np.ones((50, 2)), batch(50)[2])
    assert made.front_sizes.tolist() == [1] * len(made)
    assert set(info["status"].tolist()) == {0, 2}


@pytest.mark.parametrize(("add", "message"), [
    ({"objective": np.zeros(4)}, r"objective of shape \(4,\) given, \(n, 2\) wanted"),
    ({"objective": np.zeros((4, 3))}, r"objective of shape \(4, 3\)"),
    ({"objective": [[0, 0], [0, np.nan], [0, 0], [0, 0]]}, "objective of row 1 is"),
    ({"objective": np.full((4, 2), np.nan)}, "objective of row 0 is"),
    ({"objective": None}, "objective None"),
    ({"measures": np.full((4, 2), np.inf)}, "measures of row 0"),
    ({"measures": np.zeros((4, 3))}, "measures of shape"),
    ({"measures": np.zeros((3, 2))}, "lengths"),
    ({"solution": np.zeros((4, 2))}, "solution of shape"),
    ({"extra": np.zeros(4)}, "extra fields"),
])  # fmt: skip
def test_bad_batches_are_refused_whole(add, message):
    made = archive()
    made.add(*batch(5))
    before = made.to_state()["columns"]["objective"].tobytes()
    rows = {"solution": np.zeros((4, 3)), "objective": np.zeros((4, 2)), "measures": np.zeros((4, 2))} | add
    with pytest.raises(ValueError, match=message):
        made.add(**rows)
    assert made.data("objective").tobytes() == before


@pytest.mark.parametrize(("changes", "message"), [
    ({"objective_dim": 0}, "objective_dim 0"),
    ({"front_size": 0}, "front_size 0"),
    ({"replacement": "oldest"}, "replacement 'oldest'"),
    ({"reference_point": (0.0,)}, "reference_point"),
    ({"reference_point": (0.0, np.nan)}, "reference_point"),
    ({"dims": [0, 3]}, "dims"),
    ({"ranges": [(0, 1)]}, "ranges"),
    ({"ranges": [(0, 1), (1, 1)]}, "ranges"),
    ({"centroids": [[0.0, 0.0]]}, "dims given together"),
    ({"dims": None, "centroids": [[np.nan, 0.0]]}, "centroids"),
    ({"dims": None, "ranges": None, "measure_dim": -1}, "measure_dim"),
    ({"dims": [70_000, 70_000]}, "cells"),
])  # fmt: skip
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        archive(**changes)
