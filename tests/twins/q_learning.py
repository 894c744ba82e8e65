"""One tabular Q-learner, plainly: what the batched ones must equal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.learners import TableTask

MASK = (1 << 64) - 1


def bits_of(seed: int, step: int) -> int:
    """64 random bits: SplitMix64, with Python's whole numbers."""
    z = (seed + 0x9E3779B97F4A7C15 * (step + 1)) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def plain_learner(
    table: TableTask, rewards: NDArray[np.float32], seed: int, steps: int
) -> tuple[list[float], int, list[int], list[tuple[Any, bool]]]:
    """Curve, step of the first success, path of the last test, and (return, success) of the training episodes."""
    f = np.float32
    q = [[f(0.0)] * rewards.shape[1] for _ in range(rewards.shape[0])]
    state, t, total, first = table.start, 0, f(0.0), steps + 1
    curve: list[float] = []
    path: list[int] = []
    returns: list[tuple[Any, bool]] = []
    for k in range(steps):
        bits = bits_of(seed, k)
        low = bits % (1 << 24)
        ties = [a for a, value in enumerate(q[state]) if value == max(q[state])]
        action = low * len(q[state]) >> 24 if bits >> 40 < round(0.15 * (1 << 24)) else ties[low * len(ties) >> 24]
        after, won, over = (int(part[state, action]) for part in (table.next_state, table.success, table.ends))
        paid = rewards[state, action] + f(1.0) if won else rewards[state, action]
        if won:
            first = min(first, k + 1)
        target = paid if over else paid + f(0.98) * max(q[after])
        q[state][action] += f(0.2) * (target - q[state][action])
        total, t, state = total + paid, t + 1, after
        if over or t == table.horizon:
            returns.append((total, bool(won)))
            state, t, total = table.start, 0, f(0.0)
        if (k + 1) % (steps // 10) == 0:
            at, path, solved = table.start, [table.start], False
            for _ in range(table.horizon):
                best = q[at].index(max(q[at]))
                solved, done, at = (
                    bool(table.success[at, best]),
                    bool(table.ends[at, best]),
                    int(table.next_state[at, best]),
                )
                path.append(at)
                if done:
                    break
            curve.append(float(solved))
    return curve, first, path, returns
