"""The parts that the CMA-ME family is built of: evolution strategies and rankers by name, the grid, the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archives import GridArchive
from qd.contracts import Problem
from qd.errors import QDError, nearest
from qd.rng import generator
from qd.space import Box

Strategy = Literal["cma", "sep_cma", "ribs_cma", "ribs_sep_cma", "ribs_lm_ma"]
RANKERS = ("2imp", "2obj", "2rd", "imp", "obj", "rd")  # those that a grid gives the numbers for
ISO_LINE = "iso_line"  # in place of a ranker: an emitter of children of two elites
_ID = {"id": ((), np.int64)}  # the evaluation number of each elite


def strategy(name: str) -> Any:
    """What pyribs' emitters take for ``es``: our class, or the name of one of theirs."""
    if name.startswith("ribs_"):
        return f"{name.removeprefix('ribs_')}_es"
    from qd.interop.ribs_es import CMAES, SepCMAES

    return {"cma": CMAES, "sep_cma": SepCMAES}[name]


def check_choice(owner: Any, field: str, known: Sequence[str]) -> None:
    """Refuse a name, or names, that are not known, with the nearest that is."""
    value = getattr(owner, field)
    for name in (value,) if isinstance(value, str) else value:
        if name not in known:
            raise QDError(f"{type(owner).__name__}.{field}: got {name!r}, {nearest(str(name), known)}")


def check_restart_rule(owner: Any) -> None:
    """Refuse what is neither a rule's name nor a number of generations."""
    rule = owner.restart_rule
    if isinstance(rule, str):
        check_choice(owner, "restart_rule", ("no_improvement", "basic"))
    elif isinstance(rule, bool) or not isinstance(rule, int) or rule < 1:
        raise QDError(f"{type(owner).__name__}.restart_rule: got {rule!r}, wanted 'no_improvement', 'basic' or a "
                      "number of generations of at least 1")  # fmt: skip


def check_thresholds(owner: Any) -> None:
    """Refuse a learning rate outside 0 to 1, and one below 1 without a threshold to begin with."""
    rate, least = owner.learning_rate, owner.threshold_min
    if not 0 <= rate <= 1:
        raise QDError(f"{type(owner).__name__}.learning_rate: got {rate!r}, wanted a number from 0 to 1")
    if (least is None and rate != 1) or (least is not None and not np.isfinite(least)):
        raise QDError(
            f"{type(owner).__name__}.threshold_min: got {least!r} with learning_rate {rate!r}; wanted a finite number, "
            "at most the least objective that is worth keeping"
        )


def grid(
    name: str, problem: Problem, space: Box, dims: tuple[int, ...], soft: tuple[float, float] | None
) -> GridArchive:
    """The grid over a problem's measures; ``soft``, (learning rate, threshold_min), makes its thresholds learn."""
    measures = problem.measure_space
    assert measures is not None  # checked at the door
    wanted = dims or measures.dims
    if wanted is None:
        raise QDError(f"{name}.dims: {problem.name} suggests none; say how many cells a measure, e.g. (50, 50)")
    if len(wanted) != measures.size:
        raise QDError(f"{name}.dims: got {len(wanted)} numbers {wanted}, but there are {measures.size} measures "
                      f"{measures.names}")  # fmt: skip
    rules: dict[str, Any] = {"learning_rate": soft[0], "threshold_min": soft[1]} if soft else {"extra_fields": _ID}
    return GridArchive(
        solution_dim=space.length, dims=wanted, ranges=measures.ranges, solution_dtype=space.dtype, **rules
    )


def archives_of(
    name: str, problem: Problem, space: Box, dims: tuple[int, ...], learning_rate: float, threshold_min: float | None
) -> tuple[GridArchive, GridArchive | None]:
    """(the emitters' archive, the result archive): one and the same, and None, where thresholds are the elites' own."""
    result = grid(name, problem, space, dims, None)
    if threshold_min is None:
        return result, None
    return grid(name, problem, space, dims, (learning_rate, threshold_min)), result


def starts(space: Box, start: str, seed: int, count: int) -> NDArray[Any]:
    """(count, d) where emitters begin: the middle of the space (0 where a gene is free), or random solutions."""
    if start == "sample":
        return np.asarray(space.sample(count, generator(seed, "starts")))
    low, high = np.asarray(space.low, np.float64), np.asarray(space.high, np.float64)
    with np.errstate(invalid="ignore"):
        middle = np.where(np.isfinite(low) & np.isfinite(high), (low + high) / 2, np.clip(0.0, low, high))
    return np.repeat(middle[None].astype(space.dtype), count, axis=0)


def seeds(seed: int, count: int) -> list[int]:
    """One seed an emitter."""
    return [int(number) for number in generator(seed, "emitters").integers(2**62, size=count)]
