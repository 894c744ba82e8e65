"""Pictures of a whole run: where its evaluations went, how its numbers grew, its best solution at work."""

from __future__ import annotations

import logging
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rng import row_seeds
from qd.view.archive_plots import point_size
from qd.view.scene import Scene, label_scene
from qd.view.space_axes import MeasureAxes, finish_plane, name_axes, plane
from qd.view.style import (
    LINE,
    NOTE,
    NOTE_SIZE,
    POINTS,
    TIME_MAP,
    TITLE_SIZE,
    color_bar,
    color_map,
    figure,
    limits,
    number_axis,
    percent,
    put_title,
    run_title,
    wrapped,
)

log = logging.getLogger("qd")

_PANELS = (
    ("coverage", "coverage [%]", 100.0),
    ("qd_score", "QD score", 1.0),
    ("hypervolume", "hypervolume", 1.0),
    ("best_objective", "best objective", 1.0),
)
_PAIRS = 3  # measures drawn against each other where there are more than two
_FEW = 30  # rows up to which each is marked


def metrics_figure(frame: Any, summary: Any) -> Any:
    """Coverage, QD score, hypervolume and best objective over evaluations; a panel without numbers is left out."""
    x = _column(frame, "evaluations")
    panels = [(label, scale * _column(frame, name)) for name, label, scale in _PANELS]
    panels = [(label, y) for label, y in panels if np.isfinite(y).any()]
    note = _failures(summary)
    fig = figure(1.35 * max(len(panels), 1) + 1.15)
    if not panels:
        axes = fig.add_subplot()
        axes.set_axis_off()
        axes.text(0.5, 0.5, note or "no numbers to show", ha="center", va="center", fontsize=TITLE_SIZE)
        put_title(fig, summary)
        return fig
    stack = fig.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (label, y) in zip(stack, panels, strict=True):
        there = np.isfinite(x) & np.isfinite(y)
        marker = "o" if there.sum() <= _FEW else ""
        axes.plot(x[there], y[there], color=LINE, linewidth=1.6, marker=marker, markersize=3)
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.02, y=0.08)
        name_axes(axes, "", label, height=1.3)
        number_axis(axes.yaxis, 4)
        if np.unique(y[there]).size == 1:
            axes.set_yticks(y[there][:1])  # the only value there is
    number_axis(stack[-1].xaxis, 5, whole=True)
    if np.unique(x).size == 1:
        stack[-1].set_xticks(x[:1])
    name_axes(stack[-1], "evaluations", panels[-1][0], height=1.3)
    fig.align_ylabels(stack)
    put_title(fig, summary, note)
    return fig


def _column(frame: Any, name: str) -> NDArray[np.float64]:
    import pandas as pd

    if name not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(pd.to_numeric(frame[name], errors="coerce"), np.float64)


def _failures(summary: Any) -> str:
    """A sentence where evaluations failed."""
    statuses = summary.get("statuses") or {}
    failed = sum(count for name, count in statuses.items() if name != "ok")
    if not failed:
        return ""
    if not statuses.get("ok"):
        return "no evaluation came out well: see failures.jsonl"
    return f"{failed:,} evaluation{'' if failed == 1 else 's'} did not come out well"


def positions_figure(positions: Any, known: MeasureAxes, scene: Scene, summary: Any) -> Any:
    """A run's evaluations in measure space, coloured by generation, the latest on top."""
    measures = np.asarray(positions["measures"], np.float64)
    generation = np.asarray(positions["generation"], np.float64)
    k, m = measures.shape
    note = f"{k:,} position{'' if k == 1 else 's'}"
    if share := percent(summary.get("coverage")):
        note += f", coverage {share}"
    low, high = known.bounds(measures)
    names = known.labels(m)
    if m > 2:
        return _corner(measures, generation, names, low, high, summary, note)
    aspect, height = plane(low, high) if m == 2 else ("auto", 3.6)
    fig = figure(height)
    axes = fig.add_subplot()
    y = measures[:, 1] if m == 2 else np.asarray(positions["id"], np.float64)
    _dots(axes, measures[:, 0], y, generation)
    color_bar(axes, "generation", generation, TIME_MAP, whole=True)
    if m == 2:
        scene = scene if len(known.names) == 2 else Scene()
        finish_plane(axes, names, low, high, aspect, scene)
    else:
        scene = Scene()
        axes.set_xlim(low[0], high[0])
        name_axes(axes, names[0], "evaluation")
        number_axis(axes.xaxis)
        number_axis(axes.yaxis, whole=True)
    put_title(fig, summary, note)
    label_scene(axes, scene)
    return fig


