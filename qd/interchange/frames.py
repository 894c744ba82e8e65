"""Elites as pandas data frames and as tables on disk, and archives from these: the inverse of ``qd export``."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.interchange.rows import as_stored
from qd.ragged import Ragged
from qd.store.archive_file import StoredArchive, read_arrays
from qd.store.export import FORMATS, elites

if TYPE_CHECKING:
    import pandas as pd

_KNOWN = ("solution", "objective", "measures", "index", "threshold", "id")


def to_frame(archive: Any, names: Literal["declared", "ribs"] = "declared") -> pd.DataFrame:
    """The elites of an archive, a row each: ``solution_0`` .., ``objective``, the measures, ``index``, and the rest.

    Args:
        archive: live, of qd or pyribs, or stored.
        names: ``"declared"`` calls the measures as the problem does; ``"ribs"`` calls them ``measures_0`` .. and gives
            pyribs' own ArchiveDataFrame, which its plots take as ``df=``.
    """
    import pandas as pd

    kept = as_stored(archive)
    if names == "declared":
        return pd.DataFrame({name: _cells(column) for name, column in elites(kept).items()})
    if names != "ribs":
        raise QDError(f"names: got {names!r}, wanted 'declared' or 'ribs'")
    from ribs.archives import ArchiveDataFrame

    plain = StoredArchive(kept.kind, kept.fields, {**kept.meta, "measures": None})
    return ArchiveDataFrame({name: _cells(column) for name, column in elites(plain).items()})


def _cells(column: NDArray[Any] | Ragged) -> Any:
    return [column.row(i) for i in range(len(column))] if isinstance(column, Ragged) else np.array(column)


def from_frame(
    frame: Any,
    measures: Sequence[str] | None = None,
    dims: Sequence[int] | None = None,
    ranges: Sequence[tuple[float, float]] | None = None,
) -> StoredArchive:
    """An archive from a data frame of elites, such as ``to_frame``, ``qd export`` or pyribs give.

    Args:
        frame: with a column ``objective`` (or ``objective_0`` .. of several), and ``solution_0`` .. or ``solution``.
        measures: names of the columns that are measures; by default ``measures_0`` .., else those between the
            objective and ``index``.
        dims: cells along each measure of a grid; with ``ranges``.
        ranges: (low, high) of each measure.

    Raises:
        QDError: columns are missing, or dims and ranges do not fit them.
    """
    columns: dict[str, Any] = {str(name): frame[name].to_numpy() for name in frame.columns}
    found = _measures(columns, measures)
    fields: dict[str, NDArray[Any]] = {}
    if "solution" in columns:
        rows = [_row(entry) for entry in columns.pop("solution")]
        ragged = Ragged.from_rows(rows, np.result_type(*rows) if rows else np.float64)
        fields["solution.values"], fields["solution.offsets"] = ragged.values, ragged.offsets
    for name in ("solution", "objective"):
        if (block := _block(columns, name)) is not None:
            fields[name] = block
    if "objective" not in fields:
        raise QDError(f"objective: not among the columns {list(frame.columns)[:20]}; wanted a table of elites")
    if "solution" not in fields and "solution.values" not in fields:
        raise QDError(f"solution_0: not among the columns {list(frame.columns)[:20]}; wanted a table of elites")
    k = len(fields["objective"])
    fields["measures"] = np.stack([columns.pop(name) for name in found], axis=1) if found else np.zeros((k, 0))
    for name in list(columns):
        stem = re.sub(r"_\d+$", "", name)
        if name in columns and (block := _block(columns, stem if f"{stem}_0" in columns else name)) is not None:
            fields[stem if block.ndim == 2 else name] = block
    return StoredArchive("Table" if dims is None else "GridArchive", fields, _meta(found, fields, dims, ranges))


def read_table(
    path: str | Path,
    measures: Sequence[str] | None = None,
    dims: Sequence[int] | None = None,
    ranges: Sequence[tuple[float, float]] | None = None,
) -> StoredArchive:
    """An archive from a csv, parquet or npz file as ``qd export`` writes it, or as pyribs' data frame is saved.

    A csv file has no types: its numbers are float64 or int64. Nothing in a file is executed.

    Args:
        path: the file; its ending says what it is.
        measures, dims, ranges: as in ``from_frame``.

    Raises:
        QDError: the file is missing, damaged, or no table of elites.
    """
    import pandas as pd

    file = Path(path)
    form = file.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        raise QDError(f"{file}: wanted a file that ends in .{', .'.join(FORMATS)}")
    if not file.is_file():
        raise QDError(f"{file}: not there")
    try:
        if form == "npz":
            frame = pd.DataFrame(_of_npz(read_arrays(file)))
        elif form == "csv":
            with open(file, newline="") as lines:
                titles = next(csv.reader(lines), [])
            if len(set(titles)) < len(titles):
                raise QDError(f"{file}: two columns have the same name")
            texts = pd.read_csv(file, dtype=str, keep_default_na=False)
            frame = pd.DataFrame({name: _parsed(texts[name].to_numpy(str)) for name in texts.columns})
        else:
            frame = pd.read_parquet(file)
    except QDError:
        raise
    except Exception as error:  # each reader has errors of its own
        raise QDError(f"{file}: cannot be read as {form}: {error}") from error
    try:
        return from_frame(frame, measures, dims, ranges)
    except QDError as error:
        raise QDError(f"{file}: {error}") from error


def _parsed(texts: NDArray[np.str_]) -> NDArray[Any]:
    """A column of text as whole numbers, numbers to the last digit, truths, or as it is."""
    if not len(texts):
        return np.zeros(0)
    if set(texts.tolist()) <= {"True", "False"}:
        return texts == "True"
    for kind in (np.int64, np.float64):
        try:
            return np.where(texts == "", "nan", texts).astype(kind)
        except (ValueError, OverflowError):
            continue
    return texts.astype(object)


def _of_npz(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, values in arrays.items():
        stem, _, part = name.rpartition(".")
        if part == "values" and f"{stem}.offsets" in arrays:
            columns[stem] = _cells(Ragged(values, arrays[f"{stem}.offsets"]))
        elif not (part == "offsets" and f"{stem}.values" in arrays):
            columns[name] = values
    return columns


def _row(entry: Any) -> NDArray[Any]:
    """One solution of its own length: JSON text, a list, or an array."""
    try:
        return np.asarray(json.loads(entry) if isinstance(entry, str) else entry).reshape(-1)
    except ValueError as error:
        raise QDError(f"solution: {str(entry)[:60]!r} is no list of numbers") from error


def _measures(columns: dict[str, Any], given: Sequence[str] | None) -> list[str]:
    """Which columns are measures."""
    if given is not None:
        if missing := [name for name in given if name not in columns]:
            raise QDError(f"measures: {missing} are not among the columns {list(columns)[:20]}")
        return list(given)
    names = list(columns)
    numbered = [name for name in names if re.fullmatch(r"measures_\d+", name)]
    if numbered:
        return numbered
    end = names.index("index") if "index" in names else None
    start = next((i for i, name in enumerate(names) if re.fullmatch(r"objective(_\d+)?", name)), None)
    if start is None or end is None or end < start:
        return []
    return [name for name in names[start + 1 : end] if not re.fullmatch(r"objective_\d+", name)]


def _block(columns: dict[str, Any], name: str) -> NDArray[Any] | None:
    """A field out of its columns, ``name`` or ``name_0`` .., which are taken."""
    if name in columns:
        column: NDArray[Any] = np.asarray(columns.pop(name))
        return column if column.dtype != object else column.astype(str)
    parts: list[NDArray[Any]] = []
    while f"{name}_{len(parts)}" in columns:
        parts.append(columns.pop(f"{name}_{len(parts)}"))
    return np.stack(parts, axis=1) if parts else None


def _meta(
    names: list[str],
    fields: dict[str, NDArray[Any]],
    dims: Sequence[int] | None,
    ranges: Sequence[tuple[float, float]] | None,
) -> dict[str, Any]:
    m = fields["measures"].shape[1]
    meta: dict[str, Any] = {"measures": None}
    if (dims is not None and len(dims) != m) or (ranges is not None and len(ranges) != m):
        raise QDError(f"dims, ranges: got {dims} and {ranges} for {m} measures, wanted one of each a measure")
    if dims is not None and ranges is None:
        raise QDError(f"dims: got {list(dims)} without ranges; a grid needs both")
    if ranges is not None:
        low, high = (np.array([pair[side] for pair in ranges], np.float64) for side in (0, 1))
        if not (low < high).all():
            raise QDError(f"ranges: got {list(ranges)}, wanted low < high in each")
        meta |= {"lower_bounds": low.tolist(), "upper_bounds": high.tolist()}
        meta["measures"] = {"names": names, "low": low.tolist(), "high": high.tolist(), "dims": None}
    if dims is not None:
        meta |= {"dims": [int(size) for size in dims], "cells": int(np.prod(dims))}
    return meta


__all__ = ["from_frame", "read_table", "to_frame"]
