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

from qd.policies._mlp_kernel import LANES, rational_tanh
from qd.problems._trig import sincos_turns
from qd.problems.redundant_arm import BASE, CLOSE, DT, JOINTS, LINK, SUBSTEPS, TOP_SPEED

# Slots of the lanes' numbers, JOINTS each: where the arms are, where they will be if that is legal, the directions of
# the links at the last look, what the networks see and what they do.
ANGLE, SPEED, NEXT, LOOKED, SEEN, ACTION = (k * JOINTS for k in range(6))
TURNED = 6 * JOINTS  # by how much all links together since the last look
LAYERS = TURNED + 1  # the hidden layers' units, then the weights

PER_TURN = 1.0 / (2.0 * np.pi)
UPRIGHT = 0.5 * np.pi
ROOT_HALF = float(np.sqrt(0.5))
MARGIN = 1e-9  # [rad] far above any rounding, so that a rule that is nearly broken is always looked at
RATE = 1.0 / DT
BASE_X, BASE_Y = BASE
PER_PI = 1.0 / np.pi
HALF_SQUARE = 0.5 * DT * DT


# Places in the working memory of one look at an arm. One array, so that the compiler sees that nothing overlaps.
X, Y, NEAR, ROOM = 0, 44, 88, 112  # base and joints, padded with points far from all others; then two minima
SCRATCH = 136
FAR = 1e9


@njit(cache=True, nogil=True, error_model="numpy")
def place(lanes, slot, w, look):  # type: ignore[no-untyped-def]
    """Base and joints of lane ``w``, whose joint angles begin at ``slot``, into ``look``."""
    absolute = UPRIGHT
    for j in range(JOINTS):
        absolute += lanes[(slot + j) * LANES + w]
        look[NEAR + j] = absolute * PER_TURN
    for j in range(JOINTS):
        sine, cosine = sincos_turns(look[NEAR + j])
        look[X + 1 + j] = LINK * cosine
        look[Y + 1 + j] = LINK * sine
    look[X], look[Y] = BASE_X, BASE_Y
    for j in range(JOINTS):
        look[X + 1 + j] += look[X + j]
        look[Y + 1 + j] += look[Y + j]


@njit(cache=True, nogil=True, error_model="numpy")
def keep(look, places):  # type: ignore[no-untyped-def]
    """Write the last points of ``look`` to ``places`` (k, 2)."""
    behind = JOINTS + 1 - len(places)
    for k in range(len(places)):
        places[k, 0], places[k, 1] = look[X + behind + k], look[Y + behind + k]


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def compare(look, first, last, count):  # type: ignore[no-untyped-def]
    """Lower NEAR by |dx| + |dy| between point i and those ``first`` to ``last`` further on, for i < ``count``."""
    for gap in range(first, last + 1):
        for i in range(count):
            apart = abs(look[X + gap + i] - look[X + i]) + abs(look[Y + gap + i] - look[Y + i])
            look[NEAR + i] = apart if apart < look[NEAR + i] else look[NEAR + i]


@njit(cache=True, nogil=True, error_model="numpy")
def slack(look, walls):  # type: ignore[no-untyped-def]
    """How far all links together may turn before a place can be illegal [rad]; negative if one is."""
    for i in range(JOINTS):
        look[NEAR + i] = FAR
    # Neighbours are LINK apart, more than CLOSE in any direction. Constant numbers of points keep the loops SIMD;
    # they reach into the padding.
    compare(look, 2, 4, 20)
    compare(look, 5, 8, 16)
    compare(look, 9, 12, 12)
    compare(look, 13, 16, 8)
    compare(look, 17, 20, 4)
    for i in range(JOINTS):
        x, y = look[X + 1 + i], look[Y + 1 + i]
        room = x if x < 1.0 - x else 1.0 - x
        below = y if y < 1.0 - y else 1.0 - y
        room = room if room < below else below
        look[ROOM + i] = room if x < 1.0 and y < 1.0 else -1.0
    for k in range(len(walls)):
        x0, x1, y0, y1 = walls[k, 0], walls[k, 1], walls[k, 2], walls[k, 3]
        for i in range(JOINTS):
            x, y = look[X + 1 + i], look[Y + 1 + i]
            aside = x0 - x if x0 - x > x - x1 else x - x1
            above = y0 - y if y0 - y > y - y1 else y - y1
            room = aside if aside > above else above  # negative strictly inside
            look[ROOM + i] = room if room < look[ROOM + i] else look[ROOM + i]
    least, room = FAR, FAR
    for i in range(JOINTS):
        least = look[NEAR + i] if look[NEAR + i] < least else least
        room = look[ROOM + i] if look[ROOM + i] < room else room
    least = (least - CLOSE) * ROOT_HALF
    return (least if least < room else room) * (1.0 / LINK)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def add_up(lanes, weights, inputs, outputs, n_in, n_out):  # type: ignore[no-untyped-def]
    """What the units of one layer get, scalar bias first: the sums of ``dense_lanes``, in its order.

    A unit of all lanes after the other, so that the compiler makes SIMD of the lanes for twenty inputs too.
    """
    for j in range(n_out):
        for w in range(LANES):
            total = lanes[(weights + n_in * n_out) * LANES + w]
            for i in range(n_in):
                total += lanes[(inputs + i) * LANES + w] * lanes[(weights + i * n_out + j) * LANES + w]
            lanes[(outputs + j) * LANES + w] = total


