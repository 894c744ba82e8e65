"""qd.interchange: archives to frames, tables, pyribs' archives and QDax' repertoires, and back."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.interchange import (
    StoredArchive,
    from_frame,
    from_repertoire,
    read_repertoire,
    read_table,
    stored,
    to_frame,
    to_live,
    to_ribs,
    write_repertoire,
)
from qd.store.export import FORMATS, elites, write_table

RANGES = [(-1.0, 1.0), (0.0, 3.0)]


def grid(n=40, m=2, dtype=np.float32):
    """A live grid with n rows offered."""
    rng = np.random.default_rng(1)
    ranges = [RANGES[j % 2] for j in range(m)]
    archive = qd.archives.GridArchive(
        solution_dim=3, dims=[4 + j % 3 for j in range(m)][:m], ranges=ranges, solution_dtype=dtype,
        extra_fields={"id": ((), np.int64)},
    )  # fmt: skip
    if n:
        low, high = np.array(ranges).T
        archive.add(rng.normal(size=(n, 3)), rng.normal(size=n), rng.uniform(low, high, (n, m)), id=np.arange(n) + 7)
    return archive


SPACE = qd.Measures(("x [m]", "y"), (-1.0, 0.0), (1.0, 3.0))


def same(a, b, names=("solution", "objective", "measures", "index")):
    """Whether two stored archives hold the same elites, in whatever order."""
    first, second = (np.argsort(archive.fields["index"]) for archive in (a, b))
    for name in names:
        assert np.array_equal(a.fields[name][first], b.fields[name][second]), name


def test_a_live_archive_is_stored_and_made_live_again():
    archive = grid()
    kept = stored(archive, SPACE)
    assert kept.kind == "GridArchive"
    assert kept.meta["measures"]["names"] == ["x [m]", "y"]
    again = to_live(kept)
    same(stored(again), kept, ("solution", "objective", "measures", "index", "id", "threshold"))
    assert again.qd_score == pytest.approx(archive.qd_score)
    assert to_live(again).dims.tolist() == [4, 5]


@pytest.mark.parametrize("n", [0, 1, 40])
@pytest.mark.parametrize("form", FORMATS)
def test_a_table_reads_back_what_was_exported(tmp_path, form, n):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    kept = stored(grid(n), SPACE)
    write_table(elites(kept), tmp_path / f"e.{form}", form)
    back = read_table(tmp_path / f"e.{form}", dims=(4, 5), ranges=RANGES)
    assert set(back.fields) == set(kept.fields)
    for name, column in kept.fields.items():
        assert np.array_equal(back.fields[name].astype(column.dtype), column), name
        if form != "csv":
            assert n == 0 or back.fields[name].dtype == column.dtype, name
    assert back.meta["measures"]["names"] == ["x [m]", "y"]
    if n:
        same(stored(to_live(back)), back)


@pytest.mark.parametrize("form", FORMATS)
def test_solutions_of_different_lengths_come_back(tmp_path, form):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    fields = {
        "solution.values": np.array([5, 6, 7, 8], np.int32), "solution.offsets": np.array([0, 3, 3, 4]),
        "objective": np.array([1.0, 2.0, 3.0]), "measures": np.zeros((3, 1)), "index": np.arange(3),
    }  # fmt: skip
    write_table(elites(StoredArchive("G", fields)), tmp_path / f"e.{form}", form)
    back = read_table(tmp_path / f"e.{form}")
    assert np.array_equal(back.fields["solution.values"], fields["solution.values"])
    assert np.array_equal(back.fields["solution.offsets"], fields["solution.offsets"])
    with pytest.raises(QDError, match="differ in length"):
        to_live(back)


@pytest.mark.parametrize("m", [1, 3, 20])
def test_any_number_of_measures(tmp_path, m):
    kept = stored(grid(30, m) if m < 20 else novelty(30, m))
    frame = to_frame(kept)
    assert sum(str(name).startswith("measures_") for name in frame.columns) == m
    back = from_frame(frame)
    assert np.array_equal(back.fields["measures"], kept.fields["measures"])
    assert len(to_live(back)) == len(kept)


def novelty(n, m):
    archive = qd.archives.NoveltyArchive(solution_dim=3, measure_dim=m, k_neighbors=3)
    rng = np.random.default_rng(2)
    archive.add(rng.normal(size=(n, 3)), rng.normal(size=n), rng.normal(size=(n, m)))
    return archive


def test_elites_that_are_nan_are_left_out_of_live_archives():
    kept = stored(grid())
    kept.fields["measures"] = kept.fields["measures"].copy()
    kept.fields["measures"][0] = np.nan
    assert len(to_live(kept)) == len(kept) - 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop(columns="objective"), "objective"),
        (lambda f: f.drop(columns=[c for c in f.columns if c.startswith("solution")]), "solution_0"),
        (lambda f: f.assign(solution="<script>"), "no list of numbers"),
    ],
)
def test_a_table_of_something_else_is_refused_by_name(tmp_path, change, words):
    change(to_frame(stored(grid()))).to_csv(tmp_path / "e.csv", index=False)
    with pytest.raises(QDError, match=words) as caught:
        read_table(tmp_path / "e.csv")
    assert "e.csv" in str(caught.value)


def test_files_that_are_no_tables(tmp_path):
    for name in ("e.csv", "e.npz", "e.parquet"):
        (tmp_path / name).write_bytes(b"\x00\x01nothing\n,,,")
        with pytest.raises(QDError, match=name):
            read_table(tmp_path / name)
    with pytest.raises(QDError, match="ends in"):
        read_table(tmp_path / "e.pickle")
    with pytest.raises(QDError, match="not there"):
        read_table(tmp_path / "no.csv")
    (tmp_path / "twice.csv").write_text("objective,objective,solution_0\n1,2,3\n")
    with pytest.raises(QDError, match="same name"):
        read_table(tmp_path / "twice.csv")
    np.savez(tmp_path / "objects.npz", objective=np.array([{}], object))
    with pytest.raises(QDError, match="nothing in a file is executed"):
        read_table(tmp_path / "objects.npz")
    with pytest.raises(QDError, match="without ranges"):
        from_frame(to_frame(stored(grid())), dims=(4, 5))
    with pytest.raises(QDError, match="wanted an archive"):
        to_live([1, 2])


@pytest.mark.peer
def test_pyribs_archives_there_and_back():
    kept = stored(grid())
    theirs = to_ribs(kept)
    assert type(theirs).__module__.startswith("ribs.")
    same(stored(theirs), kept, ("solution", "objective", "measures", "index", "id"))
    assert theirs.stats.num_elites == len(kept)
    same(stored(to_live(theirs)), kept)
    frame = theirs.data(return_type="pandas")
    mine = to_frame(kept, "ribs")
    assert type(mine) is type(frame)
    assert set(mine.columns) == set(frame.columns)
    same(from_frame(frame), kept)
    centroids = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    from ribs.archives import CVTArchive, ProximityArchive

    cvt = CVTArchive(solution_dim=3, centroids=centroids, ranges=[(-1, 1), (-1, 1)])
    rng = np.random.default_rng(3)
    cvt.add(rng.normal(size=(50, 3)), rng.normal(size=50), rng.uniform(-1, 1, (50, 2)))
    again = to_ribs(stored(cvt))
    assert type(again) is CVTArchive
    same(stored(again), stored(cvt))
    points = to_ribs(novelty(12, 5))
    assert type(points) is ProximityArchive
    assert len(points) == 12


# ---------------------------------------------------------------- QDax


def test_a_repertoire_has_a_row_a_cell_and_minus_infinity_where_none_is(tmp_path):
    kept = stored(grid(), SPACE)
    out = write_repertoire(kept, tmp_path / "rep")
    assert sorted(file.name for file in out.iterdir()) == [
        "centroids.npy", "descriptors.npy", "fitnesses.npy", "genotypes.npy", "qd.json",
    ]  # fmt: skip
    fitnesses, centroids = np.load(out / "fitnesses.npy"), np.load(out / "centroids.npy")
    assert fitnesses.shape == (20,)
    assert np.isneginf(fitnesses).sum() == 20 - len(kept)
    assert np.allclose(centroids[:2], [[-0.75, 0.3], [-0.75, 0.9]])  # the last measure runs fastest
    nearest = ((np.load(out / "descriptors.npy")[:, None] - centroids) ** 2).sum(-1).argmin(1)
    full = np.isfinite(fitnesses)
    assert np.array_equal(nearest[full], np.flatnonzero(full))
    back = read_repertoire(out)
    same(back, StoredArchive("", {k: np.asarray(v, np.float32 if k in ("objective", "measures") else None)
                                  for k, v in kept.fields.items()}))  # fmt: skip
    assert back.meta["dims"] == [4, 5]
    assert back.meta["lower_bounds"] == kept.meta["lower_bounds"]
    assert back.meta["measures"]["names"] == ["x [m]", "y"]
    assert len(to_live(back)) == len(kept)


def test_centroids_in_the_order_of_qdax_are_a_grid_all_the_same(tmp_path):
    x, y = np.meshgrid([0.25, 0.75], [1 / 6, 0.5, 5 / 6])  # y outside, x inside: the first measure runs fastest
    centroids = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    fitnesses = np.array([1, -np.inf, 2, -np.inf, -np.inf, 3], np.float32)
    arrays = {"genotypes": np.arange(12.0).reshape(6, 2), "descriptors": centroids, "centroids": centroids}
    for shape in ((6,), (6, 1)):
        np.savez(tmp_path / "r.npz", fitnesses=fitnesses.reshape(shape), **arrays)
        back = read_repertoire(tmp_path / "r.npz")
        assert back.kind == "GridArchive"
        assert back.meta["dims"] == [2, 3]
        assert np.allclose(back.meta["upper_bounds"], 1.0)
        assert back.fields["index"].tolist() == [0, 1, 5]  # x * 3 + y
        live = to_live(back)
        assert sorted(zip(live.data("index"), live.data("objective"), strict=True)) == [(0, 1), (1, 2), (5, 3)]


def test_other_centroids_are_a_tessellation(tmp_path):
    rng = np.random.default_rng(0)
    centroids = rng.random((7, 3))
    fitnesses = np.where(np.arange(7) % 2, -np.inf, 1.0)
    tree = {"b": rng.random((7, 2)), "a": [rng.random((7, 2, 2)), rng.random((7,))]}
    made = SimpleNamespace(genotypes=tree, fitnesses=fitnesses[:, None], descriptors=centroids, centroids=centroids)
    back = from_repertoire(made, ranges=[(0, 1)] * 3)
    assert back.kind == "CVTArchive"
    assert back.fields["solution"].shape == (4, 7)
    assert np.array_equal(back.fields["solution"][:, :4], tree["a"][0].reshape(7, 4)[::2])  # a before b
    assert back.meta["upper_bounds"] == [1, 1, 1]
    write_repertoire(back, tmp_path / "r")
    assert read_repertoire(tmp_path / "r").fields["index"].tolist() == [0, 2, 4, 6]


def test_repertoires_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(QDError, match="no fixed cells"):
        write_repertoire(novelty(5, 2), tmp_path / "r")
    out = write_repertoire(grid(), tmp_path / "r")
    np.save(out / "fitnesses.npy", np.zeros((3, 2)))
    with pytest.raises(QDError, match="fitnesses"):
        read_repertoire(out)
    np.save(out / "fitnesses.npy", np.array([{}], object))
    with pytest.raises(QDError, match="refused"):
        read_repertoire(out)
    (out / "genotypes.npy").unlink()
    with pytest.raises(QDError, match=r"genotypes\.npy"):
        read_repertoire(out)
    np.savez(tmp_path / "x.npz", genotypes=np.zeros(3))
    with pytest.raises(QDError, match="fitnesses"):
        read_repertoire(tmp_path / "x.npz")
    with pytest.raises(QDError, match="MapElitesRepertoire"):
        from_repertoire(3)


def test_export_writes_what_other_libraries_read(call):
    assert call("run", "sphere.py", "--out", "r", "--no-report")[0] == 0  # a random search keeps no archive
    assert call("export", "r", "--format", "qdax")[0] == 2
    source = Path("sphere.py").read_text()
    source = source.replace("RandomSearch(batch_size=10)", "MapElites(batch_size=10, dims=(5, 5))")
    Path("elites.py").write_text(source)
    assert call("run", "elites.py", "--out", "e")[0] == 0
    count = json.loads(Path("e/summary.json").read_text())["archives"]["elites"]
    for words, read in (
        (("--format", "qdax"), lambda: read_repertoire("e/elites-qdax")),
        (("--format", "qdax", "--out", "q.npz"), lambda: read_repertoire("q.npz")),
        (("--format", "ribs"), lambda: read_table("e/elites-ribs.csv")),
    ):
        code, said, _ = call("export", "e", *words)
        assert code == 0, said
        assert len(read()) == count
    with open("e/elites-ribs.csv") as file:
        assert "measures_0,measures_1" in file.readline()
