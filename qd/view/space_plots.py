"""Pictures of a learned behaviour space: the space as it grew, what the encoder gives back, and what emitters found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.view.archive_plots import point_size
from qd.view.scene import Scene, label_scene
from qd.view.space_axes import MeasureAxes, finish_plane, plane
from qd.view.style import (
    LINE,
    NOTE_SIZE,
    TICK_SIZE,
    VALUE_MAP,
    WIDTH,
    color_bar,
    color_map,
    figure,
    limits,
    number_axis,
    put_title,
)

_PANELS = 4  # views of the space in one figure
_ROWS = ("observation", "reconstruction", "difference")
_COLUMNS = 8  # pictures side by side at most
_FAINT = 0.01  # of the full range: a difference that nobody sees keeps its dark colour
_WIDE = 100.0  # a curve that spans more is drawn on a logarithmic scale
_PALE = "#c8c8c8"
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # told apart by any eye
_CURVES = (
    ("mean_novelty", "mean novelty"),
    ("mean_surprise", "mean surprise"),
    ("encoder_error", "encoder error"),
    ("latent_spread", "spread"),
)


def space_figure(
    populations: Mapping[str, Any], positions: Mapping[str, Any], known: MeasureAxes, scene: Scene, summary: Any
) -> Any | None:
    """The learned space after some of its trainings, turned to its two widest directions, coloured by the truth.

    Colours say where a solution really ended: neighbours of like colour are what a good space has. The last panel is
    the key, the truth itself. None where there are no views, or the truth is not of two numbers.
    """
    if "space_place" not in populations or np.asarray(positions["measures"]).shape[1] != 2:
        return None
    training, ids = np.asarray(populations["space_training"]), np.asarray(populations["space_id"])
    place = np.asarray(populations["space_place"], np.float64)
    truth = np.asarray(positions["measures"], np.float64)
    order = np.argsort(positions["id"])
    at = np.searchsorted(np.asarray(positions["id"])[order], ids)
    at = order[np.minimum(at, len(order) - 1)]
    seen = np.asarray(positions["id"])[at] == ids
    shown = np.unique(at[seen])
    low, high = truth[shown].min(axis=0), truth[shown].max(axis=0)
    colors = plane_colors((truth - low) / np.maximum(high - low, 1e-300))
    low, high = known.bounds(truth)
    times = np.unique(training)
    times = times[np.unique(np.linspace(0, len(times) - 1, _PANELS).astype(int))]
    rows, columns = (1, len(times) + 1) if len(times) < 3 else (2, 3)
    fig = figure(6.0 * rows / columns + 0.9)
    table = fig.subplots(rows, columns).reshape(-1)
    for axes in table:
        axes.set_xticks([])
        axes.set_yticks([])
    for axes, time in zip(table, times, strict=False):
        here = seen & (training == time)
        axes.scatter(*place[here].T, c=colors[at[here]], s=point_size(int(here.sum())), linewidths=0, rasterized=True)
        axes.set_title(f"after training {int(time)}", fontsize=NOTE_SIZE + 1)
    for axes in table[len(times) : -1]:
        axes.set_axis_off()
    key = table[-1]
    key.scatter(*truth[shown].T, c=colors[shown], s=point_size(len(shown)), linewidths=0, rasterized=True)
    key.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), title="the truth")
    key.title.set_fontsize(NOTE_SIZE + 1)
    if scene.invert_y:
        key.invert_yaxis()
    put_title(fig, summary, "what is kept, in the learned space turned to its two widest directions")
    return fig


def plane_colors(unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) colours of places in the unit square (n, 2): blue to orange across, light to dark up."""
    x, y = np.clip(unit, 0.0, 1.0).T
    left, right = np.array([0.10, 0.35, 0.85]), np.array([0.95, 0.45, 0.05])
    hue = left + (right - left) * x[:, None]
    return np.asarray(np.clip(hue * (1.0 - 0.65 * y[:, None]) + 0.25 * (1.0 - y[:, None]), 0.0, 1.0))


def reconstruction_figure(
    images: NDArray[Any], reconstructions: NDArray[Any], summary: Mapping[str, Any], note: str = ""
) -> Any:
    """Observations, what an encoder makes of them, and where the two differ, one above the other.

    Args:
        images: (k, height, width, 3) or (k, height, width); uint8, or floats from 0 to 1.
        reconstructions: the same shape; either kind. What lies outside of 0 to 1 is shown at the end it is beyond.
        summary: of the run, for the title.
        note: what the title adds, e.g. the generation.

    Returns:
        A matplotlib figure. Of more than eight pictures eight are shown, evenly spread. The difference is the mean
        over the colours of the absolute one; under each column stands the mean squared error of the picture.

    Raises:
        QDError: the shapes differ, or are not those of pictures.
    """
    before, after = _levels("images", images), _levels("reconstructions", reconstructions)
    if before.shape != after.shape:
        raise QDError(f"reconstructions: got shape {np.shape(reconstructions)}, wanted that of images, "
                      f"{np.shape(images)}")  # fmt: skip
    shown = np.unique(np.linspace(0, len(before) - 1, min(len(before), _COLUMNS)).round().astype(int))
    before, after = before[shown], after[shown]
    k, height, width = before.shape[:3]
    apart = np.abs(after - before).mean(axis=3)  # (k, height, width)
    errors = ((after - before) ** 2).mean(axis=(1, 2, 3))
    side = min((WIDTH - 1.1) / k, 1.6)  # inches
    fig = figure(3 * (side * height / width + 0.15) + 1.1)
    table = fig.subplots(3, k, squeeze=False)
    scale = np.array([0.0, max(float(apart.max()), _FAINT)])
    for column in range(k):
        panels = (before[column], np.clip(after[column], 0.0, 1.0))
        for axes, picture in zip(table[:2, column], panels, strict=True):
            axes.imshow(picture)
        low, high = limits(scale)
        table[2, column].imshow(apart[column], vmin=low, vmax=high, cmap=color_map(VALUE_MAP))
        table[2, column].set_xlabel(f"{errors[column]:.1e}".replace("e-0", "e-"), size=TICK_SIZE)
    for axes in table.flat:
        axes.set(xticks=[], yticks=[])
    for axes, label in zip(table[:, 0], _ROWS, strict=True):
        axes.set_title(label, loc="left", size=NOTE_SIZE)
    color_bar(table[2, -1], "", scale, VALUE_MAP)
    put_title(fig, summary, note or f"{len(images):,} observations, mean squared error under each")
    return fig


