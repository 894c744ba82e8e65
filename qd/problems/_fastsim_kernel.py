"""What the two-wheeled robot's kernels share: lasers, network, wheels and walls, for LANES robots in step.

What is the same arithmetic for every robot (network, motion, laser ends) runs as SIMD over the lanes; what
branches (walls, bumpers, rays) is looked up robot by robot. A robot's numbers never depend on its neighbours.
All of it is inlined into a problem's own loop over the steps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from qd.policies._mlp_kernel import LANES, SCALAR, TANH_HALF, dense_lanes
from qd.problems._fastsim_map import MISS, RANGE, REACH, SIDE, SPAN, STEPS, UNIT
from qd.problems._trig import sincos_turns

# Slots of the lanes' numbers. Whole numbers are kept as floats too: one array, so that loops become SIMD.
X, Y, HEADING, SINE, COSINE, PIXEL_X, PIXEL_Y = 0, 1, 2, 3, 4, 5, 6  # where the robot is
NEXT_X, NEXT_Y, NEXT_PIXEL_X, NEXT_PIXEL_Y = 7, 8, 9, 10  # where it will be if no wall is in the way
RAYS, HIT_X, HIT_Y = 11, 14, 17  # three each: the lasers' ends as places in the table of rays, the pixels hit
LASERS, LEFT, RIGHT = 20, 23, 24  # the observation
SENSED = 25  # what else a problem lets its robots see, then the layers' units, then the weights

PI, TAU = np.pi, 2 * np.pi
ROOT_HALF = float(np.sqrt(0.5))
PER_UNIT = 1.0 / UNIT


class Layout(NamedTuple):
    """Units of a network of one to four hidden layers, and the slots of its numbers."""

    inputs: int
    h1: int
    h2: int
    h3: int
    h4: int
    outputs: int
    w1: int  # first slots of the layers' weights; w5 is the last layer's
    w2: int
    w3: int
    w4: int
    w5: int
    ping: int  # two buffers of units, used in turn
    pong: int
    last: int  # units of the last hidden layer,
    bottom: int  # the buffer with them,
    top: int  # and the one with the outputs
    slots: int

    @classmethod
    def of(cls, inputs: int, hidden: tuple[int, ...], outputs: int) -> Layout:
        """The layout of inputs - hidden - outputs; the inputs begin at LASERS."""
        h1, h2, h3, h4 = (*hidden, 0, 0, 0, 0)[:4]
        widest = max(*hidden, outputs)
        ping = LASERS + inputs
        pong = ping + widest
        w1 = pong + widest
        w2 = w1 + inputs * h1 + 1
        w3 = w2 + (h1 * h2 + 1 if h2 else 0)
        w4 = w3 + (h2 * h3 + 1 if h3 else 0)
        w5 = w4 + (h3 * h4 + 1 if h4 else 0)
        slots = w5 + outputs * hidden[-1] + 1
        bottom, top = (ping, pong) if len(hidden) % 2 else (pong, ping)
        return cls(inputs, h1, h2, h3, h4, outputs, w1, w2, w3, w4, w5, ping, pong, hidden[-1], bottom, top, slots)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def place(lanes, start):  # type: ignore[no-untyped-def]
    """Put the robots to ``start`` (3,): x, y [units], heading [rad]."""
    for w in range(LANES):
        lanes[X * LANES + w] = start[0]
        lanes[Y * LANES + w] = start[1]
        lanes[HEADING * LANES + w] = start[2]
        sine, cosine = sincos_turns(start[2] * (1.0 / TAU))
        lanes[SINE * LANES + w] = sine
        lanes[COSINE * LANES + w] = cosine
        lanes[PIXEL_X * LANES + w] = np.floor(start[0] * PER_UNIT + 0.5)
        lanes[PIXEL_Y * LANES + w] = np.floor(start[1] * PER_UNIT + 0.5)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def first_hit(clear, touched, at, which, last):  # type: ignore[no-untyped-def]
    """On which of ``last`` steps ray ``which`` from the free pixel ``at`` hits a wall; MISS for none."""
    hit = np.uint8(MISS)
    k = max(1, int(clear[at]))  # no wall is nearer than this many steps
    while k <= last:
        near = int(clear[at + touched[which, k, 0]])
        if near == 0 or clear[at + touched[which, k, 1]] == 0 or clear[at + touched[which, k, 2]] == 0:
            hit = np.uint8(k)
            break
        k += near
    return hit


@njit(cache=True, nogil=True, error_model="numpy")
def all_hits(clear, touching, touched, ray_steps, memo):  # type: ignore[no-untyped-def]
    """Fill in the memo for every pixel that a robot can stand on: where it is looked up and never written."""
    rays = len(ray_steps)
    for at in range(len(clear)):
        if touching[at] == 0:
            for which in range(rays):
                memo[at * rays + which] = first_hit(clear, touched, at, which, ray_steps[which])


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def see_walls(lanes, clear, ray, touched, ends, ray_steps, memo, rays):  # type: ignore[no-untyped-def]
    """The three lasers, from where the robots stand, into LASERS; the tables as in ``_fastsim_map.Tables``."""
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
                hit = first_hit(clear, touched, at, which, ray_steps[which])
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


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def think(  # type: ignore[no-untyped-def]
    lanes, inputs, h1, h2, h3, h4, outputs, w1, w2, w3, w4, w5, ping, pong, last, bottom, top
):
    """The network, from the observation at LASERS to the outputs at ``top``; arguments as in ``Layout``."""
    dense_lanes(lanes, w1, LASERS, ping, inputs, h1, SCALAR, TANH_HALF)
    if h2 > 0:
        dense_lanes(lanes, w2, ping, pong, h1, h2, SCALAR, TANH_HALF)
    if h3 > 0:
        dense_lanes(lanes, w3, pong, ping, h2, h3, SCALAR, TANH_HALF)
    if h4 > 0:
        dense_lanes(lanes, w4, ping, pong, h3, h4, SCALAR, TANH_HALF)
    dense_lanes(lanes, w5, bottom, top, last, outputs, SCALAR, TANH_HALF)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def drive(lanes, top, speed):  # type: ignore[no-untyped-def]
    """Turn the robots, and say where they would be if no wall were in the way.

    Args:
        lanes: all numbers.
        top: slot of the left wheel's output, -1..1; the right one's is the next.
        speed: how far a wheel rolls in a step at output 1 [units].
    """
    for w in range(LANES):
        wheel_left, wheel_right = lanes[top * LANES + w] * speed, lanes[(top + 1) * LANES + w] * speed
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


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def meet_walls(lanes, touching, bearings, right, left, collisions):  # type: ignore[no-untyped-def]
    """Move the robots on where they touch no wall; where they do, set the bumpers and count the collision."""
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
