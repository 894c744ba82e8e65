"""The elites of an archive as a table: npz, csv or parquet. One row an elite."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.ragged import Ragged
from qd.store.archive_file import StoredArchive
from qd.store.files import write_atomic

FORMATS = ("npz", "csv", "parquet")

Table = Mapping[str, "NDArray[Any] | Ragged"]  # column -> (k,) values, or Ragged with k rows


def elites(archive: StoredArchive) -> dict[str, NDArray[Any] | Ragged]:
    """The table of an archive: ``solution_0`` .., ``objective``, the measures by name, ``index`` (the cell), and
    what else the search keeps of an elite.

    Solutions of different lengths make one column ``solution``.

    Raises:
        QDError: the archive's arrays do not have a row an elite.
    """
    k = len(archive)
    columns: dict[str, NDArray[Any] | Ragged] = {}
    fields = dict(archive.fields)
    fields.pop("centroids", None)  # a row a cell
    values, offsets = fields.pop("solution.values", None), fields.pop("solution.offsets", None)
    if values is not None and offsets is not None:
        ragged = Ragged(values, offsets)
        _check_rows("solution", len(ragged), k)
        columns["solution"] = ragged
    order = ["solution", "objective", "measures", "index"]
    for name in [*order, *(name for name in fields if name not in order)]:
        if name not in fields:
            continue
        array = fields[name]
        _check_rows(name, len(array) if array.ndim else 0, k)
        if array.ndim == 1:
            columns[name] = array
            continue
        flat = array.reshape(k, -1) if k else array.reshape(0, int(np.prod(array.shape[1:])))
        titles = _titles(name, flat.shape[1], archive)
        for j, title in enumerate(titles):
            columns[title] = flat[:, j]
    return columns


def _check_rows(name: str, rows: int, k: int) -> None:
    if rows != k:
        raise QDError(f"archive: {name} has {rows} rows, objective {k}: the file is damaged")


def _titles(name: str, count: int, archive: StoredArchive) -> list[str]:
    """The columns of one field: the measures' own names where the problem declares them."""
    numbered = [f"{name}_{j}" for j in range(count)]
    declared = (archive.meta.get("measures") or {}).get("names") or []
    if name != "measures" or len(declared) != count:
        return numbered
    taken = {*archive.fields, *(title for title in declared if declared.count(title) > 1)}
    return [
        number if title in taken or title.startswith("solution") else title
        for number, title in zip(numbered, declared, strict=True)
    ]


def write_table(table: Table, path: Path, form: str) -> None:
    """Write a table atomically. Ragged columns are JSON text in csv, lists in parquet, two arrays in npz.

    Raises:
        QDError: an unknown format, a missing package, or a path that cannot be written.
    """
    writers = {"npz": _npz, "csv": _csv, "parquet": _parquet}
    if form not in writers:
        raise QDError(f"--format {form}: wanted one of {', '.join(FORMATS)}")
    data = writers[form](table)
    try:
        write_atomic(path, data)
    except OSError as error:
        raise QDError(f"--out {path}: cannot be written: {error.strerror or error}") from error


def _npz(table: Table) -> bytes:
    arrays: dict[str, NDArray[Any]] = {}
    for name, column in table.items():
        if isinstance(column, Ragged):
            arrays[f"{name}.values"], arrays[f"{name}.offsets"] = column.values, column.offsets
        else:
            arrays[name.replace("/", "_")] = column  # a zip would make folders of it
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _csv(table: Table) -> bytes:
    columns: list[list[Any]] = []
    for column in table.values():
        if isinstance(column, Ragged):
            columns.append([json.dumps(column.row(i).tolist()) for i in range(len(column))])
        else:
            # every digit of the column's own type: a float32 is not widened
            columns.append(column.astype(str).tolist() if column.dtype.kind == "f" else column.tolist())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def _parquet(table: Table) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise QDError(f"--format parquet needs pyarrow ({error}): pip install 'qd-evolution[parquet]'") from error
    columns = {}
    for name, column in table.items():
        if isinstance(column, Ragged):
            values = pyarrow.array(np.ascontiguousarray(column.values))
            columns[name] = pyarrow.LargeListArray.from_arrays(column.offsets, values)
        else:
            columns[name] = pyarrow.array(np.ascontiguousarray(column))
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()
