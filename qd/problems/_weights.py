"""What the robots with evolved networks share: which steps are frames, and weights that are not numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Status


def frame_steps(steps: int, frames: int) -> NDArray[np.int64]:
    """(frames,) the steps, counted from 0, after which a frame of the trajectory is taken; the last one at the end."""
    return np.ceil(np.linspace(0, steps - 1, frames + 1)[1:]).astype(np.int64)


def frames_wanted(steps: int, *counts: int) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """The steps of several columns of frames, each once and rising, and for each column where its frames are in them.

    A column that nobody asked for counts 0.
    """
    columns = [frame_steps(steps, count) for count in counts]
    union, places = np.unique(np.concatenate(columns), return_inverse=True)
    return union, np.split(places, np.cumsum(counts)[:-1])


def blank_broken(
    weights: NDArray[np.float64], objective: NDArray[np.float64], measures: NDArray[np.float64]
) -> tuple[NDArray[np.int8], dict[int, str]]:
    """Statuses (n,) and reasons: rows whose weights are not finite are INVALID; their results become NaN, in place."""
    status = np.full(len(weights), Status.OK, np.int8)
    broken = ~np.isfinite(weights).all(axis=1)
    if broken.any():
        status[broken], objective[broken], measures[broken] = Status.INVALID, np.nan, np.nan
    return status, {int(row): "weights are not finite" for row in np.flatnonzero(broken)}
