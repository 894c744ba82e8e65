"""A reward whose numbers evolve: terms with operators on them, and one combiner. Its genome is a vector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.ragged import Solutions
from qd.rewards.count_bonus import CountBonus
from qd.rewards.gene import Gene, gene_space, gene_values
from qd.rewards.steps import Steps
from qd.rewards.term import KINDS, Combiner, Kind, Term
from qd.rewards.weighted_sum import WeightedSum
from qd.space import Box, Space


class RewardForm(ABC):
    """What a population of rewards is made of: parameters, or programs. It never sees what is true of the task.

    Attributes:
        kind: what it must be given: ``"step"`` (can be compiled to a table), ``"history"`` or ``"episode"``.
    """

    @property
    @abstractmethod
    def space(self) -> Space:
        """The space of its genomes."""

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """The most that any of its parts needs."""

    @property
    @abstractmethod
    def needs(self) -> tuple[str, ...]:
        """The variables that it reads."""

    @abstractmethod
    def values(self, solutions: Solutions, steps: Steps) -> NDArray[np.float64]:
        """(n, m) what m steps are worth to n rewards. Rows that are not finite are the caller's to refuse."""

    @abstractmethod
    def formula(self, solution: Any) -> str:
        """One reward as text."""

    def parts(self, solution: Any, steps: Steps) -> dict[str, NDArray[np.float64]]:
        """Name -> (m,) what each part of one reward adds; the whole under one name where it has no parts."""
        return {"reward": self.values(solution[None] if isinstance(solution, np.ndarray) else solution, steps)[0]}

    def count_weights(self, solutions: Solutions) -> NDArray[np.float64]:
        """(n,) the weight of 1 / sqrt(visits of the state come to) in each reward; ``values`` leaves that part out
        where the steps have no variable ``visits``. Raises QDError for history that a learner of tables cannot count.
        """
        raise QDError(f"reward: it reads the learner's past ({', '.join(self.needs)}), which a table does not hold")

    def start(self) -> Solutions | None:
        """(1, d) the reward that a person would begin with, for comparison; None where there is none."""
        return None


@dataclass(frozen=True)
class Reward(RewardForm):
    """Terms, operators on them, and a combiner.

    >>> from qd.rewards import Feature
    >>> reward = Reward((Feature("key_picked"), Feature("bump")), default={"key_picked.weight": 1.0})
    >>> reward.space.length, reward.formula(reward.solution({"bump.weight": -0.5}))
    (2, 'key_picked - 0.5 bump')

    Args:
        terms: what it is made of.
        combiner: how they become one number.
        default: gene -> value, of what a person would begin with: ``start`` and the genes that ``solution`` leaves out.
    """

    terms: tuple[Term, ...]
    combiner: Combiner = field(default_factory=WeightedSum)
    default: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.terms:
            raise QDError("Reward.terms: got none, wanted at least one")
        names = [term.name for term in self.terms]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise QDError(f"Reward.terms: {min(twice)!r} is there twice; a name addresses a gene, so give one another")
        self.solution({})

    @cached_property
    def genes(self) -> tuple[Gene, ...]:
        """All genes, named ``term.gene``, those of the terms in order, then the combiner's."""
        own = [replace(gene, name=f"{term.name}.{gene.name}") for term in self.terms for gene in term.genes]
        return (*own, *self.combiner.genes(self.terms))

    @cached_property
    def space(self) -> Box:
        """One number a gene, in spreads from its default."""
        return gene_space(self.genes)

    @cached_property
    def kind(self) -> Kind:
        """The most that any term needs."""
        return max((term.kind for term in self.terms), key=KINDS.index)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The variables that its terms and its combiner read."""
        return tuple(dict.fromkeys((*(name for term in self.terms for name in term.needs), *self.combiner.needs)))

    def values(self, solutions: Solutions, steps: Steps) -> NDArray[np.float64]:
        with np.errstate(all="ignore"):  # what is not finite is refused by the caller, row by row
            values, rest = self._term_values(solutions, steps)
            combined = self.combiner.combine(rest, values, self.terms, steps)
        return np.broadcast_to(combined, (len(solutions), len(steps)))

    def count_weights(self, solutions: Solutions) -> NDArray[np.float64]:
        """(n,) the weights of plain ``CountBonus`` terms in a weighted sum. Raises QDError for any other history."""
        counted = [term.counts if isinstance(term, CountBonus) else False for term in self.terms]
        for term, alone in zip(self.terms, counted, strict=True):
            if term.kind != "step" and not alone:
                raise QDError(
                    f"reward: {term.name!r} reads the learner's past ({', '.join(term.needs)}), which a table does not "
                    f"hold; CountBonus by itself is what a learner of tables counts"
                )
        if any(counted) and not isinstance(self.combiner, WeightedSum):
            raise QDError(f"reward: a count bonus is added up, and {type(self.combiner).__name__} does not; "
                          f"take WeightedSum")  # fmt: skip
        genes, at, betas = gene_values(self.genes, np.asarray(solutions, np.float64)), 0, []
        for term, alone in zip(self.terms, counted, strict=True):
            betas.append(genes[:, at : at + 1] if alone else np.zeros((len(genes), 1)))
            at += len(term.genes)
        return np.asarray(sum(self.combiner.shares(genes[:, at:], betas, self.terms)))[:, 0]

    def parts(self, solution: Any, steps: Steps) -> dict[str, NDArray[np.float64]]:
        """Name -> (m,) each term after its operators, times its weight where it has one."""
        with np.errstate(all="ignore"):
            values, rest = self._term_values(np.atleast_2d(solution), steps)
            shares = self.combiner.shares(rest, values, self.terms)
        return {
            term.name: np.broadcast_to(share, (1, len(steps)))[0]
            for term, share in zip(self.terms, shares, strict=True)
        }

    def formula(self, solution: Any) -> str:
        genes = gene_values(self.genes, np.atleast_2d(solution))[0]
        at, texts = 0, []
        for term in self.terms:
            texts.append(term.formula(genes[at : at + len(term.genes)]))
            at += len(term.genes)
        return self.combiner.formula(genes[at:], texts, self.terms)

    def solution(self, values: dict[str, float]) -> NDArray[np.float64]:
        """(d,) the genome with these values, gene by name; the others as ``default`` says, else as the genes say.

        Raises QDError for a name that is not there, naming the nearest, and for a value outside its bounds.
        """
        names = {gene.name: i for i, gene in enumerate(self.genes)}
        z = np.zeros(len(self.genes))
        for name, value in {**self.default, **values}.items():
            if name not in names:
                raise QDError(f"reward: it has no gene {name!r}, {nearest(name, names)}")
            z[names[name]] = self.genes[names[name]].coordinate(value)
        return z

    def start(self) -> NDArray[np.float64]:
        return self.solution({})[None]

    def _term_values(self, solutions: Solutions, steps: Steps) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
        """k arrays (n | 1, m), and (n, c) the combiner's genes."""
        genes = gene_values(self.genes, np.asarray(solutions, np.float64))
        at, values = 0, []
        for term in self.terms:
            values.append(term.values(genes[:, at : at + len(term.genes)], steps).after)
            at += len(term.genes)
        return values, genes[:, at:]
