"""The contracts of what rewards are made of: terms, operators on a term, combiners of terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps

Kind = Literal["step", "history", "episode"]
KINDS: tuple[Kind, ...] = ("step", "history", "episode")
WEIGHT = Gene("weight", low=-5.0, high=5.0)

Genes = NDArray[np.float64]  # (n, g) values, a column a gene, a row a solution


class Values(NamedTuple):
    """What a term is worth: ``after`` (n, m) or (1, m), equal for all solutions; ``before`` the same a step earlier.

    ``before`` is None for what describes a step rather than a state.
    """

    after: NDArray[np.float64]
    before: NDArray[np.float64] | None = None

    def each(self, function: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Values:
        """The function of both."""
        return Values(function(self.after), None if self.before is None else function(self.before))


class Term(ABC):
    """Something worth a number at every step. A frozen dataclass of settings; numbers that evolve are its genes.

    ``Feature("progress") | Clip() | Delta()`` puts operators on it, from left to right.

    Attributes:
        kind: ``"step"``: of one step alone, so it can be compiled to a table; ``"history"``: of the learner's past too,
            and then it reads variables that whoever runs the reward counts (``visits``); ``"episode"``: of a whole
            episode or text.
        weight: the gene that a weighted sum gives it, None for a term that is not weighted.
    """

    kind: Kind = "step"
    weight: Gene | None = WEIGHT

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called in formulas, genes and pictures."""

    @property
    @abstractmethod
    def needs(self) -> tuple[str, ...]:
        """The variables that it reads."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """Its own genes; the weight is the combiner's."""
        return ()

    @abstractmethod
    def values(self, genes: Genes, steps: Steps) -> Values:
        """What m steps are worth, by n solutions' genes."""

    def formula(self, genes: NDArray[np.float64]) -> str:
        """It as text, with (g,) values of its genes."""
        return self.name

    def __or__(self, operator: Operator) -> Operated:
        return Operated(self, (operator,))


class Operator(ABC):
    """What is done to a term's values before they are combined: clipped, differenced, squashed.

    Attributes:
        kind: what it must be given, as a term's.
    """

    kind: Kind = "step"

    @property
    def needs(self) -> tuple[str, ...]:
        """The variables that it reads beside the term's values."""
        return ()

    @property
    def genes(self) -> tuple[Gene, ...]:
        """What evolves about it."""
        return ()

    @abstractmethod
    def apply(self, genes: Genes, values: Values, steps: Steps) -> Values:
        """The new values."""

    @abstractmethod
    def formula(self, inner: str, genes: NDArray[np.float64]) -> str:
        """It as text around the text of what it is applied to."""

    def check(self, term: Term) -> None:
        """Refuse a term that it cannot be put on."""


@dataclass(frozen=True)
class Operated(Term):
    """A term with operators on it, the first one innermost."""

    term: Term
    operators: tuple[Operator, ...]

    def __post_init__(self) -> None:
        for operator in self.operators:
            if not isinstance(operator, Operator):
                wrong = type(operator).__name__
                raise QDError(f"reward: got {wrong} after {self.term.name!r}, wanted an operator such as Clip()")
            operator.check(self.term)

    @property
    def kind(self) -> Kind:  # type: ignore[override]
        """The most that the inner term or an operator needs."""
        return max((self.term.kind, *(operator.kind for operator in self.operators)), key=KINDS.index)

    @property
    def weight(self) -> Gene | None:  # type: ignore[override]
        """The inner term's."""
        return self.term.weight

    @property
    def name(self) -> str:
        """The inner term's, so that a gene's name does not depend on what is done to it."""
        return self.term.name

    @property
    def needs(self) -> tuple[str, ...]:
        """The inner term's, then those of the operators."""
        return (*self.term.needs, *(name for operator in self.operators for name in operator.needs))

    @property
    def genes(self) -> tuple[Gene, ...]:
        """The term's, then those of each operator."""
        return (*self.term.genes, *(gene for operator in self.operators for gene in operator.genes))

    def values(self, genes: Genes, steps: Steps) -> Values:
        at = len(self.term.genes)
        values = self.term.values(genes[:, :at], steps)
        for operator in self.operators:
            values = operator.apply(genes[:, at : at + len(operator.genes)], values, steps)
            at += len(operator.genes)
        return values

    def formula(self, genes: NDArray[np.float64]) -> str:
        at = len(self.term.genes)
        text = self.term.formula(genes[:at])
        for operator in self.operators:
            text = operator.formula(text, genes[at : at + len(operator.genes)])
            at += len(operator.genes)
        return text

    def __or__(self, operator: Operator) -> Operated:
        return Operated(self.term, (*self.operators, operator))


class Combiner(ABC):
    """How the terms become one number."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The variables that it reads beside the terms' values."""
        return ()

    @abstractmethod
    def genes(self, terms: tuple[Term, ...]) -> tuple[Gene, ...]:
        """What evolves about it; the names carry the terms' names."""

    @abstractmethod
    def combine(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...], steps: Steps
    ) -> NDArray[np.float64]:
        """k arrays (n, m) or (1, m), one a term, to one (n, m)."""

    @abstractmethod
    def formula(self, genes: NDArray[np.float64], texts: list[str], terms: tuple[Term, ...]) -> str:
        """It as text, from the terms' texts."""

    def shares(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...]
    ) -> list[NDArray[np.float64]]:
        """What each term adds, shapes as ``values``; the values themselves where a combiner is not a sum."""
        return values
