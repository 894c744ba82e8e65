"""Any problem with Gaussian noise on its objectives and measures, drawn from the row seeds.

For studying searches under noise: Flageat and Cully 2023 (https://arxiv.org/abs/2302.00463) judge elites by what they
are worth in many fresh evaluations. The clean values travel as truth, so metrics know them and no search does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, log, pi, sin, sqrt
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.contracts import Evaluation, Policy, Problem, Request
from qd.errors import QDError
from qd.replay import Replay

_SAME = ("solution_space", "measure_space", "objectives", "fidelities", "columns", "costs", "chunk_size", "batching",
         "releases_gil")  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def row_normals(seeds, out):  # type: ignore[no-untyped-def]
    """Fills out (n, c) with standard normals, each row a function of its seed (n,): Box and Muller on SplitMix64."""
    for i in range(out.shape[0]):
        state = seeds[i] ^ np.uint64(0xD1B54A32D192ED03)
        uniform = np.empty(2)
        for j in range(out.shape[1]):
            if j % 2 == 0:
                for h in range(2):
                    state += np.uint64(0x9E3779B97F4A7C15)
                    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                    z ^= z >> np.uint64(31)
                    uniform[h] = (np.float64(np.int64(z >> np.uint64(12))) + 0.5) * 2.0**-52
                radius, angle = sqrt(-2.0 * log(uniform[0])), 2.0 * pi * uniform[1]
                out[i, j] = radius * cos(angle)
            else:
                out[i, j] = radius * sin(angle)


@dataclass(frozen=True)
class Noisy(Problem):
    """A problem as it is, with noise added to what it returns.

    >>> import qd
    >>> noisy = Noisy(qd.problems.PlanarArm(joints=4), objective_sigma=0.1)
    >>> noisy.name, noisy.deterministic
    ('NoisyPlanarArm', False)
    """

    problem: Problem
    """The clean problem."""
    objective_sigma: float = 0.1
    """Standard deviation of the noise on every objective."""
    measure_sigma: float = 0.0
    """Standard deviation of the noise on every measure; what leaves the declared bounds is clipped to them."""

    deterministic = False

    def __post_init__(self) -> None:
        if not isinstance(self.problem, Problem):
            raise QDError(f"Noisy.problem: got {type(self.problem).__name__}, wanted a qd.Problem")
        for name in ("objective_sigma", "measure_sigma"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise QDError(f"Noisy.{name}: got {value!r}, wanted a number of 0 or more")
        if self.measure_sigma > 0 and self.problem.measure_space is None:
            raise QDError(f"Noisy.measure_sigma: got {self.measure_sigma}, but {self.problem.name} has no measures")
        for name in _SAME:
            object.__setattr__(self, name, getattr(self.problem, name))

    @property
    def name(self) -> str:
        """The clean problem's, after Noisy."""
        return f"Noisy{self.problem.name}"

    def prepare(self) -> None:
        """Load or compile what evaluating needs."""
        self.problem.prepare()
        row_normals(np.zeros(1, np.uint64), np.empty((1, 1)))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        clean = self.problem.evaluate(request, seeds)
        n, m = clean.measures.shape
        objective = clean.objective.reshape(n, -1)  # (n, k)
        noise = np.empty((n, objective.shape[1] + m))
        row_normals(np.array(seeds, np.uint64), noise)
        noisy = objective + self.objective_sigma * noise[:, : objective.shape[1]]
        measures = clean.measures
        if self.measure_sigma > 0:
            assert self.measure_space is not None  # checked at the door
            low, high = self.measure_space.low_array, self.measure_space.high_array
            measures = np.clip(measures + self.measure_sigma * noise[:, objective.shape[1] :], low, high)
        return Evaluation(
            noisy.reshape(clean.objective.shape), measures, clean.status, clean.columns, clean.cost,
            {"objective": clean.objective, "measures": clean.measures} | clean.truth, clean.reasons,
        )  # fmt: skip

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
