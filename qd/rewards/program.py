"""Rewards as programs: typed expression trees over named variables.

Niekum, Barto and Spector 2010 (genetic programming of reward functions). A program is data from end to end: text is
parsed by an allow-list into a tree, a tree is prefix code in an array, and the array is evaluated by numpy. No text is
ever run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from keyword import iskeyword
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.ragged import Ragged, Solutions
from qd.rewards._formula import WORDS, parsed, written
from qd.rewards._grow import grown
from qd.rewards._tree import (
    COMMUTATIVE,
    CONSTANT,
    NAMED,
    SYMBOL,
    Columns,
    Language,
    Tree,
    evaluated,
    language_of,
    rewritten,
    shape_of,
    unit_of,
)
from qd.rewards.reward import RewardForm
from qd.rewards.steps import Steps, Variable
from qd.rewards.term import Kind
from qd.space import Space


@dataclass(frozen=True)
class Program(Space):
    """Expression trees over a schema. A row is prefix code, float64: a symbol and an argument a node.

    Constants, variables, ``delta(v)``: the change of a state variable in a step, ``+ - * /`` (division by next to
    nothing gives 0), ``min max abs neg tanh``, ``exp(-x)`` of x clipped to -10 .. 10, ``if_positive(c, a, b)``, and the
    flags ``near(a, b)`` (at most 1 apart), ``has(a)`` (above 0.5), ``equals(a, b)``. Things of different units are not
    added or compared; a constant carries any unit, so that ``0.5 * distance + picked`` is.

    Args:
        variables: the schema; texts in it are left out.
        max_depth: functions above a terminal.
        max_nodes: of a tree.
        bound: constants lie in -bound .. bound.

    >>> space = Program((Variable("key", "flag"), Variable("distance", unit="cells")))
    >>> space.formula(space.parse("2*key - 0.1 * delta( distance )"))
    '2.0 * key - 0.1 * delta(distance)'
    """

    variables: tuple[Variable, ...]
    max_depth: int = 5
    max_nodes: int = 30
    bound: float = 10.0

    length = -1

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", np.dtype(np.float64))
        if not self.language.variables:
            raise QDError("Program.variables: got no number and no flag, wanted at least one")
        names = [variable.name for variable in self.variables]
        for name in names:
            if not name.isascii() or name in WORDS or iskeyword(name) or names.count(name) > 1:
                raise QDError(f"Program.variables: {name!r} is a word of formulas, given twice or not ASCII; rename it")
        if not 0 <= self.max_depth <= 50 or not 1 <= self.max_nodes <= 500:
            raise QDError(
                f"Program: max_depth {self.max_depth} and max_nodes {self.max_nodes}, wanted 0 to 50, 1 to 500"
            )
        if not 0 < self.bound < np.inf:
            raise QDError(f"Program.bound: got {self.bound}, wanted a number above 0")

    def __repr__(self) -> str:
        return f"Program({', '.join(variable.name for variable in self.variables)})"

    @cached_property
    def language(self) -> Language:
        """The symbols."""
        return language_of(self.variables)

    @cached_property
    def arity(self) -> NDArray[np.int64]:
        """(s,) arguments of each symbol."""
        return self.language.arity()

    def sample(self, n: int, rng: np.random.Generator) -> Solutions:
        """Ramped half-and-half: depths 1 to max_depth in turn, every other round of them full."""
        depths = np.arange(n) % max(1, self.max_depth) + min(1, self.max_depth)
        full = np.arange(n) // max(1, self.max_depth) % 2 == 0
        return self.pack(self.grow(rng, int(d), bool(f)) for d, f in zip(depths, full, strict=True))

    def grow(self, rng: np.random.Generator, depth: int, full: bool = False) -> Tree:
        """One random tree (k, 2) of at most that depth, its units in order."""
        return grown(self.language, rng, min(depth, self.max_depth), full, self.max_nodes, self.bound)

    def check(self, solutions: Any) -> Solutions:
        if not isinstance(solutions, Ragged):
            raise QDError(
                f"solutions: got {type(solutions).__name__}, {self!r} wants a ragged batch: space.pack(trees)"
            )
        if solutions.dtype.kind != "f":
            raise QDError(f"solutions: got dtype {solutions.dtype}, {self!r} wants float64 prefix code")
        return Ragged(solutions.values.astype(np.float64, copy=False), solutions.offsets)

    def valid(self, solutions: Solutions) -> NDArray[np.bool_] | None:
        inside = np.array([not self.refusal(row) for row in solutions], np.bool_)
        return None if inside.all() else inside

    def refusal(self, row: NDArray[np.float64]) -> str:
        """Why a row is no program of this space; empty where it is one."""
        if len(row) == 0 or len(row) % 2:
            return f"{len(row)} numbers, wanted two a node"
        tree = tree_of(row)
        if len(tree) > self.max_nodes:
            return f"{len(tree)} nodes, wanted at most {self.max_nodes}"
        shape = shape_of(tree, self.arity)
        if shape.wrong:
            return shape.wrong
        if shape.depth > self.max_depth:
            return f"depth {shape.depth}, wanted at most {self.max_depth}"
        constant = tree[:, 0] == CONSTANT
        if not (np.abs(tree[constant, 1]) <= self.bound).all() or tree[~constant, 1].any():
            return f"a constant lies outside -{self.bound:g} .. {self.bound:g}, or a node that is none has a number"
        return unit_of(tree, self.language)[1]

    def pack(self, trees: Iterable[NDArray[np.float64]]) -> Ragged:
        """The batch of some trees (k, 2) or rows."""
        return Ragged.from_rows([np.asarray(tree).reshape(-1) for tree in trees], np.float64)

    def parse(self, text: str) -> NDArray[np.float64]:
        """The row of a formula. Raises QDError, naming the place, for anything else; nothing in it is ever run."""
        row = parsed(text, self.language, self.max_depth, self.max_nodes, self.bound).reshape(-1)
        wrong = self.refusal(row)
        if wrong:
            raise QDError(f"program {text[:80]!r}: {wrong}; multiply one of them by a constant, which may carry a unit")
        return row

    def formula(self, row: NDArray[np.float64], digits: int | None = None) -> str:
        """A row as text that parses back to it; with ``digits``, numbers are rounded for people."""
        return written(tree_of(row), self.language, digits)

    def canonical(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """The simplified row: equal for programs that differ by order and by what does nothing. May break units."""
        import operators

        def rewrite(symbol: int, parts: list[Tree]) -> Tree | None:
            return rewritten(NAMED[symbol], parts, self.bound)

        commutative = frozenset(SYMBOL[name] for name in COMMUTATIVE)
        return operators.trees.simplified(tree_of(row), self.arity, rewrite, commutative).reshape(-1)

    def simplified(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """The canonical row where it lies in the space, else the row itself."""
        shorter = self.canonical(row)
        return row if self.refusal(shorter) else shorter

    def values(self, solutions: Solutions, steps: Steps) -> NDArray[np.float64]:
        """(n, m) what n programs are worth at m steps, not clipped; equal rows are worked out once."""
        columns, known = Columns(self.language, steps), dict[bytes, NDArray[np.float64]]()
        result = np.empty((len(solutions), len(steps)))
        for i, row in enumerate(solutions):
            key = np.asarray(row).tobytes()
            if key not in known:
                known[key] = evaluated(tree_of(row), columns)
            result[i] = known[key]
        return result


def tree_of(row: NDArray[np.float64]) -> Tree:
    """(2 k,) a row as a tree (k, 2)."""
    return np.asarray(row, np.float64).reshape(-1, 2)


def terms_of(space: Program, row: NDArray[np.float64]) -> list[tuple[Tree, float]]:
    """The summands of a program, in order, and the sign of each."""
    import operators

    waiting, found = [(tree_of(row), 1.0)], list[tuple[Tree, float]]()
    while waiting:
        tree, sign = waiting.pop()
        if int(tree[0, 0]) not in (SYMBOL["add"], SYMBOL["sub"]):
            found.append((tree, sign))
            continue
        middle = operators.trees.subtree_end(tree, 1, space.arity)
        second = sign if int(tree[0, 0]) == SYMBOL["add"] else -sign
        waiting += [(tree[middle:], second), (tree[1:middle], sign)]
    return found


@dataclass(frozen=True)
class ProgramReward(RewardForm):
    """A reward that is a program of the task's variables.

    Args:
        variables: the task's schema.
        max_depth, max_nodes: of a program.
        clip: the reward is clipped to -clip .. clip before it is scaled.
        scale: what the clipped value is multiplied with, so that it stays below what success is paid.

    >>> form = ProgramReward((Variable("bump", "flag", about="step"),))
    >>> form.values(form.space.pack([form.parse("-7 * bump")]), Steps({"bump": np.array([0.0, 1.0])})).tolist()
    [[-0.0, -5.0]]
    """

    variables: tuple[Variable, ...]
    max_depth: int = 5
    max_nodes: int = 30
    clip: float = 5.0
    scale: float = 1.0

    kind: Kind = "step"

    def __post_init__(self) -> None:
        for name in ("clip", "scale"):
            if not 0 < getattr(self, name) < np.inf:
                raise QDError(f"ProgramReward.{name}: got {getattr(self, name)}, wanted a number above 0")
        self.space  # noqa: B018  its settings are checked at the door

    @cached_property
    def space(self) -> Program:
        """Of the programs."""
        return Program(self.variables, self.max_depth, self.max_nodes)

    @property
    def needs(self) -> tuple[str, ...]:
        """All of the schema that programs can read."""
        return tuple(variable.name for variable in self.space.language.variables)

    def values(self, solutions: Solutions, steps: Steps) -> NDArray[np.float64]:
        raw = self.space.values(solutions, steps)
        clipped = np.clip(raw, -self.clip, self.clip)
        return self.scale * np.where(np.isfinite(raw), clipped, raw)  # what overflowed is the caller's to refuse

    def formula(self, solution: Any) -> str:
        return self.space.formula(np.asarray(solution), 3)

    def parse(self, text: str) -> NDArray[np.float64]:
        """The row of a formula; see ``Program.parse``."""
        return self.space.parse(text)

    def parts(self, solution: Any, steps: Steps) -> dict[str, NDArray[np.float64]]:
        """The summands of the program, by their formulas; one where it is no sum."""
        found = dict[str, NDArray[np.float64]]()
        for tree, sign in terms_of(self.space, solution):
            name = self.space.formula(tree.reshape(-1), 3)
            value = self.scale * sign * self.space.values(self.space.pack([tree]), steps)[0]
            found[name] = found.get(name, 0.0) + value
        return found
