"""The swing-up's world in torch: the arithmetic of ``_cart_pole_swing_up_kernel``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qd.problems import _cart_pole_swing_up_kernel as kernel
from qd.problems._torch_arithmetic import sincos_turns
from qd.problems.cart_pole_swing_up import START, CartPoleSwingUp
from qd.problems.world import Outcome, World

if TYPE_CHECKING:
    import torch


class Carts(NamedTuple):
    """(n,) each: the state, whether the cart is still on the track, and sums over the steps so far."""

    x: torch.Tensor
    speed: torch.Tensor
    angle: torch.Tensor
    spin: torch.Tensor
    sine: torch.Tensor
    cosine: torch.Tensor
    on_track: torch.Tensor
    paid: torch.Tensor
    places: torch.Tensor
    upright: torch.Tensor


class CartPoleSwingUpWorld(World):
    """Carts with hanging poles. A cart that has left the track stays as it is."""

    def __init__(self, problem: CartPoleSwingUp, device: str, dtype: torch.dtype) -> None:
        self.steps, self.policy, self.dtype = problem.steps, problem.policy, dtype

    def first(self, seeds: torch.Tensor) -> Carts:
        import torch

        zero = torch.zeros(len(seeds), dtype=self.dtype, device=seeds.device)
        x, speed, angle, spin = (zero + number for number in START)
        return Carts(
            x, speed, angle, spin, *sincos_turns(angle * kernel.PER_TURN), torch.ones_like(zero), zero, zero, zero
        )

    def observe(self, state: Carts) -> torch.Tensor:  # type: ignore[override]
        import torch

        return torch.stack([
            state.x * kernel.PER_TRACK, state.speed * kernel.PER_SPEED, state.cosine, state.sine,
            state.spin * kernel.PER_SPIN,
        ], dim=1)  # fmt: skip

    def step(self, state: Carts, actions: torch.Tensor) -> Carts:  # type: ignore[override]
        import torch

        sine, cosine, spin = state.sine, state.cosine, state.spin
        push = 4.0 * (kernel.FORCE * actions[:, 0] - kernel.FRICTION * state.speed)
        cart = push + kernel.SWING * spin * spin * sine - kernel.WEIGHT * sine * cosine
        cart = cart / (kernel.TOTAL - kernel.LEVER * cosine * cosine)
        pole = kernel.TURN * (kernel.GRAVITY * sine - cart * cosine)
        speed, spin = state.speed + kernel.DT * cart, spin + kernel.DT * pole
        x, angle = state.x + kernel.DT * speed, state.angle + kernel.DT * spin
        on_track = torch.where((x >= -kernel.TRACK) & (x <= kernel.TRACK), state.on_track, 0.0)
        sine, cosine = sincos_turns(angle * kernel.PER_TURN)
        _, middle = sincos_turns(x * (0.25 * kernel.PER_TRACK))
        stays = on_track == 0.0
        kept = [
            torch.where(stays, before, after)
            for before, after in zip(state[:6], (x, speed, angle, spin, sine, cosine), strict=True)
        ]
        paid = state.paid + on_track * (0.5 + 0.5 * cosine) * middle
        upright = state.upright + torch.where(cosine > kernel.STANDING, on_track, 0.0)
        x, speed, angle, spin, sine, cosine = kept
        return Carts(x, speed, angle, spin, sine, cosine, on_track, paid, state.places + x, upright)

    def frame(self, state: Carts) -> torch.Tensor:  # type: ignore[override]
        import torch

        return torch.stack(state[:4], dim=1)

    def outcome(self, state: Carts) -> Outcome:  # type: ignore[override]
        import torch

        measures = torch.stack([state.places, state.upright], dim=1) / self.steps
        cost = {"steps": torch.full_like(state.paid, float(self.steps))}
        return Outcome(state.paid / self.steps, measures, cost, columns={"on_track": state.on_track == 1.0})
