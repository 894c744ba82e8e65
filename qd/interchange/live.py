"""Stored archives made live: ours, to search on or to look up cells in, and pyribs', for its emitters and plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.interchange.rows import as_stored
from qd.store.archive_file import StoredArchive

_OWN = ("solution", "objective", "measures", "threshold", "index", "centroids", "novelty")  # what archives keep anyhow


def to_live(
    archive: Any, dims: Sequence[int] | None = None, ranges: Sequence[tuple[float, float]] | None = None
) -> Any:
    """One of our archives with the same elites: a grid where the cells are known or given, else a ``NoveltyArchive``.

    Elites enter in their order; with other cells than they had, the best of each cell stays.

    Args:
        archive: stored or live, with solutions of one width.
        dims, ranges: cells along each measure, and (low, high) of each; its own by default.

    Raises:
        QDError: the elites fit into no such archive.
    """
    from archives import GridArchive, NoveltyArchive

    kept = as_stored(archive)
    columns, fields = _columns(kept)
    m = columns["measures"].shape[1]
    dims, ranges = _cells(kept, dims, ranges)
    try:
        if dims is not None and ranges is not None:
            live: Any = GridArchive(**fields, dims=dims, ranges=ranges, qd_score_offset=_offset(kept))
        else:
            fields.pop("threshold_min", None)
            live = NoveltyArchive(**fields, measure_dim=m, k_neighbors=int(kept.meta.get("k_neighbors", 15)))
        _fill(live, columns)
    except ValueError as error:
        raise QDError(f"to_live: {error}") from error
    return live


def to_ribs(
    archive: Any, dims: Sequence[int] | None = None, ranges: Sequence[tuple[float, float]] | None = None
) -> Any:
    """One of pyribs' archives with the same elites.

    A ``GridArchive`` where there is a grid, a ``CVTArchive`` where there are centroids, else a ``ProximityArchive``.
    ``qd.interchange.stored`` goes the other way.

    Args and errors as in ``to_live``.
    """
    from ribs.archives import CVTArchive, GridArchive, ProximityArchive

    kept = as_stored(archive)
    columns, fields = _columns(kept)
    dims, ranges = _cells(kept, dims, ranges)
    try:
        if "centroids" in kept.fields and ranges is not None:
            made: Any = CVTArchive(**fields, centroids=kept.fields["centroids"], ranges=ranges,
                                   qd_score_offset=_offset(kept))  # fmt: skip
        elif dims is not None and ranges is not None:
            made = GridArchive(**fields, dims=dims, ranges=ranges, qd_score_offset=_offset(kept))
        else:
            k, m = len(kept), columns["measures"].shape[1]
            made = ProximityArchive(**fields, measure_dim=m, k_neighbors=int(kept.meta.get("k_neighbors", 15)),
                                    novelty_threshold=0.0, initial_capacity=max(k, 1))  # fmt: skip
        _fill(made, columns)
    except ValueError as error:
        raise QDError(f"to_ribs: {error}") from error
    return made


def _columns(kept: StoredArchive) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """What is added, and the settings that any archive for it needs."""
    if "solution.values" in kept.fields:
        raise QDError(f"the solutions of the {kept.kind} differ in length, so no archive of arrays holds them; take "
                      "them from archive.fields or result.elites")  # fmt: skip
    for name in ("solution", "objective", "measures"):
        if name not in kept.fields:
            raise QDError(f"the {kept.kind} keeps no {name}, so no other archive can hold its elites")
    if kept.fields["objective"].ndim != 1:
        raise QDError(f"the {kept.kind} keeps fronts of several objectives; there is no archive of one for them")
    fine = np.isfinite(kept.fields["objective"]) & np.isfinite(kept.fields["measures"]).all(axis=1)
    columns = {name: np.asarray(kept.fields[name])[fine] for name in ("solution", "objective", "measures")}
    extra = {name: np.asarray(values)[fine] for name, values in kept.fields.items()
             if name not in _OWN and len(values) == len(fine) and values.dtype.kind in "biuf"}  # fmt: skip
    solution = columns["solution"]
    real = np.result_type(columns["objective"], columns["measures"], np.float32)
    settings = {
        "solution_dim": solution.shape[1:] if solution.ndim > 2 else solution.shape[1],
        "solution_dtype": solution.dtype,
        "objective_dtype": real,
        "measures_dtype": real,
        "extra_fields": {name: (values.shape[1:], values.dtype) for name, values in extra.items()},
    }
    return columns | extra, settings


def _cells(
    kept: StoredArchive, dims: Sequence[int] | None, ranges: Sequence[tuple[float, float]] | None
) -> tuple[Sequence[int] | None, Sequence[tuple[float, float]] | None]:
    """Dims and ranges as given, else the archive's own."""
    if ranges is None and "lower_bounds" in kept.meta and "upper_bounds" in kept.meta:
        low, high = (np.atleast_1d(np.asarray(kept.meta[f"{side}_bounds"], float)) for side in ("lower", "upper"))
        ranges = list(zip(low.tolist(), high.tolist(), strict=True))
    if dims is None and "dims" in kept.meta and kept.kind != "SlidingBoundariesArchive":  # its cells are no even grid
        dims = [int(size) for size in np.atleast_1d(kept.meta["dims"])]
    if dims is not None and ranges is None:
        raise QDError(f"dims: got {list(dims)} without ranges; a grid needs both")
    return dims, ranges


def _offset(kept: StoredArchive) -> float:
    return float(kept.meta.get("qd_score_offset", 0.0))


def _fill(live: Any, columns: dict[str, NDArray[Any]]) -> None:
    if len(columns["objective"]):
        live.add(**columns)


__all__ = ["to_live", "to_ribs"]
