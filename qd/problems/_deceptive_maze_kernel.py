"""The deceptive maze's numba kernel: whole episodes, network included, LANES robots in step.

All of it is arithmetic without branches, the same for every robot, so that loops over lanes become SIMD. A robot's
numbers never depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.policies._mlp_kernel import LANES, TANH, VECTOR, dense_lanes_wide
from qd.problems._trig import sincos_turns

# Slots of the lanes' numbers: one array, so that the compiler sees that nothing overlaps.
X, Y, HEADING, SPEED, TURNING, BLOCKED = 0, 1, 2, 3, 4, 5
SINE, COSINE, NEXT_X, NEXT_Y, ROOM = 6, 7, 8, 9, 10  # room: squared distance from the next place to a wall
OBSERVATION = 11  # 1, six range finders, four quarters
SENSORS, OUTPUTS = 11, 2
ACTION = OBSERVATION + SENSORS  # angular velocity, speed
LAYERS = ACTION + OUTPUTS  # the hidden units, then the weights

RANGE = 100.0  # of the range finders [px]
RADIUS = 8.0  # of the robot [px]
TOP = 3.0  # speed [px / step] and angular velocity [degrees / step]
GAIN = 0.2  # how much either can change in a step
ROOT = float(np.sqrt(2.0))
DEGREE = 1.0 / 360.0  # turns


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def room(x: float, y: float, ax: float, ay: float, ex: float, ey: float) -> float:
    """The squared distance of (x, y) from the wall that goes from (ax, ay) by (ex, ey)."""
    px, py = x - ax, y - ay
    t = (px * ex + py * ey) / (ex * ex + ey * ey)
    t = t if t > 0.0 else 0.0
    t = t if t < 1.0 else 1.0
    dx, dy = px - t * ex, py - t * ey
    return dx * dx + dy * dy


@njit(cache=True, nogil=True, error_model="numpy")
def free(x: float, y: float, walls: NDArray[np.float64]) -> bool:
    """Whether no wall is closer to (x, y) than the robot's radius."""
    for k in range(len(walls)):
        if room(x, y, walls[k, 0], walls[k, 1], walls[k, 2], walls[k, 3]) < RADIUS * RADIUS:
            return False
    return True


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _nearer(lanes, slot, distance):  # type: ignore[no-untyped-def]
    """Keep the least positive distance in a slot; NaN and what lies behind are no sight."""
    before = lanes[slot]
    lanes[slot] = distance if (distance >= 0.0) & (distance < before) else before


