"""QDax' repertoires as files: ``genotypes``, ``fitnesses``, ``descriptors`` and ``centroids``, a row a cell.

https://github.com/adaptive-intelligent-robotics/QDax. An empty cell has the fitness -inf and zeros beside it. Up to 0.4
``MapElitesRepertoire.save`` writes these four as ``.npy`` files into a folder, the fitnesses as (cells,), and genotypes
raveled to one row each; from 0.5 on it saves nothing itself, and holds the fitnesses as (cells, 1). Both are read here,
as a folder or as one ``.npz``. A file ``qd.json`` beside them says what QDax has no room for: bounds, names, cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.interchange.rows import as_stored
from qd.store.archive_file import StoredArchive, read_arrays
from qd.store.files import read_json, write_atomic, write_json

NAMES = ("genotypes", "fitnesses", "descriptors", "centroids")
_NOTE = "qd.json"
_EVEN = 1e-4  # of a cell: centroids of a grid in float32 are not quite even


def write_repertoire(archive: Any, path: str | Path) -> Path:
    """Write an archive with cells as a repertoire.

    Args:
        archive: a grid or a tessellation, live or stored, with one objective and solutions of one width.
        path: a folder, for the ``load`` of QDax up to 0.4; or a file that ends in ``.npz``, whose arrays are those that
            a ``MapElitesRepertoire`` of 0.5 is made of.

    Raises:
        QDError: the archive has no cells, or what it keeps fits into no repertoire.
    """
    kept, out = as_stored(archive), Path(path)
    for name in ("solution", "objective", "measures", "index"):
        if name not in kept.fields:
            raise QDError(f"write_repertoire: the {kept.kind} keeps no {name} of one width, which a repertoire needs")
    if kept.fields["objective"].ndim != 1:
        raise QDError(f"write_repertoire: the {kept.kind} keeps fronts of several objectives, a repertoire keeps one")
    centroids = centers_of(kept)
    cells = len(centroids)
    index = np.asarray(kept.fields["index"], np.int64)
    solutions = np.asarray(kept.fields["solution"]).reshape(len(kept), -1)
    genotypes = np.zeros((cells, solutions.shape[1]), solutions.dtype)
    fitnesses, descriptors = np.full(cells, -np.inf, np.float32), np.zeros(centroids.shape, np.float32)
    genotypes[index], fitnesses[index] = solutions, kept.fields["objective"]
    descriptors[index] = kept.fields["measures"]
    arrays = {"genotypes": genotypes, "fitnesses": fitnesses, "descriptors": descriptors,
              "centroids": centroids.astype(np.float32)}  # fmt: skip
    try:
        if out.suffix == ".npz":
            arrays["fitnesses"] = fitnesses[:, None]
            write_atomic(out, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
            return out
        out.mkdir(parents=True, exist_ok=True)
        for name, array in arrays.items():
            write_atomic(out / f"{name}.npy", lambda file, array=array: np.save(file, array))  # type: ignore[misc]
        note = {key: kept.meta[key] for key in ("dims", "lower_bounds", "upper_bounds", "measures") if key in kept.meta}
        write_json(out / _NOTE, {"kind": kept.kind, **note})
    except OSError as error:
        raise QDError(f"{out}: cannot be written: {error.strerror or error}") from error
    return out


def read_repertoire(path: str | Path, ranges: Sequence[tuple[float, float]] | None = None) -> StoredArchive:
    """An archive from a repertoire on disk.

    Centroids that lie evenly are taken for a grid, whatever their order; else the archive is a tessellation.

    Args:
        path: the folder, or the ``.npz`` file.
        ranges: (low, high) of each measure of a tessellation; by default those of its centroids and elites.

    Raises:
        QDError: files are missing, damaged, or do not fit together. Objects are refused: nothing is executed.
    """
    source = Path(path)
    if source.is_dir():
        arrays = {}
        for name in NAMES:
            file = source / f"{name}.npy"
            if not file.is_file():
                raise QDError(f"{file}: not there; wanted the folder of a QDax repertoire: {', '.join(NAMES)}.npy")
            try:
                arrays[name] = np.load(file, allow_pickle=False)
            except (ValueError, OSError, EOFError) as error:
                raise QDError(f"{file}: refused: {error}. Only plain arrays are read") from error
    else:
        arrays = read_arrays(source)
    if missing := [name for name in NAMES if name not in arrays]:
        raise QDError(f"{source}: has no {', '.join(missing)}; wanted the arrays of a QDax repertoire")
    note = read_json(source / _NOTE) if source.is_dir() and (source / _NOTE).is_file() else None
    return _archive(arrays, ranges, note if isinstance(note, dict) else {}, str(source))


def from_repertoire(repertoire: Any, ranges: Sequence[tuple[float, float]] | None = None) -> StoredArchive:
    """An archive from a live repertoire of QDax; genotypes that are trees are raveled as ``ravel_pytree`` does.

    Args and errors as in ``read_repertoire``.
    """
    try:
        arrays = {name: np.asarray(getattr(repertoire, name)) for name in NAMES[1:]}
        leaves = [np.asarray(leaf) for leaf in _leaves(repertoire.genotypes)]
    except AttributeError as error:
        raise QDError(f"from_repertoire: got a {type(repertoire).__name__}, wanted a MapElitesRepertoire: {error}"
                      ) from error  # fmt: skip
    arrays["genotypes"] = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
    return _archive(arrays, ranges, {}, "from_repertoire")


def centers_of(kept: StoredArchive) -> NDArray[np.float64]:
    """(cells, m) the middles of an archive's cells, by cell number. Raises QDError where it has none."""
    if "centroids" in kept.fields:
        return np.asarray(kept.fields["centroids"], np.float64)
    if "dims" not in kept.meta or "lower_bounds" not in kept.meta or kept.kind == "SlidingBoundariesArchive":
        raise QDError(f"the {kept.kind} has no fixed cells, which a repertoire needs; put its elites into a grid: "
                      "qd.interchange.to_live(archive, dims=..., ranges=...)")  # fmt: skip
    dims, low, high = (np.atleast_1d(np.asarray(kept.meta[key], np.float64))
                       for key in ("dims", "lower_bounds", "upper_bounds"))  # fmt: skip
    axes = [a + (b - a) * (np.arange(int(n)) + 0.5) / n for n, a, b in zip(dims, low, high, strict=True)]
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)


