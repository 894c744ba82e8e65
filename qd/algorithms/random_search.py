"""Random search: every generation is drawn from the space anew.

The row that every comparison needs at equal evaluations. It keeps no archive; what it reached is in the run's own
coverage, best and positions.
"""

from __future__ import annotations

from dataclasses import dataclass

from qd.algorithm import Algorithm, positive
from qd.contracts import Evaluation, Problem, Request
from qd.rng import generator
from qd.space import Space


@dataclass
class RandomSearchState:
    """What random search remembers: where it draws from, and which generation comes next."""

    seed: int
    space: Space
    generation: int = 0


@dataclass(frozen=True)
class RandomSearch(Algorithm):
    """Draw, evaluate, forget.

    >>> RandomSearch(batch_size=10).name
    'RandomSearch'
    """

    batch_size: int = 100
    """Solutions a generation."""

    State = RandomSearchState
    several_objectives = True

    def __post_init__(self) -> None:
        positive(self, "batch_size")

    def init(self, problem: Problem, seed: int) -> RandomSearchState:
        return RandomSearchState(seed, problem.space())

    def ask(self, state: RandomSearchState, left: int) -> Request | None:
        if left <= 0:
            return None
        drawn = state.space.sample(self.batch_size, generator(state.seed, "sample", state.generation))
        state.generation += 1
        return Request(drawn, operators="sample")

    def tell(self, state: RandomSearchState, request: Request, evaluation: Evaluation) -> None:
        pass
