"""One picture an archive, live or stored: cells through pyribs' plots, unstructured archives as points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.store.archive_file import StoredArchive
from qd.view.scene import Scene, label_scene
from qd.view.space_axes import MeasureAxes, finish_plane, name_axes, plane
from qd.view.style import (
    EMPTY,
    LABEL_SIZE,
    POINTS,
    TICK_SIZE,
    TIME_MAP,
    VALUE_MAP,
    color_bar,
    color_map,
    figure,
    limits,
    number_axis,
    put_title,
    text_width,
    wrapped,
)

_LINES = 2000  # elites in a picture of parallel axes: more make one patch of colour, and a slow one
_AXES = 12  # parallel axes that fit side by side
_VECTOR_CELLS = 5000  # beyond it a PDF holds cells and points as pixels


@dataclass
class Elites:
    """What a picture needs of an archive.

    Args:
        shape: grid, cvt or points.
        objective: (k,).
        measures: (k, m).
        index: (k,) cell numbers; of an unstructured archive the order of entry.
        low, high: (m,) the archive's own bounds, or None.
        cells: of the grid or tessellation; 0 where there are none.
        dims: cells along each measure of a grid.
        centroids: (cells, m) of a tessellation.
        by_entry: the objective says nothing here, the order of entry does.
        label: what the objective is.
        one, many: what a row is called.
    """

    shape: str
    objective: NDArray[np.float64]
    measures: NDArray[np.float64]
    index: NDArray[np.int64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None
    cells: int = 0
    dims: tuple[int, ...] = ()
    centroids: NDArray[np.float64] | None = None
    by_entry: bool = False
    label: str = "objective"
    one: str = "elite"
    many: str = "elites"

    def __len__(self) -> int:
        return len(self.objective)

    @property
    def color(self) -> tuple[NDArray[np.float64], str, str]:
        """(k,) what the colour shows, its name, and the map for it."""
        if self.by_entry:
            return self.index.astype(np.float64), "order of entry", TIME_MAP
        return self.objective, self.label, VALUE_MAP

    def frame(self) -> Any:
        """The elites as pyribs' plots take them; their colour stands where the objective is expected."""
        from ribs.archives import ArchiveDataFrame

        columns: dict[str, Any] = {"index": self.index, "objective": self.color[0]}
        columns |= {f"measures_{j}": column for j, column in enumerate(self.measures.T)}
        return ArchiveDataFrame(columns)


def elites_of(archive: Any) -> Elites | None:
    """The elites of a live archive (ours or pyribs') or a StoredArchive; None where it has none."""
    if isinstance(archive, StoredArchive):
        fields, about, kind = archive.fields, dict(archive.meta), archive.kind
    elif hasattr(archive, "data"):
        names = [name for name in ("objective", "measures", "index") if name in archive.field_list]
        fields, kind = archive.data(names, return_type="dict"), type(archive).__name__
        keys = ("dims", "lower_bounds", "upper_bounds", "cells", "k_neighbors")
        about = {key: getattr(archive, key) for key in keys if getattr(archive, key, None) is not None}
        if hasattr(archive, "centroids"):
            fields = {**fields, "centroids": archive.centroids}
    else:
        return None
    if "objective" not in fields or "measures" not in fields:
        return None
    objective = np.asarray(fields["objective"], np.float64)
    measures = np.asarray(fields["measures"], np.float64)
    if measures.ndim == 1:
        measures = measures[:, None]
    index = np.asarray(fields.get("index", np.arange(len(objective))), np.int64)
    if objective.ndim != 1 or measures.ndim != 2 or measures.shape[1] == 0:
        return None
    elites = Elites("points", objective, measures, index, by_entry="k_neighbors" in about)
    if "lower_bounds" in about and "upper_bounds" in about:
        elites.low = np.atleast_1d(np.asarray(about["lower_bounds"], np.float64))
        elites.high = np.atleast_1d(np.asarray(about["upper_bounds"], np.float64))
    if elites.low is not None and "centroids" in fields:
        elites.shape, elites.centroids = "cvt", np.asarray(fields["centroids"], np.float64)
        elites.cells = len(elites.centroids)
    elif elites.low is not None and "dims" in about:
        elites.dims = tuple(int(count) for count in np.atleast_1d(about["dims"]))
        elites.cells = int(np.prod(elites.dims))
        if kind != "SlidingBoundariesArchive":  # its borders move, so its cells are no even grid
            elites.shape = "grid"
    return elites


