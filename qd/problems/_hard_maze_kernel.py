"""The hard maze's numba kernel: whole episodes, network included, LANES robots in step.

What is the same arithmetic for every robot (network, motion, laser ends) runs as SIMD over the lanes; what
branches (walls, bumpers, rays) is looked up robot by robot. A robot's numbers never depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import njit

from qd.policies._mlp_kernel import LANES, SCALAR, TANH_HALF, dense_lanes
from qd.problems._hard_maze_map import MISS, RANGE, REACH, SIDE, SPAN, STEPS, UNIT
from qd.problems._trig import sincos_turns

# Slots of the lanes' numbers. Whole numbers are kept as floats too: one array, so that loops become SIMD.
X, Y, HEADING, SINE, COSINE, PIXEL_X, PIXEL_Y = 0, 1, 2, 3, 4, 5, 6  # where the robot is
NEXT_X, NEXT_Y, NEXT_PIXEL_X, NEXT_PIXEL_Y = 7, 8, 9, 10  # where it will be if no wall is in the way
RAYS, HIT_X, HIT_Y = 11, 14, 17  # three each: the lasers' ends as places in the table of rays, the pixels hit
LASERS, LEFT, RIGHT = 20, 23, 24  # the observation
LAYERS = 25  # the layers' units, then the weights

PI, TAU = np.pi, 2 * np.pi
ROOT_HALF = float(np.sqrt(0.5))
PER_UNIT = 1.0 / UNIT


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
    h1, h2, h3, h4 = (*hidden, 0, 0, 0, 0)[:4]
    last = hidden[-1]
    widest = max(*hidden, 2)  # units of any layer, the outputs too
    ping, pong = LAYERS, LAYERS + widest
    w1 = pong + widest
    w2 = w1 + 5 * h1 + 1
    w3 = w2 + (h1 * h2 + 1 if h2 else 0)
    w4 = w3 + (h2 * h3 + 1 if h3 else 0)
    w5 = w4 + (h3 * h4 + 1 if h4 else 0)
    slots = w5 + 2 * last + 1
    odd = len(hidden) % 2  # which of the two halves holds the last hidden layer
    bottom, top = (ping, pong) if odd else (pong, ping)

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
            for w in range(LANES):
                lanes[X * LANES + w] = start[0]
                lanes[Y * LANES + w] = start[1]
                lanes[HEADING * LANES + w] = start[2]
                sine, cosine = sincos_turns(start[2] * (1.0 / TAU))
                lanes[SINE * LANES + w] = sine
                lanes[COSINE * LANES + w] = cosine
                lanes[PIXEL_X * LANES + w] = np.floor(start[0] * PER_UNIT + 0.5)
                lanes[PIXEL_Y * LANES + w] = np.floor(start[1] * PER_UNIT + 0.5)
            frame = 0
            for step in range(steps):
                # What the robots see from where they stand.
                for w in range(LANES):
                    x, y = lanes[X * LANES + w], lanes[Y * LANES + w]
                    sine, cosine = lanes[SINE * LANES + w] * RANGE, lanes[COSINE * LANES + w] * RANGE
                    px, py = lanes[PIXEL_X * LANES + w], lanes[PIXEL_Y * LANES + w]
                    plus, minus = (cosine + sine) * ROOT_HALF, (cosine - sine) * ROOT_HALF
                    ex = np.floor((x + minus) * PER_UNIT + 0.5) - px
                    ey = np.floor((y + plus) * PER_UNIT + 0.5) - py
                    lanes[RAYS * LANES + w] = (ey + REACH) * SPAN + (ex + REACH)
                    ex = np.floor((x + cosine) * PER_UNIT + 0.5) - px
                    ey = np.floor((y + sine) * PER_UNIT + 0.5) - py
                    lanes[(RAYS + 1) * LANES + w] = (ey + REACH) * SPAN + (ex + REACH)
                    ex = np.floor((x + plus) * PER_UNIT + 0.5) - px
                    ey = np.floor((y - minus) * PER_UNIT + 0.5) - py
                    lanes[(RAYS + 2) * LANES + w] = (ey + REACH) * SPAN + (ex + REACH)
                for w in range(LANES):
                    px, py = int(lanes[PIXEL_X * LANES + w]), int(lanes[PIXEL_Y * LANES + w])
                    at = py * SIDE + px
                    for laser in range(3):
                        which = np.int64(ray[int(lanes[(RAYS + laser) * LANES + w])])
                        hit = memo[at * rays + which]
                        if hit == 0:
                            hit = np.uint8(MISS)
                            k = max(1, int(clear[at]))  # no wall is nearer than this many steps
                            while k <= ray_steps[which]:
                                near = int(clear[at + touched[which, k, 0]])
                                if (
                                    near == 0
                                    or clear[at + touched[which, k, 1]] == 0
                                    or clear[at + touched[which, k, 2]] == 0
                                ):
                                    hit = np.uint8(k)
                                    break
                                k += near
                            memo[at * rays + which] = hit
                        end = (which * (STEPS + 1) + hit) * 2
                        lanes[(HIT_X + laser) * LANES + w] = px + ends[end]
                        lanes[(HIT_Y + laser) * LANES + w] = py + ends[end + 1]
                for w in range(LANES):
                    x, y = lanes[X * LANES + w], lanes[Y * LANES + w]
                    for laser in range(3):
                        dx = lanes[(HIT_X + laser) * LANES + w] * UNIT - x
                        dy = lanes[(HIT_Y + laser) * LANES + w] * UNIT - y
                        distance = np.sqrt(dx * dx + dy * dy)
                        lanes[(LASERS + laser) * LANES + w] = distance if distance < 2.0 * RANGE else RANGE
                # What they do.
                dense_lanes(lanes, w1, LASERS, ping, 5, h1, SCALAR, TANH_HALF)
                if h2 > 0:
                    dense_lanes(lanes, w2, ping, pong, h1, h2, SCALAR, TANH_HALF)
                if h3 > 0:
                    dense_lanes(lanes, w3, pong, ping, h2, h3, SCALAR, TANH_HALF)
                if h4 > 0:
                    dense_lanes(lanes, w4, ping, pong, h3, h4, SCALAR, TANH_HALF)
                dense_lanes(lanes, w5, bottom, top, last, 2, SCALAR, TANH_HALF)
                for w in range(LANES):
                    wheel_left, wheel_right = lanes[top * LANES + w], lanes[(top + 1) * LANES + w]
                    turn = (wheel_right - wheel_left) * 0.05
                    forward = 0.5 * (wheel_left + wheel_right)
                    t = turn * turn
                    sinc = 1.0 - t * (1.0 / 6.0 - t * (1.0 / 120.0 - t * (1.0 / 5040.0 - t * (1.0 / 362880.0))))
                    cosc = turn * (t * (1.0 / 24.0 - t * (1.0 / 720.0 - t * (1.0 / 40320.0))) - 0.5)
                    sine, cosine = lanes[SINE * LANES + w], lanes[COSINE * LANES + w]
                    x = lanes[X * LANES + w] + forward * (sine * cosc + cosine * sinc)
                    y = lanes[Y * LANES + w] + forward * (sine * sinc - cosine * cosc)
                    heading = lanes[HEADING * LANES + w] + turn
                    heading = heading - TAU if heading > PI else heading
                    heading = heading + TAU if heading <= -PI else heading
                    sine, cosine = sincos_turns(heading * (1.0 / TAU))
                    lanes[HEADING * LANES + w] = heading
                    lanes[SINE * LANES + w] = sine
                    lanes[COSINE * LANES + w] = cosine
                    lanes[NEXT_X * LANES + w] = x
                    lanes[NEXT_Y * LANES + w] = y
                    lanes[NEXT_PIXEL_X * LANES + w] = np.floor(x * PER_UNIT + 0.5)
                    lanes[NEXT_PIXEL_Y * LANES + w] = np.floor(y * PER_UNIT + 0.5)
                if step == steps - 1:
                    for w in range(rows):
                        final[first + w, 3] = lanes[X * LANES + w]
                        final[first + w, 4] = lanes[Y * LANES + w]
                # What stops them.
                for w in range(LANES):
                    px, py = lanes[NEXT_PIXEL_X * LANES + w], lanes[NEXT_PIXEL_Y * LANES + w]
                    seen = touching[int(py) * SIDE + int(px)]
                    if seen == 0:
                        lanes[X * LANES + w] = lanes[NEXT_X * LANES + w]
                        lanes[Y * LANES + w] = lanes[NEXT_Y * LANES + w]
                        lanes[PIXEL_X * LANES + w] = px
                        lanes[PIXEL_Y * LANES + w] = py
                        lanes[LEFT * LANES + w] = 0.0
                        lanes[RIGHT * LANES + w] = 0.0
                    else:
                        collisions[w] += 1
                        heading = lanes[HEADING * LANES + w]
                        below = 0
                        for k in range(16):
                            below += bearings[k] <= heading
                        sector = 2 * ((below + 15) % 16)
                        if bearings[sector // 2] != heading:
                            sector += 1
                        lanes[LEFT * LANES + w] = 1.0 if seen & left[sector] else 0.0
                        lanes[RIGHT * LANES + w] = 1.0 if seen & right[sector] else 0.0
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
