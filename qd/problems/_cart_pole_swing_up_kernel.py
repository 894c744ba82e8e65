"""The cart-pole swing-up's numba kernel: whole episodes, network included, LANES carts in step."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import njit

from qd.policies._mlp_kernel import LANES, TANH, VECTOR, dense_lanes_wide
from qd.problems._trig import sincos_turns

# Slots of the lanes' numbers. On the track: 1 until the cart has left it, then 0.
X, SPEED, ANGLE, SPIN, SINE, COSINE, ON_TRACK, PAID, PLACES, UPRIGHT = range(10)
OBSERVATION = 10
SENSORS, OUTPUTS = 5, 1
ACTION = OBSERVATION + SENSORS
LAYERS = ACTION + OUTPUTS  # the hidden units, then the weights

GRAVITY = 9.82  # [m/s^2]
CART, POLE, LENGTH = 0.5, 0.5, 0.6  # masses [kg], length of the pole [m]
FRICTION = 0.1  # of the cart [N s/m]
FORCE = 10.0  # at action 1 [N]
DT = 0.02  # [s] a step
TRACK = 2.4  # the cart may be so far from the middle [m]
STANDING = 0.9  # a pole whose cosine is above this counts as upright: within 26 degrees
TOP_SPEED, TOP_SPIN = 5.0, 10.0  # what a network sees as 1 [m/s, rad/s]
PER_TURN = 1.0 / (2.0 * np.pi)

TOTAL = 4.0 * (CART + POLE)
SWING = 2.0 * POLE * LENGTH
LEVER = 3.0 * POLE
WEIGHT = 3.0 * POLE * GRAVITY
TURN = 1.5 / LENGTH
PER_TRACK, PER_SPEED, PER_SPIN = 1.0 / TRACK, 1.0 / TOP_SPEED, 1.0 / TOP_SPIN


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def accelerations(force, speed, spin, sine, cosine):  # type: ignore[no-untyped-def]
    """Of the cart [m/s^2] and of the pole [rad/s^2]: the equations of ``cart_pole_swing_up``."""
    push = 4.0 * (force - FRICTION * speed)
    cart = (push + SWING * spin * spin * sine - WEIGHT * sine * cosine) / (TOTAL - LEVER * cosine * cosine)
    return cart, TURN * (GRAVITY * sine - cart * cosine)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def in_middle(x: float) -> float:
    """cos(pi x / (2 TRACK)): what a place on the track counts, 1 in the middle and 0 at both ends."""
    _, cosine = sincos_turns(x * (0.25 * PER_TRACK))
    return cosine


@njit(cache=True, nogil=True, error_model="numpy")
def sense(lanes):  # type: ignore[no-untyped-def]
    """The network's five inputs."""
    for w in range(LANES):
        lanes[OBSERVATION * LANES + w] = lanes[X * LANES + w] * PER_TRACK
        lanes[(OBSERVATION + 1) * LANES + w] = lanes[SPEED * LANES + w] * PER_SPEED
        lanes[(OBSERVATION + 2) * LANES + w] = lanes[COSINE * LANES + w]
        lanes[(OBSERVATION + 3) * LANES + w] = lanes[SINE * LANES + w]
        lanes[(OBSERVATION + 4) * LANES + w] = lanes[SPIN * LANES + w] * PER_SPIN


