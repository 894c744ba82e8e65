"""What the robots with evolved networks share: their settings' checks, which steps are frames, broken weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Request, Status
from qd.errors import QDError


def check_layers(owner: Any) -> None:
    """Make ``hidden`` a tuple, and refuse what the kernels of whole episodes have no room for, by name."""
    object.__setattr__(owner, "hidden", tuple(int(units) for units in owner.hidden))
    if not 1 <= len(owner.hidden) <= 4 or min(owner.hidden) < 1:
        raise QDError(f"{owner.name}.hidden: got {owner.hidden}, wanted one to four layers of at least 1 unit")


def check_counts(owner: Any) -> None:
    """Refuse too few steps, frames, pictures or pixels, by name."""
    for field, least in (("steps", 1), ("frames", 1), ("images", 1), ("image_size", 8)):
        if getattr(owner, field) < least:
            raise QDError(f"{owner.name}.{field}: got {getattr(owner, field)}, wanted at least {least}")


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


def frames_asked(owner: Any, request: Request) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The steps after which something is kept for the columns that are asked for.

    Returns:
        (f,) rising steps; where among them those of ``trajectory`` are; and those of ``images``.
    """
    asked = {"trajectory": owner.frames, "images": owner.images}
    steps, (moments, shots) = frames_wanted(
        owner.steps, *(count if name in request.columns else 0 for name, count in asked.items())
    )
    return steps, moments, shots


def blank_broken(
    weights: NDArray[Any], objective: NDArray[np.float64], measures: NDArray[np.float64]
) -> tuple[NDArray[np.int8], dict[int, str]]:
    """Statuses (n,) and reasons: rows whose weights are not finite are INVALID; their results become NaN, in place."""
    status = np.full(len(weights), Status.OK, np.int8)
    broken = ~np.isfinite(weights).all(axis=1)
    if broken.any():
        status[broken], objective[broken], measures[broken] = Status.INVALID, np.nan, np.nan
    return status, {int(row): "weights are not finite" for row in np.flatnonzero(broken)}
