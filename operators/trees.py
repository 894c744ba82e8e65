"""Variation of expression trees, as genetic programming has it (Koza 1992), on prefix code.

A tree is (k, 2) float64, its nodes in prefix order: a symbol, and an argument, which is the number of a constant
(symbol 0). `arity` (s,) says how many arguments each symbol takes. What a tree may be is the caller's: `fits(tree)`
tells, and operators draw again, up to `tries` times, before they give the parent back with ok False. Nothing recurses.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rng = np.random.Generator
Tree = NDArray[np.float64]
Fits = Callable[[Tree], bool]

CONSTANT = 0


def subtree_end(tree: Tree, start: int, arity: ArrayLike) -> int:
    """The place after the sub-tree that begins at node `start`.

    >>> subtree_end(np.array([[1, 0], [0, 2.0], [0, 3.0]]), 1, [0, 2])
    2
    """
    needs, open_arguments, at = np.asarray(arity), 1, start
    while open_arguments:
        if at >= len(tree):
            raise ValueError(f"a tree of {len(tree)} nodes given whose node {start} lacks {open_arguments} arguments")
        open_arguments += int(needs[int(tree[at, 0])]) - 1
        at += 1
    return at


def subtree(tree: Tree, start: int, arity: ArrayLike) -> Tree:
    """The sub-tree that begins at node `start`, a copy."""
    return _nodes(tree)[start : subtree_end(tree, start, arity)].copy()


def replace_subtree(tree: Tree, start: int, new: Tree, arity: ArrayLike) -> Tree:
    """The tree with another one in the place of the sub-tree at node `start`."""
    nodes = _nodes(tree)
    return np.concatenate([nodes[:start], _nodes(new), nodes[subtree_end(nodes, start, arity) :]])


def subtree_crossover(
    first: Tree, second: Tree, rng: Rng, arity: ArrayLike, fits: Fits, tries: int = 10, inner: float = 0.9
) -> tuple[Tree, bool]:
    """`first` with one sub-tree from `second` in the place of one of its own, and whether there is such a child.

    With probability `inner` a node is drawn from those that have arguments, as in Koza 1992, or terminals would be
    most of what is exchanged.
    """
    a, b = _nodes(first), _nodes(second)
    for _ in range(_checked(tries)):
        at, off = _drawn_node(a, rng, arity, inner), _drawn_node(b, rng, arity, inner)
        child = replace_subtree(a, at, subtree(b, off, arity), arity)
        if fits(child):
            return child, True
    return a.copy(), False


def subtree_mutation(
    tree: Tree, rng: Rng, arity: ArrayLike, grow: Callable[[Rng], Tree], fits: Fits, tries: int = 10
) -> tuple[Tree, bool]:
    """The tree with a new one from `grow(rng)` in the place of a sub-tree, and whether there is such a child."""
    nodes = _nodes(tree)
    for _ in range(_checked(tries)):
        child = replace_subtree(nodes, int(rng.integers(len(nodes))), grow(rng), arity)
        if fits(child):
            return child, True
    return nodes.copy(), False


def point_mutation(tree: Tree, rng: Rng, arity: ArrayLike, fits: Fits, tries: int = 10) -> tuple[Tree, bool]:
    """The tree with one symbol replaced by another with as many arguments, and whether there is such a child.

    Constants are left to `jitter_constants`.
    """
    nodes, needs = _nodes(tree), np.asarray(arity)
    for _ in range(_checked(tries)):
        at = int(rng.integers(len(nodes)))
        old = int(nodes[at, 0])
        alike = np.flatnonzero(needs == needs[old])
        alike = alike[(alike != old) & (alike != CONSTANT)]
        if old == CONSTANT or alike.size == 0:
            continue
        child = nodes.copy()
        child[at] = alike[rng.integers(alike.size)], 0.0
        if fits(child):
            return child, True
    return nodes.copy(), False


def jitter_constants(tree: Tree, rng: Rng, sigma: float, bound: float) -> tuple[Tree, bool]:
    """The tree with its constants c moved by N(0, (sigma max(|c|, 1))^2), in -bound .. bound; False: it has none."""
    if not (sigma > 0 and bound > 0):
        raise ValueError(f"sigma {sigma}, bound {bound} given, both above 0 wanted")
    child = _nodes(tree).copy()
    at = np.flatnonzero(child[:, 0] == CONSTANT)
    constants = child[at, 1]
    child[at, 1] = np.clip(
        constants + sigma * np.maximum(np.abs(constants), 1.0) * rng.standard_normal(at.size), -bound, bound
    )
    return child, at.size > 0


def simplified(
    tree: Tree,
    arity: ArrayLike,
    rewrite: Callable[[int, list[Tree]], Tree | None],
    commutative: frozenset[int] = frozenset(),
) -> Tree:
    """The tree rewritten from its leaves up, arguments of `commutative` symbols in one order: a canonical form.

    `rewrite(symbol, arguments)` gives a tree with the same value, or None where it knows none.
    """
    needs, stack = np.asarray(arity), list[Tree]()
    for node in _nodes(tree)[::-1]:
        symbol = int(node[0])
        parts = [stack.pop() for _ in range(int(needs[symbol]))]
        if symbol in commutative:
            parts.sort(key=lambda part: part.tobytes())
        new = rewrite(symbol, parts) if parts else None
        stack.append(np.concatenate([node[None], *parts]) if new is None else _nodes(new))
    return stack[0]


def _drawn_node(tree: Tree, rng: Rng, arity: ArrayLike, inner: float) -> int:
    functions = np.flatnonzero(np.asarray(arity)[tree[:, 0].astype(int)] > 0)
    if functions.size and rng.random() < inner:
        return int(functions[rng.integers(functions.size)])
    return int(rng.integers(len(tree)))


def _nodes(tree: Any) -> Tree:
    nodes = np.asarray(tree, np.float64)
    if nodes.ndim != 2 or nodes.shape[1] != 2 or len(nodes) == 0:
        raise ValueError(f"a tree of shape {nodes.shape} given, (k, 2) wanted: a symbol and an argument a node")
    return nodes


def _checked(tries: int) -> int:
    if tries < 1:
        raise ValueError(f"tries {tries} given, at least 1 wanted")
    return tries
