"""An episode of a game drawn: screens along it, and the score over time."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

SCREENS = 8


def figure(screens: list[Any], scores: list[float], game: str) -> Figure:
    """A figure of one episode.

    Args:
        screens: (210, 160, 3) in colour, before the first decision and after each.
        scores: so far, at the same times.
        game: its name, for the title.
    """
    at = np.unique(np.linspace(0, len(screens) - 1, SCREENS).round().astype(int))
    fig = Figure(figsize=(10.0, 6.4), layout="constrained")
    grid = fig.add_gridspec(3, SCREENS // 2, height_ratios=(1.0, 1.0, 0.75))
    for index, moment in enumerate(at):
        axes = fig.add_subplot(grid[index // (SCREENS // 2), index % (SCREENS // 2)])
        axes.imshow(screens[moment], aspect=0.63)  # pixels of a television are wider than high
        axes.set_title(f"decision {moment}", fontsize=9)
        axes.set_axis_off()
    axes = fig.add_subplot(grid[2, :])
    axes.step(np.arange(len(scores)), scores, where="post")
    for moment in at:
        axes.axvline(moment, color="0.8", linewidth=0.8, zorder=0)
    axes.set(xlabel="decisions, four frames each", ylabel="score", xlim=(0, max(1, len(scores) - 1)))
    axes.grid(alpha=0.3)
    fig.suptitle(f"{game.replace('_', ' ')}: {scores[-1]:g} points in {len(scores) - 1} decisions")
    return fig
