"""Any problem with a trajectory, seen through channels that vary more than what matters, for studying behaviour spaces.

What a behaviour space is learned from often holds channels that have nothing to do with the behaviour that is meant, or
go along with it for no reason: a space that keeps what varies keeps these. Here they are added on purpose, so that a
study knows which are which: a ``distractor`` that follows the trajectory with a set correlation (set another for the
trajectories held out, and a space that relied on it fails), ``noise`` of correlated random walks, and ``wiggles`` of
random amplitude, frequency and phase.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Policy, Problem, Request
from qd.errors import QDError
from qd.problems.noisy import row_normals
from qd.replay import Replay

_SAME = ("solution_space", "measure_space", "objectives", "reward_areas", "fidelities", "costs", "chunk_size",
         "batching", "releases_gil")  # fmt: skip
_WALKS = 2  # random walks that the noise channels mix


@dataclass(frozen=True)
class Spurious(Problem):
    """A problem as it is, with a column ``observation``: its trajectory beside channels that mean nothing.

    >>> import qd
    >>> problem = Spurious(qd.problems.RedundantArm(frames=10))
    >>> problem.channels(2)["distractor"]
    slice(2, 4, None)
    """

    problem: Problem
    """The problem; it must offer the column ``trajectory``, (n, frames, k)."""
    correlation: float = 0.8
    """Of the distractor, k channels, with the trajectory; between -1 and 1."""
    noise: int = 4
    """Channels that mix two random walks."""
    wiggles: int = 4
    """Channels of sine waves."""
    spread: float = 0.2
    """About the trajectory's standard deviation, in its own units."""
    center: float = 0.5
    """About the trajectory's mean, in its own units."""
    scale: float = 3.0
    """Standard deviation of the added channels, in that of the trajectory."""

    deterministic = False

    def __post_init__(self) -> None:
        if "trajectory" not in self.problem.columns:
            raise QDError(f"Spurious.problem: {self.problem.name} offers no column 'trajectory'; take one that does")
        if not -1 <= self.correlation <= 1:
            raise QDError(f"Spurious.correlation: got {self.correlation}, wanted a number from -1 to 1")
        for name in ("noise", "wiggles"):
            if getattr(self, name) < 0:
                raise QDError(f"Spurious.{name}: got {getattr(self, name)}, wanted 0 or more channels")
        for name in ("spread", "scale"):
            if not 0 < getattr(self, name) < np.inf:
                raise QDError(f"Spurious.{name}: got {getattr(self, name)}, wanted a number above 0")
        for name in _SAME:
            object.__setattr__(self, name, getattr(self.problem, name))
        said = "(n, frames, 2 k + noise + wiggles) the trajectory, then channels that mean nothing"
        object.__setattr__(self, "columns", MappingProxyType({**self.problem.columns, "observation": said}))

    @property
    def name(self) -> str:
        """The clean problem's, after Spurious."""
        return f"Spurious{self.problem.name}"

    def channels(self, k: int) -> dict[str, slice]:
        """Which channels of ``observation`` are what, where the trajectory has k."""
        ends = np.cumsum([0, k, k, self.noise, self.wiggles])
        names = ("trajectory", "distractor", "noise", "wiggles")
        return {name: slice(int(ends[i]), int(ends[i + 1])) for i, name in enumerate(names)}

    def prepare(self) -> None:
        """Load or compile what evaluating needs."""
        self.problem.prepare()
        row_normals(np.zeros(1, np.uint64), np.empty((1, 1)))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        if "observation" not in request.columns:
            return self.problem.evaluate(request, self._seeds(seeds))
        wanted = tuple(name for name in request.columns if name != "observation")
        inner = Request(**{**vars(request), "columns": tuple({*wanted, "trajectory"})})
        evaluation = self.problem.evaluate(inner, self._seeds(seeds))
        path = evaluation.columns["trajectory"]  # (n, frames, k)
        columns = {name: evaluation.columns[name] for name in wanted}
        evaluation.columns = columns | {"observation": np.concatenate([path, self._added(path, seeds)], axis=2)}
        return evaluation

    def _seeds(self, seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
        return np.zeros_like(seeds) if self.problem.deterministic else seeds

    def _added(self, path: NDArray[np.float64], seeds: NDArray[np.uint64]) -> NDArray[np.float64]:
        """(n, frames, k + noise + wiggles) of trajectories (n, frames, k)."""
        n, frames, k = path.shape
        drawn = np.empty((n, k + _WALKS * frames + self.noise + 3 * self.wiggles))
        row_normals(np.array(seeds, np.uint64), drawn)
        own, steps, offset, waves = np.split(drawn, np.cumsum([k, _WALKS * frames, self.noise]), axis=1)
        follows = self.correlation * (path - self.center) / self.spread
        distractor = follows + np.sqrt(1 - self.correlation**2) * own[:, None]  # (n, frames, k)
        walks = steps.reshape(n, frames, _WALKS).cumsum(axis=1) / np.sqrt(frames / 2)
        # the mixture is the same in every row: a direction in which all observations vary together
        turns = np.pi * np.arange(self.noise) / max(self.noise, 1)
        noise = walks[..., :1] * np.cos(turns) + walks[..., 1:] * np.sin(turns) + 0.1 * offset[:, None]
        amplitude, frequency, phase = (waves[:, None, i::3] for i in range(3))  # (n, 1, wiggles)
        time = np.arange(frames)[:, None] / frames
        wiggles = np.sqrt(2) * amplitude * np.sin(2 * np.pi * ((1 + np.abs(frequency)) * time + phase))
        return self.scale * self.spread * np.concatenate([distractor, noise, wiggles], axis=2)

    def cost_bounds(self, request: Request) -> dict[str, NDArray[np.float64]]:
        """The clean problem's."""
        return self.problem.cost_bounds(request)

    def scene(self) -> dict[str, Any]:
        """The clean problem's."""
        return self.problem.scene()

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """The clean problem's."""
        return self.problem.policy_of(solution, context)

    def replay(self, solution: NDArray[Any], seed: int) -> Replay:
        """The clean problem's."""
        return self.problem.replay(solution, seed)

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """The clean problem's."""
        return self.problem.render(solution, seed)
