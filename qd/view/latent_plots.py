"""Pictures of latent searches: what each arm draws, and what used and held-out rewards say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qd.view.style import LABEL_SIZE, TICK_SIZE, TITLE_SIZE, figure, plain, style

Array = NDArray[np.float64]


class Drawn(NamedTuple):
    """What one arm drew.

    Args:
        pictures: (n, side, side), 1 for ink.
        used: (n,) mean of the rewards that the search saw.
        held_out: (n,) the reward that it did not see.
    """

    pictures: Array
    used: Array
    held_out: Array


def strips_figure(arms: Mapping[str, Drawn], title: str) -> Any:
    """A row an arm, a picture a run, under each what the used rewards say / what the held-out one says."""
    n = max(len(drawn.pictures) for drawn in arms.values())
    with style():
        fig = figure(0.45 + 0.88 * len(arms) * 6 / max(n, 6))
        grid = np.atleast_2d(fig.subplots(len(arms), n, squeeze=False))
        for row, (name, drawn) in zip(grid, arms.items(), strict=True):
            for axes in row:
                axes.set_xticks([])
                axes.set_yticks([])
                axes.spines[:].set_visible(False)
            for axes, picture, used, held_out in zip(row, *drawn, strict=False):
                axes.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
                axes.set_xlabel(f"{used:.1f} / {held_out:.1f}", fontsize=TICK_SIZE, labelpad=2)
            row[0].set_ylabel(plain(name), fontsize=LABEL_SIZE, rotation=0, ha="right", va="center")
        fig.suptitle(plain(title), fontsize=TITLE_SIZE)
        return fig
