"""A plain Python function as a Problem that runs everywhere: here, in child processes, on MPI ranks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.errors import ProblemError, QDError
from qd.space import Box, Measures, Space


class FunctionProblem(Problem):
    """See ``qd.problem``, which makes it."""

    def __init__(
        self,
        function: Callable[..., Any],
        space: Space,
        measures: Measures | None,
        batch: bool,
        chunk_size: int,
        name: str,
        objectives: tuple[str, ...] = ("objective",),
    ) -> None:
        self.function = function
        self.solution_space = space
        self.measure_space = measures
        self.objectives = objectives
        self.batch = batch
        self.chunk_size = chunk_size
        self.batching: Literal["rows", "chunks", "padded"] = "chunks" if batch else "rows"
        self._name = name
        try:
            names = set(inspect.signature(function).parameters)
        except (TypeError, ValueError):  # some builtins have no signature
            names = set()
        self.seed_name = next((n for n in ("seeds", "seed") if n in names), "")

    @property
    def name(self) -> str:
        return self._name

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        if self.batch:
            extra: dict[str, Any] = {self.seed_name: seeds} if self.seed_name else {}
            return self._whole(self.function(request.solutions, **extra), len(request))
        results = []
        for row, seed in zip(request.solutions, seeds, strict=True):
            extra = {self.seed_name: int(seed)} if self.seed_name else {}
            results.append(self._pair(self.function(row, **extra)))
        objective = np.array([result[0] for result in results], np.float64)
        if self.measure_space is None:
            return Evaluation(objective)
        return Evaluation(objective, np.array([result[1] for result in results], np.float64))

    def _pair(self, result: Any) -> tuple[Any, NDArray[np.float64] | None]:
        """(objective, measures) of one solution."""
        if self.measure_space is None:
            return self._objective(result), None
        if not isinstance(result, tuple) or len(result) != 2:
            raise ProblemError(f"{self.name} returned {type(result).__name__}; with measures it must return the pair "
                               "(objective, measures)")  # fmt: skip
        measures = np.asarray(result[1], np.float64).reshape(-1)
        if len(measures) != self.measure_space.size:
            raise ProblemError(f"{self.name} returned {len(measures)} measures, "
                               f"but {self.measure_space.size} are declared: {self.measure_space.names}")  # fmt: skip
        return self._objective(result[0]), measures

    def _objective(self, value: Any) -> Any:
        """A number, or (k,) with several objectives."""
        if len(self.objectives) == 1:
            return float(value)
        several = np.asarray(value, np.float64).reshape(-1)
        if len(several) != len(self.objectives):
            raise ProblemError(f"{self.name} returned {len(several)} objectives, "
                               f"but {len(self.objectives)} are declared: {self.objectives}")  # fmt: skip
        return several

    def _whole(self, result: Any, n: int) -> Evaluation:
        if isinstance(result, Evaluation):
            return result
        if self.measure_space is None:
            return Evaluation(result)
        if not isinstance(result, tuple) or len(result) != 2:
            raise ProblemError(f"{self.name} returned {type(result).__name__}; with measures it must return the pair "
                               f"(objectives ({n},), measures ({n}, {self.measure_space.size}))")  # fmt: skip
        return Evaluation(*result)


def problem(
    function: Callable[..., Any],
    *,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    length: int = 0,
    space: Space | None = None,
    measures: Mapping[str, tuple[float, float]] | None = None,
    objectives: Sequence[str] = ("objective",),
    coverage_cells: int = 50,
    batch: bool = False,
    chunk_size: int | None = None,
    name: str = "",
) -> Problem:
    """Turn a plain function into a Problem.

    Args:
        function: one solution ``(d,)`` to its objective (maximised), or to ``(objective, measures)`` where
            ``measures`` are declared. With ``batch`` it takes ``(n, d)`` and returns ``(n,)`` and ``(n, m)``.
            Noise comes from a parameter named ``seed`` (``seeds`` for a batch) if it has one.
        low, high: bounds of the genes, a number or one a gene.
        length: genes, where the bounds are plain numbers.
        space: instead of low, high and length: any Space, e.g. ``qd.Mask(20)``.
        measures: name -> (low, high).
        objectives: their names; with several, the function returns so many numbers in place of the objective.
        coverage_cells: cells a measure of the grid that coverage is counted on.
        batch: the function takes whole batches.
        chunk_size: rows a call and the least that travels to another process; 1, or 64 with ``batch``.
        name: for summaries; the function's own by default.

    >>> import qd
    >>> sphere = qd.problem(lambda x: (-(x**2).sum(), x[:2]), low=-1, high=1, length=5,
    ...                     measures={"x0": (-1, 1), "x1": (-1, 1)})
    >>> sphere.measure_space.names
    ('x0', 'x1')
    """
    if not callable(function):
        raise QDError(f"problem: got {type(function).__name__}, wanted a function of one solution")
    if space is None:
        if low is None or high is None:
            raise QDError("problem: give low= and high= (and length=), or space=")
        space = Box(low, high, length)
    elif low is not None or high is not None or length:
        raise QDError("problem: space= already says it; leave out low=, high= and length=")
    declared = None
    if measures is not None:
        try:
            bounds = {key: (float(a), float(b)) for key, (a, b) in measures.items()}
        except (TypeError, ValueError, AttributeError):
            raise QDError(f'problem: measures={measures!r}, wanted e.g. {{"x": (0, 1), "y": (0, 1)}}') from None
        lows, highs = tuple(a for a, _ in bounds.values()), tuple(b for _, b in bounds.values())
        dims = (coverage_cells,) * len(bounds) if len(bounds) <= 3 else None
        declared = Measures(tuple(bounds), lows, highs, dims)
    names = (objectives,) if isinstance(objectives, str) else tuple(objectives)
    if not names or len(set(names)) != len(names) or not all(isinstance(key, str) and key for key in names):
        raise QDError(f'problem: objectives={objectives!r}, wanted different names, e.g. ("speed", "comfort")')
    size = chunk_size if chunk_size is not None else (64 if batch else 1)
    if size < 1:
        raise QDError(f"problem: chunk_size {size}, wanted at least 1")
    title = name or getattr(function, "__name__", type(function).__name__)
    return FunctionProblem(function, space, declared, batch, size, title, names)


__all__ = ["FunctionProblem", "problem"]
