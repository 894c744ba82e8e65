"""Any optimiser with ask and tell as a search: ``cma``, ``cmaes``, and what has their interface.

Such an optimiser is an object with hidden state, and often draws from numpy's global generator. A checkpoint holds
neither: it holds the values that were told, and resuming makes a new optimiser with the same seed and tells it the
same values again. That is exact because optimisers are deterministic, and it is checked: what is asked again must be
what was asked before. The price: resuming spends the optimiser's own time since its last restart once more (nothing is
evaluated), and the checkpoint grows by 8 bytes an evaluation and 16 a generation. A search of ours keeps its state as
arrays and resumes at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report
from qd.codec import register
from qd.contracts import Evaluation, Problem, Request
from qd.errors import CheckpointError, QDError
from qd.interop.surroundings import global_generators, swapped
from qd.rng import generator
from qd.space import Box

Make = Callable[[int, tuple[NDArray[np.float64], NDArray[np.float64]], int], Any]


@dataclass
class Replayed:
    """What an optimiser was told; the optimiser itself is made again from it where it is missing."""

    told: list[NDArray[np.float64]] = field(default_factory=list)  # (n,) a generation, empty where nothing was told
    asked: list[int] = field(default_factory=list)  # a checksum a generation
    optimizer: Any = None
    globals: list[Any] = field(default_factory=list)  # states of the global generators, the optimiser's own
    waiting: Any = None  # what was asked last, as the optimiser wants it back


def _dump(replayed: Replayed) -> dict[str, Any]:
    values = np.concatenate([np.zeros(0), *replayed.told])
    lengths = np.array([len(values) for values in replayed.told], np.int64)
    return {"values": values, "lengths": lengths, "asked": np.array(replayed.asked, np.int64)}


def _load(state: dict[str, Any]) -> Replayed:
    edges = np.concatenate([[0], np.cumsum(state["lengths"])])
    told = [state["values"][a:b] for a, b in pairwise(edges)]
    return Replayed(told, state["asked"].tolist())


register("qd.interop.ask_tell:Replayed", "AskTell.Replayed", _dump, _load)


@dataclass
class AskTellState:
    """The optimiser, and how it is doing."""

    seed: int
    space: Box
    replayed: Replayed
    restarts: int = 0
    over: bool = False
    skipped: int = 0  # generations of which nothing was told: all rows failed
    mean_objective: float = math.nan


@dataclass(frozen=True)
class AskTell(Algorithm):
    """An optimiser that minimises, asked and told by our loop.

    What it asks outside the bounds is mirrored into them before it is evaluated, and told as it was asked. It is told
    minus the objective, failed rows as the worst of the batch.

    >>> import cmaes
    >>> search = AskTell(lambda dimension, bounds, seed: cmaes.CMA(np.zeros(dimension), 1.0, seed=seed))
    >>> search.on_stop
    'restart'
    """

    make: Make
    """``make(dimension, (low, high), seed)``: a new optimiser. Bounds are (dimension,) each, maybe infinite, the seed
    is above 0 and below 2^31. ``ask()`` gives the whole batch (cma), or one solution of ``population_size`` (cmaes)."""
    on_stop: Literal["restart", "end"] = "restart"
    """When its ``stop()`` or ``should_stop()`` is true: make another optimiser with another seed, or end the search."""

    State = AskTellState

    def __post_init__(self) -> None:
        if not callable(self.make):
            raise QDError(f"AskTell.make: got {type(self.make).__name__}, wanted make(dimension, bounds, seed) that "
                          "gives an optimiser")  # fmt: skip
        if self.on_stop not in ("restart", "end"):
            raise QDError(f"AskTell.on_stop: got {self.on_stop!r}, wanted 'restart' or 'end'")

    def init(self, problem: Problem, seed: int) -> AskTellState:
        space = problem.space()
        if not isinstance(space, Box):
            raise QDError(f"AskTell searches real vectors, not {space!r}")
        state = AskTellState(seed, space, Replayed())
        self._live(state)
        return state

    def ask(self, state: AskTellState, left: int) -> Request | None:
        from operators.mirror import mirror

        if left <= 0 or state.over:
            return None
        replayed = self._live(state)
        with swapped(replayed.globals):
            solutions = _ask(replayed)
        replayed.asked.append(_checksum(solutions))
        if solutions.ndim != 2 or solutions.shape[1] != state.space.length:
            raise QDError(f"AskTell.make: the optimiser asks solutions of shape {solutions.shape[1:]}, the problem's "
                          f"have {state.space.length} genes")  # fmt: skip
        inside = mirror(np.nan_to_num(solutions), *state.space.bounds)
        return Request(inside.astype(state.space.dtype, copy=False), operators="ask")

    def tell(self, state: AskTellState, request: Request, evaluation: Evaluation) -> None:
        replayed = self._live(state)
        ok = evaluation.ok
        if ok.any():
            state.mean_objective = float(evaluation.objective[ok].mean())
        if len(request) < len(replayed.waiting) or not ok.any():  # cut by the budget: the run's last
            state.skipped += 1
            replayed.told.append(np.zeros(0))
            return
        costs = -evaluation.objective
        costs[~ok] = costs[ok].max()
        replayed.told.append(costs)
        with swapped(replayed.globals):
            _tell(replayed, costs)
            stop = _stopped(replayed.optimizer)
        if stop and self.on_stop == "end":
            state.over = True
        elif stop:
            state.restarts += 1
            state.replayed = Replayed()

    def _live(self, state: AskTellState) -> Replayed:
        """The optimiser, made and told again where a checkpoint has only what it was told."""
        replayed = state.replayed
        if replayed.optimizer is not None:
            return replayed
        seed = int(generator(state.seed, "optimizer", state.restarts).integers(1, 2**31))
        bounds = np.array(state.space.low, np.float64), np.array(state.space.high, np.float64)
        replayed.globals = global_generators(seed)
        with swapped(replayed.globals):
            replayed.optimizer = self.make(state.space.length, bounds, seed)
            for name in ("ask", "tell"):
                if not callable(getattr(replayed.optimizer, name, None)):
                    raise QDError(f"AskTell.make: gave {type(replayed.optimizer).__name__}, which has no {name}()")
            for generation, checksum in enumerate(replayed.asked):
                if _checksum(_ask(replayed)) != checksum:
                    raise CheckpointError(
                        f"AskTell: told the same values, {type(replayed.optimizer).__name__} asks something else in "
                        f"generation {generation} than before: it is another version, or not deterministic (is the "
                        "seed handed on by make?)"
                    )
                if generation < len(replayed.told) and len(replayed.told[generation]):
                    _tell(replayed, replayed.told[generation])
                    _stopped(replayed.optimizer)  # asking may change what it keeps
        return replayed

    def report(self, state: AskTellState) -> Report:
        metrics = {
            "mean_objective": state.mean_objective,
            "restarts": float(state.restarts),
            "skipped_updates": float(state.skipped),
        }
        return Report(metrics=metrics)


def _ask(replayed: Replayed) -> NDArray[np.float64]:
    """(n, d) what the optimiser wants evaluated next."""
    first = replayed.optimizer.ask()
    if not isinstance(first, tuple) and np.ndim(first) == 2:
        replayed.waiting = first
        return np.array(first, np.float64)
    count = replayed.optimizer.population_size
    drawn = [first, *(replayed.optimizer.ask() for _ in range(count - 1))]
    # a pair is what to evaluate, and what to tell (cmaes.CMAwM)
    pairs = [one if isinstance(one, tuple) else (one, one) for one in drawn]
    replayed.waiting = _Singles(kept for _, kept in pairs)
    return np.array([evaluated for evaluated, _ in pairs], np.float64)


class _Singles(list[Any]):
    """Solutions asked one by one, to be told in pairs with their values."""


def _tell(replayed: Replayed, costs: NDArray[np.float64]) -> None:
    values = costs.tolist()
    if isinstance(replayed.waiting, _Singles):
        replayed.optimizer.tell(list(zip(replayed.waiting, values, strict=True)))
    else:
        replayed.optimizer.tell(replayed.waiting, values)


def _stopped(optimizer: Any) -> bool:
    for name in ("should_stop", "stop"):
        method = getattr(optimizer, name, None)
        if callable(method):
            return bool(method())
    return False


def _checksum(solutions: NDArray[np.float64]) -> int:
    return crc32(np.ascontiguousarray(solutions, "<f8").tobytes())
