"""What the evolution strategies on mirrored pairs share: perturbations of a centre, their gradient, and Adam's step.

The noise of a generation has an address and is made twice, when the pairs are asked and when they are told, one pair
at a time: what a step holds beside the request is a few vectors, whatever the number of pairs. Sums run over the
pairs in their order.

Bounds. What is perturbed beyond a bound is mirrored back into the box before it is evaluated, and the centre moves
without bounds, as in ``qd/algorithms/_strategy.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.adam import adam
from operators.mirror import mirror
from operators.normals import standard_normals
from qd.algorithm import positive
from qd.contracts import Problem
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box

Center = dict[str, Any]  # "weights", and Adam's "first" and "second" (d,) and "steps"


def check_settings(owner: Any) -> None:
    """Refuse settings that no such strategy can work with, by name."""
    positive(owner, "population_size", "sigma", "learning_rate")
    if owner.population_size % 2:
        raise QDError(f"{owner.name}.population_size: got {owner.population_size}, wanted an even number: samples come "
                      "in mirrored pairs")  # fmt: skip
    if not 0 <= owner.l2 < np.inf:
        raise QDError(f"{owner.name}.l2: got {owner.l2}, wanted 0 or more")


def real_space(owner: Any, problem: Problem) -> Box:
    """The problem's space. Raises QDError where its solutions are no real vectors."""
    space = problem.space()
    if not isinstance(space, Box):
        raise QDError(f"{owner.name} searches real vectors, not {space!r}")
    return space


def centers(space: Box, seed: int, count: int) -> list[Center]:
    """So many centres at random places, with Adam at its beginning."""
    drawn = np.asarray(space.sample(count, generator(seed, "start")))
    return [{"weights": row, "first": np.zeros_like(row), "second": np.zeros_like(row), "steps": 0}
            for row in drawn.copy()]  # fmt: skip


def noise(space: Box, seed: int, generation: int, pairs: int) -> Iterator[NDArray[Any]]:
    """The generation's perturbations in units of sigma: (d,) for one pair after the other."""
    rng = generator(seed, "perturbation", generation)
    return (standard_normals(rng, space.length, space.dtype) for _ in range(pairs))


def inside(space: Box, weights: NDArray[Any]) -> NDArray[Any]:
    """Weights (..., d) mirrored into the box, in its dtype."""
    low, high = space.bounds
    if np.isneginf(low).all() and np.isposinf(high).all():
        return weights
    return mirror(weights, low, high).astype(space.dtype, copy=False)


def perturbed(
    space: Box, center: Center, seed: int, generation: int, population_size: int, sigma: float
) -> NDArray[Any]:
    """(population_size, d) what a generation evaluates: rows 2 i and 2 i + 1 are the two of pair i."""
    solutions = np.empty((population_size, space.length), space.dtype)
    for i, step in enumerate(noise(space, seed, generation, population_size // 2)):
        step *= sigma
        np.add(center["weights"], step, out=solutions[2 * i])
        np.subtract(center["weights"], step, out=solutions[2 * i + 1])
        solutions[2 * i : 2 * i + 2] = inside(space, solutions[2 * i : 2 * i + 2])
    return solutions


def gradient(space: Box, seed: int, generation: int, utilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """(d,) the estimate of where utilities rise: the mean over all rows of utility times perturbation.

    utilities (n,): of the rows that ``perturbed`` made, higher for better. There is no 1 / sigma: Adam takes no notice.
    """
    total = np.zeros(space.length)
    apart = utilities[0::2] - utilities[1::2]
    for weight, step in zip(apart, noise(space, seed, generation, len(apart)), strict=True):
        total += weight * step
    return total / len(utilities)


def climb(center: Center, uphill: NDArray[np.float64], learning_rate: float, l2: float) -> None:
    """Adam's step of a centre, in place: up the gradient (d,) and, by the weight decay ``l2``, towards 0."""
    weights = center["weights"]
    center["steps"] += 1
    downhill = l2 * weights - uphill
    center["weights"], center["first"], center["second"] = adam(
        weights, downhill, center["first"], center["second"], center["steps"], learning_rate
    )
