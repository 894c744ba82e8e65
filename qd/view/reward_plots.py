"""Pictures of evolved rewards: true success while learners train, and a map with what each reward teaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rng import row_seeds
from qd.view.archive_plots import elites_of, solutions_of
from qd.view.scene import Scene, checked_scene
from qd.view.space_axes import MeasureAxes, name_axes
from qd.view.style import NOTE_SIZE, VALUE_MAP, color_bar, color_map, figure, limits, number_axis, plain, put_title

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe and Ito
MARKERS = "osD^vPX"
SKETCHES = 8  # sketches along each measure of a map, at most


def success_figure(
    arms: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    summary: Any,
    steps: NDArray[np.float64] | None = None,
    note: str = "held-out layouts",
) -> Any:
    """Curves of true success with their 95 % intervals.

    Args:
        arms: name -> (T,) means and (T,) half widths of the intervals, NaN where there is none.
        summary: of the run.
        steps: (T,) learner steps; by default parts of the training.
        note: under the title.
    """
    fig = figure(3.6)
    axes = fig.add_subplot()
    for i, (name, (mean, half)) in enumerate(arms.items()):
        x = np.arange(1, len(mean) + 1) / len(mean) if steps is None else steps
        color = COLORS[i % len(COLORS)]
        axes.plot(x, mean, color=color, marker=MARKERS[i % len(MARKERS)], markersize=4, label=plain(name))
        half = np.nan_to_num(half)
        axes.fill_between(
            x, np.clip(mean - half, 0, 1), np.clip(mean + half, 0, 1), color=color, alpha=0.15, linewidth=0
        )
    name_axes(axes, "share of the training" if steps is None else "learner steps", "true success")
    axes.set_ylim(-0.03, 1.03)
    number_axis(axes.xaxis)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=NOTE_SIZE, frameon=False, loc="best")
    put_title(fig, summary, note)
    return fig


def selected_curves(result: Any) -> Any | None:
    """The selected reward's learners beside those of the one it is compared with; None where no curve was tested."""
    curve = np.asarray(result.populations.get("test_curve", ()), np.float64)
    if curve.ndim != 2 or not 1 <= len(curve) <= 2:
        return None
    spread = np.asarray(result.populations.get("test_curve_interval", np.full(curve.shape, np.nan)), np.float64)
    names = ("evolved", "to begin with")
    return success_figure({names[i]: (curve[i], spread[i]) for i in range(len(curve))}, result.summary)


def sketch_map(result: Any, known: MeasureAxes) -> Any | None:
    """The first grid of two measures as a map of sketches, of a live run whose problem makes them; else None."""
    if result.experiment is None:
        return None
    problem = result.experiment.problem
    for archive in result.archives.values():
        elites = elites_of(archive)
        if elites is None or elites.shape != "grid" or elites.low is None or len(elites.dims) != 2 or not len(elites):
            continue
        solutions = solutions_of(archive)
        if len(solutions) != len(elites):
            continue
        chosen = spread_out(elites.measures, elites.objective)
        seeds = row_seeds(result.experiment.seed, np.arange(len(elites), dtype=np.uint64))
        try:
            sketches = [problem.sketch(solutions[i], int(seeds[i])) for i in chosen]
        except QDError:
            return None
        scenes = [checked_scene(raw) for raw in sketches]
        names = known.labels(2)
        return sketches_figure(elites.measures[chosen], elites.objective[chosen], scenes, names, result.summary)
    return None


def spread_out(measures: NDArray[np.float64], objective: NDArray[np.float64]) -> NDArray[np.int64]:
    """(k,) rows: the best of each of SKETCHES x SKETCHES equal parts of where the elites are."""
    low, high = measures.min(axis=0), measures.max(axis=0)
    wide = np.where(high > low, high - low, 1.0)
    part = np.minimum((SKETCHES * (measures - low) / wide).astype(np.int64), SKETCHES - 1)
    order = np.argsort(-objective, kind="stable")
    _, first = np.unique(part[order] @ np.array([SKETCHES, 1]), return_index=True)
    return np.sort(order[first])


def sketches_figure(
    measures: NDArray[np.float64], objective: NDArray[np.float64], scenes: Sequence[Scene], names: Any, summary: Any
) -> Any:
    """A small drawing for each elite in the part of the map where it lies, framed in the colour of its objective.

    Args:
        measures: (k, 2). objective: (k,). scenes: k drawings. names: of the two measures. summary: of the run.
    """
    low, high = measures.min(axis=0), measures.max(axis=0)
    wide = np.where(high > low, high - low, 1.0)
    part = np.minimum((SKETCHES * (measures - low) / wide).astype(np.int64), SKETCHES - 1)
    fig = figure(6.2)
    axes = fig.add_subplot()
    least, most = limits(objective)
    colors = color_map(VALUE_MAP)
    for (column, row), value, scene in zip(part, objective, scenes, strict=True):
        extent = scene.extent()
        if not len(extent):
            continue
        middle, size = (extent.min(axis=0) + extent.max(axis=0)) / 2, np.ptp(extent, axis=0).max() or 1.0
        frame = colors((value - least) / (most - least) if most > least else 0.5)
        axes.fill_between([column + 0.03, column + 0.97], row + 0.03, row + 0.97, facecolor=frame, alpha=0.22,
                          edgecolor=frame, linewidth=1.5)  # fmt: skip
        flip = np.array([1.0, -1.0 if scene.invert_y else 1.0])
        for i, line in enumerate(scene.lines):
            way = i == len(scene.lines) - 1  # the last line is the way
            at = (line - middle) / size * 0.85 * flip + np.array([column, row]) + 0.5
            axes.plot(*at.T, "-", color="#0b3d63" if way else "0.35", linewidth=1.3 if way else 0.9)
    ticks = np.linspace(0, SKETCHES, 5)
    for axis, i in ((axes.xaxis, 0), (axes.yaxis, 1)):
        axis.set_ticks(ticks, [f"{low[i] + wide[i] * tick / SKETCHES:.2g}" for tick in ticks])
    axes.set(xlim=(0, SKETCHES), ylim=(0, SKETCHES), aspect="equal")
    name_axes(axes, names[0], names[1])
    color_bar(axes, "objective", objective, VALUE_MAP)
    put_title(fig, summary, "what each reward teaches: the trained policy's way through one layout")
    return fig
