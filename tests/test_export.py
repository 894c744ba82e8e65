"""qd.store.export: elites as a table, the same numbers in every format."""

import csv
import json
import sys

import numpy as np
import pytest

from qd.errors import QDError
from qd.store.archive_file import StoredArchive
from qd.store.export import elites, write_table

K = 3


@pytest.fixture
def archive():
    rng = np.random.default_rng(0)
    return StoredArchive(
        "GridArchive",
        {
            "index": np.array([4, 0, 7]),
            "objective": np.array([0.1, -2.0, 1 / 3]),
            "measures": rng.random((K, 2)),
            "solution": rng.random((K, 4)).astype(np.float32),
            "id": np.array([10, 11, 12]),
            "centroids": rng.random((100, 2)),
        },
        {"measures": {"names": ["x [m]", "y"], "low": [0, 0], "high": [1, 1]}},
    )


@pytest.fixture
def ragged(archive):
    del archive.fields["solution"]
    archive.fields["solution.values"] = np.array([5, 6, 7, 8], np.int32)
    archive.fields["solution.offsets"] = np.array([0, 3, 3, 4])
    return archive


COLUMNS = ["solution_0", "solution_1", "solution_2", "solution_3", "objective", "x [m]", "y", "index", "id"]


def test_columns_come_in_a_fixed_order_with_the_measures_by_name(archive):
    assert list(elites(archive)) == COLUMNS


def test_measures_without_names_are_numbered(archive):
    archive.meta["measures"] = None
    assert [name for name in elites(archive) if name.startswith("measures")] == ["measures_0", "measures_1"]
    archive.meta["measures"] = {"names": ["learned"]}
    assert "measures_1" in elites(archive)


@pytest.mark.parametrize("name", ["objective", "index", "solution_1"])
def test_a_measure_of_a_taken_name_is_numbered(archive, name):
    archive.meta["measures"]["names"] = [name, "y"]
    table = elites(archive)
    assert len(table) == len(COLUMNS)
    assert np.array_equal(table["measures_0"], archive.fields["measures"][:, 0])
    assert np.array_equal(table["objective"], archive.fields["objective"])


def test_csv_gives_every_digit_back(archive, tmp_path):
    write_table(elites(archive), tmp_path / "e.csv", "csv")
    with open(tmp_path / "e.csv", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == COLUMNS
    got = np.array(rows, dtype=float).T
    for name, values in zip(head, got, strict=True):
        column = elites(archive)[name]
        assert np.array_equal(values.astype(column.dtype), column), name


def test_npz_holds_the_columns_without_pickle(archive, tmp_path):
    write_table(elites(archive), tmp_path / "e.npz", "npz")
    with np.load(tmp_path / "e.npz", allow_pickle=False) as file:
        assert sorted(file.files) == sorted(COLUMNS)
        for name in COLUMNS:
            assert np.array_equal(file[name], elites(archive)[name])


def test_parquet_holds_the_columns_with_their_types(archive, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(elites(archive), tmp_path / "e.parquet", "parquet")
    table = parquet.read_table(tmp_path / "e.parquet")
    assert table.column_names == COLUMNS
    for name in COLUMNS:
        column = elites(archive)[name]
        got = table[name].to_numpy()
        assert got.dtype == column.dtype
        assert np.array_equal(got, column)


def test_parquet_without_pyarrow_says_what_to_install(archive, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(QDError, match=r"pip install 'qd-evolution\[parquet\]'"):
        write_table(elites(archive), tmp_path / "e.parquet", "parquet")
    assert not (tmp_path / "e.parquet").exists()


def test_ragged_solutions_are_json_text_lists_or_two_arrays(ragged, tmp_path):
    table = elites(ragged)
    assert next(iter(table)) == "solution"
    rows = [[5, 6, 7], [], [8]]
    write_table(table, tmp_path / "e.csv", "csv")
    with open(tmp_path / "e.csv", newline="") as file:
        assert [json.loads(row["solution"]) for row in csv.DictReader(file)] == rows
    write_table(table, tmp_path / "e.npz", "npz")
    with np.load(tmp_path / "e.npz", allow_pickle=False) as file:
        assert file["solution.offsets"].tolist() == [0, 3, 3, 4]
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(table, tmp_path / "e.parquet", "parquet")
    assert parquet.read_table(tmp_path / "e.parquet")["solution"].to_pylist() == rows


@pytest.mark.parametrize("form", ["npz", "csv", "parquet"])
def test_an_empty_archive_makes_an_empty_table(form, tmp_path):
    empty = StoredArchive(
        "GridArchive",
        {"objective": np.zeros(0), "measures": np.zeros((0, 2)), "solution": np.zeros((0, 3))},
    )
    table = elites(empty)
    assert list(table)[:4] == ["solution_0", "solution_1", "solution_2", "objective"]
    write_table(table, tmp_path / f"e.{form}", form)
    if form == "csv":
        assert (tmp_path / "e.csv").read_text().count("\n") == 1


def test_damaged_rows_and_bad_targets_are_refused(archive, tmp_path):
    with pytest.raises(QDError, match="--format xlsx: wanted one of npz, csv, parquet"):
        write_table(elites(archive), tmp_path / "e", "xlsx")
    with pytest.raises(QDError, match="cannot be written"):
        write_table(elites(archive), tmp_path / "nowhere" / "e.csv", "csv")
    archive.fields["solution"] = archive.fields["solution"][:2]
    with pytest.raises(QDError, match="solution has 2 rows, objective 3"):
        elites(archive)
