"""What searches by lineages share: the parents of a generation and the children that they get."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Problem, Request
from qd.errors import QDError
from qd.lineages import Lineage, children, draws
from qd.ragged import Ragged, concatenate
from qd.rng import generator


def nobody() -> Ragged:
    """No lineages."""
    return Ragged(np.zeros(0, np.uint32), np.zeros(1, np.int64))


def lineage_space(search: str, problem: Problem) -> Lineage:
    """The problem's space. Raises QDError where its solutions are no lineages."""
    space = problem.space()
    if not isinstance(space, Lineage):
        raise QDError(f"{search} varies lineages, not {space!r}; wrap the problem: qd.problems.Decoded(problem)")
    return space


@dataclass
class LineageState:
    """Who may be a parent, and how many children were made."""

    seed: int
    space: Lineage
    generation: int = 0
    made: int = 0  # children since the start: their draws
    parents: Ragged = field(default_factory=nobody)
    parent_ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


def next_generation(state: LineageState, n: int, sigma: float) -> Request:
    """n children of parents that are drawn evenly with replacement; n first seeds where there are no parents."""
    number = state.generation
    state.generation += 1
    if len(state.parents) == 0:
        return Request(state.space.sample(n, generator(state.seed, "sample", number)), operators="sample")
    rows = generator(state.seed, "parents", number).integers(0, len(state.parents), n)
    drawn = draws(state.seed, np.arange(state.made, state.made + n))
    state.made += n
    return Request(children(state.parents, rows, drawn, sigma), parents=state.parent_ids[rows][:, None],
                   operators="mutation")  # fmt: skip


def joined(*parts: Ragged) -> Ragged:
    """Several batches, one after the other."""
    whole = concatenate(parts)
    assert isinstance(whole, Ragged)
    return whole
