"""How an archive shows itself in a notebook: its numbers in a table, and a small map."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archives.escape import escaped

_SIDE = 3.4  # inches of a picture
_DOTS = 20_000  # points in a picture at most
_CELLS = 250_000  # of a grid that is drawn as one


def table_html(title: str, rows: Iterable[tuple[str, object]], picture: str = "") -> str:
    """A title, rows of (name, value), and HTML beside them; names and values are shown as text."""
    quiet = "text-align:left;font-weight:normal;opacity:.7;white-space:nowrap;padding-right:1em"
    cells = "".join(
        f'<tr><th style="{quiet}">{escaped(name)}</th><td style="text-align:left">{escaped(value)}</td></tr>'
        for name, value in rows
    )
    table = f'<table style="margin:0">{cells}</table>'
    side = '<div style="display:flex;flex-wrap:wrap;gap:1.5em;align-items:flex-start">'
    return f"<div><b>{escaped(title)}</b>{side}<div>{table}</div>{picture}</div></div>"


def archive_html(
    kind: str,
    objective: ArrayLike,
    measures: ArrayLike,
    *,
    dims: Sequence[int] | None = None,
    low: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    index: ArrayLike | None = None,
    cells: int | None = None,
    names: Sequence[str] = (),
    rows: Iterable[tuple[str, object]] = (),
) -> str:
    """A table of an archive's numbers with a picture of its elites.

    Args:
        kind: its class.
        objective: (k,), or (k, n) of several. measures: (k, m).
        dims, low, high: the cells along each measure and the ends of each, where it is a grid.
        index: (k,) the number of each elite's cell; by default the cell that its measures lie in.
        cells: how many cells there are; None where there are none.
        names: of the measures.
        rows: further (name, value).
    """
    scores, places = np.asarray(objective, np.float64), np.asarray(measures, np.float64)
    k = len(scores)
    worth = scores if scores.ndim == 1 else scores.reshape(k, -1).sum(axis=1)
    finite = worth[np.isfinite(worth)]
    said: list[tuple[str, object]] = [("elites", f"{k:,}" if cells is None else f"{k:,} in {cells:,} cells")]
    if cells and scores.ndim == 1:  # a front has several in a cell
        said.append(("coverage", f"{k / cells:.1%}"))
    if finite.size:
        label = "objective" if scores.ndim == 1 else "sum of objectives"
        said.append((label, f"{finite.min():.6g} to {finite.max():.6g}, mean {finite.mean():.6g}"))
    labels = _labels(places, names)
    if places.ndim == 2 and places.shape[1]:
        shown = ", ".join(labels[:4]) + (f" and {len(labels) - 4} more" if len(labels) > 4 else "")
        said.append(("measures", shown))
    said += rows
    return table_html(
        kind, said, archive_picture(worth, places, dims=dims, low=low, high=high, index=index, names=names)
    )


def archive_picture(
    objective: ArrayLike,
    measures: ArrayLike,
    *,
    dims: Sequence[int] | None = None,
    low: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    index: ArrayLike | None = None,
    names: Sequence[str] = (),
) -> str:
    """An image of the elites over their first two measures, as HTML; empty where there is nothing to draw.

    Args as in ``archive_html``, objective (k,).
    """
    worth, places = np.asarray(objective, np.float64), np.asarray(measures, np.float64)
    if places.ndim != 2 or 0 in places.shape:
        return ""
    try:
        fine = np.isfinite(worth) & np.isfinite(places).all(axis=1)
        cells = None if index is None else np.asarray(index, np.int64)[fine]
        return _drawn(worth[fine], places[fine], dims, low, high, cells, _labels(places, names))
    except Exception:  # a picture is no reason for a notebook to show nothing
        return ""


def _labels(places: NDArray[np.float64], names: Sequence[str]) -> list[str]:
    """The measures' names, else their numbers."""
    m = places.shape[1] if places.ndim == 2 else 0
    return [str(name) for name in names] if len(names) == m else [f"measure {j}" for j in range(m)]


