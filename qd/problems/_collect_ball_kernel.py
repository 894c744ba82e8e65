"""The ball collector's numba kernel: whole episodes, network included, LANES robots in step (``_fastsim_kernel``)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import njit

from qd.policies._mlp_kernel import LANES
from qd.problems._collect_ball_map import BALLS, HOME
from qd.problems._fastsim_kernel import (
    COSINE,
    HEADING,
    LASERS,
    PER_UNIT,
    PIXEL_X,
    PIXEL_Y,
    SENSED,
    SINE,
    Layout,
    X,
    Y,
    drive,
    meet_walls,
    place,
    see_walls,
    think,
)
from qd.problems._fastsim_map import SIDE

COUNT = len(BALLS)
BALL_SEEN, HOME_SEEN, CARRYING = SENSED, SENSED + 2, SENSED + 4  # in the observation; left, then right
INPUTS, OUTPUTS = CARRYING + 1 - LASERS, 3
WHEELS = 2.0  # how far a wheel rolls in a step at output 1 [units]
NEAR = 10.0  # how near to a ball or to home the gripper works [units]
INNER = float(np.tan(np.radians(5.0)))  # the sensors look from 45 degrees out to 5 degrees across the middle

FIRST, DROPPED, CARRIED, DELIVERED = 0, 1, 2, 3  # where a ball is: at its first place, ...


@njit(cache=True, nogil=True, error_model="numpy")
def in_sight(clear, x0, y0, x1, y1):  # type: ignore[no-untyped-def]
    """Whether no pixel on the supercover line from (x0, y0) to (x1, y1) is a wall; see ``_fastsim_map.supercover``.

    Pixels are met in order along the longer axis; as many steps as the nearest wall is away are skipped.
    """
    ox, oy = x1 - x0, y1 - y0
    across = abs(ox) < abs(oy)  # the longer axis is y
    long, short = (abs(oy), abs(ox)) if across else (abs(ox), abs(oy))
    sx, sy = 1 if ox > 0 else -1, 1 if oy > 0 else -1
    step_long = sy * SIDE if across else sx
    step_short = sx if across else sy * SIDE
    at = y0 * SIDE + x0
    u = max(1, int(clear[at]))
    while u <= long:
        v = (2 * short * u + long - 1) // (2 * long)  # short * u / long, rounded, half down
        near = int(clear[at + u * step_long + v * step_short])
        if near == 0:
            return False
        before = (2 * short * (u - 1) + long - 1) // (2 * long)
        if v != before:
            edge = (2 * before + 1) * long - (2 * u - 1) * short
            if edge >= 0 and clear[at + u * step_long + before * step_short] == 0:
                return False
            if edge <= 0 and clear[at + (u - 1) * step_long + v * step_short] == 0:
                return False
        u += near
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def lit_from(clear, lights):  # type: ignore[no-untyped-def]
    """(200 * 200,) bit k where light k of ``lights`` (k, 2) [pixels] is in sight of a free pixel."""
    seen = np.zeros(SIDE * SIDE, np.uint8)
    for at in range(SIDE * SIDE):
        if clear[at] > 0:
            for k in range(len(lights)):
                if in_sight(clear, lights[k, 0], lights[k, 1], at % SIDE, at // SIDE):
                    seen[at] |= np.uint8(1 << k)
    return seen


@cache
def episodes(hidden: tuple[int, ...]) -> Callable[..., None]:
    """The kernel for a network 10 - hidden - 3 of one to four hidden layers, compiled for those sizes.

    ``run(weights, start, steps, frames, tables..., lit, final, trace, balls)``:
        weights: (n, d) float64.
        start: (3,) x, y [units], heading [rad].
        frames: (f,) rising step numbers after which the pose is kept.
        final: (n, 6) out: x, y, heading, balls delivered, the ball carried or -1, collisions.
        trace: (n, f, 15) out: x, y, heading, then x and y of each ball at the frames, NaN once it is home.
        balls: (n, 6, 2) out: where the balls are at the end.
    """
    inputs, h1, h2, h3, h4, outputs, w1, w2, w3, w4, w5, ping, pong, last, bottom, top, slots = Layout.of(
        INPUTS, hidden, OUTPUTS
    )
    first_places, home = np.array(BALLS), HOME

    @njit(cache=True, nogil=True, error_model="numpy")
    def run(  # type: ignore[no-untyped-def]
        weights, start, steps, frames, clear, touching, bearings, right, left, ray, touched, ends, ray_steps, memo,
        lit, final, trace, balls,
    ):  # fmt: skip
        n, genes = weights.shape
        lanes = np.zeros(slots * LANES)
        collisions = np.zeros(LANES, np.int64)
        delivered = np.zeros(LANES, np.int64)
        carried = np.zeros(LANES, np.int64)
        state = np.zeros((LANES, COUNT), np.int64)
        at_x, at_y = np.zeros((LANES, COUNT)), np.zeros((LANES, COUNT))
        rays = len(ray_steps)
        for first in range(0, n, LANES):
            rows = min(LANES, n - first)
            lanes[:] = 0.0
            for w in range(rows):
                for gene in range(genes):
                    lanes[(w1 + gene) * LANES + w] = weights[first + w, gene]
            collisions[:] = 0
            delivered[:] = 0
            carried[:] = -1
            state[:] = FIRST
            for w in range(LANES):
                for ball in range(COUNT):
                    at_x[w, ball], at_y[w, ball] = first_places[ball, 0], first_places[ball, 1]
            place(lanes, start)
            frame = 0
            for step in range(steps):
                see_walls(lanes, clear, ray, touched, ends, ray_steps, memo, rays)
                for w in range(LANES):  # which lights they see
                    x, y = lanes[X * LANES + w], lanes[Y * LANES + w]
                    sine, cosine = lanes[SINE * LANES + w], lanes[COSINE * LANES + w]
                    px, py = int(lanes[PIXEL_X * LANES + w]), int(lanes[PIXEL_Y * LANES + w])
                    visible = int(lit[py * SIDE + px])
                    to_left, to_right = False, False
                    for ball in range(COUNT):
                        if state[w, ball] <= DROPPED:
                            dx, dy = at_x[w, ball] - x, at_y[w, ball] - y
                            ahead, aside = dx * cosine + dy * sine, dy * cosine - dx * sine
                            on_left = aside > -ahead and aside < INNER * ahead
                            on_right = aside < ahead and aside > -INNER * ahead
                            if (on_left and not to_left) or (on_right and not to_right):
                                if state[w, ball] == FIRST:
                                    seen = (visible >> ball) & 1 == 1
                                else:
                                    bx = int(np.floor(at_x[w, ball] * PER_UNIT + 0.5))
                                    by = int(np.floor(at_y[w, ball] * PER_UNIT + 0.5))
                                    seen = in_sight(clear, bx, by, px, py)
                                to_left = to_left or (on_left and seen)
                                to_right = to_right or (on_right and seen)
                    lanes[BALL_SEEN * LANES + w] = 1.0 if to_left else 0.0
                    lanes[(BALL_SEEN + 1) * LANES + w] = 1.0 if to_right else 0.0
                    dx, dy = home[0] - x, home[1] - y
                    ahead, aside = dx * cosine + dy * sine, dy * cosine - dx * sine
                    seen = (visible >> COUNT) & 1 == 1
                    on_left = seen and aside > -ahead and aside < INNER * ahead
                    on_right = seen and aside < ahead and aside > -INNER * ahead
                    lanes[HOME_SEEN * LANES + w] = 1.0 if on_left else 0.0
                    lanes[(HOME_SEEN + 1) * LANES + w] = 1.0 if on_right else 0.0
                    lanes[CARRYING * LANES + w] = 1.0 if carried[w] >= 0 else 0.0
                think(lanes, inputs, h1, h2, h3, h4, outputs, w1, w2, w3, w4, w5, ping, pong, last, bottom, top)
                drive(lanes, top, WHEELS)
                meet_walls(lanes, touching, bearings, right, left, collisions)
                for w in range(LANES):  # what the gripper does, where the robot is now
                    x, y = lanes[X * LANES + w], lanes[Y * LANES + w]
                    held = carried[w]
                    if lanes[(top + 2) * LANES + w] > 0.0:
                        if held < 0:
                            for ball in range(COUNT):
                                dx, dy = at_x[w, ball] - x, at_y[w, ball] - y
                                if state[w, ball] <= DROPPED and dx * dx + dy * dy < NEAR * NEAR:
                                    state[w, ball], carried[w] = CARRIED, ball
                                    break
                    elif held >= 0:
                        dx, dy = home[0] - x, home[1] - y
                        if dx * dx + dy * dy < NEAR * NEAR:
                            state[w, held] = DELIVERED
                            at_x[w, held], at_y[w, held] = home
                            delivered[w] += 1
                        else:
                            state[w, held] = DROPPED
                            at_x[w, held], at_y[w, held] = x, y
                        carried[w] = -1
                while frame < len(frames) and frames[frame] == step:
                    for w in range(rows):
                        trace[first + w, frame, 0] = lanes[X * LANES + w]
                        trace[first + w, frame, 1] = lanes[Y * LANES + w]
                        trace[first + w, frame, 2] = lanes[HEADING * LANES + w]
                        for ball in range(COUNT):
                            x, y = at_x[w, ball], at_y[w, ball]
                            if state[w, ball] == CARRIED:
                                x, y = lanes[X * LANES + w], lanes[Y * LANES + w]
                            elif state[w, ball] == DELIVERED:
                                x, y = np.nan, np.nan
                            trace[first + w, frame, 3 + 2 * ball] = x
                            trace[first + w, frame, 4 + 2 * ball] = y
                    frame += 1
            for w in range(rows):
                x, y = lanes[X * LANES + w], lanes[Y * LANES + w]
                final[first + w, 0] = x
                final[first + w, 1] = y
                final[first + w, 2] = lanes[HEADING * LANES + w]
                final[first + w, 3] = delivered[w]
                final[first + w, 4] = carried[w]
                final[first + w, 5] = collisions[w]
                for ball in range(COUNT):
                    here = state[w, ball] == CARRIED
                    balls[first + w, ball, 0] = x if here else at_x[w, ball]
                    balls[first + w, ball, 1] = y if here else at_y[w, ball]

    return run