def emitters_figure(positions: Mapping[str, Any], known: MeasureAxes, scene: Scene, summary: Any) -> Any | None:
    """Where emitters went from their founders: exploration in grey, each emitter's evaluations in a colour.

    None where no emitter evaluated anything, or the truth is not of two numbers.
    """
    emitter = np.asarray(positions.get("emitter", ()))
    truth = np.asarray(positions["measures"], np.float64)
    if truth.shape[1:] != (2,) or not (emitter >= 0).any():
        return None
    low, high = known.bounds(truth)
    aspect, height = plane(low, high)
    fig = figure(height)
    axes = fig.add_subplot()
    free = emitter < 0
    axes.scatter(*truth[free].T, c=_PALE, s=point_size(int(free.sum())), linewidths=0, rasterized=True, zorder=1)
    ids = np.asarray(positions["id"])
    founders = np.unique(emitter[~free])
    for number, founder in enumerate(founders):
        color = _COLORS[number % len(_COLORS)]
        rows = np.flatnonzero(emitter == founder)
        axes.scatter(*truth[rows].T, c=color, s=point_size(len(emitter)), linewidths=0, rasterized=True, zorder=2)
        start = np.flatnonzero(ids == founder)
        if len(start):
            best = rows[np.argmax(np.asarray(positions["objective"])[rows])]
            line = truth[[start[0], best]]
            axes.plot(*line.T, color=color, linewidth=0.8, zorder=3)
            axes.plot(*line[1], marker="*", color=color, markeredgecolor="black", markeredgewidth=0.4, zorder=4)
    finish_plane(axes, known.labels(2), low, high, aspect, scene)
    put_title(fig, summary, f"{len(founders)} emitters: a line from the founder to the best (star); grey: exploration")
    label_scene(axes, scene)
    return fig


def curves_figure(frame: Any, summary: Any) -> Any | None:
    """Novelty, surprise, the encoder's error and the best of each reward area over evaluations."""
    areas = [name for name in frame.columns if name.startswith("best_") and name != "best_objective"]
    panels = [(label, [name]) for name, label in _CURVES if name in frame and np.isfinite(frame[name]).any()]
    if areas:
        panels.append(("best by area", areas))
        panels.append(("budget share", [f"share_{name[5:]}" for name in areas] + ["share_exploration"]))
        panels.append(("coverage [%]", ["coverage_exploration", "coverage_all"]))
    if len(panels) < 2:
        return None
    fig = figure(1.25 * len(panels) + 1.15)
    stack = fig.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    x = np.asarray(frame["evaluations"], np.float64)
    for axes, (label, names) in zip(stack, panels, strict=True):
        for number, name in enumerate(names):
            y = np.asarray(frame[name], np.float64) * (100.0 if label.startswith("coverage") else 1.0)
            color = LINE if len(names) == 1 else _COLORS[number % len(_COLORS)]
            axes.plot(x, y, color=color, linewidth=1.4, label=_spoken(name))
        fine = y[np.isfinite(y)]
        if len(names) == 1 and len(fine) and fine.min() > 0 and fine.max() > _WIDE * fine.min():
            axes.set_yscale("log")
        if len(names) > 1:
            axes.legend(fontsize=NOTE_SIZE - 1, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        axes.set_ylabel(label, fontsize=NOTE_SIZE + 1)
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_yscale() == "linear":
            number_axis(axes.yaxis, 4)
    stack[-1].set_xlabel("evaluations")
    number_axis(stack[-1].xaxis, 5, whole=True)
    fig.align_ylabels(stack)
    put_title(fig, summary)
    return fig


def _spoken(name: str) -> str:
    for prefix in ("best_", "share_", "coverage_"):
        name = name.removeprefix(prefix)
    return {"all": "all evaluations", "exploration": "exploration"}.get(name, name.replace("_", " "))


def _levels(field: str, pictures: NDArray[Any]) -> NDArray[np.float64]:
    """(k, height, width, 3) from 0 to 1."""
    found = np.asarray(pictures)
    if found.ndim == 3:
        found = np.repeat(found[:, :, :, None], 3, axis=3)
    if found.ndim != 4 or found.shape[3] != 3 or min(found.shape) < 1:
        raise QDError(f"{field}: got shape {np.shape(pictures)}, wanted (k, height, width, 3) or (k, height, width)")
    levels: NDArray[np.float64] = found / 255.0 if found.dtype == np.uint8 else found.astype(np.float64)
    return levels
