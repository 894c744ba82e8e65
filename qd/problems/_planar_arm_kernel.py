"""The planar arm's numba kernel: a block of arms, joint by joint, an arm a SIMD lane."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.problems._trig import sincos_turns

BLOCK = 64  # arms that travel together: long enough for the loops over them, small enough for the L1 cache


@njit(cache=True, nogil=True, error_model="numpy")
def reach(genes: NDArray[np.float64], objective: NDArray[np.float64], measures: NDArray[np.float64]) -> None:
    """Objective (n,) and end effector (n, 2) of arms with joints ``genes`` (n, d), written into the arrays."""
    n, d = genes.shape
    per_joint = 1.0 / d
    block = np.empty(d * BLOCK)  # the genes, joint by joint
    mean, turns, x, y, spread = (
        np.empty(BLOCK),
        np.empty(BLOCK),
        np.empty(BLOCK),
        np.empty(BLOCK),
        np.empty(BLOCK),
    )
    block[:] = 0.5
    for first in range(0, n, BLOCK):
        rows = min(BLOCK, n - first)
        for w in range(rows):
            for j in range(d):
                block[j * BLOCK + w] = genes[first + w, j]
        for w in range(BLOCK):
            mean[w] = turns[w] = x[w] = y[w] = spread[w] = 0.0
        for j in range(d):
            joint = block[j * BLOCK : (j + 1) * BLOCK]
            for w in range(BLOCK):
                mean[w] += joint[w]
                turns[w] += joint[w] - 0.5
                sine, cosine = sincos_turns(turns[w])
                x[w] += cosine
                y[w] += sine
        for w in range(BLOCK):
            mean[w] *= per_joint
        for j in range(d):
            joint = block[j * BLOCK : (j + 1) * BLOCK]
            for w in range(BLOCK):
                spread[w] += (joint[w] - mean[w]) ** 2
        for w in range(rows):
            objective[first + w] = 1.0 - np.sqrt(spread[w] / (d - 1))
            measures[first + w, 0] = 0.5 + x[w] * (0.5 * per_joint)
            measures[first + w, 1] = 0.5 + y[w] * (0.5 * per_joint)
