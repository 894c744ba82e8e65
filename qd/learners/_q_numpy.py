"""Tabular Q-learning, all learners in step, in numpy: the plain form of ``_q_kernel``, equal to it bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.learners._q_kernel import GOLDEN, MIX_1, MIX_2

Array = NDArray[Any]


def step_hashes(seeds: Array, step: int) -> Array:
    """(c,) 64 random bits of each learner's step."""
    z = seeds + np.uint64((int(GOLDEN) * (step + 1)) % (1 << 64))
    z = (z ^ (z >> np.uint64(30))) * MIX_1
    z = (z ^ (z >> np.uint64(27))) * MIX_2
    return np.asarray(z ^ (z >> np.uint64(31)))


def learn_in_step(
    next_state: Array,
    ends: Array,
    success: Array,
    place: Array,
    start: Array,
    rewards: Array,
    bonus: Array,
    sparse: Any,
    which: Array,
    layout: Array,
    seeds: Array,
    steps: int,
    horizon: int,
    alpha: Any,
    gamma: Any,
    explore: Any,
    optimism: Any,
    every: int,
    out: dict[str, Array],
) -> None:
    """Arguments as those of ``_q_kernel.learn``; fills ``out``."""
    states, actions = next_state.shape[1:]
    c = len(which)
    row, table, weight = np.arange(c), which * len(start) + layout, bonus[which]
    begin = start[layout].astype(np.int64)
    q = np.full((c, states, actions), optimism, np.float32)
    visits = np.zeros((c, states), np.int32)
    visits[row, begin] = 1
    state, t, total, tests = begin.copy(), np.zeros(c, np.int64), np.zeros(c, np.float32), 0
    out["first"][:] = steps + 1
    ring = out["shaped"].shape[1]
    for k in range(steps):
        bits = step_hashes(seeds, k)
        low = bits & np.uint64(0xFFFFFF)
        here = q[row, state]  # (c, A)
        tied = here == here.max(axis=1, keepdims=True)
        nth = ((low * tied.sum(axis=1).astype(np.uint64)) >> np.uint64(24)).astype(np.int64)
        greedy = (tied & (tied.cumsum(axis=1) - 1 == nth[:, None])).argmax(axis=1)
        random = ((low * np.uint64(actions)) >> np.uint64(24)).astype(np.int64)
        action = np.where((bits >> np.uint64(40)) < explore, random, greedy)
        after = next_state[layout, state, action].astype(np.int64)
        visits[row, after] += 1
        won, over = success[layout, state, action], ends[layout, state, action]
        paid = rewards[table, state, action]
        counted = weight / np.sqrt(visits[row, after].astype(np.float32))
        paid = np.where(weight != 0, paid + counted, paid)
        paid = np.where(won, paid + sparse, paid)
        out["first"][won & (out["first"] > steps)] = k + 1
        target = np.where(over, paid, paid + gamma * q[row, after].max(axis=1))
        q[row, state, action] += alpha * (target - q[row, state, action])
        total += paid
        t += 1
        state = after
        done = over | (t == horizon)
        finished = row[done]
        slot = out["episodes"][done] % ring
        out["shaped"][finished, slot], out["true"][finished, slot] = total[done], won[done]
        out["episodes"][done] += 1
        state[done], t[done], total[done] = begin[done], 0, 0.0
        if (k + 1) % every == 0 and tests < out["curve"].shape[1]:
            _test(q, next_state, ends, success, layout, begin, horizon, tests, out)
            tests += 1
    for c_row, learner in enumerate(layout):
        out["covered"][c_row] = len(np.unique(place[learner][visits[c_row] > 0]))
        path = out["paths"][c_row]
        out["reached"][c_row] = len(np.unique(place[learner][path[path >= 0]]))
    out["first"][~np.isfinite(q).all(axis=(1, 2))] = -1


def _test(
    q: Array,
    next_state: Array,
    ends: Array,
    success: Array,
    layout: Array,
    begin: Array,
    horizon: int,
    test: int,
    out: dict[str, Array],
) -> None:
    """One episode of each learner's policy; ties go to the first action."""
    row = np.arange(len(layout))
    state, going = begin.copy(), np.ones(len(layout), bool)
    out["paths"][:, 0], out["paths"][:, 1:], out["length"][:] = begin, -1, 0
    for h in range(horizon):
        action = q[row, state].argmax(axis=1)
        won, over = success[layout, state, action] & going, ends[layout, state, action]
        out["curve"][won, test] = 1.0
        out["length"] += going
        state = np.where(going, next_state[layout, state, action], state)
        out["paths"][going, h + 1] = state[going]
        going &= ~over
    out["tested"] += out["length"]
