"""Expression trees as prefix code: what there is to write, how it is read, what it is worth.

A tree is (k, 2) float64, its nodes in prefix order: a symbol and an argument, which is the number of a constant and 0
of all else. Nothing here recurses, so no tree can exhaust a stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qd.rewards.steps import Steps, Variable

Tree = NDArray[np.float64]
Array = NDArray[np.float64]

CONSTANT = 0
FUNCTIONS = (
    "add", "sub", "mul", "div", "min", "max", "abs", "neg", "tanh", "exp_neg", "if_positive", "near", "has", "equals",
)  # fmt: skip
ARITY = {name: {"if_positive": 3}.get(name, 2) for name in FUNCTIONS} | dict.fromkeys(
    ("abs", "neg", "tanh", "exp_neg", "has"), 1
)
SYMBOL = {name: i + 1 for i, name in enumerate(FUNCTIONS)}
NAMED = {SYMBOL[name]: name for name in FUNCTIONS}
SAME_UNIT = ("add", "sub", "min", "max", "near", "equals")
PLAIN = ("tanh", "exp_neg", "near", "has", "equals")  # whose value has no unit, whatever their arguments have
COMMUTATIVE = ("add", "mul", "min", "max", "near", "equals")
EXPONENT = 10.0  # exp(-x) is of x clipped to -10 .. 10
SMALLEST = 1e-6  # division by less than this gives 0
EQUAL = 1e-6  # what differs by no more is equal
NEAR = 1.0  # what differs by no more is near: a cell, a metre

Unit = Mapping[str, int] | None  # unit -> exponent; None: a constant is in it, which may carry any unit


class Language(NamedTuple):
    """What programs over a schema may be made of: constants, functions, then variables, then their changes."""

    variables: tuple[Variable, ...]
    deltas: tuple[Variable, ...]

    @property
    def size(self) -> int:
        """How many symbols there are."""
        return 1 + len(FUNCTIONS) + len(self.variables) + len(self.deltas)

    @property
    def first_terminal(self) -> int:
        """The symbol of the first variable."""
        return 1 + len(FUNCTIONS)

    def arity(self) -> NDArray[np.int64]:
        """(size,) arguments of each symbol."""
        return np.array([0, *(ARITY[name] for name in FUNCTIONS), *[0] * (self.size - self.first_terminal)])

    def variable(self, symbol: int) -> tuple[Variable, bool]:
        """The variable of a symbol, and whether its change is meant."""
        place = symbol - self.first_terminal
        if place < len(self.variables):
            return self.variables[place], False
        return self.deltas[place - len(self.variables)], True

    def terminals(self) -> dict[str, int]:
        """Formula -> symbol of all variables and changes."""
        names = [v.name for v in self.variables] + [f"delta({v.name})" for v in self.deltas]
        return {name: self.first_terminal + i for i, name in enumerate(names)}


def language_of(variables: tuple[Variable, ...]) -> Language:
    """The language over a schema; texts cannot be calculated with, and are left out."""
    numbers = tuple(variable for variable in variables if variable.kind != "text")
    return Language(numbers, tuple(variable for variable in numbers if variable.about == "state"))


class Shape(NamedTuple):
    """The size and depth of a tree; ``wrong`` says why it is none."""

    nodes: int
    depth: int
    wrong: str = ""


def shape_of(tree: Tree, arity: NDArray[np.int64]) -> Shape:
    """Size, and depth in edges: a terminal alone has depth 0."""
    open_at, deepest = [0], 0  # depths of the arguments that are still to come
    for i, symbol in enumerate(tree[:, 0]):
        if not open_at:
            return Shape(len(tree), deepest, f"node {i}: the tree is complete before it")
        if not (0 <= symbol < len(arity) and symbol == int(symbol)):
            return Shape(len(tree), deepest, f"node {i}: {symbol!r} is no symbol")
        depth = open_at.pop()
        deepest = max(deepest, depth)
        open_at += [depth + 1] * int(arity[int(symbol)])
    return Shape(len(tree), deepest, f"{len(open_at)} arguments are missing" if open_at else "")


def _times(a: Unit, b: Unit, sign: int = 1) -> Unit:
    if a is None or b is None:
        return None
    powers = {unit: a.get(unit, 0) + sign * b.get(unit, 0) for unit in {*a, *b}}
    return {unit: power for unit, power in powers.items() if power}


def unit_text(unit: Unit) -> str:
    """A unit in words."""
    if not unit:
        return "a plain number"
    return " ".join(name if power == 1 else f"{name}^{power}" for name, power in sorted(unit.items()))


def unit_of(tree: Tree, language: Language) -> tuple[Unit, str]:
    """The unit of a tree's value, and why it has none: where things of different units are added or compared."""
    stack: list[Unit] = []
    for symbol in tree[::-1, 0].astype(int):
        if symbol == CONSTANT:
            stack.append(None)
            continue
        if symbol >= language.first_terminal:
            unit = language.variable(symbol)[0].unit
            stack.append({unit: 1} if unit else {})
            continue
        name = NAMED[symbol]
        given = [stack.pop() for _ in range(ARITY[name])]
        alike = given if name in SAME_UNIT else given[1:] if name == "if_positive" else []
        units = [unit for unit in alike if unit is not None]
        if len(units) == 2 and units[0] != units[1]:
            return None, f"{name} of {unit_text(units[0])} and {unit_text(units[1])}"
        if name in PLAIN:
            stack.append({})
        elif name in ("mul", "div"):
            stack.append(_times(given[0], given[1], 1 if name == "mul" else -1))
        elif name in ("abs", "neg"):
            stack.append(given[0])
        else:
            stack.append(units[0] if units else None)
    return stack[0], ""


