"""A generation of novelty search in any behaviour space: offspring, archive additions, survival.

Shared by TAXONS, SERENE and STAX (Paolo et al. 2019, 2021, 2022), which differ in where measures come from and in what
survives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from archives import NoveltyArchive
from qd.algorithms._members import Members, joined
from qd.contracts import Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box, Mask, Space

Selection = Literal["novelty", "surprise", "coin", "pareto"]
SELECTIONS = ("novelty", "surprise", "coin", "pareto")


class Settings(Protocol):
    """What a search says about its exploration."""

    @property
    def name(self) -> str: ...
    @property
    def population_size(self) -> int: ...
    @property
    def offspring(self) -> int: ...
    @property
    def neighbors(self) -> int: ...
    @property
    def additions(self) -> int: ...
    @property
    def archiving(self) -> str: ...
    @property
    def selection(self) -> Selection: ...
    @property
    def sigma(self) -> float: ...
    @property
    def flip_probability(self) -> float: ...


@dataclass
class Exploration:
    """The population, its last offspring and the novelty archive."""

    population: Members | None = None
    offspring: Members | None = None
    archive: Any = None  # NoveltyArchive, once the shape of observations and measures is known
    generation: int = 0
    novelty: float = float("nan")  # mean of the population
    surprise: float = float("nan")


def check_space(owner: Any, space: Space) -> Space:
    """Refuse what Gaussian mutation and bit flips cannot vary."""
    if not isinstance(space, Box | Mask):
        raise QDError(f"{owner.name} varies real vectors and masks, not {space!r}")
    return space


def next_generation(owner: Settings, state: Exploration, space: Space, seed: int) -> Request:
    """Random solutions at first, then ``offspring`` mutants of each solution of the population."""
    import operators

    number = state.generation
    state.generation += 1
    if state.population is None or len(state.population) == 0:
        rng = generator(seed, "sample", number)
        return Request(space.sample(owner.population_size, rng), operators="sample")
    rng = generator(seed, "variation", number)
    parents = np.repeat(np.arange(len(state.population)), owner.offspring)
    ids = state.population.ids[parents][:, None]
    chosen = state.population.solutions[parents]
    if isinstance(space, Box):
        return Request(operators.gaussian(chosen, rng, owner.sigma, *space.bounds), parents=ids, operators="gaussian")
    children = operators.bit_flip(chosen, rng, owner.flip_probability)
    children[:, list(space.frozen)] = 1  # type: ignore[attr-defined]
    return Request(children, parents=ids, operators="bit_flip")


def open_archive(owner: Settings, like: Members, **settings: Any) -> NoveltyArchive:
    """The empty archive for solutions, measures and observations like these."""
    return NoveltyArchive(
        solution_dim=like.solutions.shape[1],
        measure_dim=like.measures.shape[1],
        k_neighbors=owner.neighbors,
        solution_dtype=like.solutions.dtype,
        extra_fields=kept_fields(like),
        **settings,
    )


def kept_fields(like: Members) -> dict[str, tuple[Any, Any]]:
    """Columns of an archive beside solution, objective and measures: the id, and observations where there are any."""
    fields: dict[str, tuple[Any, Any]] = {"id": ((), np.int64)}
    if like.observations.size:
        fields["observations"] = (like.observations.shape[1:], like.observations.dtype)
    return fields


def kept_columns(rows: Members) -> dict[str, NDArray[Any]]:
    """What goes into these columns."""
    columns: dict[str, NDArray[Any]] = {"id": rows.ids}
    return columns | ({"observations": rows.observations} if rows.observations.size else {})


def reference(state: Exploration, reward: Any = None) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(r, m) measures of population, offspring and archives, and (r,) ids: what novelty is judged against."""
    measures, ids = [], []
    for part in (state.population, state.offspring):
        if part is not None:
            measures.append(part.measures)
            ids.append(part.ids)
    for archive in (state.archive, reward):
        if archive is not None:
            measures.append(archive.column("measures"))
            ids.append(archive.column("id"))
    return np.concatenate(measures), np.concatenate(ids)


def survive(owner: Settings, state: Exploration, born: Members, seed: int, number: int, reward: Any = None) -> None:
    """Judge population and offspring, archive some offspring, and keep the best of all.

    Args:
        owner: the settings.
        state: changed in place.
        born: the offspring that came out well, at least one.
        seed, number: address of the draws; the request's number.
        reward: a further archive that novelty is judged against.
    """
    from archives.neighbors import novelty

    if state.archive is None:
        state.archive = open_archive(owner, born)
    if state.population is None or len(state.population) == 0:
        state.population = born
        state.offspring = None
        return
    state.offspring = born
    both = joined(state.population, born)
    others, ids = reference(state, reward)
    scores = novelty(both.measures, others, owner.neighbors, query_ids=both.ids, reference_ids=ids)
    first = len(state.population)
    count = min(owner.additions, len(born))
    if owner.archiving == "random":
        added = generator(seed, "archive", number).permutation(len(born))[:count]
    else:
        added = np.argsort(-criterion(owner, scores[first:], born.surprise, seed, number), kind="stable")[:count]
    if count:
        chosen = born.rows(added)
        state.archive.append(chosen.solutions, chosen.objective, chosen.measures, **kept_columns(chosen))
    kept = survivors(owner, scores, both.surprise, seed, number)
    state.population = both.rows(kept)
    state.novelty = float(scores[kept].mean())
    state.surprise = float(both.surprise[kept].mean())


def survivors(
    owner: Settings, novelty: NDArray[np.float64], surprise: NDArray[np.float64], seed: int, number: int
) -> NDArray[np.int64]:
    """Rows that survive, best first."""
    import operators

    if owner.selection == "pareto":
        finite = np.nan_to_num(novelty, posinf=np.finfo(float).max)  # nobody else is there to be compared with
        return operators.crowded_truncation(np.stack([finite, surprise], axis=1), owner.population_size).rows
    judged = criterion(owner, novelty, surprise, seed, number)
    return np.argsort(-judged, kind="stable")[: owner.population_size]


def criterion(
    owner: Settings, novelty: NDArray[np.float64], surprise: NDArray[np.float64], seed: int, number: int
) -> NDArray[np.float64]:
    """(n,) the number that this generation is judged by; a fair coin a generation, where both may be."""
    if owner.selection in ("surprise", "coin") and (
        owner.selection == "surprise" or generator(seed, "criterion", number).random() < 0.5
    ):
        return surprise
    return novelty
