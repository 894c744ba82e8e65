"""One reward and what it teaches: its formula, what each term paid, and the trained policies' ways through layouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SHOWN = 10  # terms
_LONGEST = 22  # characters of a term's name: longer ones would leave no room for the layouts


def figure(
    formula: str,
    shares: Mapping[str, float],
    ways: Sequence[tuple[Mapping[str, Any], NDArray[np.float64], str]],
    curve: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> Any:
    """A matplotlib figure.

    Args:
        formula: the reward as text.
        shares: term -> what it paid a step, on the ways below; empty where that is not known.
        ways: (scene, (k, 2) places, title) of the layouts.
        curve: (T,) learner steps, and true success then.
    """
    from matplotlib.figure import Figure

    fig = Figure(figsize=(6.4, 5.6), layout="constrained")
    grid = fig.add_gridspec(2, len(ways) * 2, height_ratios=(1.15, 1))
    for i, (scene, path, title) in enumerate(ways):
        axes = fig.add_subplot(grid[0, 2 * i : 2 * i + 2])
        draw_way(axes, scene, path)
        axes.set_title(title, fontsize=9)
    bars = fig.add_subplot(grid[1, : len(ways)])
    bars.set_visible(bool(shares))
    names = sorted(shares, key=lambda name: -abs(shares[name]))[:_SHOWN][::-1]
    worth = np.array([shares[name] for name in names])
    bars.barh(np.arange(len(names)), worth, color=np.where(worth < 0, "#d55e00", "#0072b2"))
    labels = [name if len(name) <= _LONGEST else name[: _LONGEST - 3] + "..." for name in names]
    bars.set_yticks(np.arange(len(names)), labels, fontsize=8)
    bars.axvline(0, color="0.3", linewidth=0.8)
    bars.set_xlabel("paid a step, on these ways", fontsize=9)
    bars.spines[["top", "right"]].set_visible(False)
    axes = fig.add_subplot(grid[1, len(ways) :])
    axes.plot(*curve, marker="o", markersize=3.5, color="#0072b2")
    axes.set(xlabel="learner steps", ylim=(-0.03, 1.03))
    axes.set_ylabel("true success", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    text = fill(formula, 72, max_lines=4, placeholder=" ...")
    fig.suptitle(text.replace("$", r"\$"), fontsize=9, family="monospace")
    return fig


def draw_way(axes: Any, scene: Mapping[str, Any], path: NDArray[np.float64]) -> None:
    """A layout and a way through it, without axes."""
    for line in scene.get("lines", []):
        axes.plot(*np.asarray(line).T, "-", color="0.15", linewidth=2)
    shift = np.linspace(-0.12, 0.12, max(len(path), 1))[:, None]  # so that a way back does not hide the way there
    axes.plot(*(path + shift).T, "-", color="#0072b2", linewidth=1.6, alpha=0.9)
    box = {"boxstyle": "round,pad=0.1", "facecolor": "white", "alpha": 0.7, "linewidth": 0}
    for x, y, label in scene.get("points", []):
        axes.plot(x, y, "o", color="#8b1a1a", markersize=3)
        axes.annotate(
            label, (x, y), (0, 6), textcoords="offset points", ha="center", fontsize=7, color="#8b1a1a", bbox=box
        )
    for x, y, radius, _ in scene.get("circles", []):
        at = np.linspace(0, 2 * np.pi, 60)
        axes.plot(x + radius * np.cos(at), y + radius * np.sin(at), "-", color="#2e7d32", linewidth=1.5)
    axes.plot(*path[-1], "*", color="#ffd21f", markeredgecolor="black", markersize=9, zorder=4)
    low, high = scene.get("extent", (path.min(axis=0) - 1, path.max(axis=0) + 1))
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal", xticks=[], yticks=[])
