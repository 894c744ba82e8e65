"""What a problem offers to be rolled out in torch: a world, of pure functions of tensors, for many rows in step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

State = tuple[Any, ...]  # of tensors (n, ...), a row an episode; a NamedTuple reads best


class Outcome(NamedTuple):
    """What episodes come to: tensors of n rows.

    Args:
        objective: (n,), or (n, k) with several objectives.
        measures: (n, m).
        cost, truth, columns: as in ``qd.Evaluation``.
    """

    objective: torch.Tensor
    measures: torch.Tensor
    cost: dict[str, torch.Tensor] = {}  # noqa: RUF012
    truth: dict[str, torch.Tensor] = {}  # noqa: RUF012
    columns: dict[str, torch.Tensor] = {}  # noqa: RUF012


class World(ABC):
    """Episodes of one problem on one device, all of the same number of steps.

    A problem takes part in ``OnDevice`` by a method ``world(device, dtype)`` that makes one: ``device`` as torch names
    it, ``dtype`` one of torch's. Rules, so that a device is kept busy and ``torch.compile(fullgraph=True)`` can trace a
    step: no number is read back (``.item()``, ``bool(tensor)``, ``print``), no Python branch looks at a tensor, no
    tensor is made from Python numbers inside a step, the number of operators does not depend on the number of rows, and
    a row never depends on another. An episode that ends early stays as it is until the last step.

    Attributes:
        steps: of an episode.
        policy: the network that acts, ``MLP``, ``Recurrent`` or ``ConvNet``; None where the solutions themselves are
            the actions.
    """

    steps: int
    policy: Any = None

    @abstractmethod
    def first(self, seeds: torch.Tensor) -> State:
        """The state before the first step, for seeds (n,) int64, a row an episode."""

    def observe(self, state: State) -> torch.Tensor:
        """(n, o) what the networks see."""
        raise NotImplementedError  # worlds without a policy need none

    @abstractmethod
    def step(self, state: State, actions: torch.Tensor) -> State:
        """The state after the actions (n, a)."""

    @abstractmethod
    def outcome(self, state: State) -> Outcome:
        """What the episodes come to, of the state after the last step."""

    def frame(self, state: State) -> torch.Tensor:
        """(n, ...) what the column ``trajectory`` keeps after a step."""
        raise NotImplementedError  # worlds without this column need none