def _corner(
    measures: NDArray[Any],
    generation: NDArray[Any],
    names: list[str],
    low: Any,
    high: Any,
    summary: Any,
    note: str,
) -> Any:
    """The first measures against each other in the lower left triangle, the colour bar in the free corner."""
    if measures.shape[1] > _PAIRS:
        note += f", {_PAIRS} of {measures.shape[1]} measures"
    fig = figure(6.0)
    table = fig.subplots(_PAIRS - 1, _PAIRS - 1, sharex="col", sharey="row")
    for row in range(_PAIRS - 1):
        for column in range(_PAIRS - 1):
            axes, up = table[row, column], row + 1
            if column > row:
                axes.set_axis_off()
                continue
            _dots(axes, measures[:, column], measures[:, up], generation)
            axes.set(xlim=(low[column], high[column]), ylim=(low[up], high[up]))
            bottom, left = row == _PAIRS - 2, column == 0
            name_axes(axes, names[column] if bottom else "", names[up] if left else "", 2.3, 2.0)
            number_axis(axes.xaxis, 4)
            number_axis(axes.yaxis, 4)
    corner = table[0, -1]
    color_bar(corner, "generation", generation, TIME_MAP, whole=True, under=-0.5)
    put_title(fig, summary, note)
    return fig


def _dots(axes: Any, x: NDArray[Any], y: NDArray[Any], generation: NDArray[Any]) -> None:
    low, high = limits(generation)
    axes.scatter(
        x, y, c=generation, cmap=color_map(TIME_MAP), vmin=low, vmax=high,
        s=point_size(len(x)), linewidths=0, rasterized=True, zorder=2,
    )  # fmt: skip


def solution_figure(result: Any) -> Any | None:
    """The problem's own picture of the best solution, in the very episode that scored; None without one."""
    if result.experiment is None:
        log.info("no picture of the best solution: the run was loaded without its experiment")
        return None
    problem = result.experiment.problem
    try:
        best = result.best
        seed = int(row_seeds(result.experiment.seed, np.array([best["id"]], np.uint64))[0])
        drawn = problem.render(best["solution"], seed)
    except QDError as error:
        log.info("no picture of the best solution: %s", error)
        return None
    except Exception as error:  # a drawing that breaks must not cost the others
        log.warning("no picture of the best solution: %s.render: %r", problem.name, error)
        return None
    return _titled(drawn, result.summary, best)


def _titled(drawn: Any, summary: Any, best: Any) -> Any | None:
    """A problem's figure, or image (h, w, 3), with the run's title above all that is in it."""
    from matplotlib.figure import Figure

    if isinstance(drawn, np.ndarray) and drawn.ndim in (2, 3):
        image, drawn = drawn, figure(6.0 * drawn.shape[0] / drawn.shape[1])
        axes = drawn.add_subplot()
        axes.set_axis_off()
        axes.imshow(image)
    if not isinstance(drawn, Figure):
        log.info("no picture of the best solution: render gave %s, not a figure", type(drawn).__name__)
        return None
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.close(drawn)  # where the problem made it there
    width = drawn.get_figwidth() * POINTS
    title = wrapped(run_title(summary), width, TITLE_SIZE)
    note = f"best solution: objective {best['objective']:.4g}, evaluation {best['id']:,}"
    edge = 1.0 + 0.06 / drawn.get_figheight()
    note = wrapped(note, width, NOTE_SIZE)
    drawn.text(0.5, edge, note, ha="center", va="bottom", fontsize=NOTE_SIZE, color=NOTE)
    edge += (NOTE_SIZE * 1.5 * (note.count("\n") + 1)) / POINTS / drawn.get_figheight()
    drawn.text(0.5, edge, title, ha="center", va="bottom", fontsize=TITLE_SIZE)
    return drawn
