"""The deceptive maze's numba kernel: whole episodes, network included, one robot after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.policies._mlp_kernel import forward_row
from qd.problems._trig import sincos_turns

RANGE = 100.0  # of the range finders [px]
RADIUS = 8.0  # of the robot [px]
TOP = 3.0  # speed [px / step] and angular velocity [degrees / step]
GAIN = 0.2  # how much either can change in a step
SENSORS = 11
ROOT_HALF = float(np.sqrt(0.5))
DEGREE = 1.0 / 360.0  # turns


@njit(cache=True, nogil=True, error_model="numpy")
def free(x: float, y: float, walls: NDArray[np.float64]) -> bool:
    """Whether no wall is closer to (x, y) than the robot's radius."""
    for k in range(len(walls)):
        ax, ay, ex, ey = walls[k, 0], walls[k, 1], walls[k, 2], walls[k, 3]
        px, py = x - ax, y - ay
        t = (px * ex + py * ey) / (ex * ex + ey * ey)
        t = min(1.0, max(0.0, t))
        dx, dy = px - t * ex, py - t * ey
        if dx * dx + dy * dy < RADIUS * RADIUS:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def distance(x: float, y: float, ux: float, uy: float, walls: NDArray[np.float64]) -> float:
    """How far the first wall is from (x, y) in the direction of the unit vector (ux, uy), at most RANGE."""
    nearest = RANGE
    for k in range(len(walls)):
        ax, ay, ex, ey = walls[k, 0] - x, walls[k, 1] - y, walls[k, 2], walls[k, 3]
        across, over = ux * ey - uy * ex, ax * uy - ay * ux
        if across < 0.0:
            across, over = -across, -over
            ex, ey = -ex, -ey
        if 0.0 <= over <= across and across > 0.0:  # the line of sight crosses the wall, somewhere before or behind
            along = (ax * ey - ay * ex) / across
            if 0.0 <= along < nearest:
                nearest = along
    return nearest


@njit(cache=True, nogil=True, error_model="numpy")
def observe(
    x: float, y: float, sine: float, cosine: float, goal: NDArray[np.float64], walls: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    """The eleven numbers of the network's input."""
    plus, minus = (cosine + sine) * ROOT_HALF, (cosine - sine) * ROOT_HALF
    out[0] = 1.0
    out[1] = distance(x, y, sine, -cosine, walls) / RANGE  # -90 degrees
    out[2] = distance(x, y, plus, -minus, walls) / RANGE  # -45
    out[3] = distance(x, y, cosine, sine, walls) / RANGE
    out[4] = distance(x, y, minus, plus, walls) / RANGE  # 45
    out[5] = distance(x, y, -sine, cosine, walls) / RANGE  # 90
    out[6] = distance(x, y, -cosine, -sine, walls) / RANGE  # -180
    dx, dy = goal[0] - x, goal[1] - y
    ahead, aside = dx * cosine + dy * sine, dy * cosine - dx * sine
    out[7] = 1.0 if aside < ahead and aside >= -ahead else 0.0  # 315 to 45 degrees from the heading
    out[8] = 1.0 if aside >= ahead and aside > -ahead else 0.0  # 45 to 135
    out[9] = 1.0 if aside > ahead and aside <= -ahead else 0.0  # 135 to 225
    out[10] = 1.0 if aside <= ahead and aside < -ahead else 0.0  # 225 to 315


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _towards(now: float, output: float) -> float:
    """A velocity after one step towards what the network's output asks for."""
    wanted = (min(1.0, max(0.0, output + 0.5)) - 0.5) * (2.0 * TOP)
    now += min(GAIN, max(-GAIN, wanted - now))
    return min(TOP, max(-TOP, now))


@njit(cache=True, nogil=True, error_model="numpy")
def episodes(
    weights: NDArray[np.float64],
    sizes: NDArray[np.int64],
    activations: NDArray[np.int64],
    bias: int,
    walls: NDArray[np.float64],
    start: NDArray[np.float64],
    goal: NDArray[np.float64],
    steps: int,
    frames: NDArray[np.int64],
    final: NDArray[np.float64],
    trace: NDArray[np.float64],
) -> None:
    """Run all rows.

    Args:
        weights: (n, d).
        sizes, activations, bias: the network, as ``forward_row`` takes it.
        walls: (k, 4) x and y of one end, and the way from there to the other end [px].
        start: (3,) x, y [px], heading [degrees].
        goal: (2,) x, y [px].
        steps: of an episode.
        frames: (f,) rising step numbers after which the position is kept.
        final: (n, 4) out: x, y, heading, steps in which a wall was in the way.
        trace: (n, f, 2) out: x and y at the frames.
    """
    scratch, observation, action = np.empty((2, sizes.max())), np.empty(SENSORS), np.empty(2)
    for row in range(len(weights)):
        x, y, heading = start[0], start[1], start[2]
        speed, turning, blocked, frame = 0.0, 0.0, 0, 0
        for step in range(steps):
            sine, cosine = sincos_turns(heading * DEGREE)
            observe(x, y, sine, cosine, goal, walls, observation)
            forward_row(weights[row], sizes, activations, bias, observation, scratch, action)
            turning, speed = _towards(turning, action[0]), _towards(speed, action[1])
            next_x, next_y = x + speed * cosine, y + speed * sine
            if free(next_x, next_y, walls):
                x, y = next_x, next_y
            else:
                blocked += 1
            heading += turning
            heading = heading - 360.0 if heading >= 360.0 else heading
            heading = heading + 360.0 if heading < 0.0 else heading
            if frame < len(frames) and frames[frame] == step:
                trace[row, frame, 0], trace[row, frame, 1] = x, y
                frame += 1
        final[row, 0], final[row, 1], final[row, 2], final[row, 3] = x, y, heading, blocked


def segments(ends: Any) -> NDArray[np.float64]:
    """(k, 4) walls as the kernel takes them, of (k, 4) x and y of both ends."""
    walls = np.array(ends, np.float64)
    walls[:, 2:] -= walls[:, :2]
    return walls