@njit(cache=True, nogil=True, error_model="numpy")
def move(lanes):  # type: ignore[no-untyped-def]
    """One step of semi-implicit Euler, and what it earns; carts that have left the track stay as they are."""
    for w in range(LANES):
        x, speed = lanes[X * LANES + w], lanes[SPEED * LANES + w]
        angle, spin = lanes[ANGLE * LANES + w], lanes[SPIN * LANES + w]
        on_track = lanes[ON_TRACK * LANES + w]
        cart, pole = accelerations(
            FORCE * lanes[ACTION * LANES + w], speed, spin, lanes[SINE * LANES + w], lanes[COSINE * LANES + w]
        )
        speed += DT * cart
        spin += DT * pole
        x += DT * speed
        angle += DT * spin
        on = on_track if (x >= -TRACK) & (x <= TRACK) else 0.0
        sine, cosine = sincos_turns(angle * PER_TURN)
        stays = on == 0.0
        lanes[X * LANES + w] = lanes[X * LANES + w] if stays else x
        lanes[SPEED * LANES + w] = lanes[SPEED * LANES + w] if stays else speed
        lanes[ANGLE * LANES + w] = lanes[ANGLE * LANES + w] if stays else angle
        lanes[SPIN * LANES + w] = lanes[SPIN * LANES + w] if stays else spin
        lanes[SINE * LANES + w] = lanes[SINE * LANES + w] if stays else sine
        lanes[COSINE * LANES + w] = lanes[COSINE * LANES + w] if stays else cosine
        lanes[ON_TRACK * LANES + w] = on
        lanes[PAID * LANES + w] += on * (0.5 + 0.5 * cosine) * in_middle(x)
        lanes[PLACES * LANES + w] += lanes[X * LANES + w]
        lanes[UPRIGHT * LANES + w] += on if cosine > STANDING else 0.0


@cache
def episodes(hidden: tuple[int, ...]) -> Callable[..., None]:
    """The kernel for a network 5 - hidden - 1 of one to four hidden layers, compiled for those sizes.

    ``run(weights, start, steps, frames, final, trace)``:
        weights: (n, d) float64.
        start: (4,) x [m], its speed, the pole's angle from upright [rad], its speed.
        steps: of an episode.
        frames: (f,) rising step numbers after which the state is kept.
        final: (n, 4) out: the sum of what the steps paid, of the cart's places, of the steps upright; 1 on the track.
        trace: (n, f, 4) out: the state at the frames, as ``start``.
    """
    h1, h2, h3, h4 = (*hidden, 0, 0, 0, 0)[:4]
    last = hidden[-1]
    ping, pong = LAYERS, LAYERS + max(hidden)
    w1 = pong + max(hidden)
    w2 = w1 + (SENSORS + 1) * h1
    w3 = w2 + (h1 + 1) * h2
    w4 = w3 + (h2 + 1) * h3
    w5 = w4 + (h3 + 1) * h4
    slots = w5 + (last + 1) * OUTPUTS
    bottom = ping if len(hidden) % 2 else pong

    @njit(cache=True, nogil=True, error_model="numpy")
    def run(weights, start, steps, frames, final, trace):  # type: ignore[no-untyped-def]
        n, genes = weights.shape
        lanes = np.zeros(slots * LANES)
        sine, cosine = sincos_turns(start[2] * PER_TURN)
        for first in range(0, n, LANES):
            rows = min(LANES, n - first)
            lanes[:] = 0.0
            for w in range(LANES):
                for k in range(4):
                    lanes[(X + k) * LANES + w] = start[k]
                lanes[SINE * LANES + w] = sine
                lanes[COSINE * LANES + w] = cosine
                lanes[ON_TRACK * LANES + w] = 1.0
            for w in range(rows):
                for gene in range(genes):
                    lanes[(w1 + gene) * LANES + w] = weights[first + w, gene]
            frame = 0
            for step in range(steps):
                sense(lanes)
                dense_lanes_wide(lanes, w1, OBSERVATION, ping, SENSORS, h1, VECTOR, TANH)
                if h2 > 0:
                    dense_lanes_wide(lanes, w2, ping, pong, h1, h2, VECTOR, TANH)
                if h3 > 0:
                    dense_lanes_wide(lanes, w3, pong, ping, h2, h3, VECTOR, TANH)
                if h4 > 0:
                    dense_lanes_wide(lanes, w4, ping, pong, h3, h4, VECTOR, TANH)
                dense_lanes_wide(lanes, w5, bottom, ACTION, last, OUTPUTS, VECTOR, TANH)
                move(lanes)
                while frame < len(frames) and frames[frame] == step:
                    for w in range(rows):
                        for k in range(4):
                            trace[first + w, frame, k] = lanes[(X + k) * LANES + w]
                    frame += 1
            for w in range(rows):
                final[first + w, 0] = lanes[PAID * LANES + w]
                final[first + w, 1] = lanes[PLACES * LANES + w]
                final[first + w, 2] = lanes[UPRIGHT * LANES + w]
                final[first + w, 3] = lanes[ON_TRACK * LANES + w]

    return run
