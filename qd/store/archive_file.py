"""archive.npz: the archives of a run as plain arrays, readable by numpy alone with ``allow_pickle=False``.

Keys are ``NAME/FIELD``, one row an elite: solution, objective, measures, index (the cell), and a search's own
fields. Ragged solutions are ``NAME/solution.values`` and ``NAME/solution.offsets``. ``meta`` is JSON text: kind,
dims, ranges, names of the measures. ``positions/FIELD`` is a sample of all evaluations.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.ragged import Ragged, Solutions
from qd.space import Measures
from qd.store.files import write_atomic
from qd.store.recorder import Recorder


@dataclass
class StoredArchive:
    """One archive as it lies on disk.

    Args:
        kind: the archive's class name, e.g. ``"GridArchive"``.
        fields: name -> (k, ...) array, one row an elite.
        meta: what else is needed to draw or rebuild it: dims, ranges, measure names.
    """

    kind: str
    fields: dict[str, NDArray[Any]] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.fields.get("objective", ()))

    def __repr__(self) -> str:
        return f"StoredArchive({self.kind}: {len(self)} elites, fields {', '.join(self.fields)})"

    def _repr_html_(self) -> str:
        """What a notebook shows: its numbers and a small map."""
        from archives.show import archive_html

        about = self.drawn
        cells = self.meta.get("cells") if "dims" in self.meta or "centroids" in self.fields else None
        empty = np.zeros((0, 0))
        kept = self.fields
        return archive_html(f"{self.kind} (stored)", kept.get("objective", empty), kept.get("measures", empty),
                            cells=cells, rows=[("fields", ", ".join(kept))], **about)  # fmt: skip

    @property
    def drawn(self) -> dict[str, Any]:
        """What a small map needs beside the columns: dims, low, high of a grid, and the measures' names."""
        even = self.kind != "SlidingBoundariesArchive"
        return {
            "dims": self.meta.get("dims") if even else None,
            "low": self.meta.get("lower_bounds"),
            "high": self.meta.get("upper_bounds"),
            "index": self.fields.get("index"),
            "names": (self.meta.get("measures") or {}).get("names") or (),
        }


def stored(archive: Any, space: Measures | None = None) -> StoredArchive:
    """A live archive, ours or pyribs', as ``read_archives`` would give it back; views of its columns.

    Args:
        archive: anything that ``archive.npz`` may hold.
        space: the measures' names and bounds, where they are known.
    """
    fields: dict[str, NDArray[Any]] = {}
    for key, values in _columns("", archive).items():
        fields[key.removeprefix("/")] = values
    about = _describe(archive)
    return StoredArchive(about["kind"], fields, {**about, "measures": _measures(space)})


def _columns(name: str, archive: Any) -> dict[str, NDArray[Any]]:
    """The arrays of an archive as they are written, ``NAME/FIELD``."""
    arrays: dict[str, NDArray[Any]] = {}
    if hasattr(archive, "column"):  # ours: views, so that a large archive is not copied to be written
        for key in archive.field_list:
            arrays |= _arrays(f"{name}/{key}", archive.column(key))
    else:
        arrays |= {f"{name}/{key}": np.asarray(v) for key, v in archive.data(return_type="dict").items()}
    if hasattr(archive, "centroids"):
        arrays[f"{name}/centroids"] = np.asarray(archive.centroids)
    return arrays


def write_archives(path: Path, archives: Mapping[str, Any], recorder: Recorder, extra: Mapping[str, Any]) -> None:
    """Write archive.npz atomically."""
    arrays: dict[str, NDArray[Any]] = {}
    meta: dict[str, Any] = {"archives": {}, "measures": _measures(recorder.space)}
    for name, archive in archives.items():
        meta["archives"][name] = _describe(archive)
        arrays |= _columns(name, archive)
    for key, values in recorder.positions().items():
        arrays[f"positions/{key}"] = values
    for number, best in enumerate(recorder.best.values()):  # in the order of summary.json's "best"
        arrays[f"best/{number}/solution"] = best["solution"]
    for name, batch in extra.items():
        arrays |= _arrays(f"population/{name}", batch)
    described = np.array(json.dumps(meta))
    write_atomic(path, lambda file: np.savez(file, meta=described, **arrays), sync=False)  # type: ignore[arg-type]


def _arrays(name: str, batch: Solutions) -> dict[str, NDArray[Any]]:
    """A column as it is written: one array, or two where its rows differ in length."""
    if isinstance(batch, Ragged):
        return {f"{name}.values": batch.values, f"{name}.offsets": batch.offsets}
    return {name: np.asarray(batch)}


def _measures(space: Measures | None) -> dict[str, Any] | None:
    return (
        None
        if space is None
        else {
            "names": list(space.names),
            "low": list(space.low),
            "high": list(space.high),
            "dims": list(space.dims) if space.dims else None,
        }
    )


def _describe(archive: Any) -> dict[str, Any]:
    meta: dict[str, Any] = {"kind": type(archive).__name__}
    for key in (
        "dims",
        "lower_bounds",
        "upper_bounds",
        "cells",
        "k_neighbors",
        "novelty_threshold",
        "qd_score_offset",
        "objective_dim",
        "front_size",
        "reference_point",
    ):
        value = getattr(archive, key, None)
        if value is not None:
            meta[key] = np.asarray(value).tolist()
    return meta


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an archive file. Raises QDError for a file that is damaged or holds pickled objects."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except FileNotFoundError:
        raise QDError(f"{path}: not there; the run has not written its archive yet") from None
    except (ValueError, TypeError, AttributeError, OSError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise QDError(f"{path}: refused: {error}. Only plain arrays are read, nothing in a file is executed") from error


def read_archives(path: Path) -> dict[str, StoredArchive]:
    """The archives of an archive file by name. Executes nothing."""
    arrays = read_arrays(path)
    if "meta" not in arrays:
        raise QDError(f"{path}: no 'meta' entry; not an archive file of this program")
    try:
        meta = json.loads(str(arrays["meta"]))
        archives = {
            name: StoredArchive(about["kind"], {}, {**about, "measures": meta["measures"]})
            for name, about in meta["archives"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise QDError(f"{path}: 'meta' is damaged: {error}") from error
    for key, values in arrays.items():
        name, _, name_field = key.partition("/")
        if name in archives:
            archives[name].fields[name_field] = values
    return archives
