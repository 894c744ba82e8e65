"""Tabular Q-learning, all learners in step, in torch: the same bits as ``_q_kernel``, on a device.

Nothing within a step waits for the device, and the number of its operations does not grow with the learners.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.device import resolve_device
from qd.learners._q_kernel import GOLDEN, MIX_1, MIX_2


def _signed(value: int) -> int:
    """A 64-bit pattern as the signed number that torch holds it in."""
    value %= 1 << 64
    return value - (1 << 64) if value >= 1 << 63 else value


def _shifted(z: Any, by: int) -> Any:
    """Shift right and fill with zeros; torch's int64 fills with the sign."""
    return (z >> by) & ((1 << (64 - by)) - 1)


def step_hashes(seeds: Any, step: int) -> Any:
    """(c,) int64 of 64 random bits each."""
    z = seeds + _signed(int(GOLDEN) * (step + 1))
    z = (z ^ _shifted(z, 30)) * _signed(int(MIX_1))
    z = (z ^ _shifted(z, 27)) * _signed(int(MIX_2))
    return z ^ _shifted(z, 31)


def learn_on_device(
    next_state: NDArray[Any],
    ends: NDArray[Any],
    success: NDArray[Any],
    place: NDArray[Any],
    start: NDArray[Any],
    rewards: NDArray[Any],
    bonus: NDArray[Any],
    sparse: Any,
    which: NDArray[Any],
    layout: NDArray[Any],
    seeds: NDArray[Any],
    steps: int,
    horizon: int,
    alpha: Any,
    gamma: Any,
    explore: Any,
    optimism: Any,
    every: int,
    out: dict[str, NDArray[Any]],
    device: str,
) -> None:
    """Arguments as those of ``_q_kernel.learn``, and the device's name; fills ``out``."""
    import torch

    place_on = torch.device(resolve_device(device))

    def put(array: NDArray[Any], dtype: Any) -> Any:
        return torch.as_tensor(array).to(place_on, dtype)

    states, actions = next_state.shape[1:]
    c = len(which)
    # Flat tables: (L * S * A), so that one gather serves a step.
    leads, over_at = put(next_state.reshape(-1), torch.int64), put(ends.reshape(-1), torch.bool)
    won_at, pays = put(success.reshape(-1), torch.bool), put(rewards.reshape(-1), torch.float32)
    row = torch.arange(c, device=place_on)
    at, table = put(layout, torch.int64) * states, put(which * len(start) + layout, torch.int64) * states
    weight = put(bonus[which], torch.float32)
    begin, seed = put(start[layout], torch.int64), put(seeds.view(np.int64), torch.int64)
    q = torch.full((c * states, actions), float(optimism), device=place_on)
    visits = torch.zeros(c * states, dtype=torch.int32, device=place_on)
    root = put(np.sqrt(np.arange(steps + 2, dtype=np.float32)), torch.float32)  # torch's own may be an ulp off
    base = row * states
    visits[base + begin] = 1
    state, t = begin.clone(), torch.zeros(c, dtype=torch.int64, device=place_on)
    total, first = torch.zeros(c, device=place_on), torch.full((c,), steps + 1, dtype=torch.int64, device=place_on)
    ring = out["shaped"].shape[1]
    shaped = put(out["shaped"], torch.float32)
    true, episodes = put(out["true"], torch.bool), put(out["episodes"], torch.int64)
    curve, length = put(out["curve"], torch.float64), put(out["length"], torch.int64)
    tested, paths = put(out["tested"], torch.int64), put(out["paths"], torch.int32)
    tests = 0
    for k in range(steps):
        bits = step_hashes(seed, k)
        low = bits & 0xFFFFFF
        here = q[base + state]  # (c, A)
        tied = here == here.amax(dim=1, keepdim=True)
        nth = (low * tied.sum(dim=1)) >> 24
        greedy = (tied & (tied.cumsum(dim=1) - 1 == nth[:, None])).to(torch.int8).argmax(dim=1)
        action = torch.where(_shifted(bits, 40) < int(explore), (low * actions) >> 24, greedy)
        step = (at + state) * actions + action
        after = leads[step]
        visits[base + after] += 1
        won, over = won_at[step], over_at[step]
        paid = pays[(table + state) * actions + action]
        counted = weight / root[visits[base + after]]
        paid = torch.where(weight != 0, paid + counted, paid)
        paid = torch.where(won, paid + float(sparse), paid)
        first = torch.where(won & (first > steps), k + 1, first)
        target = torch.where(over, paid, paid + float(gamma) * q[base + after].amax(dim=1))
        old = q[base + state, action]
        q[base + state, action] = old + float(alpha) * (target - old)
        total, t, state = total + paid, t + 1, after
        done = over | (t == horizon)
        slot = episodes % ring
        shaped[row, slot] = torch.where(done, total, shaped[row, slot])
        true[row, slot] = torch.where(done, won, true[row, slot])
        episodes = episodes + done
        state, t, total = torch.where(done, begin, state), torch.where(done, 0, t), torch.where(done, 0.0, total)
        if (k + 1) % every == 0 and tests < curve.shape[1]:
            walk, going = begin.clone(), torch.ones(c, dtype=torch.bool, device=place_on)
            paths[:, 1:] = -1
            paths[:, 0] = begin
            length.zero_()
            for h in range(horizon):
                best = q[base + walk]
                action = (best == best.amax(dim=1, keepdim=True)).to(torch.int8).argmax(dim=1)
                step = (at + walk) * actions + action
                curve[:, tests] += won_at[step] & going
                length += going
                walk = torch.where(going, leads[step], walk)
                paths[:, h + 1] = torch.where(going, walk.to(torch.int32), paths[:, h + 1])
                going = going & ~over_at[step]
            tested += length
            tests += 1
    known = (visits > 0).reshape(c, states).cpu().numpy()
    walked = paths.cpu().numpy()
    for i, number in enumerate(layout):
        out["covered"][i] = len(np.unique(place[number][known[i]]))
        out["reached"][i] = len(np.unique(place[number][walked[i][walked[i] >= 0]]))
    finite = torch.isfinite(q).reshape(c, -1).all(dim=1).cpu().numpy()
    out["first"][:] = np.where(finite, first.cpu().numpy(), -1)
    for name, tensor in (("curve", curve), ("length", length), ("tested", tested), ("shaped", shaped)):
        out[name][:] = tensor.cpu().numpy()
    out["true"][:], out["episodes"][:], out["paths"][:] = true.cpu().numpy(), episodes.cpu().numpy(), walked
