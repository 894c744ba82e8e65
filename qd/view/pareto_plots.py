"""Archives of several objectives: the front in objective space, and the hypervolume of each cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.store.archive_file import StoredArchive
from qd.view.archive_plots import Elites, point_size
from qd.view.space_axes import name_axes
from qd.view.style import (
    LINE,
    TIME_MAP,
    VALUE_MAP,
    color_bar,
    color_map,
    figure,
    limits,
    number_axis,
    put_title,
)

_KEYS = ("dims", "lower_bounds", "upper_bounds", "cells", "reference_point")
_REST = "#9a9a9a"  # what is off the first front
_MANY = 5000  # elites beyond which a PDF holds them as pixels


@dataclass
class Fronts:
    """What the pictures need of an archive with several objectives.

    Args:
        objective: (n, k).
        measures: (n, m).
        index: (n,) cells.
        ids: (n,) evaluation numbers, or None.
        about: dims, lower_bounds, upper_bounds, cells, reference_point, as far as there are.
        centroids: (c, m) of a tessellation, or None.
    """

    objective: NDArray[np.float64]
    measures: NDArray[np.float64]
    index: NDArray[np.int64]
    ids: NDArray[np.int64] | None
    about: dict[str, Any]
    centroids: NDArray[np.float64] | None = None


def fronts_of(archive: Any) -> Fronts | None:
    """The elites of an archive, live or stored, whose objective has several columns; None of others."""
    if isinstance(archive, StoredArchive):
        fields, about = archive.fields, dict(archive.meta)
    elif hasattr(archive, "data") and np.ndim(getattr(archive, "objective_dim", ())) == 0:
        names = [name for name in ("objective", "measures", "index", "id") if name in archive.field_list]
        fields = dict(archive.data(names, return_type="dict"))
        about = {key: getattr(archive, key) for key in _KEYS if getattr(archive, key, None) is not None}
        if hasattr(archive, "centroids"):
            fields["centroids"] = archive.centroids
    else:
        return None
    objective = np.asarray(fields.get("objective", ()), np.float64)
    if objective.ndim != 2 or objective.shape[1] < 2:
        return None
    n = len(objective)
    return Fronts(
        objective,
        np.asarray(fields.get("measures", np.zeros((n, 0))), np.float64),
        np.asarray(fields.get("index", np.zeros(n)), np.int64),
        np.asarray(fields["id"], np.int64) if "id" in fields else None,
        about,
        np.asarray(fields["centroids"], np.float64) if "centroids" in fields else None,
    )


def cells_of(fronts: Fronts) -> Elites | None:
    """One row a cell, as a picture of an archive takes it: its hypervolume, or its size without a reference point.

    None where there is only one cell.
    """
    import operators

    about = fronts.about
    if int(about.get("cells", 1)) == 1 or fronts.measures.shape[1] == 0:
        return None
    order = np.argsort(fronts.index, kind="stable")
    cells, starts = np.unique(fronts.index[order], return_index=True)
    groups = np.split(order, starts[1:]) if len(order) else []
    if about.get("reference_point") is None:
        values, label = [float(len(rows)) for rows in groups], "elites in the cell"
    else:
        values = [operators.hypervolume(fronts.objective[rows], about["reference_point"]) for rows in groups]
        label = "hypervolume"
    low, high = (np.atleast_1d(np.asarray(about[f"{end}_bounds"], np.float64)) for end in ("lower", "upper"))
    elites = Elites("grid", np.array(values), fronts.measures[order[starts]], cells, low, high, int(about["cells"]))
    elites.label, elites.one, elites.many = label, "front", "fronts"
    if fronts.centroids is not None:
        elites.shape, elites.centroids = "cvt", fronts.centroids
    else:
        elites.dims = tuple(int(count) for count in np.atleast_1d(about["dims"]))
    return elites


def front_figure(name: str, fronts: Fronts, names: tuple[str, ...], summary: Any) -> Any:
    """The elites in the space of their first two objectives, those that no other dominates in colour.

    The colour is the third objective, or with two the evaluation number where it is known.
    """
    import operators

    objective, k = fronts.objective, fronts.objective.shape[1]
    first = operators.non_dominated(objective)
    names = names if len(names) == k else tuple(f"objective {j + 1}" for j in range(k))
    fig = figure(4.6)
    axes = fig.add_subplot()
    size, many = point_size(len(objective)), len(objective) > _MANY
    axes.scatter(*objective[~first, :2].T, color=_REST, s=size, linewidths=0, rasterized=many, zorder=2)
    front = objective[first]
    order = np.argsort(front[:, 0], kind="stable")
    if k > 2:
        values, label, cmap = front[:, 2], names[2], VALUE_MAP
    elif fronts.ids is not None and first.sum() > 1:
        values, label, cmap = fronts.ids[first].astype(np.float64), "evaluation", TIME_MAP
    else:
        values, label, cmap = np.zeros(0), "", TIME_MAP
    if k == 2:  # all between the points is dominated: the front is a staircase
        axes.step(*front[order].T, where="pre", color=LINE, linewidth=0.8, alpha=0.6, zorder=3)
    settings: dict[str, Any] = {"color": LINE}
    if values.size:
        low, high = limits(values)
        settings = {"c": values, "cmap": color_map(cmap), "vmin": low, "vmax": high}
    axes.scatter(*front[:, :2].T, s=max(size, 8.0), linewidths=0, rasterized=many, zorder=4, **settings)
    if values.size:
        color_bar(axes, label, values, cmap, whole=k == 2)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.margins(0.05)
    number_axis(axes.xaxis)
    number_axis(axes.yaxis)
    name_axes(axes, names[0], names[1])
    title = "archive" if name == "archive" else f"archive {name!r}"
    note = f"{title}: {len(objective):,} elite{'' if len(objective) == 1 else 's'}, "
    note += f"{int(first.sum()):,} of them on the front"
    if k > 3:
        note += f", 3 of {k} objectives"
    put_title(fig, summary, note)
    return fig
