"""Draws one digit beside how every reward judges it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def figure(picture: NDArray[np.float64], names: Sequence[str], scores: NDArray[np.float64], title: str) -> Any:
    """A matplotlib figure of (side, side) pixels, 1 for ink, and k scores, the last one held out."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(6, 2.6), dpi=150, layout="constrained")
    left, right = made.subplots(1, 2, width_ratios=(1, 1.6))
    left.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
    left.set_axis_off()
    colors = ["#0072b2"] * (len(names) - 1) + ["#d55e00"]
    right.barh(range(len(names)), scores, color=colors)
    right.set_yticks(range(len(names)), [*names[:-1], f"{names[-1]} (held out)"])
    right.invert_yaxis()
    right.set_xlabel("standard deviations above random latents")
    right.axvline(0, color="#404040", linewidth=0.8)
    made.suptitle(title)
    return made
