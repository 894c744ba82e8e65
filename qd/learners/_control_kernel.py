"""Mountain car and acrobot in numba, and whole episodes of them: by a table of binned states, or by networks."""

from __future__ import annotations

import numpy as np
from numba import njit

from qd.learners._q_kernel import step_hash
from qd.policies._mlp_kernel import forward_row

MOUNTAIN_CAR, ACROBOT = 0, 1
LOW_X, HIGH_X, TOP_SPEED, GOAL_X = -1.2, 0.6, 0.07, 0.5  # of the car
DT, GRAVITY = 0.2, 9.8  # of the acrobot [s, m/s^2]; its links are 1 m long, their middle at 0.5 m, inertia 1 kg m^2
TOP_1, TOP_2 = 4 * np.pi, 9 * np.pi  # angular speeds [rad/s]
LOW24 = np.uint64(0xFFFFFF)
_24, _40 = np.uint64(24), np.uint64(40)


@njit(cache=True, nogil=True, error_model="numpy")
def _drive(state, action, parameters):  # type: ignore[no-untyped-def]
    """A step of the car: force and gravity are its parameters. Whether it is at the goal."""
    position, velocity = state[0], state[1]
    velocity += (action - 1) * parameters[0] + np.cos(3 * position) * (-parameters[1])
    velocity = min(max(velocity, -TOP_SPEED), TOP_SPEED)
    position = min(max(position + velocity, LOW_X), HIGH_X)
    if position == LOW_X and velocity < 0:
        velocity = 0.0
    state[0], state[1] = position, velocity
    return position >= GOAL_X and velocity >= 0


@njit(cache=True, nogil=True, error_model="numpy")
def _slope(s, torque, parameters, out):  # type: ignore[no-untyped-def]
    """Time derivative of the acrobot's angles and angular velocities; its parameters are the links' masses."""
    m1, m2 = parameters[0], parameters[1]
    angle1, angle2, speed1, speed2 = s[0], s[1], s[2], s[3]
    d1 = m1 * 0.25 + m2 * (1.25 + np.cos(angle2)) + 2.0
    d2 = m2 * (0.25 + 0.5 * np.cos(angle2)) + 1.0
    phi2 = m2 * 0.5 * GRAVITY * np.cos(angle1 + angle2 - np.pi / 2)
    phi1 = (
        -m2 * 0.5 * speed2**2 * np.sin(angle2)
        - m2 * speed2 * speed1 * np.sin(angle2)
        + (m1 * 0.5 + m2) * GRAVITY * np.cos(angle1 - np.pi / 2)
        + phi2
    )
    out[0], out[1] = speed1, speed2
    out[3] = (torque + d2 / d1 * phi1 - m2 * 0.5 * speed1**2 * np.sin(angle2) - phi2) / (m2 * 0.25 + 1.0 - d2**2 / d1)
    out[2] = -(d2 * out[3] + phi1) / d1


@njit(cache=True, nogil=True, error_model="numpy")
def _wrapped(angle):  # type: ignore[no-untyped-def]
    while angle > np.pi:
        angle -= 2 * np.pi
    while angle < -np.pi:
        angle += 2 * np.pi
    return angle


@njit(cache=True, nogil=True, error_model="numpy")
def _swing(state, action, parameters):  # type: ignore[no-untyped-def]
    """A step of the acrobot, by Runge-Kutta of order four. Whether its end is a link's length above the bar."""
    torque = action - 1.0
    k = np.empty((4, 4))
    _slope(state, torque, parameters, k[0])
    _slope(state + 0.5 * DT * k[0], torque, parameters, k[1])
    _slope(state + 0.5 * DT * k[1], torque, parameters, k[2])
    _slope(state + DT * k[2], torque, parameters, k[3])
    for i in range(4):
        state[i] += DT / 6.0 * (k[0, i] + 2 * k[1, i] + 2 * k[2, i] + k[3, i])
    state[0], state[1] = _wrapped(state[0]), _wrapped(state[1])
    state[2] = min(max(state[2], -TOP_1), TOP_1)
    state[3] = min(max(state[3], -TOP_2), TOP_2)
    return -np.cos(state[0]) - np.cos(state[1] + state[0]) > 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def advance(kind, state, action, parameters):  # type: ignore[no-untyped-def]
    """One step, in place; whether it succeeds, which ends the episode."""
    if kind == MOUNTAIN_CAR:
        return _drive(state, action, parameters)
    return _swing(state, action, parameters)