def _archive(
    arrays: Mapping[str, NDArray[Any]],
    ranges: Sequence[tuple[float, float]] | None,
    note: Mapping[str, Any],
    where: str,
) -> StoredArchive:
    centroids = np.asarray(arrays["centroids"], np.float64)
    genotypes, descriptors = np.asarray(arrays["genotypes"]), np.asarray(arrays["descriptors"])
    fitnesses = np.asarray(arrays["fitnesses"])
    cells = len(centroids)
    if centroids.ndim != 2 or descriptors.shape != centroids.shape or len(genotypes) != cells:
        raise QDError(f"{where}: genotypes {genotypes.shape}, descriptors {descriptors.shape} and centroids "
                      f"{centroids.shape} do not fit; wanted a row a cell of each")  # fmt: skip
    if fitnesses.shape not in ((cells,), (cells, 1)):
        raise QDError(f"{where}: fitnesses of shape {fitnesses.shape}, wanted ({cells},) or ({cells}, 1); repertoires "
                      "of several objectives are not read")  # fmt: skip
    fitnesses = fitnesses.reshape(cells)
    index = np.flatnonzero(np.isfinite(fitnesses))
    fields: dict[str, NDArray[Any]] = {
        "solution": genotypes.reshape(cells, -1)[index],
        "objective": fitnesses[index],
        "measures": descriptors[index],
        "index": index.astype(np.int32),
    }
    meta: dict[str, Any] = {"measures": note.get("measures")}
    grid = _grid(centroids)
    if grid is not None:
        dims, low, high, number = grid
        fields["index"] = number[index].astype(np.int32)
        if note.get("dims") == dims:  # to the last digit
            low, high = note.get("lower_bounds", low), note.get("upper_bounds", high)
        meta |= {"dims": dims, "lower_bounds": low, "upper_bounds": high, "cells": cells}
        return StoredArchive("GridArchive", fields, meta)
    if ranges is None and note.get("lower_bounds") is not None:
        ranges = list(zip(note["lower_bounds"], note["upper_bounds"], strict=True))
    seen = np.concatenate([centroids, fields["measures"]])
    ends = np.asarray(ranges, np.float64) if ranges is not None else np.stack([seen.min(axis=0), seen.max(axis=0)], 1)
    if ends.shape != (centroids.shape[1], 2):
        raise QDError(
            f"ranges: got shape {ends.shape}, wanted one (low, high) for each of {centroids.shape[1]} measures"
        )
    fields["centroids"] = centroids
    meta |= {"lower_bounds": ends[:, 0].tolist(), "upper_bounds": ends[:, 1].tolist(), "cells": cells}
    return StoredArchive("CVTArchive", fields, meta)


def _grid(centroids: NDArray[np.float64]) -> tuple[list[int], list[float], list[float], NDArray[np.int64]] | None:
    """Dims, bounds and each centroid's number, the last measure running fastest; None where they are no even grid."""
    dims, low, high, places = [], [], [], []
    for axis in centroids.T:
        middles = np.unique(axis)
        width = float(np.ptp(middles)) / max(len(middles) - 1, 1)
        if len(middles) > 1:  # float32 may have split a middle in two
            middles = middles[np.concatenate([[True], np.diff(middles) > 0.5 * _widest(middles)])]
            width = float(np.ptp(middles)) / max(len(middles) - 1, 1)
        if len(middles) < 2 or np.abs(np.diff(middles) - width).max() > _EVEN * width:
            return None
        dims.append(len(middles))
        low.append(float(middles[0] - width / 2))
        high.append(float(middles[-1] + width / 2))
        places.append(np.rint((axis - middles[0]) / width).astype(np.int64))
    if int(np.prod(dims)) != len(centroids):
        return None
    number = np.ravel_multi_index(places, dims)
    return (dims, low, high, number) if len(np.unique(number)) == len(number) else None


def _widest(middles: NDArray[np.float64]) -> float:
    return float(np.diff(middles).max())


def _leaves(tree: Any) -> Iterator[Any]:
    """The arrays of a tree, in the order of ``ravel_pytree``: dicts by sorted key."""
    if isinstance(tree, Mapping):
        for key in sorted(tree):
            yield from _leaves(tree[key])
    elif isinstance(tree, list | tuple):
        for item in tree:
            yield from _leaves(item)
    elif tree is not None:
        yield tree


__all__ = ["NAMES", "centers_of", "from_repertoire", "read_repertoire", "write_repertoire"]
