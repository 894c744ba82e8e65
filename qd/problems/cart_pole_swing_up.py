"""Cart-pole swing-up: a network pushes a cart so that the pole that hangs from it stands up, and stays.

The masses and lengths are those of Deisenroth and Rasmussen's PILCO (2011, https://mlg.eng.cam.ac.uk/pub/pdf/DeiRas11.pdf),
which many later papers took over (e.g. Gaier and Ha 2019, https://arxiv.org/abs/1906.04358). A uniform rod of mass m
and length l on a cart of mass M that a force F pushes; angle a from upright, towards +x:

    x'' = (4 (F - b x') + 2 m l a'^2 sin a - 3 m g sin a cos a) / (4 (M + m) - 3 m cos^2 a)
    a'' = 3 / (2 l) (g sin a - x'' cos a)

with g = 9.82 m/s^2, M = m = 0.5 kg, l = 0.6 m, b = 0.1 N s/m, |F| <= 10 N. These are Lagrange's equations of the two
bodies. A step is 0.02 s of semi-implicit Euler: speeds first, then places with the new speeds.

Differences: the episode starts hanging at rest in the middle of the track, without the small random offset that is
usual, so seeds are ignored. A cart that leaves the track of 2.4 m to either side ends its episode: it stays where it
was, and its later steps pay nothing. tanh is a rational function within 1e-4 of the exact one (``qd.policies``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Policy, Problem, Request
from qd.errors import QDError
from qd.policies import MLP, acting
from qd.problems._weights import blank_broken, check_layers, frame_steps
from qd.replay import Motion
from qd.space import Box, Measures, Space

START = (0.0, 0.0, np.pi, 0.0)  # x [m], its speed [m/s], the pole's angle from upright [rad], its speed [rad/s]
HALF_TRACK = 2.4  # [m]
POLE_LENGTH = 0.6  # [m]


@dataclass(frozen=True)
class CartPoleSwingUp(Problem):
    """The swing-up. Solutions are network weights, measures the cart's mean place and the share of time upright.

    Network: 5 inputs (x / 2.4 m, speed / 5 m/s, cosine and sine of the pole's angle, its speed / 10 rad/s), hidden
    layers of tanh, 1 output of tanh (the force, in 10 N). 113 weights by default.

    Objective: the mean over the steps of (1 + cos angle) / 2 times cos(pi x / 4.8 m), 0 after leaving the track: 1 were
    the pole upright in the middle all the time; a pole that is left hanging gets 0.

    Upright is a pole within 26 degrees of it (cosine above 0.9), on a cart on the track.

    >>> CartPoleSwingUp().solution_space.length
    113
    """

    steps: int = 500
    """Steps an episode, of 0.02 s."""

    hidden: tuple[int, ...] = (16,)
    """Units of the hidden layers, one to four layers."""

    frames: int = 50
    """States kept in the column ``trajectory``, evenly spread over the episode, the last one at its end."""

    columns = MappingProxyType({
        "trajectory": "(n, frames, 4) the cart's place [m] and speed, the pole's angle from upright [rad] and speed",
        "on_track": "(n,) whether the cart never left the track",
    })  # fmt: skip
    world_columns = ("trajectory", "on_track")
    deterministic = True
    chunk_size = 128
    batching = "rows"
    releases_gil = True

    def __post_init__(self) -> None:
        check_layers(self)
        for name in ("steps", "frames"):
            if getattr(self, name) < 1:
                raise QDError(f"CartPoleSwingUp.{name}: got {getattr(self, name)}, wanted at least 1")

    @cached_property
    def policy(self) -> MLP:
        """The network whose weights are evolved."""
        return MLP((5, *self.hidden, 1), activation="tanh")

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """A solution's network: what the robot senses to what it does."""
        return acting(self.policy, solution)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """Weights in [-5, 5], sampled from a standard normal."""
        return Box(-5.0, 5.0, self.policy.length, init_sigma=1.0)

    @cached_property
    def measure_space(self) -> Measures:  # type: ignore[override]
        """The cart's mean place and the share of steps upright, on 50 x 50 cells."""
        return Measures(("mean x [m]", "time upright"), (-HALF_TRACK, 0.0), (HALF_TRACK, 1.0), dims=(50, 50))

    @cached_property
    def costs(self) -> Mapping[str, float]:  # type: ignore[override]
        """A row costs its steps."""
        return {"steps": float(self.steps)}

    def prepare(self) -> None:
        """Load or compile the kernel for this network's shape."""
        self.episodes(np.zeros((1, self.policy.length)), np.zeros(0, np.int64))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        weights = np.asarray(request.solutions, np.float64)  # (n, d)
        frames = np.zeros(0, np.int64)
        if "trajectory" in request.columns:
            frames = frame_steps(self.steps, self.frames)
        final, trace = self.episodes(weights, frames)
        share = final[:, :3] / self.steps
        objective, measures = share[:, 0].copy(), share[:, 1:3].copy()
        columns: dict[str, NDArray[Any]] = {}
        if "trajectory" in request.columns:
            columns["trajectory"] = trace
        if "on_track" in request.columns:
            columns["on_track"] = final[:, 3] == 1.0
        status, reasons = blank_broken(weights, objective, measures)
        cost = {"steps": np.full(len(weights), float(self.steps))}
        return Evaluation(objective, measures, status, columns, cost, reasons=reasons)

    def world(self, device: str, dtype: Any) -> Any:
        """The swing-up in torch, for ``OnDevice``."""
        from qd.problems._cart_pole_swing_up_torch import CartPoleSwingUpWorld

        return CartPoleSwingUpWorld(self, device, dtype)

    def episodes(
        self,
        weights: NDArray[np.float64],
        frames: NDArray[np.int64],
        start: tuple[float, float, float, float] = START,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Run episodes from any state on the track.

        Args:
            weights: (n, d).
            frames: (f,) rising step numbers, counted from 0, after which the state is kept.
            start: x [m], its speed [m/s], the pole's angle from upright [rad], its speed [rad/s].

        Returns:
            ``final`` (n, 4): sums over the steps of what they paid, of x, of upright ones, and 1 where the cart never
            left the track; ``trace`` (n, f, 4): x, its speed, angle, its speed.
        """
        from qd.problems._cart_pole_swing_up_kernel import episodes

        if not abs(start[0]) <= HALF_TRACK or not np.isfinite(start).all():
            raise QDError(f"start: got {start}, wanted finite numbers and x within {HALF_TRACK} m of the middle")
        final, trace = np.empty((len(weights), 4)), np.empty((len(weights), len(frames), 4))
        episodes(self.hidden)(
            np.ascontiguousarray(weights, np.float64), np.array(start, np.float64), self.steps,
            np.asarray(frames, np.int64), final, trace,
        )  # fmt: skip
        return final, trace

    def replay(self, solution: NDArray[Any], seed: int) -> Motion:
        """The cart on its track, and its pole."""
        from qd.problems._cart_pole_swing_up_kernel import DT

        _, trace = self.episodes(np.asarray(solution, np.float64)[None], np.arange(self.steps))
        course = np.concatenate([[START], trace[0]])  # (steps + 1, 4)
        x, angle = course[:, 0], course[:, 2]
        axle = np.stack([x, np.zeros_like(x)], axis=1)
        end = axle + POLE_LENGTH * np.stack([np.sin(angle), np.cos(angle)], axis=1)
        cart = axle[:, None] + np.array([[-0.15, 0.0], [0.15, 0.0]])
        track = {"lines": [np.array([[-HALF_TRACK, -0.04], [HALF_TRACK, -0.04]])]}
        low, high = np.array([-HALF_TRACK - 0.3, -0.75]), np.array([HALF_TRACK + 0.3, 0.75])
        return Motion({"pole": np.stack([axle, end], axis=1), "cart": cart}, track, ("pole",), low, high, DT)

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure: the cart with its pole over time, coloured by it, and the two courses below."""
        from qd.problems._cart_pole_swing_up_figure import figure

        weights = np.asarray(solution, np.float64)[None]
        final, trace = self.episodes(weights, np.arange(self.steps))
        course = np.concatenate([[START], trace[0]])  # (steps + 1, 4)
        return figure(course, final[0] / self.steps, bool(final[0, 3] == 1.0))
