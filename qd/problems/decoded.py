"""Any problem of real vectors, searched by lineages: networks are stored and sent as seeds, and grown where they run.

Under MPI a row is a few bytes to some kilobytes, whatever the size of its network: every rank keeps the parents that it
has met and grows the children of its own rows. No more than one chunk of networks is in memory at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Policy, Problem, Request
from qd.errors import QDError
from qd.lineages import Decoder, Lineage
from qd.ragged import Ragged
from qd.replay import Replay
from qd.space import Box

_SAME = ("measure_space", "truth_space", "objectives", "reward_areas", "fidelities", "columns", "costs",
         "deterministic", "releases_gil")  # fmt: skip


@dataclass(frozen=True)
class Decoded(Problem):
    """A problem as it is, but for its solutions: they are lineages, and it gets the weights that grow from them.

    First weights have the standard deviations that the problem's own space starts from.

    >>> import qd
    >>> maze = Decoded(qd.problems.HardMaze())
    >>> maze.name, maze.solution_space
    ('DecodedHardMaze', Lineage(63))
    """

    problem: Problem
    """The problem whose solutions are vectors of a Box."""
    init_sigma: float = 0.0
    """Standard deviation of all first weights; 0: what the problem's space starts from."""
    chunk: int = 0
    """Rows grown at a time, 4 bytes a weight each; 0: as many as fill 64 MB, up to the problem's own chunk size."""
    cache: int = 2048
    """Megabytes that each process may keep parents in, 4 bytes a weight; room for twice the parents is enough."""
    decoding_threads: int = 1
    """Rows that each process grows at once; results do not depend on it."""

    def __post_init__(self) -> None:
        inner = self.problem
        if not isinstance(inner, Problem):
            raise QDError(f"Decoded.problem: got {type(inner).__name__}, wanted a qd.Problem")
        if not isinstance(inner.solution_space, Box):
            raise QDError(f"Decoded.problem: the solutions of {inner.name} are of {inner.solution_space!r}, wanted "
                          "real vectors, a qd.Box")  # fmt: skip
        for name in ("init_sigma", "chunk"):
            if not getattr(self, name) >= 0:
                raise QDError(f"Decoded.{name}: got {getattr(self, name)!r}, wanted 0 or more")
        for name in ("cache", "decoding_threads"):
            if not getattr(self, name) >= 1:
                raise QDError(f"Decoded.{name}: got {getattr(self, name)!r}, wanted at least 1")
        if not self.init_sigma and inner.solution_space.init_sigma is None:
            raise QDError(f"Decoded.init_sigma: the space of {inner.name} says no standard deviation to start from; "
                          "give one, e.g. init_sigma=0.5")  # fmt: skip
        for name in _SAME:
            object.__setattr__(self, name, getattr(inner, name))
        fitting = max(1, 2**26 // (4 * inner.solution_space.length))
        object.__setattr__(self, "chunk_size", self.chunk or min(inner.chunk_size, fitting))
        object.__setattr__(self, "batching", "padded" if inner.batching == "padded" else "chunks")

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # parents stay in their process

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    @property
    def name(self) -> str:
        """The problem's, after Decoded."""
        return f"Decoded{self.problem.name}"

    @cached_property
    def solution_space(self) -> Lineage:  # type: ignore[override]
        """Lineages of as many weights as the problem's solutions have genes."""
        inner = self._box
        return Lineage(inner.length, self.init_sigma or np.asarray(inner.init_sigma, np.float32))

    @property
    def _box(self) -> Box:
        assert isinstance(self.problem.solution_space, Box)  # checked at the door
        return self.problem.solution_space

    @cached_property
    def decoder(self) -> Decoder:
        """This process's decoder, with the parents that it keeps."""
        return Decoder(self.solution_space, self.cache * 2**20, self.decoding_threads)

    @cached_property
    def _local(self) -> Any:
        return threading.local(), threading.Lock()

    def prepare(self) -> None:
        """Load or compile what growing and evaluating need."""
        from operators.seed_noise import normal_table

        normal_table()
        self.problem.prepare()

    def weights(self, lineages: Ragged) -> NDArray[np.floating[Any]]:
        """(n, d) the weights of some lineages, within the bounds of the problem's space and of its dtype."""
        local, lock = self._local
        n, d = len(lineages), self.solution_space.weights
        table: NDArray[np.float32] | None = getattr(local, "table", None)
        if table is None or len(table) < n:
            table = local.table = np.empty((max(n, self.chunk_size), d), np.float32)
        with lock:  # the kept parents are shared by threads
            grown = self.decoder.weights(lineages, table[:n])
        low, high = self._box.bounds
        if not (np.isneginf(low).all() and np.isposinf(high).all()):
            np.clip(grown, low, high, out=grown)
        return grown.astype(self._box.dtype, copy=False)

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        assert isinstance(request.solutions, Ragged)  # the space checked
        return self.problem.evaluate(replace(request, solutions=self.weights(request.solutions)), seeds)

    def cost_bounds(self, request: Request) -> dict[str, NDArray[np.float64]]:
        """The problem's."""
        return self.problem.cost_bounds(request)

    def scene(self) -> dict[str, Any]:
        """The problem's."""
        return self.problem.scene()

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """The problem's, of the weights that a lineage grows to."""
        return self.problem.policy_of(self.weights(Ragged.from_rows([solution], np.uint32))[0].copy(), context)

    def replay(self, solution: NDArray[Any], seed: int, context: Mapping[str, NDArray[Any]] | None = None) -> Replay:
        """The problem's, of the weights that a lineage grows to."""
        grown = self.weights(Ragged.from_rows([solution], np.uint32))[0].copy()
        if "context" not in signature(self.problem.replay).parameters:
            return self.problem.replay(grown, seed)
        return self.problem.replay(grown, seed, context)  # type: ignore[call-arg]

    def render(self, solution: NDArray[Any], seed: int, context: Mapping[str, NDArray[Any]] | None = None) -> Any:
        """The problem's, of the weights that a lineage grows to."""
        grown = self.weights(Ragged.from_rows([solution], np.uint32))[0].copy()
        if "context" not in signature(self.problem.render).parameters:
            return self.problem.render(grown, seed)
        return self.problem.render(grown, seed, context)  # type: ignore[call-arg]
