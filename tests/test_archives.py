"""Archives on their own: hand-worked cases, plain numpy twins of the kernels, state, errors. No pyribs in here."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archives.neighbors as neighbors
from archives import GridArchive, NoveltyArchive
from archives.nearest_kernels import BLOCK
from archives.neighbors import NeighborIndex, nearest, novelty


def rng(seed=0):
    return np.random.default_rng(seed)


def grid(**changes):
    settings = {"solution_dim": 3, "dims": [4, 5], "ranges": [(-1, 1), (0, 2)]}
    return GridArchive(**settings | changes)


def batch(n, seed=0, d=3, m=2):
    r = rng(seed)
    return r.normal(size=(n, d)), r.normal(size=n), r.uniform(-1, 2, size=(n, m))


def equal_states(a, b):
    assert a.keys() == b.keys()
    for key, value in a.items():
        if isinstance(value, dict):
            equal_states(value, b[key])
        elif isinstance(value, np.ndarray):
            assert value.dtype == b[key].dtype
            assert value.tobytes() == b[key].tobytes(), key
        else:
            assert value == b[key], key


def plain(value):
    """Only dicts, lists, strings, numbers and arrays without objects."""
    if isinstance(value, dict):
        return all(isinstance(k, str) and plain(v) for k, v in value.items())
    if isinstance(value, list):
        return all(plain(v) for v in value)
    return isinstance(value, str | int | float) or (isinstance(value, np.ndarray) and not value.dtype.hasobject)


# ------------------------------------------------------------------ grid


def test_grid_by_hand():
    archive = grid()
    cell = [[-0.9, 0.1], [-0.9, 0.1], [0.9, 1.9], [-0.9, 0.1]]
    info = archive.add(np.arange(12.0).reshape(4, 3), [1.0, 3.0, 0.5, 3.0], cell)
    assert info["status"].tolist() == [2, 2, 2, 2]  # all judged against the empty archive
    assert info["value"].tolist() == [1.0, 3.0, 0.5, 3.0]
    assert archive.data("index").tolist() == [0, 19]
    assert archive.data("solution").tolist() == [[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]  # first of the two with 3.0
    info = archive.add(np.zeros((3, 3)), [3.0, 4.0, 0.0], [cell[0], cell[0], cell[2]])
    assert info["status"].tolist() == [0, 1, 0]  # equal does not beat
    assert info["value"].tolist() == [0.0, 1.0, -0.5]
    assert (len(archive), archive.coverage, archive.qd_score) == (2, 0.1, 4.5)
    assert (archive.norm_qd_score, archive.obj_max, archive.obj_mean) == (4.5 / 20, 4.0, 2.25)
    assert archive.best_elite["solution"].tolist() == [0.0, 0.0, 0.0]
    occupied, elites = archive.retrieve([cell[0], [0.0, 1.0]])
    assert occupied.tolist() == [True, False]
    assert elites["objective"][0] == 4.0
    assert np.isnan(elites["objective"][1])
    assert elites["index"].tolist() == [0, -1]


def test_soft_thresholds_by_hand():
    """CMA-MAE, batch form: 1 + ((3 + 2) / 2 - 1) * (1 - 0.5 ** 2) = 2.125, the elite being the best of the two."""
    archive = grid(learning_rate=0.5, threshold_min=1.0)
    spot = [[0.0, 1.0]] * 3
    info = archive.add(np.zeros((3, 3)), [3.0, 2.0, 0.5], spot)
    assert info["status"].tolist() == [2, 2, 0]
    assert info["value"].tolist() == [2.0, 1.0, -0.5]
    assert archive.data("threshold").tolist() == [2.125]
    assert archive.add_single(np.ones(3), 2.5, spot[0])["status"] == 1  # beats the threshold, not the elite
    assert archive.data("objective").tolist() == [2.5]
    assert archive.obj_max == 3.0
    assert archive.best_elite["threshold"] == 2.125


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.sampled_from([(None, -np.inf), (0.1, -1.0), (1.0, 0.0)]))
def test_grid_twin(seed, n, soft):
    """The kernels against a dict of cells, ties and repeated cells included."""
    rate, least = soft
    archive = grid(learning_rate=rate, threshold_min=least)
    r, cells, order = rng(seed), {}, []
    for _ in range(4):
        solution, measures = r.normal(size=(n, 3)), r.uniform(-1.3, 2.3, size=(n, 2))
        objective = r.integers(-3, 4, size=n) * 0.5
        info = archive.add(solution, objective, measures)
        where = archive.index_of(measures)
        position = np.clip((measures - [-1, 0]) / [2, 2] * [4, 5] + 1e-9, 0, [3, 4]).astype(int)
        assert np.array_equal(where, position[:, 0] * 5 + position[:, 1])
        won = {}
        for i in range(n):
            threshold = cells[where[i]][1] if where[i] in cells else least
            base = 0.0 if threshold == -np.inf else threshold
            assert info["value"][i] == pytest.approx(objective[i] - base, abs=1e-12)
            let_in = objective[i] > threshold
            assert info["status"][i] == (0 if not let_in else 1 if where[i] in cells else 2)
            if let_in:
                won.setdefault(where[i], []).append(i)
        order += sorted(c for c in won if c not in cells)
        for c, rows in won.items():
            best = max(rows, key=lambda i: (objective[i], -i))
            kept = (1 - (1.0 if rate is None else rate)) ** len(rows)
            start = cells[c][1] if c in cells else least
            moved = objective[best] if least == -np.inf else kept * start + np.mean(objective[rows]) * (1 - kept)
            cells[c] = (solution[best], moved, objective[best])
    assert archive.data("index").tolist() == order
    assert np.array_equal(archive.data("solution").reshape(-1, 3), np.reshape([cells[c][0] for c in order], (-1, 3)))
    assert np.allclose(archive.data("threshold"), [cells[c][1] for c in order], rtol=1e-12)
    assert archive.qd_score == pytest.approx(sum(cells[c][2] for c in order), abs=1e-9)


def test_memory_goes_by_elite():
    archive = GridArchive(solution_dim=10_000, dims=[1000, 1000], ranges=[(0, 1)] * 2, solution_dtype=np.float32)
    solution = rng().normal(size=(300, 10_000)).astype(np.float32)
    archive.add(solution, np.arange(300.0), rng(1).uniform(size=(300, 2)))
    assert sum(column.nbytes for column in archive._table.columns.values()) < 3 * solution.nbytes
    assert np.array_equal(archive.retrieve(archive.data("measures"))[1]["solution"], archive.data("solution"))


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_, np.int64, np.float32, "U5"])
def test_solution_dtypes_and_extra_fields(dtype):
    archive = GridArchive(
        solution_dim=(2, 3),
        dims=[50],
        ranges=[(0, 1)],
        solution_dtype=dtype,
        extra_fields={"seed": ((), np.uint64), "path": ((4, 2), np.float32)},
    )
    solution = rng().integers(0, 2, size=(20, 2, 3)).astype(dtype)
    seeds, paths = np.arange(20, dtype=np.uint64), rng(1).normal(size=(20, 4, 2)).astype(np.float32)
    measures = (np.arange(20)[:, None] + 0.5) / 50
    archive.add(solution[:7], np.zeros(7), measures[:7], seed=seeds[:7], path=paths[:7])
    archive.add(solution[::-1][:13], np.zeros(13), measures[::-1][:13], seed=seeds[::-1][:13], path=paths[::-1][:13])
    assert archive.field_list == ["solution", "objective", "measures", "threshold", "seed", "path", "index"]
    assert archive.data("solution").dtype == np.dtype(dtype)
    for name, column in {"solution": solution, "seed": seeds, "path": paths}.items():
        assert np.array_equal(archive.data(name), column)
    twin = GridArchive.from_state(archive.to_state())
    assert twin.solution_dim == (2, 3)
    equal_states(twin.to_state(), archive.to_state())


def test_float64_solutions_are_rounded_into_a_float32_archive():
    archive = grid(solution_dtype=np.float32)
    solution, objective, measures = batch(40)
    archive.add(solution, objective, measures)
    rows = [int(np.flatnonzero(objective == best)[0]) for best in archive.data("objective")]
    assert np.array_equal(archive.data("solution"), solution[rows].astype(np.float32))


def test_solutions_that_do_not_fit_their_dtype_are_refused():
    archive = grid(solution_dtype=np.uint8)
    archive.add(np.full((1, 3), 255, np.int64), [0.0], [[0, 0]])
    for bad in (np.full((1, 3), 256), np.full((1, 3), 0.5)):
        with pytest.raises(ValueError, match="uint8"):
            archive.add(bad, [9.0], [[0, 0]])
    assert archive.obj_max == 0.0


def test_views_reversed_and_read_only_batches():
    archive, same = grid(), grid()
    solution, objective, measures = batch(40)
    archive.add(solution, objective, measures)
    locked = [np.asfortranarray(solution), objective.copy(), measures[::-1][::-1]]
    for column in locked:
        column.flags.writeable = False
    same.add(*locked)
    equal_states(archive.to_state(), same.to_state())


def test_far_measures_fall_into_the_border_cell():
    assert grid().index_of([[1e300, 5.0], [-1e300, 1e12], [1.0, 2.0]]).tolist() == [19, 4, 19]


def test_grid_coordinates_and_borders():
    archive = grid()
    cells = np.arange(20)
    assert np.array_equal(archive.grid_to_int_index(archive.int_to_grid_index(cells)), cells)
    assert [len(b) for b in archive.boundaries] == [5, 6]
    assert archive.index_of_single([0.0, 0.0]) == 10
    assert (archive.cells, archive.dims.tolist(), archive.interval_size.tolist()) == (20, [4, 5], [2.0, 2.0])


# ------------------------------------------------------------------ what both share


def make(kind, **changes):
    if kind == "grid":
        return grid(**changes)
    return NoveltyArchive(**{"solution_dim": 3, "measure_dim": 2, "novelty_threshold": 0.05} | changes)


kinds = pytest.mark.parametrize("kind", ["grid", "novelty"])


@kinds
@pytest.mark.parametrize("soft", [False, True])
def test_state_restores_to_the_bit(kind, soft):
    extra = {"learning_rate": 0.3, "threshold_min": -1.0} if soft and kind == "grid" else {}
    archive = make(kind, extra_fields={"tag": ((), np.int8)}, qd_score_offset=-2.0, **extra)
    empty = type(archive).from_state(archive.to_state())
    equal_states(empty.to_state(), archive.to_state())
    for seed in range(5):
        archive.add(*batch(50, seed), tag=np.full(50, seed))
    state = archive.to_state()
    assert plain(state)
    assert len(state["columns"]["solution"]) == len(archive)
    twin = type(archive).from_state(state)
    for seed in range(5, 9):
        one, two = (x.add(*batch(50, seed), tag=np.full(50, seed)) for x in (archive, twin))
        for name in one:
            assert one[name].tobytes() == two[name].tobytes()
    equal_states(twin.to_state(), archive.to_state())
    assert twin.stats == archive.stats
    assert np.array_equal(twin.sample_elites(9, rng=rng(3))["index"], archive.sample_elites(9, rng=rng(3))["index"])


@kinds
def test_state_is_a_copy_and_a_bad_one_is_refused(kind):
    archive = make(kind)
    archive.add(*batch(30))
    state = archive.to_state()
    before = state["columns"]["objective"].copy()
    archive.clear()
    archive.add(*batch(30, 1))
    assert np.array_equal(state["columns"]["objective"], before)
    with pytest.raises(ValueError, match="format"):
        type(archive).from_state(state | {"format": 99})
    with pytest.raises(ValueError, match="kind"):
        type(archive).from_state(state | {"kind": "other"})
    with pytest.raises(ValueError, match="damaged"):
        type(archive).from_state(state | {"columns": state["columns"] | {"objective": before[:-1]}})


def test_two_elites_in_one_cell_are_refused():
    archive = grid()
    archive.add(*batch(30))
    state = archive.to_state()
    state["columns"]["index"][1] = state["columns"]["index"][0]
    with pytest.raises(ValueError, match="distinct cells"):
        GridArchive.from_state(state)


@kinds
def test_failed_rows_are_refused_whole(kind):
    archive = make(kind)
    solution, objective, measures = batch(6)
    archive.add(solution, objective, measures)
    state = archive.to_state()
    for bad in (np.nan, np.inf, -np.inf):
        scores, points = objective + 10.0, measures.copy()
        scores[4] = bad
        points[2, 1] = bad
        with pytest.raises(ValueError, match=r"objective of row 4 .*failed rows stay out of add"):
            archive.add(solution, scores, measures)
        with pytest.raises(ValueError, match=r"measures of row 2 .*failed rows stay out of add"):
            archive.add(solution, objective + 10.0, points)
    equal_states(archive.to_state(), state)


@kinds
def test_shapes_and_fields_are_checked(kind):
    archive = make(kind, extra_fields={"tag": ((), np.int32)})
    solution, objective, measures = batch(4)
    tag = np.zeros(4, np.int32)
    for call, says in [
        (lambda: archive.add(solution[:, :2], objective, measures, tag=tag), "solution of shape"),
        (lambda: archive.add(solution, objective[:, None], measures, tag=tag), "objective of shape"),
        (lambda: archive.add(solution, objective, measures[:, :1], tag=tag), "measures of shape"),
        (lambda: archive.add(solution, objective, measures[:3], tag=tag), "one length wanted"),
        (lambda: archive.add(solution, objective, measures), r"\['tag'\] wanted"),
        (lambda: archive.add(solution, objective, measures, tag=tag, other=tag), "extra fields"),
        (lambda: archive.add(solution, objective, measures, tag=tag + 0.5), "tag"),
        (lambda: archive.add(solution, ["x"] * 4, measures, tag=tag), "objective"),
        (lambda: archive.data("nothing"), "nothing"),
        (lambda: archive.data("objective", return_type="json"), "json"),
        (lambda: archive.sample_elites(1), "empty archive"),
        (lambda: archive.sample_slots(1, rng()), "empty archive"),
        (lambda: make(kind, extra_fields={"index": ((), int)}), "taken"),
        (lambda: make(kind, solution_dtype=object), "handles"),
        (lambda: make(kind, measures_dtype=int), "float32 or float64"),
        (lambda: make(kind, dtype=np.float32, solution_dtype=np.float32), "pass it alone"),
    ]:
        with pytest.raises(ValueError, match=says):
            call()
    assert archive.empty


@kinds
def test_reading(kind):
    archive = make(kind, seed=4)
    assert (archive.stats.obj_max, archive.stats.coverage, archive.best_elite) == (None, 0.0, None)
    assert archive.data("solution").shape == (0, 3)
    info = archive.add(np.empty((0, 3)), [], np.empty((0, 2)))
    assert [column.shape for column in info.values()] == [(0,), (0,)]
    archive.add(*batch(200))
    data = archive.data()
    assert list(data) == archive.field_list
    assert [e["objective"] for e in archive] == data["objective"].tolist()
    assert archive.data(["measures", "objective"], return_type="tuple")[1].tolist() == data["objective"].tolist()
    assert list(archive.data("index", return_type="dict")) == ["index"]
    data["objective"][:] = 0
    assert archive.obj_max == archive.data("objective").max()
    drawn = archive.sample_elites(5, replace=False)
    assert len(set(drawn["index"])) == 5
    slots = archive.sample_slots(50, rng(1))
    assert np.array_equal(archive.solutions_at(slots), archive.data("solution")[slots])
    with pytest.raises(ValueError, match="no more"):
        archive.sample_elites(len(archive) + 1, replace=False)
    walk = iter(archive)
    next(walk)
    archive.add(*batch(3, 9))
    with pytest.raises(RuntimeError, match="changed"):
        next(walk)
    archive.clear()
    assert archive.empty
    assert archive.qd_score == 0.0
    archive.add(*batch(200))
    assert np.array_equal(archive.data("measures"), data["measures"])


@kinds
def test_single_adds_equal_batches_of_one(kind):
    one, many = make(kind), make(kind)
    for row in zip(*batch(60), strict=True):
        single = one.add_single(*row)
        rows = many.add(*[np.asarray(x)[None] for x in row])
        assert {k: v.item() for k, v in single.items()} == {k: v[0].item() for k, v in rows.items()}
    equal_states(one.to_state(), many.to_state())
    occupied, elite = one.retrieve_single(one.data("measures")[3])
    assert occupied
    assert elite["index"] == one.data("index")[3]


@pytest.mark.parametrize(
    "changes",
    [
        {"dims": []},
        {"dims": [0, 2]},
        {"ranges": [(0, 1)]},
        {"ranges": [(0, 1), (1, 1)]},
        {"dims": [2**16, 2**16]},
        {"threshold_min": 0.0},
        {"learning_rate": 0.5},
        {"learning_rate": 2.0, "threshold_min": 0.0},
        {"solution_dim": 0},
    ],
)
def test_grid_settings_are_checked(changes):
    with pytest.raises(ValueError, match=r"given|make"):
        grid(**changes)


# ------------------------------------------------------------------ neighbours


def slow_nearest(queries, references, k, query_ids=None, reference_ids=None):
    """Sums over the dimensions in order, then sorted by (distance, index)."""
    lists = []
    for i, query in enumerate(queries.tolist()):
        found, seen = [], set()
        for j, reference in enumerate(references.tolist()):
            if reference_ids is not None:
                if reference_ids[j] in seen:
                    continue
                seen.add(reference_ids[j])
                if query_ids is not None and reference_ids[j] == query_ids[i]:
                    continue
            total = 0.0
            for x, y in zip(query, reference, strict=True):
                total += (x - y) * (x - y)
            found.append((total, j))
        lists.append(sorted(found)[:k])
    distances, index = np.full((len(queries), k), np.inf), np.full((len(queries), k), -1)
    for i, row in enumerate(lists):
        distances[i, : len(row)] = np.sqrt([d for d, _ in row])
        index[i, : len(row)] = [j for _, j in row]
    return distances, index


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    m=st.integers(1, 9),
    n=st.integers(0, 90) | st.integers(300, 560),
    k=st.integers(1, 20),
    spread=st.sampled_from(["even", "ties", "far", "tiny", "huge", "vast", "outlier", "clusters"]),
    ids=st.booleans(),
    tree=st.booleans(),
)
def test_nearest_twin(seed, m, n, k, spread, ids, tree):
    """Exact neighbours, ties by index, on spreads made to break a float32 shortcut; by scan and by tree."""
    r = rng(seed)
    points = r.integers(0, 3, size=(n + 12, m)) * 1.0 if spread == "ties" else r.normal(size=(n + 12, m))
    points = points * {"tiny": 1e-25, "huge": 1e25, "vast": 1e200}.get(spread, 1.0) + (1e6 if spread == "far" else 0.0)
    if spread == "outlier":
        points[::7] *= 1e9
    if spread == "clusters":
        points = points * 1e-3 + r.choice([-1e3, 1e3], size=(n + 12, 1))
    queries, references = points[:12], points[6:]
    numbers = {"query_ids": r.integers(0, n + 9, 12), "reference_ids": r.integers(0, n + 9, n + 6)} if ids else {}
    before = neighbors.TREE_DIMS, neighbors.BUILD_NS
    try:
        neighbors.TREE_DIMS, neighbors.BUILD_NS = (99, 0.0) if tree else (0, 12.0)
        distances, index = nearest(queries, references, k, **numbers)
    finally:
        neighbors.TREE_DIMS, neighbors.BUILD_NS = before
    slow_distances, slow_index = slow_nearest(queries, references, k, **numbers)
    assert np.array_equal(index, slow_index)
    assert distances.tobytes() == slow_distances.tobytes()


@pytest.mark.parametrize("dims", [0, 99])
def test_nobody_is_their_own_neighbour(dims, monkeypatch):
    """By tree and by scan, on points that all lie at two spots."""
    monkeypatch.setattr(neighbors, "TREE_DIMS", dims)
    monkeypatch.setattr(neighbors, "BUILD_NS", 0.0)
    points, ids = np.zeros((600, 2)), np.arange(600) * 3 + 7
    points[::2] = 1.0
    found = nearest(points, points, 4, query_ids=ids, reference_ids=ids)
    expected = slow_nearest(points[:8], points, 4, ids[:8], ids)
    assert np.array_equal(found[1][:8], expected[1])
    assert not (found[1] == np.arange(600)[:, None]).any()


@pytest.mark.parametrize("m", [2, 7])
def test_novelty_does_not_depend_on_how_it_was_found(m, monkeypatch):
    """Threads, tree or scan, whole or in batches, many equal points: the same bits."""
    r = rng(m)
    references = np.concatenate([r.normal(size=(3000, m)), np.zeros((1500, m)), r.normal(size=(1500, m)).round(1)])
    queries = np.concatenate([r.normal(size=(700, m)), np.zeros((3, m)), references[-50:]])
    monkeypatch.setattr(neighbors, "PARALLEL_NS", 0.0)
    expected = None
    for tree in (False, True):
        monkeypatch.setattr(neighbors, "TREE_DIMS", 99 if tree else 0)
        for threads in (1, 2, 5, None):
            found = novelty(queries, references, 15, threads=threads)
            expected = found if expected is None else expected
            assert found.tobytes() == expected.tobytes()
        index = NeighborIndex(m)
        for rows in np.split(references, [1, 700, 1500, 1501, 3300, 5900]):
            index.append(rows)
            best, where = index.lists(queries, 15)
        assert bool(index._trees) == tree
        whole = nearest(queries, references, 15)
        assert np.sqrt(best).tobytes() == whole[0].tobytes()
        assert np.array_equal(where, whole[1])
        assert found[0] == pytest.approx(whole[0][0].mean(), rel=1e-14)
    # Points in one spot: neighbours by rising index.
    assert whole[1][700].tolist() == np.flatnonzero(~references.any(axis=1))[:15].tolist()


def test_trees_stay_few_and_cover_whole_blocks(monkeypatch):
    monkeypatch.setattr(neighbors, "BUILD_NS", 0.0)
    index = NeighborIndex(2)
    for seed in range(60):
        index.append(rng(seed).normal(size=(200, 2)))
        index.lists(np.zeros((1, 2)), 3)
    assert len(index._trees) <= 7
    assert [t.first for t in index._trees] == [0, *[t.last for t in index._trees[:-1]]]
    assert 12_000 - index._trees[-1].last < BLOCK


def test_novelty_by_hand():
    line = [[0.0], [1.0], [3.0], [7.0]]
    assert novelty([[0.0]], line, 2).tolist() == [0.5]  # (0 + 1) / 2
    ids = np.arange(4)
    assert novelty(line, line, 2, query_ids=ids, reference_ids=ids).tolist() == [2.0, 1.5, 2.5, 5.0]
    # A second copy of point 1, under its own id 9, is a neighbour; under id 1 it is not, and id 2 counts once.
    twice = [*line, [1.0], [3.5]]
    assert novelty([[1.0]], twice, 2, query_ids=[1], reference_ids=[0, 1, 2, 3, 9, 2]).tolist() == [0.5]
    assert novelty([[1.0]], twice, 2, query_ids=[1], reference_ids=[0, 1, 2, 3, 1, 2]).tolist() == [1.5]
    assert novelty([[0.0]], line, 99).tolist() == [2.75]  # fewer than k: the mean over those there are
    assert novelty([[0.0]], np.empty((0, 1)), 5).tolist() == [np.inf]
    assert novelty([[0.0]], [[1.0]], 5, query_ids=[3], reference_ids=[3]).tolist() == [np.inf]
    assert novelty(np.empty((0, 1)), line, 5).shape == (0,)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: novelty([0.0], [[0.0]], 1), "queries of shape"),
        (lambda: novelty([[0.0]], [[0.0, 1.0]], 1), "one width"),
        (lambda: novelty([[np.nan]], [[0.0]], 1), "row 0 of the queries"),
        (lambda: novelty([[0.0]], [[0.0], [np.inf]], 1), "row 1 of the references"),
        (lambda: novelty([[0.0]], [[0.0]], 0), "at least 1"),
        (lambda: novelty([[0.0]], [[0.0]], 1, query_ids=[0]), "pass both"),
        (lambda: novelty([[0.0]], [[0.0]], 1, reference_ids=[0.5]), "whole numbers"),
        (lambda: novelty([[0.0]], [[0.0]], 1, threads=0), "threads"),
    ],
)
def test_novelty_errors(call, says):
    with pytest.raises(ValueError, match=says):
        call()


# ------------------------------------------------------------------ novelty archive


def test_twins_come_in_once():
    """pyribs' ProximityArchive, which judges by the old archive alone, takes all 20 of these, and 20 more next time."""
    archive = NoveltyArchive(solution_dim=1, measure_dim=2, novelty_threshold=0.1)
    for expected in ([2] + [0] * 19, [0] * 20):
        info = archive.add(np.zeros((20, 1)), None, np.ones((20, 2)))
        assert info["status"].tolist() == expected
    assert len(archive) == 1
    assert info["novelty"].max() == 0.0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 6), st.floats(0, 1.5))