def applied(name: str, given: list[Any]) -> Any:
    """A function of arrays, or of numbers. Overflow and NaN pass through: whoever pays refuses them."""
    a = given[0]
    b = given[1] if len(given) > 1 else a
    if name == "add":
        return a + b
    if name == "sub":
        return a - b
    if name == "mul":
        return a * b
    if name == "div":
        small = np.abs(b) < SMALLEST
        return np.where(small, 0.0, a / np.where(small, 1.0, b))
    if name in ("min", "max"):
        return np.minimum(a, b) if name == "min" else np.maximum(a, b)
    if name == "abs":
        return np.abs(a)
    if name == "neg":
        return -a
    if name == "tanh":
        return np.tanh(a)
    if name == "exp_neg":
        return np.exp(-np.clip(a, -EXPONENT, EXPONENT))
    if name == "if_positive":
        return np.where(a > 0, b, given[2])
    if name == "has":
        return np.where(a > 0.5, 1.0, 0.0)
    return np.where(np.abs(a - b) <= (NEAR if name == "near" else EQUAL), 1.0, 0.0)


class Columns:
    """The terminals of a language on some steps, read when they are needed."""

    def __init__(self, language: Language, steps: Steps) -> None:
        self.language, self.steps = language, steps
        self._read: dict[int, Array] = {}

    def __getitem__(self, symbol: int) -> Array:
        if symbol not in self._read:
            variable, change = self.language.variable(symbol)
            value = self.steps.column(variable.name)
            if change:
                earlier = self.steps.earlier(variable.name)
                value = np.zeros_like(value) if earlier is None else value - earlier
            self._read[symbol] = value
        return self._read[symbol]

    @cached_property
    def m(self) -> int:
        """How many steps there are."""
        return len(self.steps)


def evaluated(tree: Tree, columns: Columns) -> Array:
    """(m,) what a tree is worth at each step: its nodes from the last to the first, on a stack."""
    stack: list[Any] = []
    with np.errstate(all="ignore"):
        for symbol, argument in zip(tree[::-1, 0].astype(int), tree[::-1, 1], strict=True):
            if symbol == CONSTANT:
                stack.append(np.float64(argument))
            elif symbol >= columns.language.first_terminal:
                stack.append(columns[symbol])
            else:
                stack.append(applied(NAMED[symbol], [stack.pop() for _ in range(ARITY[NAMED[symbol]])]))
    return np.broadcast_to(np.asarray(stack[0], np.float64), (columns.m,))


def rewritten(name: str, parts: list[Tree], bound: float) -> Tree | None:
    """A shorter tree with the same value, or None: constants folded, what does nothing left out."""
    constants = [float(part[0, 1]) if len(part) == 1 and part[0, 0] == CONSTANT else None for part in parts]
    if None not in constants:
        with np.errstate(all="ignore"):
            value = float(applied(name, [np.float64(constant) for constant in constants]))
        return np.array([[CONSTANT, value]]) if abs(value) <= bound else None
    a, b = parts[0], parts[-1]
    same = len(parts) == 2 and np.array_equal(a, b)
    if name == "sub" and same:
        return np.array([[CONSTANT, 0.0]])
    if name in ("min", "max") and same:
        return a
    if name in ("neg",) and a[0, 0] == SYMBOL["neg"]:
        return a[1:]
    if name == "abs" and a[0, 0] in (SYMBOL["abs"], SYMBOL["neg"]):
        return a if a[0, 0] == SYMBOL["abs"] else np.concatenate([[[SYMBOL["abs"], 0.0]], a[1:]])
    neutral = {"add": 0.0, "sub": 0.0, "mul": 1.0, "div": 1.0}.get(name)
    if neutral is not None and constants[1] == neutral:
        return a
    if name in ("add", "mul") and constants[0] == neutral:
        return b
    return None