@njit(cache=True, nogil=True, error_model="numpy")
def _see(kind, state, seen):  # type: ignore[no-untyped-def]
    """What a network sees of a state, from about -1 to 1."""
    if kind == MOUNTAIN_CAR:
        seen[0] = (state[0] + 0.3) / 0.9
        seen[1] = state[1] / TOP_SPEED
    else:
        for i in range(2):
            seen[2 * i], seen[2 * i + 1] = np.cos(state[i]), np.sin(state[i])
        seen[4], seen[5] = state[2] / TOP_1, state[3] / TOP_2


@njit(cache=True, nogil=True, error_model="numpy")
def bin_of(state, low, width, counts):  # type: ignore[no-untyped-def]
    """The number of a state's bin; what lies outside belongs to the outermost."""
    number = 0
    for i in range(len(counts)):
        at = int(np.floor((state[i] - low[i]) / width[i]))
        number = number * counts[i] + min(max(at, 0), counts[i] - 1)
    return number


@njit(cache=True, nogil=True, error_model="numpy")
def table_episodes(  # type: ignore[no-untyped-def]
    kind,
    parameters,  # (c, p)
    q,  # (c, B, A)
    low,  # (s,) of the bins
    width,  # (s,)
    counts,  # (s,) int64
    seeds,  # (c,) uint64, of this episode
    explore,  # uint64: of 2^24; 0: a test, in which ties go to the first action
    left,  # (c,) steps that each may take
    states,  # (c, T + 1, s) out; the first ones are given
    bins,  # (c, T + 1) out
    actions,  # (c, T) out
    length,  # (c,) out
    success,  # (c,) out
):
    """An episode of each learner."""
    choices = q.shape[2]
    for c in range(len(q)):
        length[c], success[c] = 0, False
        state = states[c, 0].copy()
        bins[c, 0] = bin_of(state, low, width, counts)
        for t in range(left[c]):
            here = q[c, bins[c, t]]
            best, ties = here[0], 1
            for a in range(1, choices):
                if here[a] > best:
                    best, ties = here[a], 1
                elif here[a] == best:
                    ties += 1
            nth = np.int64(0)
            action = np.int64(0)
            bits = step_hash(seeds[c], t)
            if explore > 0:
                nth = np.int64(((bits & LOW24) * np.uint64(ties)) >> _24)
            if explore > 0 and (bits >> _40) < explore:
                action = np.int64(((bits & LOW24) * np.uint64(choices)) >> _24)
            else:
                for a in range(choices):
                    if here[a] == best:
                        if nth == 0:
                            action = np.int64(a)
                            break
                        nth -= 1
            won = advance(kind, state, action, parameters[c])
            actions[c, t] = action
            states[c, t + 1] = state
            bins[c, t + 1] = bin_of(state, low, width, counts)
            length[c] = t + 1
            if won:
                success[c] = True
                break


@njit(cache=True, nogil=True, error_model="numpy")
def backwards(q, bins, actions, paid, length, success, rate, discount):  # type: ignore[no-untyped-def]
    """Q-learning's update of every step of each learner's episode, the last step first; paid (c, T)."""
    for c in range(len(q)):
        for t in range(length[c] - 1, -1, -1):
            target = paid[c, t]
            if not (success[c] and t == length[c] - 1):
                target += discount * q[c, bins[c, t + 1]].max()
            q[c, bins[c, t], actions[c, t]] += rate * (target - q[c, bins[c, t], actions[c, t]])


@njit(cache=True, nogil=True, error_model="numpy")
def network_episodes(  # type: ignore[no-untyped-def]
    kind,
    parameters,  # (p,)
    start,  # (s,)
    weights,  # (n, d)
    sizes,  # as forward_row has them
    activations,
    bias,
    low,  # (s,) of the bins
    width,
    counts,
    horizon,
    states,  # (n, T + 1, s) out
    bins,  # (n, T + 1) out
    actions,  # (n, T) out
    length,  # (n,) out
    success,  # (n,) out
):
    """An episode of each network; its largest output chooses, of equal ones the first."""
    seen, scratch, output = np.empty(sizes[0]), np.empty((2, sizes.max())), np.empty(sizes[-1])
    for n in range(len(weights)):
        length[n], success[n] = 0, False
        state = start.copy()
        states[n, 0] = state
        bins[n, 0] = bin_of(state, low, width, counts)
        for t in range(horizon):
            _see(kind, state, seen)
            forward_row(weights[n], sizes, activations, bias, seen, scratch, output)
            action = np.int64(0)
            for a in range(1, len(output)):
                if output[a] > output[action]:
                    action = np.int64(a)
            won = advance(kind, state, action, parameters)
            actions[n, t] = action
            states[n, t + 1] = state
            bins[n, t + 1] = bin_of(state, low, width, counts)
            length[n] = t + 1
            if won:
                success[n] = True
                break