@pytest.mark.thorough
def test_novelty_archive_twin(seed, m, k, threshold):
    """Row by row against everything let in before."""
    archive = NoveltyArchive(
        solution_dim=1, measure_dim=m, k_neighbors=k, novelty_threshold=threshold, initial_capacity=1
    )
    r, inside = rng(seed), []
    for _ in range(3):
        measures = r.normal(size=(25, m)).round(1)
        info = archive.add(np.zeros((25, 1)), None, measures)
        for i, point in enumerate(measures):
            distances = np.sort([np.sqrt(np.sum((point - other) ** 2)) for other in inside])[:k]
            expected = np.mean(distances) if inside else threshold
            assert info["novelty"][i] == pytest.approx(expected, rel=1e-12, abs=1e-15)
            let_in = info["status"][i] == 2
            assert let_in == (info["novelty"][i] >= threshold)
            if let_in:
                inside.append(point)
    assert np.array_equal(archive.data("measures"), inside)


def test_append_and_what_the_numbers_mean():
    archive = NoveltyArchive(solution_dim=2, measure_dim=2, k_neighbors=2, novelty_threshold=5.0)
    assert archive.compute_novelty([[0.0, 0.0]]).tolist() == [5.0]  # empty: the threshold, as in pyribs
    with pytest.raises(ValueError, match="empty"):
        archive.retrieve([[0.0, 0.0]])
    spots = [[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]]
    assert archive.append(np.ones((3, 2)), [1.0, 2.0, 6.0], spots).tolist() == [0, 1, 2]
    assert archive.compute_novelty([[0.0, 0.0], [3.0, 4.0]]).tolist() == [0.0, 2.5]
    scores, beaten = archive.compute_novelty([[0.0, 0.0]], local_competition=[1.5])
    assert (scores.tolist(), beaten.tolist()) == ([0.0], [1])
    assert archive.index_of([[0.0, 0.0], [9.0, 9.0]]).tolist() == [0, 2]
    assert (archive.coverage, archive.cells, archive.qd_score, archive.norm_qd_score) == (1.0, 3, 9.0, 3.0)
    assert archive.retrieve_single([2.0, 2.0])[1]["objective"] == 6.0


def test_float32_measures_are_measured_in_float64():
    points = rng().normal(size=(300, 3)).astype(np.float32)
    archive = NoveltyArchive(solution_dim=1, measure_dim=3, measures_dtype=np.float32)
    archive.append(np.zeros((300, 1)), None, points)
    assert np.array_equal(archive.compute_novelty(points[:9]), novelty(points[:9], points, 15))


# ------------------------------------------------------------------ the package


def test_import_is_light():
    # numba loads scipy.linalg by itself when it loads a kernel; the rest of scipy must stay out.
    heavy = ["ribs", "torch", "scipy.spatial", "scipy.stats", "sklearn", "pandas", "matplotlib", "qd"]
    code = (
        "import sys, numpy as np, archives, operators\n"
        "a = archives.NoveltyArchive(solution_dim=1, measure_dim=2)\n"
        "a.add(np.zeros((300, 1)), None, np.random.default_rng(0).normal(size=(300, 2)))\n"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
