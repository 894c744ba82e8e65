"""Random expression trees whose units agree: every node is drawn for the unit that its place wants."""

from __future__ import annotations

import numpy as np

from qd.rewards._tree import ARITY, CONSTANT, FUNCTIONS, SYMBOL, Language, Tree

ANY = "*"  # a place that takes any unit
_CONSTANTS = 0.2  # share of the terminals
_WITH_CONSTANT = 0.5  # share of the products whose first factor is one: it may carry any unit
_ALL = FUNCTIONS
_KEEPING = tuple(name for name in FUNCTIONS if name not in ("tanh", "exp_neg", "near", "has", "equals"))


def grown(language: Language, rng: np.random.Generator, depth: int, full: bool, max_nodes: int, bound: float) -> Tree:
    """One tree of at most that depth; ``full``: as deep as that everywhere, as far as ``max_nodes`` lets it.

    Koza 1992; half of a ramped population is full, half is not.
    """
    by_unit: dict[str, list[int]] = {}
    for symbol in language.terminals().values():
        by_unit.setdefault(language.variable(symbol)[0].unit, []).append(symbol)
    units = sorted(by_unit)

    def drawn_unit() -> str:
        return units[rng.integers(len(units))]

    nodes: list[tuple[float, float]] = []
    waiting: list[tuple[int, str]] = [(depth, drawn_unit())]
    while waiting:
        left, wanted = waiting.pop()
        unit = drawn_unit() if wanted == ANY else wanted
        room = max_nodes - len(nodes) - len(waiting) - 1  # for arguments of this node
        if left < 0:  # a place kept for a constant
            nodes.append((CONSTANT, rng.uniform(-1, 1)))
            continue
        terminal = left == 0 or room < 1 or (not full and nodes and rng.random() < 0.3)
        if terminal:
            nodes.append(_terminal(by_unit.get(unit, []), rng, bound))
            continue
        names = [name for name in (_KEEPING if unit else _ALL) if ARITY[name] <= room]
        name = names[rng.integers(len(names))]
        nodes.append((SYMBOL[name], 0.0))
        waiting += [(left - 1 if part != CONSTANT_PLACE else -1, part) for part in _wanted(name, unit, drawn_unit, rng)]
    return np.array(nodes, np.float64)


CONSTANT_PLACE = "constant"


def _terminal(symbols: list[int], rng: np.random.Generator, bound: float) -> tuple[float, float]:
    if not symbols or rng.random() < _CONSTANTS:
        return CONSTANT, float(rng.uniform(-bound, bound) if rng.random() < 0.3 else rng.uniform(-1, 1))
    return float(symbols[rng.integers(len(symbols))]), 0.0


def _wanted(name: str, unit: str, drawn_unit: object, rng: np.random.Generator) -> list[str]:
    """The units of a function's arguments, the last one first, as they are taken from a stack."""
    if name == "mul" and rng.random() < _WITH_CONSTANT:
        return [ANY, CONSTANT_PLACE]
    if name in ("mul", "div"):
        return ["", unit]
    if name in ("near", "equals"):
        alike = drawn_unit()  # type: ignore[operator]
        return [alike, alike]
    if name in ("tanh", "exp_neg", "has"):
        return [ANY]
    if name == "if_positive":
        return [unit, unit, ANY]
    return [unit] * ARITY[name]
