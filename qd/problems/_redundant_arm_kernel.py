"""The redundant arm's numba kernel: whole episodes, network included, LANES arms in step.

The network sees joint angles alone, so where the joints are in the plane matters only for what is legal, and the chain
bounds how far they can have come. A look at the whole arm tells by how many radians its links may turn, all together,
before any rule about places can break: turning link k by an angle moves the joints behind it, seen from those before
it, by at most LINK times that angle (and sqrt(2) times as much in |dx| + |dy|). Until the links have turned so far
since the last look, the next one is left out, and nothing else: the same poses are legal, to the bit.

A lane takes the next row as soon as its arm has stopped. A row's numbers never depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.policies._mlp_kernel import LANES, SCALAR, TANH_HALF, dense_lanes
from qd.problems._trig import sincos_turns
from qd.problems.redundant_arm import BASE, CLOSE, DT, JOINTS, LINK, SUBSTEPS, TOP_SPEED

# Slots of the lanes' numbers, JOINTS each.
ANGLE, SPEED, NEXT, LOOKED, SEEN, ACTION = (k * JOINTS for k in range(6))
LAYERS = 6 * JOINTS  # the hidden layers' units, then the weights

PER_TURN = 1.0 / (2.0 * np.pi)
UPRIGHT = 0.5 * np.pi
ROOT_HALF = float(np.sqrt(0.5))
MARGIN = 1e-9  # [rad] far above any rounding, so that a rule that is nearly broken is always looked at
RATE = 1.0 / DT
BASE_X, BASE_Y = BASE
PER_PI = 1.0 / np.pi
HALF_SQUARE = 0.5 * DT * DT


@njit(cache=True, nogil=True, error_model="numpy")
def place(lanes, slot, w, x, y):  # type: ignore[no-untyped-def]
    """Base and joints of lane ``w``, whose joint angles begin at ``slot``, into ``x`` and ``y`` (JOINTS + 1,)."""
    absolute = UPRIGHT
    for j in range(JOINTS):
        absolute += lanes[(slot + j) * LANES + w]
        x[j + 1] = absolute * PER_TURN
    for j in range(1, JOINTS + 1):
        sine, cosine = sincos_turns(x[j])
        x[j] = LINK * cosine
        y[j] = LINK * sine
    x[0], y[0] = BASE_X, BASE_Y
    for j in range(JOINTS):
        x[j + 1] += x[j]
        y[j + 1] += y[j]


@njit(cache=True, nogil=True, error_model="numpy")
def slack(x, y, walls, near):  # type: ignore[no-untyped-def]
    """How far all links together may turn before a place can be illegal [rad]; negative if one is.

    Args:
        x, y: (JOINTS + 1,) base and joints.
        walls: (k, 4) x0, x1, y0, y1.
        near: (JOINTS + 1,) working memory.
    """
    for i in range(JOINTS + 1):
        room = min(min(x[i], y[i]), min(1.0 - x[i], 1.0 - y[i]))
        near[i] = room if room > 0.0 or (x[i] >= 0.0 and y[i] >= 0.0 and x[i] < 1.0 and y[i] < 1.0) else -1.0
    for k in range(len(walls)):
        x0, x1, y0, y1 = walls[k, 0], walls[k, 1], walls[k, 2], walls[k, 3]
        for i in range(JOINTS + 1):
            room = max(max(x0 - x[i], x[i] - x1), max(y0 - y[i], y[i] - y1))  # below 0 strictly inside
            near[i] = min(near[i], room)
    # Neighbours are LINK apart, more than CLOSE whatever their direction. Step by step along the chain, so that
    # the inner loop is SIMD.
    for gap in range(2, JOINTS + 1):
        for i in range(JOINTS + 1 - gap):
            room = (abs(x[i + gap] - x[i]) + abs(y[i + gap] - y[i]) - CLOSE) * ROOT_HALF
            near[i] = min(near[i], room)
    least = near[0]
    for i in range(1, JOINTS + 1):
        least = min(least, near[i])
    return least * (1.0 / LINK)


@cache
def episodes(hidden: tuple[int, ...]) -> Callable[..., None]:
    """The kernel for a network JOINTS - hidden - JOINTS of one to four hidden layers, compiled for those sizes.

    ``run(weights, angles, speeds, steps, frames, walls, final, trace)``:
        weights: (n, d) float64.
        angles, speeds: (JOINTS,) a legal start [rad, rad/s].
        frames: (f,) rising step numbers after which the end effector is kept.
        walls: (k, 4) x0, x1, y0, y1.
        final: (n, JOINTS + 3) out: joint angles, steps begun, which rule ended the episode (0 none, 1 speed,
            2 place), looks at the whole arm.
        trace: (n, f, 2) out: the end effector at the frames.
    """
    h1, h2, h3, h4 = (*hidden, 0, 0, 0, 0)[:4]
    last = hidden[-1]
    widest = max(hidden)
    ping, pong = LAYERS, LAYERS + widest
    w1 = pong + widest
    w2 = w1 + JOINTS * h1 + 1
    w3 = w2 + (h1 * h2 + 1 if h2 else 0)
    w4 = w3 + (h2 * h3 + 1 if h3 else 0)
    w5 = w4 + (h3 * h4 + 1 if h4 else 0)
    slots = w5 + JOINTS * last + 1
    bottom = ping if len(hidden) % 2 else pong  # which of the two halves holds the last hidden layer

    @njit(cache=True, nogil=True, error_model="numpy")
    def run(weights, angles, speeds, steps, frames, walls, final, trace):  # type: ignore[no-untyped-def]
        n, genes = weights.shape
        lanes = np.zeros(slots * LANES)
        x, y, near = np.empty(JOINTS + 1), np.empty(JOINTS + 1), np.empty(JOINTS + 1)
        row = np.full(LANES, -1, np.int64)  # which row a lane works on, -1 for none
        step, frame, ended, looks = (
            np.zeros(LANES, np.int64),
            np.zeros(LANES, np.int64),
            np.zeros(LANES, np.int64),
            np.zeros(LANES, np.int64),
        )
        room, turned, hand = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
        for j in range(JOINTS):
            lanes[(ANGLE + j) * LANES] = angles[j]
        place(lanes, ANGLE, 0, x, y)
        start_room = slack(x, y, walls, near)
        waiting, busy = 0, 0
        for w in range(LANES):
            ended[w] = -1  # nothing to keep
        while True:
            # Keep what has stopped, and take the next rows.
            for w in range(LANES):
                if row[w] >= 0 and (ended[w] != 0 or step[w] == steps):
                    place(lanes, ANGLE, w, x, y)
                    for f in range(frame[w], len(frames)):
                        trace[row[w], f, 0], trace[row[w], f, 1] = x[JOINTS], y[JOINTS]
                    for j in range(JOINTS):
                        final[row[w], j] = lanes[(ANGLE + j) * LANES + w]
                    final[row[w], JOINTS] = step[w]
                    final[row[w], JOINTS + 1] = ended[w]
                    final[row[w], JOINTS + 2] = looks[w]
                    row[w] = -1
                    busy -= 1
                if row[w] < 0 and waiting < n:
                    for gene in range(genes):
                        lanes[(w1 + gene) * LANES + w] = weights[waiting, gene]
                    absolute = 0.0
                    for j in range(JOINTS):
                        absolute += angles[j]
                        lanes[(ANGLE + j) * LANES + w] = angles[j]
                        lanes[(SPEED + j) * LANES + w] = speeds[j]
                        lanes[(LOOKED + j) * LANES + w] = absolute
                    row[w], step[w], frame[w], ended[w], looks[w] = waiting, 0, 0, 0, 0
                    room[w] = start_room
                    waiting += 1
                    busy += 1
            if busy == 0:
                break
            # What they do.
            for j in range(JOINTS):
                for w in range(LANES):
                    lanes[(SEEN + j) * LANES + w] = lanes[(ANGLE + j) * LANES + w] * PER_PI
            dense_lanes(lanes, w1, SEEN, ping, JOINTS, h1, SCALAR, TANH_HALF)
            if h2 > 0:
                dense_lanes(lanes, w2, ping, pong, h1, h2, SCALAR, TANH_HALF)
            if h3 > 0:
                dense_lanes(lanes, w3, pong, ping, h2, h3, SCALAR, TANH_HALF)
            if h4 > 0:
                dense_lanes(lanes, w4, ping, pong, h3, h4, SCALAR, TANH_HALF)
            dense_lanes(lanes, w5, bottom, ACTION, last, JOINTS, SCALAR, TANH_HALF)
            for _ in range(SUBSTEPS):
                for w in range(LANES):
                    absolute, turn, total, reach = 0.0, 0.0, 0.0, 0.0
                    for j in range(JOINTS):
                        angle = lanes[(ANGLE + j) * LANES + w]
                        move = lanes[(SPEED + j) * LANES + w] * DT + lanes[(ACTION + j) * LANES + w] * HALF_SQUARE
                        after = angle + move
                        lanes[(NEXT + j) * LANES + w] = after
                        absolute += after
                        turn += move
                        total += abs(absolute - lanes[(LOOKED + j) * LANES + w])
                        reach += abs(turn)
                    turned[w] = total
                    hand[w] = reach * LINK  # the end effector moves by no more than this
                for w in range(LANES):
                    if row[w] < 0 or ended[w] != 0:
                        continue
                    speed = lanes[(SPEED + JOINTS - 1) * LANES + w]
                    if not speed + 0.5 * hand[w] < TOP_SPEED - MARGIN:
                        place(lanes, ANGLE, w, x, y)
                        before_x, before_y = x[JOINTS], y[JOINTS]
                        place(lanes, NEXT, w, x, y)
                        dx, dy = x[JOINTS] - before_x, y[JOINTS] - before_y
                        if 0.5 * np.sqrt(dx * dx + dy * dy) + speed > TOP_SPEED:
                            ended[w] = 1
                            continue
                    if not turned[w] < room[w] - MARGIN:
                        looks[w] += 1
                        place(lanes, NEXT, w, x, y)
                        room[w] = slack(x, y, walls, near)
                        if room[w] < 0.0:
                            ended[w] = 2
                            continue
                        absolute = 0.0
                        for j in range(JOINTS):
                            absolute += lanes[(NEXT + j) * LANES + w]
                            lanes[(LOOKED + j) * LANES + w] = absolute
                for j in range(JOINTS):
                    for w in range(LANES):
                        angle = lanes[(ANGLE + j) * LANES + w]
                        after = lanes[(NEXT + j) * LANES + w]
                        speed = lanes[(SPEED + j) * LANES + w]
                        stays = ended[w] != 0
                        lanes[(ANGLE + j) * LANES + w] = angle if stays else after
                        lanes[(SPEED + j) * LANES + w] = speed if stays else (after - angle) * RATE
            for w in range(LANES):
                if row[w] >= 0:
                    while frame[w] < len(frames) and frames[frame[w]] == step[w]:
                        place(lanes, ANGLE, w, x, y)
                        trace[row[w], frame[w], 0], trace[row[w], frame[w], 1] = x[JOINTS], y[JOINTS]
                        frame[w] += 1
                    step[w] += 1

    return run


def joints(angles: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Base and joints of one arm as the kernel has them: x and y, (JOINTS + 1,) each, of ``angles`` (JOINTS,)."""
    lanes = np.zeros(JOINTS * LANES)
    lanes[::LANES] = angles
    x, y = np.empty(JOINTS + 1), np.empty(JOINTS + 1)
    place(lanes, 0, 0, x, y)
    return x, y
