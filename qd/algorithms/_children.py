"""How archives and populations of several searches make children: iso+line, Gaussian, masks, seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.lineages import Lineage, children, draws
from qd.ragged import Ragged
from qd.space import Box, Mask, Space


def check_iso_line(owner: Any) -> None:
    """Refuse the two deviations of iso+line, by name, where they are negative or both 0."""
    if owner.iso_sigma < 0 or owner.line_sigma < 0 or owner.iso_sigma + owner.line_sigma == 0:
        raise QDError(f"{owner.name}: iso_sigma {owner.iso_sigma} and line_sigma {owner.line_sigma}; wanted 0 or "
                      "more, not both 0")  # fmt: skip


def operator_of(space: Space, operator: str = "auto") -> tuple[str, int]:
    """The operator's name, chosen by the space for ``"auto"``, and how many parents a child of it has."""
    if operator == "auto":
        operator = {Mask: "bit_flip", Lineage: "gaussian"}.get(type(space), "iso_line")
    return operator, 2 if operator in ("iso_line", "drop_restore") else 1


def children_of(
    owner: Any,
    space: Space,
    operator: str,
    solutions: NDArray[Any],
    rows: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[Any]:
    """(n, d) children.

    Args:
        owner: the search, whose settings say how far children go.
        space: of the solutions.
        operator: iso_line, gaussian, bit_flip or drop_restore.
        solutions: (k, d) among which the parents are.
        rows: (p, n) the p parents of each child.
        rng: the generator to draw from.
    """
    import operators

    if isinstance(space, Mask) and operator == "drop_restore":
        crossed = np.flatnonzero(rng.random(len(rows[0])) < owner.crossover_probability)
        parents = solutions[rows[0]]
        parents[crossed] = operators.cut_crossover(parents[crossed], solutions[rows[1][crossed]], rng, space.cuts)
        return operators.drop_restore(parents, rng, owner.drop, space.frozen, owner.restore_probability)[0]
    if isinstance(space, Mask):
        children = operators.bit_flip(solutions[rows[0]], rng, owner.flip_probability)
        children[:, list(space.frozen)] = 1
        return children
    assert isinstance(space, Box)
    if operator == "gaussian":
        return operators.gaussian(solutions[rows[0]], rng, owner.sigma, *space.bounds)
    return operators.iso_line_from(solutions, rows[0], rows[1], rng, owner.iso_sigma, owner.line_sigma, *space.bounds)


def grown_from(owner: Any, parents: Ragged, seed: int, generation: int) -> Ragged:
    """A lineage for each parent (n,) of a generation's children: one more mutation, of the search's ``sigma``.

    Generations of ``batch_size`` children number them, so that no two mutations of a run share their draw.
    """
    n = len(parents)
    numbers = generation * owner.batch_size + np.arange(n)
    return children(parents, np.arange(n), draws(seed, numbers), owner.sigma)
