"""Axes in measure space: names, ranges and shape of the picture, the same for archives and positions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.store.archive_file import read_arrays
from qd.store.files import RunFolder
from qd.view.scene import Scene, draw_scene
from qd.view.style import LABEL_SIZE, POINTS, WIDTH, number_axis, wrapped

_SPREAD = 4.0  # one measure's range over the other's: beyond it equal scales would make a sliver
_PLOT_WIDTH = 4.4  # inches that axes beside a colour bar get


@dataclass(frozen=True)
class MeasureAxes:
    """What is known of a problem's measures.

    Args:
        names: one a measure, as declared; empty where nothing is declared.
        low, high: declared bounds.
    """

    names: tuple[str, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    def labels(self, m: int) -> list[str]:
        """Names of m measures; by number where the declared ones are not of that width (a learned space)."""
        return list(self.names) if len(self.names) == m else [f"measure {i}" for i in range(m)]

    def bounds(self, measures: NDArray[Any], low: Any = None, high: Any = None) -> tuple[Any, Any]:
        """(m,) low and high ends: the given or declared bounds, or else those of the data; low < high."""
        m = measures.shape[1]
        if low is None or high is None:
            if len(self.names) == m:
                low, high = self.low, self.high
                if len(measures):  # a truth for metrics alone may lie outside
                    low, high = np.minimum(low, measures.min(axis=0)), np.maximum(high, measures.max(axis=0))
            elif len(measures):
                low, high = measures.min(axis=0), measures.max(axis=0)
                pad = 0.03 * (np.asarray(high, np.float64) - low)
                low, high = low - pad, high + pad
            else:
                low, high = np.zeros(m), np.ones(m)
        low, high = np.array(low, np.float64), np.array(high, np.float64)
        flat = high - low <= 1e-9 * np.maximum(np.abs(low), np.abs(high))
        pad = np.where(flat, np.maximum(0.1, 1e-3 * np.abs(low)), 0.0)
        return low - pad, high + pad


def measure_axes(result: Any) -> MeasureAxes:
    """The measures of a run: of its problem, or as its folder tells them."""
    if result.experiment is not None:
        problem = result.experiment.problem
        space = problem.truth_space or problem.measure_space
        return MeasureAxes() if space is None else MeasureAxes(space.names, space.low, space.high)
    if result.path is None:
        return MeasureAxes()
    meta = read_arrays(RunFolder(result.path).archive).get("meta")
    about = json.loads(str(meta)).get("measures") if meta is not None else None
    if not about:
        return MeasureAxes()
    return MeasureAxes(tuple(about["names"]), tuple(about["low"]), tuple(about["high"]))


def plane(low: Any, high: Any) -> tuple[str, float]:
    """Aspect and figure height for two measures: equal scales, unless that would make a sliver."""
    ratio = float((high[1] - low[1]) / (high[0] - low[0]))
    if not 1 / _SPREAD <= ratio <= _SPREAD:
        return "auto", 5.0
    return "equal", min(max(_PLOT_WIDTH * ratio, 1.6), 5.6) + 1.05


def finish_plane(axes: Any, names: list[str], low: Any, high: Any, aspect: str, scene: Scene) -> None:
    """View, names and numbers of two measures, and the scene over the picture."""
    if scene:
        extent = np.concatenate([scene.extent(), [low[:2], high[:2]]])
        low, high = extent.min(axis=0), extent.max(axis=0)
    margin = 0.01 * (np.asarray(high) - low)
    axes.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))
    axes.set_aspect(aspect)
    name_axes(axes, names[0], names[1])
    number_axis(axes.xaxis)
    number_axis(axes.yaxis)
    draw_scene(axes, scene)


def name_axes(axes: Any, x: str, y: str, width: float = _PLOT_WIDTH, height: float = 0.0) -> None:
    """Names of both axes, wrapped to ``width`` and ``height`` inches (the figure's own, less its titles)."""
    height = height or max(axes.figure.get_figheight() - 1.6, 1.0)
    axes.set_xlabel(wrapped(x, min(width, WIDTH) * POINTS, LABEL_SIZE), fontsize=LABEL_SIZE)
    axes.set_ylabel(wrapped(y, height * POINTS, LABEL_SIZE), fontsize=LABEL_SIZE)