@njit(cache=True, nogil=True, error_model="numpy")
def sense(lanes, goal, walls):  # type: ignore[no-untyped-def]
    """The network's eleven inputs, of the slots X, Y, SINE and COSINE."""
    for w in range(LANES):
        sine, cosine = lanes[SINE * LANES + w], lanes[COSINE * LANES + w]
        dx, dy = goal[0] - lanes[X * LANES + w], goal[1] - lanes[Y * LANES + w]
        ahead, aside = dx * cosine + dy * sine, dy * cosine - dx * sine
        lanes[OBSERVATION * LANES + w] = 1.0
        for finder in range(6):
            lanes[(OBSERVATION + 1 + finder) * LANES + w] = RANGE
        # 315 to 45 degrees from the heading, 45 to 135, 135 to 225, 225 to 315
        lanes[(OBSERVATION + 7) * LANES + w] = 1.0 if (aside < ahead) & (aside >= -ahead) else 0.0
        lanes[(OBSERVATION + 8) * LANES + w] = 1.0 if (aside >= ahead) & (aside > -ahead) else 0.0
        lanes[(OBSERVATION + 9) * LANES + w] = 1.0 if (aside > ahead) & (aside <= -ahead) else 0.0
        lanes[(OBSERVATION + 10) * LANES + w] = 1.0 if (aside <= ahead) & (aside < -ahead) else 0.0
    for k in range(len(walls)):
        ax, ay, bx, by = walls[k, 0], walls[k, 1], walls[k, 0] + walls[k, 2], walls[k, 1] + walls[k, 3]
        for w in range(LANES):
            x, y = lanes[X * LANES + w], lanes[Y * LANES + w]
            sine, cosine = lanes[SINE * LANES + w], lanes[COSINE * LANES + w]
            # The wall's ends in the robot's frame, and along the diagonals. A line through the robot meets the wall
            # where the ends lie on both sides of it; how far away is the ends' cross product by their difference.
            ahead1, aside1 = (ax - x) * cosine + (ay - y) * sine, (ay - y) * cosine - (ax - x) * sine
            ahead2, aside2 = (bx - x) * cosine + (by - y) * sine, (by - y) * cosine - (bx - x) * sine
            plus1, minus1, plus2, minus2 = ahead1 + aside1, ahead1 - aside1, ahead2 + aside2, ahead2 - aside2
            cross = ahead1 * aside2 - ahead2 * aside1
            front, side = cross / (aside2 - aside1), cross / (ahead1 - ahead2)  # along 0 and 90 degrees, + or behind
            right, left = cross * ROOT / (minus1 - minus2), cross * ROOT / (plus2 - plus1)  # along 45 and -45
            front = front if aside1 * aside2 <= 0.0 else np.inf
            side = side if ahead1 * ahead2 <= 0.0 else np.inf
            right = right if minus1 * minus2 <= 0.0 else np.inf
            left = left if plus1 * plus2 <= 0.0 else np.inf
            _nearer(lanes, (OBSERVATION + 1) * LANES + w, -side)
            _nearer(lanes, (OBSERVATION + 2) * LANES + w, left)
            _nearer(lanes, (OBSERVATION + 3) * LANES + w, front)
            _nearer(lanes, (OBSERVATION + 4) * LANES + w, right)
            _nearer(lanes, (OBSERVATION + 5) * LANES + w, side)
            _nearer(lanes, (OBSERVATION + 6) * LANES + w, -front)
    for w in range(LANES):
        for finder in range(6):
            lanes[(OBSERVATION + 1 + finder) * LANES + w] /= RANGE


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def towards(now: float, output: float) -> float:
    """A velocity after one step towards what the network's output asks for."""
    wanted = output + 0.5
    wanted = wanted if wanted > 0.0 else 0.0
    wanted = ((wanted if wanted < 1.0 else 1.0) - 0.5) * (2.0 * TOP)
    change = wanted - now
    change = change if change > -GAIN else -GAIN
    now += change if change < GAIN else GAIN
    now = now if now > -TOP else -TOP
    return now if now < TOP else TOP


@njit(cache=True, nogil=True, error_model="numpy")
def move(lanes, walls):  # type: ignore[no-untyped-def]
    """Velocities after the actions, then the place along the heading, unless a wall is in the way, then the heading."""
    for w in range(LANES):
        turning = towards(lanes[TURNING * LANES + w], lanes[ACTION * LANES + w])
        speed = towards(lanes[SPEED * LANES + w], lanes[(ACTION + 1) * LANES + w])
        lanes[TURNING * LANES + w], lanes[SPEED * LANES + w] = turning, speed
        lanes[NEXT_X * LANES + w] = lanes[X * LANES + w] + speed * lanes[COSINE * LANES + w]
        lanes[NEXT_Y * LANES + w] = lanes[Y * LANES + w] + speed * lanes[SINE * LANES + w]
        heading = lanes[HEADING * LANES + w] + turning
        heading = heading - 360.0 if heading >= 360.0 else heading
        lanes[HEADING * LANES + w] = heading + 360.0 if heading < 0.0 else heading
        lanes[ROOM * LANES + w] = np.inf
    for k in range(len(walls)):
        ax, ay, ex, ey = walls[k, 0], walls[k, 1], walls[k, 2], walls[k, 3]
        for w in range(LANES):
            least = lanes[ROOM * LANES + w]
            here = room(lanes[NEXT_X * LANES + w], lanes[NEXT_Y * LANES + w], ax, ay, ex, ey)
            lanes[ROOM * LANES + w] = here if here < least else least
    for w in range(LANES):
        blocked = lanes[ROOM * LANES + w] < RADIUS * RADIUS
        lanes[X * LANES + w] = lanes[X * LANES + w] if blocked else lanes[NEXT_X * LANES + w]
        lanes[Y * LANES + w] = lanes[Y * LANES + w] if blocked else lanes[NEXT_Y * LANES + w]
        lanes[BLOCKED * LANES + w] += 1.0 if blocked else 0.0


