"""The curling table's numba kernel: whole episodes, network included, LANES tables in step.

What is the same arithmetic for every table (network, free motion, how far bodies are apart) runs as SIMD over the
lanes; arms that meet a wall and balls that meet anything are settled one by one. A row's numbers never depend on
its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import njit

from qd.policies._mlp_kernel import LANES, SCALAR, TANH_HALF, dense_lanes
from qd.problems._curling_contacts import (
    ARM,
    ARM_LIMIT,
    ARM_SPEED,
    BASE,
    BASE_LIMIT,
    BASE_SPEED,
    COSINE,
    COSINE0,
    EXACT,
    MIDDLE,
    NEXT_ARM,
    NEXT_BASE,
    NEXT_X,
    NEXT_Y,
    PER_TURN,
    PLACE,
    RATE,
    ROOM,
    SINE,
    SINE0,
    SLOTS,
    SPIN,
    SPOT,
    STUCK,
    TOUCHING,
    VX,
    VY,
    X,
    Y,
    beyond,
    clear_of_walls,
    settle,
)
from qd.problems._trig import sincos_turns
from qd.problems.curling import BALL_RADIUS, BASE_Y, DAMPING, DT, ELBOW, HALF_LENGTH, HALF_WIDTH, SPIN_DAMPING

KEEP, KEEP_SPIN = 1.0 / (1.0 + DAMPING * DT), 1.0 / (1.0 + SPIN_DAMPING * DT)  # of the ball's speed, a step
NEAR = BALL_RADIUS * BALL_RADIUS


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def gap(x, y, sine, cosine):  # type: ignore[no-untyped-def]
    """Squared distance of the ball's centre from a box about 0 that goes along (-sine, cosine)."""
    ahead, across = abs(y * cosine - x * sine) - HALF_LENGTH, abs(x * cosine + y * sine) - HALF_WIDTH
    ahead, across = ahead if ahead > 0.0 else 0.0, across if across > 0.0 else 0.0
    return ahead * ahead + across * across


