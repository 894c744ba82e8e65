"""The contracts between a search and what it searches: Request, Evaluation, Problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.ragged import Ragged, Solutions
from qd.replay import Replay
from qd.space import Measures, Space

Purpose = Literal["search", "validate", "select", "test"]
PURPOSES: tuple[Purpose, ...] = ("search", "validate", "select", "test")
SEARCHING: tuple[Purpose, ...] = ("search", "validate")  # the others close a run: other examples, another scale
REPEATS = "repeats"  # the fidelity that every problem knows
CELL = "cell"  # the fidelity that a problem is given whose rows are split


class Status(IntEnum):
    """What became of one evaluation. Only OK rows enter archives and parent pools."""

    OK = 0
    FAILED = 1  # an exception, NaN or inf
    TIMED_OUT = 2
    INVALID = 3  # the solution or its measures lie outside the declared space


@dataclass
class Request:
    """What a search wants evaluated next. Most searches fill in ``solutions`` alone.

    Args:
        solutions: (n, d) array, or Ragged with n rows.
        parents: (n, p) evaluation numbers of the parents, -1 for none.
        operators: names of the operators that made the rows, one for all or one a row.
        purpose: why: search, validate, select or test.
        fidelity: how exactly: name -> one value, or an (n,) array of one a row. ``repeats`` is always known.
        role: which population, where a problem has several.
        draws: (n,) uint64, equal where rows must share a seed; by default the evaluation number.
        columns: the extra columns of the evaluation that the search will read.
        context: arrays that all rows need (opponents, a rubric, an encoder's weights).
        emitter: (n,) evaluation numbers of the solutions whose emitters made the rows, -1 for exploration; None: all
            rows explore. The recorder counts by it what exploring found and what each reward area cost.
        number, first: given by the loop: the request's number, the evaluation number of row 0.
    """

    solutions: Solutions
    parents: NDArray[np.int64] | None = None
    operators: str | Sequence[str] = ""
    purpose: Purpose = "search"
    fidelity: Mapping[str, Any] = field(default_factory=dict)
    role: str = ""
    draws: NDArray[np.uint64] | None = None
    columns: tuple[str, ...] = ()
    context: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    emitter: NDArray[np.int64] | None = None
    number: int = -1
    first: int = 0

    def __len__(self) -> int:
        return len(self.solutions)

    @property
    def ids(self) -> NDArray[np.int64]:
        """(n,) the evaluation numbers of the rows."""
        return np.arange(self.first, self.first + len(self), dtype=np.int64)

    @property
    def draw_numbers(self) -> NDArray[np.uint64]:
        """(n,) the draws that the rows' seeds are hashed from."""
        if self.draws is None:
            return np.arange(self.first, self.first + len(self), dtype=np.uint64)
        return np.asarray(self.draws, np.uint64)

    @property
    def repeats(self) -> int:
        """How often each row is evaluated."""
        return int(self.fidelity.get(REPEATS, 1))

    def rows(self, start: int, stop: int) -> Request:
        """The request of rows start..stop; the rows keep their evaluation numbers."""
        if start == 0 and stop >= len(self):
            return self
        n, span = len(self), slice(start, stop)
        return replace(
            self,
            solutions=self.solutions[span],
            parents=None if self.parents is None else self.parents[span],
            operators=self.operators if isinstance(self.operators, str) else self.operators[span],
            fidelity={key: _cut(value, n, span) for key, value in self.fidelity.items()},
            draws=None if self.draws is None else self.draws[span],
            emitter=None if self.emitter is None else self.emitter[span],
            first=self.first + start,
        )


def _cut(value: Any, n: int, span: slice) -> Any:
    return value[span] if isinstance(value, np.ndarray) and value.shape[:1] == (n,) else value


@dataclass
class Evaluation:
    """The result of evaluating a batch.

    Args:
        objective: (n,) the raw number to maximise; (n, k) where the problem declares k objectives, k > 1.
        measures: (n, m) the behaviour descriptor; left out where a problem has none.
        status: (n,) of Status; all OK by default. Rows that are not OK have NaN objective and measures.
        columns: named arrays (n, ...) that a request may ask for: observations, trajectories, scores.
        cost: named arrays (n,) of what the rows cost by unit: steps, decisions, examples, tokens.
        truth: named arrays (n, ...) for metrics alone; no search ever sees them. ``truth["measures"]``
            replaces the measures in coverage; ``truth["reward_area"]`` (n,) is the area that paid, -1 for none.
        reasons: row -> why it is not OK.
    """

    objective: NDArray[np.float64]
    measures: NDArray[np.float64] = None  # type: ignore[assignment]
    status: NDArray[np.int8] = None  # type: ignore[assignment]
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    cost: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    truth: dict[str, NDArray[Any]] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.objective = np.asarray(self.objective, np.float64)
        n = len(self.objective) if self.objective.ndim else 0
        if self.measures is None:
            self.measures = np.zeros((n, 0))
        else:
            self.measures = np.asarray(self.measures, np.float64)
        self.status = np.zeros(n, np.int8) if self.status is None else np.asarray(self.status, np.int8)

    def __len__(self) -> int:
        return len(self.objective)

    @property
    def ok(self) -> NDArray[np.bool_]:
        """(n,) which rows came out well."""
        return self.status == Status.OK


class Policy(Protocol):
    """A network with its weights, to be called; a row's action depends on that row alone."""

    def __call__(self, observations: NDArray[Any]) -> Any:
        """(o,) to one action, or (n, o) to n; pictures instead of (o,) where the network sees such."""


class Problem(ABC):
    """A task: a batch of solutions in, a batch of results out.

    Subclass it, set ``solution_space`` (and ``measure_space``), and write ``evaluate``. A problem uses no
    randomness but the seeds it is handed, and a row's result never depends on the rows beside it:
    ``qd.check_problem`` tests both.

    Attributes:
        solution_space: the Space, or role -> Space where a problem has several populations.
        measure_space: names and bounds of the measures, or None: then no grid is possible.
        truth_space: names and bounds of ``truth["measures"]`` where these are not in the measure space; coverage and
            pictures of all evaluations are of it.
        objectives: their names, all maximised. With more than one, ``Evaluation.objective`` has a column each.
        reward_areas: names of the places that pay a sparse reward; metrics say when each was found.
        fidelities: name -> the sentence that explains it, beside ``repeats`` which all problems know.
        columns: name -> the sentence that explains it, for what a request may ask.
        costs: unit -> the most that one evaluation can cost; a budget in a unit needs it.
        test_columns, test_metrics: what a test keeps: columns as arrays, and columns (n,) as metrics of the run.
        deterministic: evaluate ignores its seeds: they are all 0, and not worth hashing.
        chunk_size: rows a call, and the least that travels to a rank or child process; 5 to 10 ms is good.
        batching: what a call of ``evaluate`` may be given. ``"chunks"``: whole chunks, aligned to row numbers,
            so that calls have the same shapes wherever they run. ``"padded"``: the same, and the last chunk is
            filled up with copies of its last row (torch, compiled graphs). ``"rows"``: any number of rows,
            since every row is computed by itself (a loop, a kernel over rows).
        resumable: settings of the problem that a resumed run may set anew, since no result depends on them.
        releases_gil: evaluate spends its time outside Python's lock, so threads help (with ``"rows"``).
    """

    solution_space: Space | Mapping[str, Space]
    measure_space: Measures | None = None
    truth_space: Measures | None = None
    objectives: tuple[str, ...] = ("objective",)
    reward_areas: tuple[str, ...] = ()
    fidelities: Mapping[str, str] = {}
    columns: Mapping[str, str] = {}
    costs: Mapping[str, float] = {}
    test_columns: tuple[str, ...] = ()
    test_metrics: tuple[str, ...] = ()
    deterministic: bool = False
    chunk_size: int = 1
    batching: Literal["rows", "chunks", "padded"] = "chunks"
    releases_gil: bool = False
    resumable: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name for summaries: the class's own unless overridden."""
        return type(self).__name__

    @abstractmethod
    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        """Evaluate a batch.

        Args:
            request: what to evaluate: ``request.solutions`` with n rows, and how.
            seeds: (n,) one 64-bit seed a row; the only randomness there is.
        """

    def space(self, role: str = "") -> Space:
        """The space of one role; of the only one where there are none."""
        if isinstance(self.solution_space, Space):
            if role:
                raise QDError(f"role: got {role!r}, but {self.name} has one population and no roles")
            return self.solution_space
        if role not in self.solution_space:
            raise QDError(f"role: got {role!r}, {nearest(role, self.solution_space)}")
        return self.solution_space[role]

    def objective_shape(self, n: int) -> tuple[int, ...]:
        """The shape of n rows' objective: (n,), or (n, k) with several."""
        return (n,) if len(self.objectives) == 1 else (n, len(self.objectives))

    def prepare(self) -> None:
        """Load or compile what evaluating needs, so that the first request is not charged for it. Optional."""

    def cost_bounds(self, request: Request) -> dict[str, NDArray[np.float64]]:
        """Unit -> (n,) the most each row can cost at the request's fidelity. Override where it varies."""
        per_row = np.full(len(request), float(request.repeats))
        return {unit: per_row * bound for unit, bound in self.costs.items()}

    def cells_of(self, request: Request) -> int:
        """So many cells each row of this request falls into, which need nothing of each other. Optional.

        With more than one, ``evaluate`` is called on rows that are one cell each, as ``request.fidelity["cell"]``, (n,)
        numbers from 0, says; a row's cells share its seed, and may run on different ranks. Objective and measures are
        the cells' means, costs their sums, columns what ``gather`` makes of them. Without that fidelity ``evaluate``
        does whole rows.
        """
        return 1

    def gather(self, columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Columns of cells (n, k, ...) to columns of rows (n, ...): their means."""
        return {name: column.mean(axis=1) for name, column in columns.items()}

    def scene(self) -> dict[str, Any]:
        """Plain drawing data in measure coordinates for the plots' background, or an empty dict.

        ``{"lines": [(k, 2) arrays], "circles": [(x, y, radius, label)], "points": [(x, y, label)]}``.
        """
        return {}

    def sketch(self, solution: NDArray[Any], seed: int) -> dict[str, Any]:
        """One solution's behaviour as drawing data, in the form of ``scene``, small enough for the cell of a map.

        The last of its lines is the way that was taken. Optional.
        """
        raise QDError(f"{self.name} cannot sketch: it does not override sketch(solution, seed)")

    def replay(self, solution: NDArray[Any], seed: int) -> Replay:
        """One solution's episode as data: ``Motion``, ``Frames`` or ``Words`` of ``qd.replay``. Optional.

        It is the episode that ``evaluate`` runs for the same solution and seed. Where the problem's rows read
        ``Request.context`` it may take a third argument ``context``, as ``render`` may.
        """
        raise QDError(f"{self.name} has no replay: it does not override replay(solution, seed)")

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """A solution's network as a function of observations, as ``evaluate`` reads them. Optional.

        Args:
            solution: one.
            context: what the search reported as its populations, where rows read ``Request.context``.
        """
        raise QDError(f"the solutions of {self.name} are no policies: it does not override policy_of(solution)")

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure of one solution's episode. Optional.

        A problem whose rows read ``Request.context`` may take a third argument ``context``: what the search reported
        as its populations, which hold the arrays that it gave its requests.
        """
        raise QDError(f"{self.name} cannot draw itself: it does not override render(solution, seed)")


def numbered(request: Request, number: int, first: int, problem: Problem) -> Request:
    """Check a request at the door and give it its number and the evaluation number of its first row, in place.

    Raises QDError, naming the field, for anything that the problem does not know.
    """
    if request.purpose not in PURPOSES:
        raise QDError(f"Request.purpose: got {request.purpose!r}, {nearest(str(request.purpose), PURPOSES)}")
    solutions = problem.space(request.role).check(request.solutions)
    n = len(solutions)
    if n == 0:
        raise QDError("Request.solutions: got no rows; a search with nothing to ask returns None")
    for key, value in request.fidelity.items():
        if key != REPEATS and key not in problem.fidelities:
            raise QDError(f"Request.fidelity: {key!r} is not known to {problem.name}, "
                          f"{nearest(key, [*problem.fidelities, REPEATS])}")  # fmt: skip
        if isinstance(value, np.ndarray) and value.ndim and value.shape[0] != n:
            raise QDError(f"Request.fidelity[{key!r}]: got {value.shape[0]} values for {n} rows")
    repeats = request.fidelity.get(REPEATS, 1)
    if isinstance(repeats, bool) or not isinstance(repeats, int | np.integer) or repeats < 1:
        raise QDError(f"Request.fidelity['repeats']: got {repeats!r}, wanted a whole number of at least 1")
    for column in request.columns:
        if column not in problem.columns and column not in REPEAT_COLUMNS:
            raise QDError(f"Request.columns: {column!r} is not offered by {problem.name}, "
                          f"{nearest(column, problem.columns)}")  # fmt: skip
    for name, array in (("parents", request.parents), ("draws", request.draws), ("emitter", request.emitter)):
        if array is not None and len(array) != n:
            raise QDError(f"Request.{name}: got {len(array)} rows for {n} solutions")
    if not isinstance(request.operators, str) and len(request.operators) != n:
        raise QDError(f"Request.operators: got {len(request.operators)} names for {n} solutions")
    request.solutions, request.number, request.first = solutions, number, first
    return request


REPEAT_COLUMNS = ("objective_spread", "repeat_count")  # columns that repeats add, for any problem


__all__ = ["Evaluation", "Measures", "Policy", "Problem", "Purpose", "Ragged", "Request", "Space", "Status"]
