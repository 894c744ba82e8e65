"""Any problem with the measures of an encoder: trajectories by their signature, pictures by fixed features.

Every search then works on behaviour that nobody had to measure by hand. What the problem measures itself is the
truth that metrics know and no search does. For encoders that learn nothing: one that learns needs a search that
trains it and encodes its archives anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.behavior.contract import Encoder, Learned
from qd.contracts import Evaluation, Policy, Problem, Request, Status
from qd.errors import QDError, nearest
from qd.replay import Replay
from qd.rng import generator
from qd.space import Measures, Space

_SAME = ("solution_space", "objectives", "reward_areas", "fidelities", "columns", "costs", "deterministic",
         "chunk_size", "batching", "releases_gil")  # fmt: skip


@dataclass(frozen=True)
class Encoded(Problem):
    """A problem as it is, but for its measures: they are what an encoder makes of one of its columns.

    The problem's own measures are the truth: coverage is counted on their grid, in the metric ``truth_coverage``, and
    in ``coverage`` for searches without cells. The encoder's measures are unbounded, which novelty search wants, unless
    ``low`` and ``high`` are given, which a grid needs.

    >>> import qd
    >>> maze = Encoded(qd.problems.HardMaze(), qd.behavior.Signature(depth=5), shape=(50, 2))
    >>> maze.name, maze.measure_space.size, maze.measure_space.bounded
    ('EncodedHardMaze', 62, False)
    """

    problem: Problem
    """The problem whose measures are replaced."""
    encoder: Encoder
    """What makes measures, of the kind that learns nothing, such as Signature and Samples."""
    observation: str = "trajectory"
    """The column that is encoded."""
    low: Sequence[float] | float | None = None
    """Lower bounds of the measures, one for all or one each; measures beyond move to the bound. None: unbounded."""
    high: Sequence[float] | float | None = None
    """Upper bounds, likewise."""
    dims: tuple[int, ...] | None = None
    """Cells a measure, for searches with a grid that is not said otherwise."""
    shape: tuple[int, ...] = ()
    """Of one observation. Empty: seen by evaluating one random solution, when the measures are first asked for."""

    def __post_init__(self) -> None:
        if not isinstance(self.problem, Problem):
            raise QDError(f"Encoded.problem: got {type(self.problem).__name__}, wanted a qd.Problem")
        if not isinstance(self.encoder, Encoder):
            raise QDError(f"Encoded.encoder: got {type(self.encoder).__name__}, wanted an encoder of qd.behavior, such "
                          "as Signature(depth=5)")  # fmt: skip
        if self.encoder.learns:
            raise QDError(f"Encoded.encoder: {type(self.encoder).__name__} learns, so a search must train it and "
                          "encode its archives anew: give it to TAXONS, STAX or AURORA; here wanted one that learns "
                          "nothing, such as Signature")  # fmt: skip
        if self.observation not in self.problem.columns:
            raise QDError(f"Encoded.observation: {self.observation!r} is not a column of {self.problem.name}, "
                          f"{nearest(self.observation, self.problem.columns)}")  # fmt: skip
        if (self.low is None) != (self.high is None):
            raise QDError(f"Encoded.low, high: got {self.low!r} and {self.high!r}; give both or none")
        if self.dims is not None and self.low is None:
            raise QDError(f"Encoded.dims: got {self.dims}, but a grid needs bounds; give low and high too")
        for name in ("low", "high"):
            value = getattr(self, name)
            if value is not None and np.ndim(value):
                object.__setattr__(self, name, tuple(float(x) for x in value))
        for name in ("dims", "shape"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, tuple(int(x) for x in value))
        for name in _SAME:
            object.__setattr__(self, name, getattr(self.problem, name))

    @property
    def name(self) -> str:
        """The problem's, after Encoded."""
        return f"Encoded{self.problem.name}"

    @property
    def truth_space(self) -> Measures | None:  # type: ignore[override]
        """The problem's own measures."""
        return self.problem.truth_space or self.problem.measure_space

    @cached_property
    def observation_shape(self) -> tuple[int, ...]:
        """Of one observation."""
        return self.shape or self._observed()

    @cached_property
    def measure_space(self) -> Measures:  # type: ignore[override]
        """As many measures as the encoder makes, without bounds where none are given."""
        m = self.encoder.size(self.observation_shape)
        ends = []
        for name, given, free in (("low", self.low, -np.inf), ("high", self.high, np.inf)):
            values = np.ravel(free if given is None else given)
            if len(values) not in (1, m):
                raise QDError(f"Encoded.{name}: got {len(values)} numbers, but {type(self.encoder).__name__} makes {m} "
                              f"measures of observations of shape {self.observation_shape}")  # fmt: skip
            ends.append(tuple(np.broadcast_to(values, (m,)).tolist()))
        kind = type(self.encoder).__name__.lower()
        return Measures(tuple(f"{kind} {i}" for i in range(m)), ends[0], ends[1], self.dims)

    @cached_property
    def learned(self) -> Learned:
        """What the encoder starts from: the same in every process."""
        return self.encoder.init(self.observation_shape, generator(0, "encoder"))

    def prepare(self) -> None:
        """Load or compile what evaluating and encoding need."""
        self.problem.prepare()
        self.encoder.encode(self.learned, np.zeros((1, *self.observation_shape)))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        wanted = request.columns if self.observation in request.columns else (*request.columns, self.observation)
        evaluation = self.problem.evaluate(replace(request, columns=wanted), seeds)
        own, ok = evaluation.measures, evaluation.status == Status.OK
        observations = evaluation.columns.get(self.observation)
        if observations is None and ok.any():
            raise QDError(f"{self.problem.name}.evaluate left out the column {self.observation!r} that it declares")
        measures = np.full((len(own), self.measure_space.size), np.nan)
        if observations is not None:
            measures[ok] = self.encoder.encode(self.learned, observations[ok])
        if self.measure_space.bounded:
            inside = np.clip(measures, self.measure_space.low_array, self.measure_space.high_array)
            measures = np.where(np.isfinite(measures), inside, np.nan)
        lost = ok & ~np.isfinite(own).all(axis=1)  # as they would be without an encoder
        for row in np.flatnonzero(lost):
            evaluation.reasons.setdefault(int(row), f"not finite: measures {own[row].tolist()}")
        status = np.where(lost, np.int8(Status.FAILED), evaluation.status)
        truth = ({"measures": own} if own.shape[1] else {}) | evaluation.truth
        return replace(evaluation, measures=measures, status=status, truth=truth)

    def cost_bounds(self, request: Request) -> dict[str, NDArray[np.float64]]:
        """The problem's."""
        return self.problem.cost_bounds(request)

    def scene(self) -> dict[str, Any]:
        """The problem's, in its own measures."""
        return self.problem.scene()

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """The problem's."""
        return self.problem.policy_of(solution, context)

    def replay(self, solution: NDArray[Any], seed: int) -> Replay:
        """The problem's."""
        return self.problem.replay(solution, seed)

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """The problem's."""
        return self.problem.render(solution, seed)

    def _observed(self) -> tuple[int, ...]:
        """The shape of an observation, from one random solution."""
        space = self.solution_space
        role = "" if isinstance(space, Space) else next(iter(space))
        rows = self.chunk_size if self.batching == "padded" else 1
        solutions = self.problem.space(role).sample(rows, generator(0, "probe"))
        request = Request(solutions, role=role, columns=(self.observation,))
        found = self.problem.evaluate(request, np.zeros(rows, np.uint64)).columns.get(self.observation)
        if found is None:
            raise QDError(f"{self.problem.name}.evaluate left out the column {self.observation!r} that it declares")
        return tuple(np.asarray(found).shape[1:])