@cache
def episodes(hidden: tuple[int, ...]) -> Callable[..., None]:
    """The kernel for a network 11 - hidden - 2 of at most four hidden layers, compiled for those sizes.

    ``run(weights, walls, start, goal, steps, frames, final, trace)``:
        weights: (n, d) float64.
        walls: (k, 4) x and y of one end, and the way from there to the other end [px].
        start: (3,) x, y [px], heading [degrees].
        goal: (2,) x, y [px].
        steps: of an episode.
        frames: (f,) rising step numbers after which the position is kept.
        final: (n, 4) out: x, y, heading, steps in which a wall was in the way.
        trace: (n, f, 2) out: x and y at the frames.
    """
    h1, h2, h3, h4 = (*hidden, 0, 0, 0, 0)[:4]
    last = hidden[-1] if hidden else SENSORS
    ping, pong = LAYERS, LAYERS + max(*hidden, 1, 1)
    w1 = pong + max(*hidden, 1, 1)
    w2 = w1 + (SENSORS + 1) * h1
    w3 = w2 + (h1 + 1) * h2
    w4 = w3 + (h2 + 1) * h3
    w5 = w4 + (h3 + 1) * h4
    slots = w5 + (last + 1) * OUTPUTS
    bottom = OBSERVATION if not hidden else ping if len(hidden) % 2 else pong

    @njit(cache=True, nogil=True, error_model="numpy")
    def run(weights, walls, start, goal, steps, frames, final, trace):  # type: ignore[no-untyped-def]
        n, genes = weights.shape
        lanes = np.zeros(slots * LANES)
        for first in range(0, n, LANES):
            rows = min(LANES, n - first)
            lanes[:] = 0.0
            for w in range(LANES):
                lanes[X * LANES + w] = start[0]
                lanes[Y * LANES + w] = start[1]
                lanes[HEADING * LANES + w] = start[2]
            for w in range(rows):
                for gene in range(genes):
                    lanes[(w1 + gene) * LANES + w] = weights[first + w, gene]
            frame = 0
            for step in range(steps):
                for w in range(LANES):
                    sine, cosine = sincos_turns(lanes[HEADING * LANES + w] * DEGREE)
                    lanes[SINE * LANES + w] = sine
                    lanes[COSINE * LANES + w] = cosine
                sense(lanes, goal, walls)
                if h1 > 0:
                    dense_lanes_wide(lanes, w1, OBSERVATION, ping, SENSORS, h1, VECTOR, TANH)
                if h2 > 0:
                    dense_lanes_wide(lanes, w2, ping, pong, h1, h2, VECTOR, TANH)
                if h3 > 0:
                    dense_lanes_wide(lanes, w3, pong, ping, h2, h3, VECTOR, TANH)
                if h4 > 0:
                    dense_lanes_wide(lanes, w4, ping, pong, h3, h4, VECTOR, TANH)
                dense_lanes_wide(lanes, w5, bottom, ACTION, last, OUTPUTS, VECTOR, TANH)
                move(lanes, walls)
                while frame < len(frames) and frames[frame] == step:
                    for w in range(rows):
                        trace[first + w, frame, 0] = lanes[X * LANES + w]
                        trace[first + w, frame, 1] = lanes[Y * LANES + w]
                    frame += 1
            for w in range(rows):
                final[first + w, 0] = lanes[X * LANES + w]
                final[first + w, 1] = lanes[Y * LANES + w]
                final[first + w, 2] = lanes[HEADING * LANES + w]
                final[first + w, 3] = lanes[BLOCKED * LANES + w]

    return run


def segments(ends: Any) -> NDArray[np.float64]:
    """(k, 4) walls as the kernel takes them, of (k, 4) x and y of both ends."""
    walls = np.array(ends, np.float64)
    walls[:, 2:] -= walls[:, :2]
    return walls
