"""What an encoder has learned: observations beside their reconstructions, and its space coloured by the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.view.archive_plots import point_size
from qd.view.space_axes import MeasureAxes, name_axes, plane
from qd.view.style import (
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

_ROWS = ("observation", "reconstruction", "difference")
_COLUMNS = 8  # pictures side by side at most
_FAINT = 0.01  # of the full range: a difference that nobody sees keeps its dark colour
_MANY = 5000  # points beyond which a PDF holds them as pixels


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


def learned_space_figure(
    measures: NDArray[np.float64],
    truth: NDArray[np.float64],
    summary: Mapping[str, Any],
    names: tuple[str, str] = ("x", "y"),
    note: str = "",
) -> Any:
    """A learned space, seen along the two directions in which it varies most, coloured by where robots truly were.

    A space that has found out about the places shows smooth colours in both panels.

    Args:
        measures: (n, m) in the learned space. Rows with what is not a number are left out.
        truth: (n, 2) the true positions, or whatever two numbers the colours shall be.
        summary: of the run, for the title.
        names: of the two.
        note: what the title adds.

    Returns:
        A matplotlib figure of two panels. The axes say how much of the variance lies along them.

    Raises:
        QDError: the shapes do not fit each other.
    """
    measures, truth = np.asarray(measures, np.float64), np.asarray(truth, np.float64)
    if measures.ndim != 2 or measures.shape[1] < 1:
        raise QDError(f"measures: got shape {measures.shape}, wanted (n, m)")
    if truth.shape != (len(measures), 2):
        raise QDError(f"truth: got shape {truth.shape}, wanted ({len(measures)}, 2), a row for each of measures")
    there = np.isfinite(measures).all(axis=1) & np.isfinite(truth).all(axis=1)
    places, shares = projected(measures[there])
    low, high = MeasureAxes().bounds(places)
    aspect, _ = plane(low, high)
    panel = 2.4 * (high[1] - low[1]) / (high[0] - low[0]) if aspect == "equal" else 2.4  # inches
    panel = float(np.clip(panel, 1.2, 4.5))
    fig = figure(panel + 1.6)
    labels = [f"direction {i + 1} ({100 * share:.0f} % of variance)" for i, share in enumerate(shares)]
    many = len(places) > _MANY
    for index, axes in enumerate(fig.subplots(1, 2, sharex=True, sharey=True)):
        values = truth[there, index]
        least, most = limits(values)
        axes.scatter(
            *places.T, c=values, vmin=least, vmax=most, cmap=color_map(VALUE_MAP),
            s=point_size(len(places)), linewidths=0, rasterized=many, zorder=2,
        )  # fmt: skip
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect=aspect)
        number_axis(axes.xaxis, 4)
        number_axis(axes.yaxis, 4)
        name_axes(axes, labels[0], "" if index else labels[1], 2.5, panel)
        color_bar(axes, names[index], values if values.size else np.zeros(1), VALUE_MAP, under=0.65 / panel)
    put_title(fig, summary, note or f"learned space of {measures.shape[1]} dimensions, {there.sum():,} solutions")
    return fig


def projected(measures: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 2) measures (n, m) along their two principal directions, and (2,) the shares of the variance there.

    A direction points to where its largest component is positive. Without a second one, or any spread, it is all 0.
    """
    places, shares = np.zeros((len(measures), 2)), np.zeros(2)
    if len(measures) < 2:
        return places, shares
    centred = measures - measures.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)  # rising
    largest = directions[:, ::-1][:, :2]  # (m, up to 2)
    largest = largest * np.sign(largest[np.abs(largest).argmax(axis=0), np.arange(largest.shape[1])])
    places[:, : largest.shape[1]] = centred @ largest
    total = float(variances.sum())
    if total > 0.0:
        shares[: largest.shape[1]] = np.maximum(variances[::-1][:2], 0.0) / total
    return places, shares


def _levels(field: str, pictures: NDArray[Any]) -> NDArray[np.float64]:
    """(k, height, width, 3) from 0 to 1."""
    found = np.asarray(pictures)
    if found.ndim == 3:
        found = np.repeat(found[:, :, :, None], 3, axis=3)
    if found.ndim != 4 or found.shape[3] != 3 or min(found.shape) < 1:
        raise QDError(f"{field}: got shape {np.shape(pictures)}, wanted (k, height, width, 3) or (k, height, width)")
    levels: NDArray[np.float64] = found / 255.0 if found.dtype == np.uint8 else found.astype(np.float64)
    return levels
