"""The contract of a search: settings, state, init, ask, tell, report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError


@dataclass
class Report:
    """What a search shows of itself.

    Args:
        archives: name -> archive; the first is the one that coverage and QD score are read from.
        metrics: name -> number, the same names every time; a column each in metrics.csv.
        populations: name -> plain arrays worth keeping, e.g. the last population's solutions; or functions that make
            them, called once at the end.
    """

    archives: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    populations: Mapping[str, Any] = field(default_factory=dict)

    def made(self) -> Report:
        """The report with all populations made."""
        made = {name: batch() if callable(batch) else batch for name, batch in self.populations.items()}
        return Report(self.archives, self.metrics, made)


class Algorithm(ABC):
    """A search: a frozen dataclass of settings, with a State dataclass beside it.

    ``init`` makes the state, ``ask`` gives the next Request or None (nothing before the next tell; with
    nothing in flight, the end), ``tell`` moves the state on. Both change the state in place. A search with
    phases is a state machine behind the same calls: the loop never knows.

    The state's fields are dicts, lists, scalars, arrays, Ragged batches and registered objects (archives);
    nothing else is hidden anywhere, so a checkpoint is the state. Randomness comes from
    ``qd.rng.generator(state.seed, stream, generation)``, never from a kept generator.

    Attributes:
        State: the dataclass of the state.
        in_flight: how many requests may be out at once; they are told in the order of their numbers.
        several_objectives: the search takes problems with more than one objective. One that takes nothing else
            refuses the others in ``init``.
        uses_budget: a schedule depends on ``left``, so a finished run cannot be continued with more.
    """

    State: ClassVar[type]
    in_flight: ClassVar[int] = 1
    several_objectives: ClassVar[bool] = False
    uses_budget: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The name for summaries: the class's own unless overridden."""
        return type(self).__name__

    @abstractmethod
    def init(self, problem: Problem, seed: int) -> Any:
        """The state before the first ask. Raises QDError where the settings do not fit the problem."""

    @abstractmethod
    def ask(self, state: Any, left: int) -> Request | None:
        """The next request.

        Args:
            state: changed in place.
            left: evaluations left for the search. At 0 a search ends its stage and makes its closing
                requests, out of what ``reserve`` set aside, or returns None.
        """

    @abstractmethod
    def tell(self, state: Any, request: Request, evaluation: Evaluation) -> None:
        """Take in a request's evaluation; the last request of a run may have been cut shorter."""

    def dropped(self, state: Any, request: Request) -> None:
        """The budget does not pay for even the first row of this request: it is not told, and ``left`` is 0 now.

        Override it where the state waits for the tell.
        """

    def report(self, state: Any) -> Report:
        """Archives and metrics for the summary and the plots."""
        return Report()

    def reserve(self, problem: Problem) -> int:
        """Evaluations of the budget kept back for the closing requests."""
        return 0

    def reserved_cost(self, problem: Problem, unit: str) -> float:
        """The same in a cost unit of the problem; override it where closing evaluations cost more than others."""
        return self.reserve(problem) * problem.costs[unit]

    def in_closing_stage(self, state: Any) -> bool:
        """Whether the search itself is over, though budget is left: what is asked now is paid from what was kept."""
        return False


def positive(owner: Any, *names: str) -> None:
    """Refuse settings that are not above zero, by name."""
    for name in names:
        value = getattr(owner, name)
        if not value > 0:
            raise QDError(f"{type(owner).__name__}.{name}: got {value!r}, wanted a number above 0")


def probability(owner: Any, *names: str) -> None:
    """Refuse settings that are not between 0 and 1, by name."""
    for name in names:
        value = getattr(owner, name)
        if not 0 <= value <= 1:
            raise QDError(f"{type(owner).__name__}.{name}: got {value!r}, wanted a number from 0 to 1")