@njit(cache=True, nogil=True, error_model="numpy")
def squash(lanes, first, count):  # type: ignore[no-untyped-def]
    """2 sigmoid(x) - 1 of ``count`` slots, in place. Not inlined: compiling takes half as long."""
    for k in range(first * LANES, (first + count) * LANES):
        lanes[k] = rational_tanh(0.5 * lanes[k])


@cache
def episodes(hidden: tuple[int, ...]) -> Callable[..., None]:
    """The kernel for a network JOINTS - hidden - JOINTS of one to four hidden layers, compiled for those sizes.

    ``run(weights, angles, speeds, steps, frames, walls, final, trace)``:
        weights: (n, d) float64.
        angles, speeds: (JOINTS,) a legal start [rad, rad/s].
        frames: (f,) rising step numbers after which places are kept.
        walls: (k, 4) x0, x1, y0, y1.
        final: (n, JOINTS + 3) out: joint angles, steps begun, which rule ended the episode (0 none, 1 speed,
            2 place), looks at the whole arm.
        trace: (n, f, k, 2) out: the last k of base and joints at the frames; k = 1 is the end effector alone.
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
        look = np.empty(SCRATCH)
        for k in range(44):
            look[X + k] = look[Y + k] = (k + 1) * FAR
        row = np.full(LANES, -1, np.int64)  # which row a lane works on, -1 for none
        step, frame, ended, looks = (
            np.zeros(LANES, np.int64),
            np.zeros(LANES, np.int64),
            np.zeros(LANES, np.int64),
            np.zeros(LANES, np.int64),
        )
        room = np.zeros(LANES)
        # No joint is ever faster than this, so neither is the hand; slower last joints cannot break the first rule.
        top = np.abs(speeds).max() + 0.5 * DT * SUBSTEPS * steps
        brisk = TOP_SPEED - 0.5 * LINK * top * DT * (JOINTS * (JOINTS + 1) // 2) - MARGIN
        for j in range(JOINTS):
            lanes[(ANGLE + j) * LANES] = angles[j]
        place(lanes, ANGLE, 0, look)
        start_room = slack(look, walls)
        waiting, busy = 0, 0
        for w in range(LANES):
            ended[w] = -1  # nothing to keep
        while True:
            # Keep what has stopped, and take the next rows.
            for w in range(LANES):
                if row[w] >= 0 and (ended[w] != 0 or step[w] == steps):
                    place(lanes, ANGLE, w, look)
                    for f in range(frame[w], len(frames)):
                        keep(look, trace[row[w], f])
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
            add_up(lanes, w1, SEEN, ping, JOINTS, h1)
            squash(lanes, ping, h1)
            if h2 > 0:
                add_up(lanes, w2, ping, pong, h1, h2)
                squash(lanes, pong, h2)
            if h3 > 0:
                add_up(lanes, w3, pong, ping, h2, h3)
                squash(lanes, ping, h3)
            if h4 > 0:
                add_up(lanes, w4, ping, pong, h3, h4)
                squash(lanes, pong, h4)
            add_up(lanes, w5, bottom, ACTION, last, JOINTS)
            squash(lanes, ACTION, JOINTS)
            for _ in range(SUBSTEPS):
                for j in range(JOINTS):
                    for w in range(LANES):
                        move = lanes[(SPEED + j) * LANES + w] * DT + lanes[(ACTION + j) * LANES + w] * HALF_SQUARE
                        lanes[(NEXT + j) * LANES + w] = lanes[(ANGLE + j) * LANES + w] + move
                for w in range(LANES):
                    absolute, turned = 0.0, 0.0
                    for j in range(JOINTS):
                        absolute += lanes[(NEXT + j) * LANES + w]
                        turned += abs(absolute - lanes[(LOOKED + j) * LANES + w])
                    lanes[TURNED * LANES + w] = turned
                for w in range(LANES):
                    if row[w] < 0 or ended[w] != 0:
                        continue
                    speed = lanes[(SPEED + JOINTS - 1) * LANES + w]
                    if not speed < brisk:
                        place(lanes, ANGLE, w, look)
                        before_x, before_y = look[X + JOINTS], look[Y + JOINTS]
                        place(lanes, NEXT, w, look)
                        dx, dy = look[X + JOINTS] - before_x, look[Y + JOINTS] - before_y
                        if 0.5 * np.sqrt(dx * dx + dy * dy) + speed > TOP_SPEED:
                            ended[w] = 1
                            continue
                    if not lanes[TURNED * LANES + w] < room[w] - MARGIN:
                        looks[w] += 1
                        place(lanes, NEXT, w, look)
                        room[w] = slack(look, walls)
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
                        place(lanes, ANGLE, w, look)
                        keep(look, trace[row[w], frame[w]])
                        frame[w] += 1
                    step[w] += 1

    return run
