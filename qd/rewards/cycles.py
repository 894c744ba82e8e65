"""What going round in circles earns: loops of a finite task under a reward, exactly.

With discount 1 it is the maximum mean of a cycle (Karp 1978, A characterization of the minimum cycle mean in a
digraph). With a discount below 1 it is the best discounted return of a walk that never ends, of which (1 - discount)
times the value tends to Karp's mean as the discount tends to 1 (Blackwell 1962).

All functions take a task as plain arrays: ``next_state`` (S, A), ``ends`` (S, A), and ``paid`` (n, S, A), what each of
n rewards pays for each step.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.errors import QDError

PRECISION = 1e-10  # of a value, as a share of the largest pay over (1 - discount)


def maximum_mean_cycles(
    next_state: NDArray[np.integer], ends: NDArray[np.bool_], paid: NDArray[np.float64], start: int | None = None
) -> NDArray[np.float64]:
    """(n,) the largest mean pay of a cycle of steps that do not end; -inf where there is no cycle.

    Time is 2 R^2 A a reward for R states, memory R + A R. Exact but for the rounding of sums of R numbers.

    Args:
        next_state: (S, A) the state that an action leads to.
        ends: (S, A) the episode ends with it.
        paid: (n, S, A) or (S, A) what steps pay; finite.
        start: only cycles that can be reached from here count; None: all.

    >>> import numpy as np
    >>> around = np.array([[1, 0], [0, 0]])  # two states: action 0 goes to and fro, action 1 stays, or goes back
    >>> ends = np.zeros((2, 2), bool)
    >>> maximum_mean_cycles(around, ends, np.array([[3.0, 0.5], [-1.0, -2.0]])).tolist()
    [1.0]
    """
    paid = _checked(next_state, ends, paid)
    kept = able_to_go_on(next_state, ends) & reachable(next_state, ends, start)
    states = np.flatnonzero(kept)
    if not len(states):
        return np.full(len(paid), -np.inf)
    number = np.full(len(kept), -1, np.int32)
    number[states] = np.arange(len(states))
    to = np.where(ends[states], -1, number[next_state[states]]).astype(np.int32)  # -1: no step of a cycle
    result = np.empty(len(paid))
    _karp(to, np.ascontiguousarray(paid[:, states]), result)
    return result


def endless_values(
    next_state: NDArray[np.integer], ends: NDArray[np.bool_], paid: NDArray[np.float64], discount: float
) -> NDArray[np.float64]:
    """(n, S) the best discounted return from each state without ever ending; -inf where every walk ends.

    Args:
        discount: below 1, or the return need not be finite.
    """
    paid = _checked(next_state, ends, paid)
    if not 0 <= discount < 1:
        raise QDError(f"endless_values.discount: got {discount}, wanted at least 0 and below 1")
    kept = able_to_go_on(next_state, ends)
    to = np.where(ends | ~kept[next_state], -1, next_state).astype(np.int32)
    values = np.where(kept, 0.0, -np.inf) * np.ones((len(paid), 1))
    _iterate(to, np.ascontiguousarray(paid), float(discount), PRECISION, values)
    return values


def finishing_values(
    next_state: NDArray[np.integer],
    ends: NDArray[np.bool_],
    success: NDArray[np.bool_],
    paid: NDArray[np.float64],
    discount: float,
    horizon: int,
) -> NDArray[np.float64]:
    """(n, S) the best discounted return from each state of a walk that succeeds within ``horizon`` steps, else -inf.

    What success itself is worth belongs into ``paid``.
    """
    paid = _checked(next_state, ends, paid)
    to = np.where(ends, -1, next_state).astype(np.int32)
    values = np.empty((len(paid), len(to)))
    _finish(to, np.ascontiguousarray(success), np.ascontiguousarray(paid), float(discount), int(horizon), values)
    return values


def null_steps(next_state: NDArray[np.integer], ends: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(S, A) the step leaves everything as it was: it leads back to its state and does not end the episode."""
    return np.asarray((next_state == np.arange(len(next_state))[:, None]) & ~ends)


def reachable(next_state: NDArray[np.integer], ends: NDArray[np.bool_], start: int | None) -> NDArray[np.bool_]:
    """(S,) which states an episode from ``start`` can be in; all where it is None."""
    known = np.full(len(next_state), start is None)
    if start is None:
        return known
    known[start] = True
    edge = np.array([start])
    while len(edge):
        found = np.unique(next_state[edge][~ends[edge]])
        edge = found[~known[found]]
        known[edge] = True
    return known