@cache
def episodes(hidden: tuple[int, ...]) -> Callable[..., None]:
    """The kernel for a network 6 - hidden - 2 of one to four hidden layers, compiled for those sizes.

    ``run(weights, start, steps, frames, final, trace)``:
        weights: (n, d) float64.
        start: (9,) ball x, y, joint angles, joint speeds, ball velocity x, y and spin.
        frames: (f,) rising step numbers after which the table is kept.
        final: (n, 9) out: as ``start``.
        trace: (n, f, 4) out: ball x, y and joint angles at the frames.
    """
    h1, h2, h3, h4 = (*hidden, 0, 0, 0, 0)[:4]
    last = hidden[-1]
    widest = max(*hidden, 2)  # units of any layer, the outputs too
    ping, pong = SLOTS, SLOTS + widest
    w1 = pong + widest
    w2 = w1 + 6 * h1 + 1
    w3 = w2 + (h1 * h2 + 1 if h2 else 0)
    w4 = w3 + (h2 * h3 + 1 if h3 else 0)
    w5 = w4 + (h3 * h4 + 1 if h4 else 0)
    slots = w5 + 2 * last + 1
    odd = len(hidden) % 2  # which of the two halves holds the last hidden layer
    bottom, top = (ping, pong) if odd else (pong, ping)

    @njit(cache=True, nogil=True, error_model="numpy")
    def run(weights, start, steps, frames, final, trace):  # type: ignore[no-untyped-def]
        n, genes = weights.shape
        lanes = np.zeros(slots * LANES)
        places, spots = np.zeros(4 * PLACE), np.zeros(2 * SPOT)
        for first in range(0, n, LANES):
            rows = min(LANES, n - first)
            lanes[:] = 0.0
            for w in range(rows):
                for gene in range(genes):
                    lanes[(w1 + gene) * LANES + w] = weights[first + w, gene]
            for w in range(LANES):
                for slot in range(9):
                    lanes[slot * LANES + w] = start[slot]
            frame = 0
            for step in range(steps):
                # What the networks do.
                dense_lanes(lanes, w1, X, ping, 6, h1, SCALAR, TANH_HALF)
                if h2 > 0:
                    dense_lanes(lanes, w2, ping, pong, h1, h2, SCALAR, TANH_HALF)
                if h3 > 0:
                    dense_lanes(lanes, w3, pong, ping, h2, h3, SCALAR, TANH_HALF)
                if h4 > 0:
                    dense_lanes(lanes, w4, ping, pong, h3, h4, SCALAR, TANH_HALF)
                dense_lanes(lanes, w5, bottom, top, last, 2, SCALAR, TANH_HALF)
                # Where arms and balls would come.
                for w in range(LANES):
                    base = lanes[BASE * LANES + w] + DT * lanes[top * LANES + w]
                    arm = lanes[ARM * LANES + w] + DT * lanes[(top + 1) * LANES + w]
                    base = base if base > -BASE_LIMIT else -BASE_LIMIT
                    base = base if base < BASE_LIMIT else BASE_LIMIT
                    arm = arm if arm > -ARM_LIMIT else -ARM_LIMIT
                    arm = arm if arm < ARM_LIMIT else ARM_LIMIT
                    sine0, cosine0 = sincos_turns(base * PER_TURN)
                    sine, cosine = sincos_turns((base + arm) * PER_TURN)
                    lanes[NEXT_BASE * LANES + w], lanes[NEXT_ARM * LANES + w] = base, arm
                    lanes[SINE0 * LANES + w], lanes[COSINE0 * LANES + w] = sine0, cosine0
                    lanes[SINE * LANES + w], lanes[COSINE * LANES + w] = sine, cosine
                    vx, vy = lanes[VX * LANES + w] * KEEP, lanes[VY * LANES + w] * KEEP
                    x, y = lanes[X * LANES + w] + DT * vx, lanes[Y * LANES + w] + DT * vy
                    lanes[VX * LANES + w], lanes[VY * LANES + w] = vx, vy
                    lanes[SPIN * LANES + w] *= KEEP_SPIN
                    lanes[NEXT_X * LANES + w], lanes[NEXT_Y * LANES + w] = x, y
                    side, below = beyond(sine0, cosine0, sine, cosine)
                    lanes[STUCK * LANES + w] = side if side > below else below
                for w in range(LANES):
                    if lanes[STUCK * LANES + w] > EXACT:
                        clear_of_walls(lanes, w)
                for w in range(LANES):
                    x, y = lanes[NEXT_X * LANES + w], lanes[NEXT_Y * LANES + w]
                    sine0, cosine0 = lanes[SINE0 * LANES + w], lanes[COSINE0 * LANES + w]
                    sine, cosine = lanes[SINE * LANES + w], lanes[COSINE * LANES + w]
                    inner = gap(x + HALF_LENGTH * sine0, y - BASE_Y - HALF_LENGTH * cosine0, sine0, cosine0)
                    outer = gap(
                        x + ELBOW * sine0 + MIDDLE * sine, y - BASE_Y - ELBOW * cosine0 - MIDDLE * cosine, sine, cosine
                    )
                    near = inner if inner < outer else outer
                    x, y = abs(x), abs(y)
                    far = x if x > y else y
                    lanes[TOUCHING * LANES + w] = 1.0 if near < NEAR else (1.0 if far > ROOM else 0.0)
                for w in range(LANES):
                    if lanes[TOUCHING * LANES + w] > 0.0:
                        settle(lanes, w, places, spots)
                for w in range(LANES):
                    base, arm = lanes[NEXT_BASE * LANES + w], lanes[NEXT_ARM * LANES + w]
                    lanes[BASE_SPEED * LANES + w] = (base - lanes[BASE * LANES + w]) * RATE
                    lanes[ARM_SPEED * LANES + w] = (arm - lanes[ARM * LANES + w]) * RATE
                    lanes[BASE * LANES + w], lanes[ARM * LANES + w] = base, arm
                    lanes[X * LANES + w], lanes[Y * LANES + w] = lanes[NEXT_X * LANES + w], lanes[NEXT_Y * LANES + w]
                while frame < len(frames) and frames[frame] == step:
                    for w in range(rows):
                        for slot in range(4):
                            trace[first + w, frame, slot] = lanes[slot * LANES + w]
                    frame += 1
            for w in range(rows):
                for slot in range(9):
                    final[first + w, slot] = lanes[slot * LANES + w]

    return run
