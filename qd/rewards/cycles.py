"""The greatest mean cycle of a graph, Karp 1978 (https://doi.org/10.1016/0012-365X(78)90011-0), exact.

What a reward pays a step, at most, for going round for ever.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


def greatest_mean_cycle(
    next_state: NDArray[Any], reward: NDArray[np.float64], allowed: NDArray[np.bool_]
) -> tuple[float, list[int]]:
    """The greatest mean reward a step of any cycle, and the states of one such cycle; (-inf, []) without a cycle.

    Args:
        next_state: (S, A) where each step leads.
        reward: (S, A) what it pays, finite.
        allowed: (S, A) which steps there are: those that do not end an episode.

    Time S^2 A, memory S^2. With D_k(v) the most that a walk of k steps from anywhere to v pays, the greatest mean is
    max over v of min over k of (D_S(v) - D_k(v)) / (S - k); all states begin at D_0 = 0, as if one more state led to
    each of them.
    """
    most, arrived = _walks(np.asarray(next_state, np.int32), np.asarray(reward, np.float64), np.asarray(allowed))
    n = len(most) - 1
    last = np.isfinite(most[n])
    if not last.any():
        return -np.inf, []
    with np.errstate(invalid="ignore"):
        means = (most[n] - most[:n]) / (n - np.arange(n))[:, None]  # (S, S)
    means[~np.isfinite(most[:n])] = np.inf
    lowest = np.where(last, means.min(axis=0), -np.inf)
    best = int(lowest.argmax())
    walk = [best]
    for k in range(n, 0, -1):  # the best walk to it, backwards: the cycle is in it
        walk.append(int(arrived[k, walk[-1]]))
    return float(lowest[best]), _cycle(walk[::-1], next_state, reward, allowed)


def _cycle(
    walk: list[int], next_state: NDArray[Any], reward: NDArray[np.float64], allowed: NDArray[np.bool_]
) -> list[int]:
    """The best cycle within a walk."""
    total, sums = 0.0, [0.0]
    for here, there in pairwise(walk):
        total += float(reward[here][allowed[here] & (next_state[here] == there)].max())
        sums.append(total)
    seen: dict[int, int] = {}
    best, found = -np.inf, list[int]()
    for i, state in enumerate(walk):
        if state in seen:
            start = seen[state]
            mean = (sums[i] - sums[start]) / (i - start)
            if mean > best:
                best, found = mean, walk[start:i]
        seen[state] = i
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _walks(next_state, reward, allowed):  # type: ignore[no-untyped-def]
    """(S + 1, S) the most that a walk of k steps to each state pays, and the state before it."""
    states, actions = next_state.shape
    most = np.full((states + 1, states), -np.inf)
    arrived = np.full((states + 1, states), -1, np.int32)
    most[0] = 0.0
    for k in range(states):
        for s in range(states):
            if most[k, s] == -np.inf:
                continue
            for a in range(actions):
                if allowed[s, a]:
                    there = next_state[s, a]
                    pay = most[k, s] + reward[s, a]
                    if pay > most[k + 1, there]:
                        most[k + 1, there] = pay
                        arrived[k + 1, there] = s
    return most, arrived