def archive_figure(name: str, elites: Elites, axes: MeasureAxes, scene: Scene, summary: Any) -> Any:
    """The picture of one archive."""
    m = elites.measures.shape[1]
    one, many = ("entry", "entries") if elites.by_entry else (elites.one, elites.many)
    title = "archive" if name == "archive" else f"archive {name!r}"
    note = f"{title}: {len(elites):,} {one if len(elites) == 1 else many}"
    if elites.cells:
        note += f" in {elites.cells:,} cells ({100 * len(elites) / elites.cells:.1f} %)"
    if not len(elites):
        note += ", nothing to show"
    if m == 1:
        return _strip(elites, axes, summary, note)
    if m == 2:
        return _map(elites, axes, scene, summary, note)
    return _parallel(elites, axes, summary, note)


def _geometry(elites: Elites) -> Any:
    """An archive of pyribs with the same cells and nothing in it: its plots take the elites beside it."""
    from ribs.archives import CVTArchive, GridArchive

    assert elites.low is not None
    assert elites.high is not None
    ranges = list(zip(elites.low, elites.high, strict=True))
    if elites.shape == "cvt":
        return CVTArchive(solution_dim=1, centroids=elites.centroids, ranges=ranges)
    return GridArchive(solution_dim=1, dims=elites.dims, ranges=ranges)


def _heatmap(elites: Elites, axes: Any, aspect: str) -> None:
    from ribs.visualize import cvt_archive_heatmap, grid_archive_heatmap

    values, _, cmap = elites.color
    low, high = limits(values)
    settings: dict[str, Any] = {
        "df": elites.frame(),
        "cmap": color_map(cmap),
        "aspect": aspect,
        "vmin": low,
        "vmax": high,
        "cbar": None,
        "rasterized": elites.cells > _VECTOR_CELLS,
    }
    if elites.shape == "cvt":
        settings |= {"ec": "#ffffff", "lw": float(np.clip(300 / elites.cells, 0.1, 0.5))}
        cvt_archive_heatmap(_geometry(elites), axes, **settings)
    else:
        grid_archive_heatmap(_geometry(elites), axes, **settings)
    axes.set_facecolor(EMPTY)


def _bar(elites: Elites, axes: Any, under: float = 0.0) -> None:
    values, label, cmap = elites.color
    if len(elites):
        color_bar(axes, label, values, cmap, whole=elites.by_entry, under=under)


def _map(elites: Elites, known: MeasureAxes, scene: Scene, summary: Any, note: str) -> Any:
    """Two measures: cells, or points over the scene."""
    low, high = known.bounds(elites.measures, elites.low, elites.high)
    scene = scene if len(known.names) == 2 else Scene()
    aspect, height = plane(low, high)
    fig = figure(height)
    axes = fig.add_subplot()
    if elites.shape == "points":
        values, _, cmap = elites.color
        ends = limits(values)
        axes.scatter(
            *elites.measures.T, c=values, cmap=color_map(cmap), vmin=ends[0], vmax=ends[1],
            s=point_size(len(elites)), linewidths=0, rasterized=len(elites) > _VECTOR_CELLS, zorder=2,
        )  # fmt: skip
    else:
        _heatmap(elites, axes, aspect)
    _bar(elites, axes)
    finish_plane(axes, known.labels(2), low, high, aspect, scene)
    put_title(fig, summary, note)
    label_scene(axes, scene)
    return fig


def _strip(elites: Elites, known: MeasureAxes, summary: Any, note: str) -> Any:
    """One measure: a strip of cells, or entries against their order."""
    low, high = known.bounds(elites.measures, elites.low, elites.high)
    points = elites.shape == "points"
    fig = figure(3.4 if points else 2.4)
    axes = fig.add_subplot()
    values, label, cmap = elites.color
    if points:
        ends = limits(values)
        axes.scatter(
            elites.measures[:, 0], values, c=values, cmap=color_map(cmap), vmin=ends[0], vmax=ends[1],
            s=point_size(len(elites)), linewidths=0, rasterized=len(elites) > _VECTOR_CELLS,
        )  # fmt: skip
        number_axis(axes.yaxis, whole=elites.by_entry)
        axes.set_xlim(low[0], high[0])
        name_axes(axes, known.labels(1)[0], label)
    else:
        _heatmap(elites, axes, "auto")
        name_axes(axes, known.labels(1)[0], "")
    number_axis(axes.xaxis)
    if not points:
        _bar(elites, axes)
    put_title(fig, summary, note)
    return fig


