"""The hard maze's numba kernel: whole episodes, network included, LANES robots in step (``_fastsim_kernel``)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import njit

from qd.policies._mlp_kernel import LANES
from qd.problems._fastsim_kernel import HEADING, Layout, X, Y, drive, meet_walls, place, see_walls, think


@cache
def episodes(hidden: tuple[int, ...]) -> Callable[..., None]:
    """The kernel for a network 5 - hidden - 2 of one to four hidden layers, compiled for those sizes.

    ``run(weights, start, steps, frames, tables..., final, trace)``:
        weights: (n, d) float64.
        start: (3,) x, y [units], heading [rad].
        frames: (f,) rising step numbers after which the pose is kept.
        final: (n, 6) out: x, y, heading, x and y one step before, collisions.
        trace: (n, f, 3) out: x, y, heading at the frames.
    """
    inputs, h1, h2, h3, h4, outputs, w1, w2, w3, w4, w5, ping, pong, last, bottom, top, slots = Layout.of(5, hidden, 2)

    @njit(cache=True, nogil=True, error_model="numpy")
    def run(  # type: ignore[no-untyped-def]
        weights, start, steps, frames, clear, touching, bearings, right, left, ray, touched, ends, ray_steps, memo,
        final, trace,
    ):  # fmt: skip
        n, genes = weights.shape
        lanes = np.zeros(slots * LANES)
        collisions = np.zeros(LANES, np.int64)
        rays = len(ray_steps)
        for first in range(0, n, LANES):
            rows = min(LANES, n - first)
            lanes[:] = 0.0
            for w in range(rows):
                for gene in range(genes):
                    lanes[(w1 + gene) * LANES + w] = weights[first + w, gene]
            collisions[:] = 0
            place(lanes, start)
            frame = 0
            for step in range(steps):
                see_walls(lanes, clear, ray, touched, ends, ray_steps, memo, rays)
                think(lanes, inputs, h1, h2, h3, h4, outputs, w1, w2, w3, w4, w5, ping, pong, last, bottom, top)
                drive(lanes, top, 1.0)
                if step == steps - 1:
                    for w in range(rows):
                        final[first + w, 3] = lanes[X * LANES + w]
                        final[first + w, 4] = lanes[Y * LANES + w]
                meet_walls(lanes, touching, bearings, right, left, collisions)
                while frame < len(frames) and frames[frame] == step:
                    for w in range(rows):
                        trace[first + w, frame, 0] = lanes[X * LANES + w]
                        trace[first + w, frame, 1] = lanes[Y * LANES + w]
                        trace[first + w, frame, 2] = lanes[HEADING * LANES + w]
                    frame += 1
            for w in range(rows):
                final[first + w, 0] = lanes[X * LANES + w]
                final[first + w, 1] = lanes[Y * LANES + w]
                final[first + w, 2] = lanes[HEADING * LANES + w]
                if steps == 0:
                    final[first + w, 3] = start[0]
                    final[first + w, 4] = start[1]
                final[first + w, 5] = collisions[w]

    return run