def able_to_go_on(next_state: NDArray[np.integer], ends: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(S,) from which states some walk never ends."""
    kept = np.ones(len(next_state), bool)
    while True:
        still = kept & (~ends & kept[next_state]).any(axis=1)
        if (still == kept).all():
            return kept
        kept = still


def _checked(
    next_state: NDArray[np.integer], ends: NDArray[np.bool_], paid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, S, A) pay. Raises QDError for shapes that do not fit and pay that is not finite."""
    paid = np.asarray(paid, np.float64)
    paid = paid[None] if paid.ndim == 2 else paid
    if next_state.ndim != 2 or ends.shape != next_state.shape or paid.shape[1:] != next_state.shape:
        raise QDError(f"cycles: next_state, ends and paid have shapes {next_state.shape}, {ends.shape} and "
                      f"{paid.shape}, wanted (S, A), (S, A) and (n, S, A)")  # fmt: skip
    if not np.isfinite(paid).all():
        raise QDError("cycles.paid: it is not finite everywhere; refuse such rewards first")
    return paid


@njit(cache=True, nogil=True, error_model="numpy")
def _walks(to, paid, old, new):  # type: ignore[no-untyped-def]
    """``new[v]``: the best sum of walks one step longer than those that ``old`` holds, by where they are."""
    new[:] = -np.inf
    for s in range(to.shape[0]):
        if old[s] == -np.inf:
            continue
        for a in range(to.shape[1]):
            v = to[s, a]
            if v >= 0 and old[s] + paid[s, a] > new[v]:
                new[v] = old[s] + paid[s, a]


@njit(cache=True, nogil=True, error_model="numpy")
def _karp(to, paid, result):  # type: ignore[no-untyped-def]
    """max over v of min over k of (D_n(v) - D_k(v)) / (n - k); D_k(v) the best walk of k steps to v from anywhere.

    The walks are computed twice, so that two rows of D are held and not all n.
    """
    n = to.shape[0]
    for row in range(paid.shape[0]):
        last, old, new = np.zeros(n), np.zeros(n), np.zeros(n)
        for _ in range(n):
            _walks(to, paid[row], last, new)
            last, new = new, last
        least = np.full(n, np.inf)
        for k in range(n):
            for v in range(n):
                if old[v] > -np.inf:
                    least[v] = min(least[v], (last[v] - old[v]) / (n - k))
            _walks(to, paid[row], old, new)
            old, new = new, old
        result[row] = least.max()


@njit(cache=True, nogil=True, error_model="numpy")
def _iterate(to, paid, discount, precision, values):  # type: ignore[no-untyped-def]
    """Value iteration, in place, on the states that are not at -inf."""
    for row in range(paid.shape[0]):
        scale = 0.0
        for s in range(to.shape[0]):
            best = -np.inf
            for a in range(to.shape[1]):
                if to[s, a] >= 0:
                    scale = max(scale, abs(paid[row, s, a]))
                    if to[s, a] == s:
                        best = max(best, paid[row, s, a] / (1 - discount))
            if best > -np.inf:
                values[row, s] = best  # standing still: where most loops that pay are
        # The error is at most change * discount / (1 - discount); the second bound is what rounding leaves.
        enough = scale * max(precision, 1e-15 / (1 - discount))
        change = np.inf
        while change > enough:
            change = 0.0
            for s in range(to.shape[0]):
                if values[row, s] == -np.inf:
                    continue
                best = -np.inf
                for a in range(to.shape[1]):
                    if to[s, a] >= 0:
                        best = max(best, paid[row, s, a] + discount * values[row, to[s, a]])
                change = max(change, abs(best - values[row, s]))
                values[row, s] = best


@njit(cache=True, nogil=True, error_model="numpy")
def _finish(to, success, paid, discount, horizon, values):  # type: ignore[no-untyped-def]
    """Dynamic programming over the steps left."""
    states = to.shape[0]
    for row in range(paid.shape[0]):
        old, new = np.full(states, -np.inf), np.full(states, -np.inf)
        for _ in range(horizon):
            for s in range(states):
                best = -np.inf
                for a in range(to.shape[1]):
                    if success[s, a]:
                        best = max(best, paid[row, s, a])
                    elif to[s, a] >= 0:
                        best = max(best, paid[row, s, a] + discount * old[to[s, a]])
                new[s] = best
            old, new = new, old
        values[row] = old