def _drawn(
    worth: NDArray[np.float64],
    places: NDArray[np.float64],
    dims: Sequence[int] | None,
    low: Sequence[float] | None,
    high: Sequence[float] | None,
    index: NDArray[np.int64] | None,
    labels: Sequence[str],
) -> str:
    from matplotlib.figure import Figure

    if not len(worth):
        return ""
    figure = Figure(figsize=(_SIDE + 0.9, _SIDE), dpi=96, layout="constrained")
    axes = figure.add_subplot()
    m = places.shape[1]
    note = "" if m <= 2 else f"the first 2 of {m} measures"
    if m == 2 and dims is not None and low is not None and high is not None and np.prod(dims) <= _CELLS:
        cells = _grid(worth, places, dims, low, high, index)
        image = axes.imshow(cells.T, origin="lower", aspect="auto", cmap="viridis", interpolation="nearest",
                            extent=(low[0], high[0], low[1], high[1]))  # fmt: skip
        axes.set_facecolor("#eeeeee")
    else:
        if len(worth) > _DOTS:
            some = np.linspace(0, len(worth) - 1, _DOTS).astype(np.int64)
            worth, places = worth[some], places[some]
        order = np.argsort(worth, kind="stable")  # the best on top
        y = places[order, 1] if m > 1 else worth[order]
        size = float(np.clip(3000 / len(worth), 1, 16))
        image = axes.scatter(places[order, 0], y, c=worth[order], s=size, cmap="viridis", linewidths=0)
    axes.set_xlabel(_plain(labels[0]), fontsize=8)
    axes.set_ylabel(_plain(labels[1]) if m > 1 else "objective", fontsize=8)
    axes.set_title(note, fontsize=8)
    axes.tick_params(labelsize=7)
    if m > 1:
        bar = figure.colorbar(image, ax=axes, pad=0.02)
        bar.ax.tick_params(labelsize=7)
        bar.set_label("objective", fontsize=8)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return f'<img alt="" src="data:image/png;base64,{b64encode(buffer.getvalue()).decode()}">'


def _grid(
    worth: NDArray[np.float64],
    places: NDArray[np.float64],
    dims: Sequence[int],
    low: Sequence[float],
    high: Sequence[float],
    index: NDArray[np.int64] | None,
) -> NDArray[np.float64]:
    """(dims) the best objective of each cell, NaN where there is none."""
    shape = tuple(int(size) for size in dims)
    values = np.full(shape, np.nan)
    if index is not None:
        where = np.unravel_index(index, shape)
    else:
        bottom, top, counts = np.asarray(low, float), np.asarray(high, float), np.asarray(dims)
        where = tuple(np.clip(((places - bottom) / (top - bottom) * counts).astype(np.int64), 0, counts - 1).T)
    np.fmax.at(values, where, worth)
    return values


def _plain(label: str) -> str:
    """A label without formulas, in one short line."""
    line = "".join(c if c.isprintable() else " " for c in str(label)).replace("$", r"\$")
    return line if len(line) <= 40 else f"{line[:39]}…"


def live_html(archive: Any) -> str:
    """``archive_html`` of an archive with the interface of this package."""
    kept = archive.data(["objective", "measures", "index"], return_type="dict")
    dims = getattr(archive, "dims", None)
    low, high = getattr(archive, "lower_bounds", None), getattr(archive, "upper_bounds", None)
    cells = None if hasattr(archive, "k_neighbors") else int(archive.cells)
    rows: list[tuple[str, object]] = []
    if cells is not None and np.ndim(archive.data("objective")) == 1:
        rows.append(("QD score", f"{float(archive.qd_score):.6g}"))
    if dims is not None:
        rows.append(("dims", " x ".join(str(int(size)) for size in dims)))
    dim = archive.solution_dim
    rows.append(("solution", f"{dim} gene{'' if dim == 1 else 's'}" if isinstance(dim, int) else f"shape {tuple(dim)}"))
    return archive_html(type(archive).__name__, kept["objective"], kept["measures"], dims=dims, low=low, high=high,
                        index=kept["index"], cells=cells, rows=rows)  # fmt: skip


__all__ = ["archive_html", "archive_picture", "live_html", "table_html"]
