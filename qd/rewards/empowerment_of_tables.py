"""Empowerment, Klyubin et al. 2005: how much an agent's actions decide where it will be, in bits, exact on tables.

The capacity of the channel from a sequence of actions to the state after it, by the algorithm of Blahut 1972 and
Arimoto 1972. Where the world is deterministic it is log2 of the number of states that can be reached. A reward reads it
as a state variable, through ``Feature``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError


def empowerment(next_state: NDArray[np.int32], steps: int = 1, slip: float = 0.0) -> NDArray[np.float64]:
    """(S,) bits of empowerment of each state of a table.

    >>> empowerment(np.array([[0, 1], [0, 2], [1, 2], [3, 3]])).tolist()
    [1.0, 1.0, 1.0, 0.0]

    Args:
        next_state: (S, A) where each action leads.
        steps: actions in a row; A^steps sequences are looked at.
        slip: the chance that an action is replaced by a random one.

    Raises:
        QDError: bad settings, a state that is not there, or more than 4096 sequences.
    """
    if np.ndim(next_state) != 2 or steps < 1 or not 0 <= slip <= 1:
        raise QDError(f"empowerment: next_state has shape {np.shape(next_state)}, steps {steps}, slip {slip}; wanted "
                      f"(S, A), at least 1, and 0 .. 1")  # fmt: skip
    states, actions = next_state.shape
    if next_state.size and not 0 <= next_state.min() <= next_state.max() < states:
        raise QDError(f"empowerment.next_state: holds {next_state.min()} .. {next_state.max()}, wanted states "
                      f"0 .. {states - 1}")  # fmt: skip
    if actions**steps > 4096:
        raise QDError(f"empowerment: {actions} actions in {steps} steps are more than 4096 sequences; take fewer steps")
    if slip == 0:
        reached: NDArray[np.integer] = np.arange(states)[:, None]
        for _ in range(steps):
            reached = next_state[reached].reshape(states, -1)
        ordered = np.sort(reached, axis=1)
        return np.asarray(np.log2(1 + (np.diff(ordered, axis=1) != 0).sum(axis=1)))
    one = np.zeros((actions, states, states))  # one[a, s, s']
    for action in range(actions):
        one[action, np.arange(states), next_state[:, action]] = 1.0
    one = (1 - slip) * one + slip * one.mean(axis=0)
    bits = np.empty(states)
    for state in range(states):
        channel = one[:, state]  # (sequences, S)
        for _ in range(steps - 1):
            channel = np.einsum("qs,ast->qat", channel, one).reshape(-1, states)
        bits[state] = capacity(channel)
    return bits


def capacity(channel: NDArray[np.float64], tolerance: float = 1e-9, rounds: int = 10_000) -> float:
    """Bits that a channel p(out | in) (inputs, outputs) carries, never too many.

    Too few by at most ``tolerance`` nats, or where so many ``rounds`` do not come so near, as with inputs that are just
    not worth using, by ln(inputs) / rounds nats (Arimoto 1972): 0.0007 for 1000 inputs and the default.

    >>> round(capacity(np.array([[0.9, 0.1], [0.1, 0.9]])), 6)  # 1 - H(0.1)
    0.531004
    """
    rows = np.asarray(channel, np.float64)
    if rows.ndim != 2 or (rows < 0).any() or not np.allclose(rows.sum(axis=1), 1):
        raise QDError("capacity: wanted a channel (inputs, outputs) whose rows are probabilities that sum to 1")
    p, low = np.full(len(rows), 1 / len(rows)), 0.0
    logs = np.log(np.where(rows > 0, rows, 1.0))
    for _ in range(rounds):
        out = p @ rows
        divergence = (rows * (logs - np.log(np.where(out > 0, out, 1.0)))).sum(axis=1)  # (inputs,) nats
        low, high = float(np.log(p @ np.exp(divergence))), float(divergence.max())  # it lies between the two
        if high - low < tolerance:
            break
        p = p * np.exp(divergence)
        p /= p.sum()
    return low / float(np.log(2))
