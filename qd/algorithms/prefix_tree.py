"""Tree search over the beginnings of solutions, after Diffusion Tree Search.

Jain, Sareen, Pedramfar and Ravanbakhsh 2025, https://arxiv.org/abs/2506.20701. Where genes are used one block after
another, as the noise of denoising steps is, a beginning is a state that can be kept, and the reward at the end says how
good it was. A node is a beginning; each evaluation walks down the tree, adds a node with a block drawn from the space,
and draws the rest. Its objective is backed up to all nodes on the way. A node that is visited more gets more children
(progressive widening, Couetoux et al. 2011, https://doi.org/10.1007/978-3-642-25566-3_32). Solutions are made of draws
from the space alone, so they stay as likely as draws are: no prior is needed.

Where we differ: children are chosen by upper confidence bounds on their mean objective, not by soft values; a walk adds
one node, not all that it passes; whole batches are walked before any of them is evaluated, and a walk counts as a visit
at once, so that walks of one batch part. Costs are counted in evaluations: that a beginning which is kept need not be
denoised again is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box

Array = NDArray[np.float64]


@dataclass
class PrefixTreeState:
    """The tree as arrays, node 0 the root, and the walks that are being evaluated."""

    seed: int
    space: Box
    parent: NDArray[np.int64] = field(default_factory=lambda: np.full(1, -1, np.int64))  # (nodes,)
    depth: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))  # (nodes,) blocks so far
    block: Array = field(default_factory=lambda: np.zeros((1, 0)))  # (nodes, block) the last of them
    visits: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))  # (nodes,) walks through it
    told: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))  # (nodes,) of them that came well
    total: Array = field(default_factory=lambda: np.zeros(1))  # (nodes,) their objectives
    ends: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # (n,) last node of each walk
    low: float = float("inf")  # of all objectives
    high: float = float("-inf")
    generation: int = 0
    best: Array | None = None  # (d,)
    best_id: int = -1


@dataclass(frozen=True)
class PrefixTree(Algorithm):
    """Beginnings that led to good ends are continued in other ways.

    >>> PrefixTree(block=2).widening
    0.5
    """

    block: int = 2
    """Genes that are used at once."""
    batch_size: int = 20
    """Walks before the next evaluation."""
    exploration: float = 0.3
    """Weight of the confidence bound, in the range of the objectives so far."""
    width: float = 1.0
    """Children of a node: width x visits^widening."""
    widening: float = 0.5
    """0: as many for all; 1, with width 1: every walk begins anew, so it is random search."""

    State = PrefixTreeState

    def __post_init__(self) -> None:
        positive(self, "block", "batch_size", "width")
        if not 0 <= self.exploration < np.inf:
            raise QDError(f"PrefixTree.exploration: got {self.exploration}, wanted a number of at least 0")
        if not 0 <= self.widening <= 1:
            raise QDError(f"PrefixTree.widening: got {self.widening}, wanted a number from 0 to 1")

    def init(self, problem: Problem, seed: int) -> PrefixTreeState:
        space = problem.space()
        if not isinstance(space, Box):
            raise QDError(f"PrefixTree continues real vectors, not {space!r}")
        if space.length % self.block:
            raise QDError(f"PrefixTree.block: got {self.block}, which does not divide the {space.length} genes")
        return PrefixTreeState(seed, space, block=np.zeros((1, self.block)))

    def ask(self, state: PrefixTreeState, left: int) -> Request | None:
        if left <= 0:
            return None
        drawn = state.space.sample(self.batch_size, generator(state.seed, "rest", state.generation))
        state.ends = np.zeros(0, np.int64)
        rows = np.stack([self._walked(state, row) for row in np.array(drawn, np.float64)])
        state.generation += 1
        return Request(rows.astype(state.space.dtype), operators="walk")

    def _walked(self, state: PrefixTreeState, drawn: Array) -> Array:
        """(d,) a walk down the tree, and the rest as it was drawn; it leaves a node and its visits behind."""
        row, node, blocks = drawn.copy(), 0, len(drawn) // self.block
        state.visits[0] += 1
        while state.depth[node] < blocks:
            at = slice(int(state.depth[node]) * self.block, (int(state.depth[node]) + 1) * self.block)
            children = np.flatnonzero(state.parent == node)
            if len(children) < self.width * state.visits[node] ** self.widening:
                node = self._grown(state, node, drawn[at])
                break
            node = int(children[np.argmax(self._bounds(state, node, children))])
            row[at] = state.block[node]
            state.visits[node] += 1
        state.ends = np.append(state.ends, node)
        return row

    def _bounds(self, state: PrefixTreeState, node: int, children: NDArray[np.int64]) -> Array:
        """(c,) mean objective from 0 to 1 of each child, and how much better it may be; unknown ones as the node."""
        span = state.high - state.low
        known = state.told[children] > 0
        of_node = state.total[node] / max(1, state.told[node])
        mean = np.where(known, state.total[children] / np.maximum(1, state.told[children]), of_node)
        scaled = (mean - state.low) / span if span > 0 else np.zeros(len(children))
        return np.asarray(scaled + self.exploration * np.sqrt(np.log(state.visits[node]) / state.visits[children]))

    @staticmethod
    def _grown(state: PrefixTreeState, node: int, block: Array) -> int:
        state.parent = np.append(state.parent, node)
        state.depth = np.append(state.depth, state.depth[node] + 1)
        state.block = np.concatenate([state.block, block[None]])
        state.visits, state.told = np.append(state.visits, 1), np.append(state.told, 0)
        state.total = np.append(state.total, 0.0)
        return len(state.parent) - 1

    def tell(self, state: PrefixTreeState, request: Request, evaluation: Evaluation) -> None:
        objective = np.where(evaluation.ok, evaluation.objective, np.nan)
        rows = np.asarray(request.solutions, np.float64)
        for row, value in enumerate(objective):  # fewer than walks where the budget cut the request
            if not np.isfinite(value):
                continue
            if value > state.high:
                state.best, state.best_id = rows[row].copy(), int(request.ids[row])
            state.low, state.high = min(state.low, float(value)), max(state.high, float(value))
            node = int(state.ends[row])
            while node >= 0:
                state.told[node] += 1
                state.total[node] += value
                node = int(state.parent[node])

    def report(self, state: PrefixTreeState) -> Report:
        metrics = {
            "best": state.high if state.best is not None else float("nan"),
            "nodes": float(len(state.parent)),
            "deepest": float(state.depth.max()),
        }
        populations = {} if state.best is None else {"solutions": state.best[None], "ids": np.array([state.best_id])}
        return Report(metrics=metrics, populations=populations)
