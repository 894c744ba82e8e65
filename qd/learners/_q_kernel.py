"""Tabular Q-learning, a learner after the other, in numba: one loop over steps, nothing allocated within."""

from __future__ import annotations

import numpy as np
from numba import njit

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
_27, _30, _31, _40 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(40)
LOW = np.uint64(0xFFFFFF)  # 24 bits decide whether to explore, 24 others what to choose


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def step_hash(seed, step):  # type: ignore[no-untyped-def]
    """64 random bits of a learner's step: SplitMix64 at position step + 1."""
    z = np.uint64(seed) + GOLDEN * np.uint64(step + 1)
    z = (z ^ (z >> _30)) * MIX_1
    z = (z ^ (z >> _27)) * MIX_2
    return z ^ (z >> _31)


@njit(cache=True, nogil=True, error_model="numpy")
def learn(  # type: ignore[no-untyped-def]
    next_state,  # (L, S, A) int32
    ends,  # (L, S, A) bool
    success,  # (L, S, A) bool
    place,  # (L, S) int32
    start,  # (L,) int32
    rewards,  # (n * L, S, A) float32
    bonus,  # (n,) float32: of a state visited v times, bonus / sqrt(v)
    sparse,  # float32
    which,  # (c,) int64
    layout,  # (c,) int64
    seeds,  # (c,) uint64
    steps,
    horizon,
    alpha,  # float32
    gamma,  # float32
    explore,  # uint64: of 2^24
    optimism,  # float32: what q begins with
    every,  # steps between tests
    q,  # (S, A) float32: scratch
    visits,  # (S,) int32: scratch
    curve,  # (c, T) out, as all that follow
    first,
    covered,  # (c,) places that training came to
    length,
    reached,  # (c,) places that the final test came to
    tested,  # (c,) steps of tests
    shaped,  # (c, E) float32: shaped return of the last E training episodes, a ring
    true,  # (c, E) bool
    episodes,  # (c,) training episodes
    paths,  # (c, horizon + 1) int32
):
    """Everything of c learners; see ``Learner.train``."""
    states, actions = q.shape
    ring = shaped.shape[1]
    layouts = len(start)
    for c in range(len(which)):
        i, at = which[c], layout[c]
        table = i * layouts + at
        q[:] = optimism
        visits[:] = 0
        state, t, total, tests = start[at], 0, np.float32(0.0), 0
        visits[state] = 1
        first[c] = steps + 1
        for k in range(steps):
            bits = step_hash(seeds[c], k)
            if (bits >> _40) < explore:
                action = np.int64(((bits & LOW) * np.uint64(actions)) >> np.uint64(24))
            else:
                best, ties = q[state, 0], 1
                for a in range(1, actions):
                    if q[state, a] > best:
                        best, ties = q[state, a], 1
                    elif q[state, a] == best:
                        ties += 1
                nth = np.int64(((bits & LOW) * np.uint64(ties)) >> np.uint64(24))
                action = np.int64(0)
                for a in range(actions):
                    if q[state, a] == best:
                        if nth == 0:
                            action = np.int64(a)
                            break
                        nth -= 1
            after = next_state[at, state, action]
            visits[after] += 1
            won = success[at, state, action]
            over = ends[at, state, action]
            paid = rewards[table, state, action]
            if bonus[i] != np.float32(0.0):
                paid += bonus[i] / np.float32(np.sqrt(np.float32(visits[after])))
            if won:
                paid += sparse
                if first[c] > steps:
                    first[c] = k + 1
            target = paid
            if not over:
                most = q[after, 0]
                for a in range(1, actions):
                    most = max(most, q[after, a])
                target = paid + gamma * most
            q[state, action] += alpha * (target - q[state, action])
            total += paid
            t += 1
            state = after
            if over or t == horizon:
                slot = episodes[c] % ring
                shaped[c, slot] = total
                true[c, slot] = won
                episodes[c] += 1
                state, t, total = start[at], 0, np.float32(0.0)
            if (k + 1) % every == 0 and tests < curve.shape[1]:
                walk = np.int64(start[at])
                path = 0
                paths[c, 0] = walk
                for h in range(horizon):
                    action = np.int64(0)
                    for a in range(1, actions):  # ties: the first action
                        if q[walk, a] > q[walk, action]:
                            action = np.int64(a)
                    path = h + 1
                    done = ends[at, walk, action]
                    solved = success[at, walk, action]
                    walk = np.int64(next_state[at, walk, action])
                    paths[c, path] = walk
                    if done:
                        if solved:
                            curve[c, tests] = 1.0
                        break
                for h in range(path + 1, horizon + 1):
                    paths[c, h] = -1
                tests += 1
                tested[c] += path
                length[c] = path
        seen = np.zeros(states, np.bool_)
        for s in range(states):
            if visits[s] > 0:
                seen[place[at, s]] = True
        covered[c] = seen.sum()
        seen[:] = False
        for h in range(horizon + 1):
            if paths[c, h] >= 0:
                seen[place[at, paths[c, h]]] = True
        reached[c] = seen.sum()
        if not np.isfinite(q).all():
            first[c] = -1  # diverged
