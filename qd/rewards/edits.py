"""Edits of programs as a person makes them, seen as sums of terms: drop one, rescale one, add a bonus or a penalty.

Genetic programming uses them as mutations. Those of weights are in ``qd.rewards.analyser``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qd.rewards._tree import CONSTANT, SYMBOL, Tree
from qd.rewards.program import Program, terms_of, tree_of

Row = NDArray[np.float64]
EDITS = ("drop", "rescale", "flip", "bonus", "penalty")
SPREAD = np.log(3.0)  # of a random rescaling


class Edit(NamedTuple):
    """An edit as data.

    Args:
        kind: one of EDITS.
        target: a formula: of the term that is dropped, rescaled or flipped, or of what is added. Empty: drawn.
        amount: a factor, or the weight of what is added; 0: drawn.
        reason: why.
    """

    kind: str
    target: str = ""
    amount: float = 0.0
    reason: str = ""


def random_sum(space: Program, terms: int, rng: np.random.Generator) -> Row:
    """A sum of so many weighted variables, as far as the limits of the space allow: how a person might begin."""
    row, _ = edited(space, _terminal(space, rng).reshape(-1), Edit("rescale"), rng)
    for _ in range(terms - 1):
        row, _ = edited(space, row, Edit("bonus" if rng.random() < 0.5 else "penalty"), rng)
    return row


def balanced(space: Program, row: Row) -> Row:
    """The same sum, no deeper than it must be."""
    return _summed(terms_of(space, row)).reshape(-1)


def edited(space: Program, row: Row, edit: Edit, rng: np.random.Generator) -> tuple[Row, bool]:
    """The edited program, and whether there is such a one within the limits of the space."""
    terms = terms_of(space, row)
    if edit.kind in ("drop", "rescale", "flip"):
        places = [i for i, (tree, _) in enumerate(terms) if space.formula(tree.reshape(-1), 3) == edit.target]
        at = places[0] if places else int(rng.integers(len(terms)))
        tree, sign = terms[at]
        if edit.kind == "drop":
            if len(terms) == 1:
                return row, False
            del terms[at]
        elif edit.kind == "flip":
            terms[at] = (tree, -sign)
        else:
            factor = edit.amount or float(np.exp(SPREAD * rng.standard_normal()))
            terms[at] = (_scaled(tree, factor, space.bound), sign)
    else:
        weight = edit.amount or float(np.exp(SPREAD * rng.standard_normal()))
        what = tree_of(space.parse(edit.target)) if edit.target else _terminal(space, rng)
        terms.append((_scaled(what, weight, space.bound), 1.0 if edit.kind == "bonus" else -1.0))
    child = _summed(terms).reshape(-1)
    return (row, False) if space.refusal(child) else (child, True)


def _terminal(space: Program, rng: np.random.Generator) -> Tree:
    symbols = list(space.language.terminals().values())
    return np.array([[symbols[rng.integers(len(symbols))], 0.0]], np.float64)


def _scaled(tree: Tree, factor: float, bound: float) -> Tree:
    """A term times a factor; its own leading constant is used where it has one."""
    if len(tree) > 2 and tree[0, 0] == SYMBOL["mul"] and tree[1, 0] == CONSTANT:
        scaled = tree.copy()
        scaled[1, 1] = np.clip(scaled[1, 1] * factor, -bound, bound)
        return scaled
    return np.concatenate([[[SYMBOL["mul"], 0.0], [CONSTANT, np.clip(factor, -bound, bound)]], tree])


def _summed(terms: list[tuple[Tree, float]]) -> Tree:
    """Terms as one tree, as flat as can be; those with a minus sign are taken away from the sum of the others."""
    plus = _balanced([tree for tree, sign in terms if sign > 0])
    minus = _balanced([tree for tree, sign in terms if sign < 0])
    if minus is None:
        assert plus is not None  # there is a term
        return plus
    if plus is None:
        return np.concatenate([[[SYMBOL["neg"], 0.0]], minus])
    return np.concatenate([[[SYMBOL["sub"], 0.0]], plus, minus])


def _balanced(trees: list[Tree]) -> Tree | None:
    while len(trees) > 1:
        pairs = [trees[i : i + 2] for i in range(0, len(trees), 2)]
        trees = [np.concatenate([[[SYMBOL["add"], 0.0]], *pair]) if len(pair) == 2 else pair[0] for pair in pairs]
    return trees[0] if trees else None
