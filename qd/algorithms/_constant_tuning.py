"""Constants of programs tuned by CMA-ES, apart from their structure, as in R* (Li et al. 2025)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators import cma_es
from qd.contracts import Evaluation, Request
from qd.ragged import Ragged
from qd.rewards.program import tree_of

Row = NDArray[np.float64]
TUNED_AT_ONCE = 5  # solutions a generation of a program's CMA-ES


def begin(state: Any, top: int, sigma: float) -> None:
    """The best programs that have constants, each with a CMA-ES at its own.

    Args:
        state: with space, solutions, objective, ids, tuning and tuned; changed in place, as by all functions here.
        top: programs at most.
        sigma: first step of the CMA-ES, relative to a constant.
    """
    state.tuning, state.tuned, seen = [], 0, set[int]()
    for place, row in enumerate(state.solutions):
        constants = tree_of(row)[tree_of(row)[:, 0] == 0, 1]
        if len(constants) and int(state.ids[place]) not in seen and len(state.tuning) < top:
            seen.add(int(state.ids[place]))
            es = cma_es.init(constants[None], sigma, TUNED_AT_ONCE)
            best = {"row": row.copy(), "objective": float(state.objective[place]), "id": int(state.ids[place])}
            state.tuning.append({"start": int(state.ids[place]), "es": es, **best})


def children(state: Any, rng: np.random.Generator) -> Request:
    """The next constants of every program that is being tuned."""
    rows, parents = list[Row](), list[int]()
    for one in state.tuning:
        asked = cma_es.ask(one["es"], rng.standard_normal((1, TUNED_AT_ONCE, one["es"].d)))[0]
        for constants in np.clip(asked, -state.space.bound, state.space.bound):
            rows.append(with_constants(one["row"], constants))
            parents.append(one["start"])
    return Request(state.space.pack(rows), parents=np.array(parents, np.int64)[:, None], operators="tuned")


def told(state: Any, request: Request, evaluation: Evaluation, evaluations: int) -> None:
    """What became of them; after so many evaluations of each the best take their programs' places."""
    assert isinstance(request.solutions, Ragged)
    for i, one in enumerate(state.tuning):
        rows = np.arange(i * TUNED_AT_ONCE, min((i + 1) * TUNED_AT_ONCE, len(request)))
        objective = evaluation.objective[rows]
        good = np.flatnonzero(evaluation.ok[rows])
        if len(good) == 0:
            continue
        best = int(good[np.argmax(objective[good])])
        if objective[best] > one["objective"]:
            one["row"] = request.solutions.row(int(rows[best])).copy()
            one["objective"], one["id"] = float(objective[best]), int(request.ids[rows[best]])
        if len(rows) == TUNED_AT_ONCE:
            constants = np.array([tree_of(request.solutions.row(int(r))) for r in rows])
            points = constants[:, constants[0, :, 0] == 0, 1]
            worst = float(objective[good].min())
            cma_es.tell(one["es"], points[None], np.where(evaluation.ok[rows], objective, worst)[None])
    state.tuned += TUNED_AT_ONCE
    if state.tuned < evaluations:
        return
    rows_now = list(state.solutions)
    for one in state.tuning:
        for place in np.flatnonzero(state.ids == one["start"]):
            rows_now[place] = one["row"]
            state.objective[place], state.ids[place] = one["objective"], one["id"]
    put_in_order(state, rows_now)
    state.tuning = []


def put_in_order(state: Any, rows: list[Row]) -> None:
    """The population with these programs, the best first."""
    order = np.argsort(-state.objective, kind="stable")
    state.solutions = state.space.pack([rows[i] for i in order])
    state.objective, state.ids, state.island = state.objective[order], state.ids[order], state.island[order]


def with_constants(row: Row, constants: NDArray[np.float64]) -> Row:
    """The program with its constants, in prefix order, replaced."""
    tree = tree_of(row).copy()
    tree[tree[:, 0] == 0, 1] = constants
    return tree.reshape(-1)