def _parallel(elites: Elites, known: MeasureAxes, summary: Any, note: str) -> Any:
    """Three measures and more: one axis each, one line an elite, the best (or latest) on top."""
    from types import SimpleNamespace

    from ribs.visualize import parallel_axes_plot

    m = elites.measures.shape[1]
    shown = min(m, _AXES)
    low, high = known.bounds(elites.measures, elites.low, elites.high)
    order = np.argsort(elites.color[0], kind="stable")
    if len(order) > _LINES:  # evenly from the worst to the best, both of them in
        order = order[np.linspace(0, len(order) - 1, _LINES).round().astype(np.int64)]
        note += f", {_LINES:,} of them drawn"
    if shown < m:
        note += f", {shown} of {m} measures"
    drawn = Elites("points", elites.objective[order], elites.measures[order], elites.index[order])
    drawn.by_entry, drawn.label = elites.by_entry, elites.label
    values, label, cmap = elites.color
    ends = limits(values)
    fig = figure(4.8)
    axes = fig.add_subplot()
    parallel_axes_plot(
        SimpleNamespace(measure_dim=m, lower_bounds=low, upper_bounds=high),
        axes,
        df=drawn.frame(),
        measure_order=list(range(shown)),
        cmap=color_map(cmap),
        vmin=ends[0],
        vmax=ends[1],
        linewidth=0.9,
        alpha=float(np.clip(150 / max(len(order), 1), 0.25, 0.8)),
        cbar=None,
    )
    for line in axes.lines:
        line.set_rasterized(len(order) > 500)
    _name_parallel(fig, axes, known.labels(m)[:shown])
    if len(elites):
        color_bar(axes, label, values, cmap, whole=elites.by_entry, under=0.13)
    put_title(fig, summary, note)
    return fig


def _name_parallel(fig: Any, axes: Any, names: list[str]) -> None:
    """Names over the axes, slanted where they are too wide to lie side by side; few numbers along each."""
    from matplotlib.patheffects import withStroke

    room = (fig.get_figwidth() - 0.5) * POINTS / (len(names) - 0.1)  # the outer names stand out by half
    words = [word for name in names for word in name.split()]
    slanted = any(text_width(word, LABEL_SIZE) > 0.9 * room for word in words) or any(
        wrapped(name, 0.9 * room, LABEL_SIZE, 3).endswith("…") for name in names
    )
    width = 110.0 if slanted else 0.9 * room
    axes.set_xticks(
        range(len(names)),
        [wrapped(name, width, LABEL_SIZE, 1 if slanted else 3) for name in names],
        fontsize=LABEL_SIZE,
        **({"rotation": 40, "ha": "left", "rotation_mode": "anchor"} if slanted else {}),
    )
    halo = [withStroke(linewidth=2.0, foreground="white")]
    for twin in fig.axes:
        twin.set_zorder(2 if twin is not axes else 1)
        twin.patch.set_visible(False)
        number_axis(twin.yaxis, 4)
        for text in twin.get_yticklabels():
            text.set_path_effects(halo)
        twin.tick_params("y", labelsize=TICK_SIZE - (1 if len(names) > 6 else 0), pad=2, length=3)


def point_size(count: int) -> float:
    """Area of a marker: large while there are few, never below what can be seen."""
    return float(np.clip(16000 / max(count, 1), 2.5, 24.0))


def solutions_of(archive: Any) -> NDArray[Any]:
    """(k, d) of an archive's elites; empty where it keeps none of that form."""
    if isinstance(archive, StoredArchive):
        return np.asarray(archive.fields.get("solution", np.zeros((0, 0))))
    found = archive.data("solution")
    return np.asarray(found) if isinstance(found, np.ndarray) else np.zeros((0, 0))
